"""What has been computed is not computed again, and what was just stored is not loaded.

    %a = arith.mul %x, %y                    %a = arith.mul %x, %y
    %b = arith.mul %y, %x                    %u = memory.load %p : f32
    %u = memory.load %p : f32         =>     (uses of %b use %a, those of %v use %u)
    %v = memory.load %p : f32

An op is replaced by an equal one that dominates it, a constant by one of its own block (it costs
nothing, and none need be handed on out of a loop). A parameter that gets the same constant on every
way is that constant. Loads are equal when the memory has the same version for both. The dominator
tree is walked with the table of what is available.
"""

from mlrift.ir.analysis.control_flow import incoming_edges
from mlrift.ir.analysis.dominance import Dominators
from mlrift.ir.analysis.memory_versions import (
    MemoryVersions,
    Space,
    Version,
    changed_spaces,
    read_space,
)
from mlrift.ir.core import Block, Function, Value
from mlrift.ir.op import Effect, FieldKind, Op, Trait
from mlrift.ir.ops.arith import Constant, Udiv, Urem
from mlrift.ir.ops.debug import DebugValue
from mlrift.ir.ops.device import LdsLoad, LdsStore
from mlrift.ir.ops.memory import Load, Store
from mlrift.ir.passes.declaration import Pass, Property, on_functions
from mlrift.typesystem import F32, F64, I64

Key = tuple[object, ...]
_DIVISIONS: frozenset[type[Op]] = frozenset({Udiv, Urem})
_WHOLE = frozenset({I64, F32, F64})


def reuse_values(function: Function) -> None:
    """Remove ops whose value is at hand."""
    _Reuse(function).run()


PASS = Pass(
    "device_reuse",
    on_functions(reuse_values),
    needs=frozenset({Property.NO_DEAD_BLOCKS, Property.NO_SLOTS}),
)


class _Reuse:
    """The walk over one function; `scopes` undo what a subtree made available."""

    def __init__(self, function: Function) -> None:
        self.dominators = Dominators(function)
        self.versions = {space: MemoryVersions(function, space) for space in Space}
        self.incoming = incoming_edges(self.dominators.order)
        self.available: dict[Key, Value] = {}
        self.replacements: dict[Value, Value] = {}

    def run(self) -> None:
        """Walk the tree, uppermost blocks first."""
        children: dict[Block, list[Block]] = {block: [] for block in self.dominators.order}
        for block in self.dominators.order[1:]:
            parent = self.dominators.parent(block)
            assert parent is not None
            children[parent].append(block)
        stack: list[tuple[Block, list[Key] | None]] = [(self.dominators.order[0], None)]
        while stack:
            block, scope = stack.pop()
            if scope is not None:
                for key in scope:
                    del self.available[key]
                continue
            made_available = self._block(block)
            stack.append((block, made_available))
            stack += [(child, None) for child in reversed(children[block])]
        self._finish()

    def _finish(self) -> None:
        """Edges back to loops may use what was replaced later."""
        if self.replacements:
            for block in self.dominators.order:
                for made in block.ops:
                    made.replace_operands(self.replacements)

    def _block(self, block: Block) -> list[Key]:
        current: dict[Space, Version] = {
            space: row.at_start(block) for space, row in self.versions.items()
        }
        added: list[Key] = []
        kept: list[Op] = []
        constants: dict[Key, Value] = {}
        for made in [*self._constant_parameters(block), *block.ops]:
            if type(made) is Constant:
                first = constants.setdefault(_constant_key(made), made)
                if first is made:
                    kept.append(made)
                else:
                    self.replacements[made] = first
                continue
            if self.replacements:
                made.replace_operands(self.replacements)
            key = self._key(made, current)
            if key is not None:
                known = self.available.get(key)
                if known is not None:
                    self.replacements[made] = known
                    continue
                self.available[key] = made
                added.append(key)
            kept.append(made)
            for space in changed_spaces(made):
                current[space] = made
            self._note_store(made, current, added)
        block.ops = kept
        return added

    def _constant_parameters(self, block: Block) -> list[Op]:
        """Return constants for the parameters that get the same one on every way."""
        made: list[Op] = []
        edges = [edge for _, edge in self.incoming[block]] if block.parameters else []
        for position, parameter in enumerate(block.parameters if edges else ()):
            values = [edge.arguments[position] for edge in edges]
            known = {_constant_key(row) for row in values if isinstance(row, Constant)}
            rest = [row for row in values if not isinstance(row, Constant) and row is not parameter]
            if len(known) == 1 and not rest:
                first = next(row for row in values if isinstance(row, Constant))
                copy = Constant(first.value, first.constant_type)
                copy.span = first.span
                made.append(copy)
                self.replacements[parameter] = copy
        return made

    def _key(self, made: Op, current: dict[Space, Version]) -> Key | None:
        if made.EFFECT is Effect.PURE or type(made) in _DIVISIONS:
            return None if type(made) is DebugValue else _contents(made)
        if made.EFFECT is Effect.READ:
            return (*_contents(made), current[read_space(made)])
        return None

    def _note_store(self, made: Op, current: dict[Space, Version], added: list[Key]) -> None:
        """Let a load of what was stored as a whole find the stored value."""
        key: Key
        if isinstance(made, Store) and made.memory_type in _WHOLE:
            key = (Load, _identity(made.address), made.memory_type, current[Space.DEVICE])
        elif isinstance(made, LdsStore) and made.access in _WHOLE:
            key = (LdsLoad, made.access, _identity(made.address), current[Space.LDS])
        else:
            return
        if key not in self.available:
            self.available[key] = made.value
            added.append(key)


def _constant_key(made: Constant) -> Key:
    return (made.type, repr(made.value))


def _contents(made: Op) -> Key:
    """Return what makes two ops equal: their class and their fields."""
    if Trait.COMMUTATIVE in made.TRAITS:
        return (type(made), *sorted(map(_identity, made.operands()), key=hash))
    contents: list[object] = [type(made)]
    for row in made.FIELDS:
        field = getattr(made, row.name)
        if row.kind is FieldKind.OPERANDS:
            contents.append(tuple(map(_identity, field)))
        else:
            contents.append(_identity(field))
    return tuple(contents)


def _identity(field: object) -> object:
    """Return what stands for a field or an operand: constants are equal by their value."""
    return _constant_key(field) if type(field) is Constant else field
