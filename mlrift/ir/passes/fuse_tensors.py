"""Element-wise ops become maps; those that only feed one another become one.

    %a = tensor.binary mul %x, %y              tensor.body.0(%p, %q) = (p * q) + exp(p)
    %b = tensor.unary exp %x             =>    %c = tensor.map @tensor.body.0, (%x, %y), (), () : t
    %c = tensor.binary add %a, %b

An op joins the one it feeds when all its uses are there, in one block, nothing in between writes to
memory (a tensor may be a view of it), and no axis is stretched on the way, which would compute it
again and again. That does not count for a step or two of all pairs of rows and columns, like masks:
what they are made of is less to read than they are. A reduction of the last axis or of everything
takes in what makes its operand. Tensors without axes that `tensor.fill` makes are scalars of the
map. Every op is rounded as before.
"""

from mlrift.ir.analysis.uses import users
from mlrift.ir.core import Block, Function, Module, Value
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.debug import DebugValue
from mlrift.ir.ops.memory import SlotSet
from mlrift.ir.ops.tensor import Fill, Iota, Random
from mlrift.ir.ops.tensor_map import (
    Binary,
    BinaryKind,
    Cast,
    Compare,
    Map,
    Select,
    Unary,
    UnaryKind,
)
from mlrift.ir.ops.tensor_reduce import (
    MapReduce,
    Reduce,
    ReduceAll,
    ReducedAxis,
    ReducedPart,
)
from mlrift.ir.ops.tensor_types import is_alike, tensor_of, uses_tensors
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property
from mlrift.ir.passes.expand_tensors.bodies import Bodies, Group, is_scalar_fill
from mlrift.typesystem import Extents, TensorType

_MAKERS = (Fill, Iota, Random)
_ELEMENTWISE = (*_MAKERS, Unary, Binary, Compare, Select, Cast, Map)
_MOST_TENSORS = 24
_CHEAP = frozenset(
    {
        *(UnaryKind.NEG, UnaryKind.ABS, UnaryKind.RELU, UnaryKind.NOT),
        *(BinaryKind.ADD, BinaryKind.SUB, BinaryKind.MUL, BinaryKind.MIN, BinaryKind.MAX),
        *(BinaryKind.AND, BinaryKind.OR, BinaryKind.XOR),
    }
)


def fuse_tensors(module: Module) -> None:
    """Make maps of the element-wise ops of every function."""
    bodies = Bodies(module)
    for function in list(module.functions.values()):
        if function.blocks and uses_tensors(function):
            _Fusion(function, bodies).run()


PASS = Pass(
    "fuse_tensors",
    fuse_tensors,
    needs=frozenset({Property.NO_DEAD_BLOCKS}),
    keeps=EVERY_PROPERTY - {Property.NO_DEAD_FUNCTIONS},
)


class _Fusion:
    """The work on one function: `groups` says for every op that joins another which one."""

    def __init__(self, function: Function, bodies: Bodies) -> None:
        self.function = function
        self.bodies = bodies
        self.users = users(function)
        self.groups: dict[Op, Group] = {}
        self.replacements: dict[Value, Value] = {}

    def run(self) -> None:
        """Form groups block by block and put maps in their places."""
        for block in self.function.blocks:
            self._form_groups(block)
        for block in self.function.blocks:
            block.ops = [row for made in block.ops for row in self._rewritten(made)]
        if self.replacements:
            for made in self.function.ops():
                made.replace_operands(self.replacements)
        forget_what_is_gone(self.function)

    def _form_groups(self, block: Block) -> None:
        epoch = 0
        epochs: dict[Op, int] = {}
        for made in block.ops:
            epochs[made] = epoch
            epoch += writes_memory(made)
        for made in reversed(block.ops):
            if isinstance(made, _ELEMENTWISE):
                if not is_scalar_fill(made):
                    self._join(made, epochs)
            elif isinstance(made, (Reduce, ReduceAll)) and _runs_along_rows(made):
                self.groups[made] = Group(made, tensor_of(made.operand).extents)

    def _join(self, made: Op, epochs: dict[Op, int]) -> None:
        """Put an op into the group of all its users, or let it begin one."""
        found = {self.groups.get(user) for user in self.users.get(made, [])}
        extents = _extents_of(made)
        if len(found) == 1:
            (group,) = found
            if (
                group is not None
                and group.root in epochs
                and epochs[group.root] == epochs[made]
                and (is_alike(extents, group.extents) or _is_less_than_read(made))
                and len(group.members) < _MOST_TENSORS
            ):
                group.members.append(made)
                self.groups[made] = group
                return
        self.groups[made] = Group(made, extents, [made])

    def _rewritten(self, made: Op) -> list[Op]:
        """Return what stands in the place of an op."""
        group = self.groups.get(made)
        if group is None:
            return self._rewritten_scalar(made)
        if group.root is not made:
            return []
        if isinstance(made, (Reduce, ReduceAll)):
            return (
                [*self._set_apart(group), *self._reduced(made, group)] if group.members else [made]
            )
        if made not in self.users:
            return []
        return [*self._set_apart(group), self._mapped(made, group)]

    def _set_apart(self, group: Group) -> list[Op]:
        """Make tensors of makers whose shape no operand has: `[3, 1] * fill [3, 2]`."""
        made: list[Op] = []
        while True:
            tensors = self.bodies.of(group).tensors
            if not tensors or _is_covered(group.extents, tensors):
                return made
            maker = next(
                row
                for row in group.members
                if (isinstance(row, _MAKERS) or (isinstance(row, Map) and not row.tensors))
                and is_alike(_extents_of(row), group.extents)
            )
            group.members.remove(maker)
            made.append(self._mapped(maker, Group(maker, _extents_of(maker), [maker])))

    def _rewritten_scalar(self, made: Op) -> list[Op]:
        """Return a tensor without axes as a map if it is used as a tensor."""
        if not is_scalar_fill(made):
            return [made]
        others = [row for row in self.users.get(made, []) if row not in self.groups]
        needed = others or any(
            self.groups[row].root is row and isinstance(row, (Reduce, ReduceAll))
            for row in self.users.get(made, [])
        )
        if not needed:
            return []
        return [self._mapped(made, Group(made, (), [made]))]

    def _mapped(self, made: Op, group: Group) -> Op:
        body = self.bodies.of(group)
        found = tensor_of(made)
        extents = [] if body.tensors else self._extents(group)
        replacement = Map(body.symbol, body.tensors, body.scalars, extents, found)
        return self._replaced(made, replacement)

    def _extents(self, group: Group) -> list[Value]:
        """Return the words that say how long the axes of a map without tensors are."""
        for member in group.members:
            if isinstance(member, _MAKERS) and tensor_of(member).rank == len(group.extents):
                return member.extents
            if isinstance(member, Map) and not member.tensors:
                return member.extents
        return []

    def _reduced(self, made: Reduce | ReduceAll, group: Group) -> list[Op]:
        body = self.bodies.of(group)
        if not body.tensors:
            # Nothing that says how long the rows are is at hand in a fused reduction.
            maker = group.members[0]
            return [self._mapped(maker, Group(maker, group.extents, group.members)), made]
        element = tensor_of(made.operand).element
        part = ReducedPart.ALL
        if isinstance(made, Reduce):
            kept = made.kept is ReducedAxis.KEPT
            part = ReducedPart.LAST_KEPT if kept else ReducedPart.LAST
        replacement = MapReduce(made.kind, part, element, body.symbol, body.tensors, body.scalars)
        return [self._replaced(made, replacement)]

    def _replaced(self, made: Op, replacement: Op) -> Op:
        replacement.span = made.span
        self.replacements[made] = replacement
        return replacement


def forget_what_is_gone(function: Function) -> None:
    """Say of variables whose value is nowhere any more that it is unknown."""
    present = set(function.ops())
    for made in function.ops():
        if isinstance(made, DebugValue):
            made.values = [row for row in made.values if _is_somewhere(row, present)]


def _is_somewhere(value: Value, present: set[Op]) -> bool:
    return not isinstance(value, Op) or value in present


def writes_memory(made: Op) -> bool:
    """Whether an op may write to memory that a tensor is a view of."""
    if made.EFFECT not in (Effect.WRITE, Effect.ANY) or made.MNEMONIC.startswith("tensor."):
        return False
    return not isinstance(made, (SlotSet, DebugValue))


def _runs_along_rows(made: Reduce | ReduceAll) -> bool:
    return isinstance(made, ReduceAll) or made.axis == tensor_of(made.operand).rank - 1


def _is_less_than_read(made: Op) -> bool:
    """Whether an op is cheap, and all that it reads is smaller than what it makes."""
    if isinstance(made, (Unary, Binary)):
        is_cheap = made.kind in _CHEAP
    else:
        is_cheap = isinstance(made, (Compare, Select, Cast))
    extents = _extents_of(made)
    rows = [tensor_of(row).extents for row in made.operands()]
    return is_cheap and all(
        any(len(row) < axis or (row[-axis] == 1 and extents[-axis] != 1) for axis in _axes(extents))
        for row in rows
    )


def _axes(extents: Extents) -> range:
    """Return the axes, counted from the last one, which is 1."""
    return range(1, len(extents) + 1)


def _extents_of(made: Op) -> Extents:
    found = made.type
    assert isinstance(found, TensorType)
    return found.extents


def _is_covered(extents: Extents, tensors: list[Value]) -> bool:
    """Whether every axis that is longer than 1 is so in a tensor that is read, too."""
    rows = [tensor_of(row).extents for row in tensors]
    for axis in _axes(extents):
        has_axis = any(len(row) >= axis and row[-axis] != 1 for row in rows)
        if extents[-axis] != 1 and not has_axis:
            return False
    return True
