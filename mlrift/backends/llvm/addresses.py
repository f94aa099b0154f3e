"""Which values need a word, which a pointer, and what an address is computed from.

LLVM reasons well about `getelementptr` from the right base and badly about integers made into
pointers. For an address `add(p, i * 8)` the plan asks for `p` as a pointer and `i * 8` as a word:

    %a = arith.add %p, %i8         ->      %a = getelementptr i8, ptr %p, i64 %i8

A wrong base would be worse than none: LLVM may assume that what is computed from `null` touches
nothing, and that what is computed from one object touches no other. So an addition becomes a
`getelementptr` only if exactly one side cannot be an address (a product, a small constant, a
counter) and was not computed from the address of an object either: it might be the distance to
another one (`p + (q - p)` is `q`). All other sums stay words, which LLVM's passes take for
addresses of anything; its instruction selection does not (`BaseIndexOffset::computeAliasing`), so
such a sum with an object is hidden from it. Values that nobody asks for in a form are not emitted
in it.
"""

from collections.abc import Sequence

from mlrift.ir.core import Block, BlockParameter, Successor, Value
from mlrift.ir.op import Op
from mlrift.ir.ops import arith, atomic, call, compare, control, convert, debug, memory
from mlrift.typesystem import MachineType
from mlrift.values import field, record

ADDRESS_FIELDS: dict[type[Op], tuple[str, ...]] = {
    memory.Load: ("address",),
    memory.Store: ("address",),
    memory.VolatileLoad: ("address",),
    memory.VolatileStore: ("address",),
    memory.Copy: ("destination", "source"),
    memory.Fill: ("destination",),
    atomic.AtomicLoad: ("address",),
    atomic.AtomicStore: ("address",),
    atomic.AtomicCompareExchange: ("address",),
    atomic.AtomicUpdate: ("address",),
    call.CallIndirect: ("address",),
}
OBJECTS = (memory.GlobalAddress, memory.Stack, memory.Fresh)
_LAZY = frozenset((arith.Add, arith.Sub, arith.Select, memory.GlobalAddress, memory.Stack))
_NEVER_ADDRESSES = frozenset(
    (
        arith.Mul,
        arith.Shl,
        arith.Lshr,
        arith.Ashr,
        arith.Udiv,
        arith.Sdiv,
        arith.Urem,
        arith.Srem,
        convert.TruthToWord,
        convert.FloatToSigned,
        convert.SingleToHalf,
        compare.CompareInteger,
    )
)
_COMBINING = frozenset((arith.Add, arith.Sub, arith.Or, arith.Xor))
_OPAQUE = (
    memory.Load,
    memory.VolatileLoad,
    call.Call,
    call.CallIndirect,
    atomic.AtomicLoad,
    atomic.AtomicCompareExchange,
    atomic.AtomicUpdate,
    compare.CompareInteger,
)
_NARROW = frozenset((MachineType.I8, MachineType.I16, MachineType.I32))
_SMALL = 1 << 31
_MAXIMUM_DEPTH = 40


@record
class AddressPlan:
    """The demanded forms of values, the base of each address that has one, and hidden sums."""

    words: set[Value] = field(default_factory=set)
    pointers: set[Value] = field(default_factory=set)
    bases: dict[Value, tuple[Value, Value]] = field(default_factory=dict)
    hidden: set[Value] = field(default_factory=set)


def plan_addresses(
    blocks: Sequence[Block],
    incoming: dict[Block, list[tuple[Block, Successor]]],
    pointer_functions: frozenset[str],
    name: str,
) -> AddressPlan:
    """Decide the forms of every value of the function `name` with the reachable `blocks`."""
    planner = _Planner(incoming, blocks, pointer_functions, name in pointer_functions)
    for block in blocks:
        for made in block.ops:
            planner.add_uses(made)
    planner.finish()
    return planner.plan


class _Planner:
    """Spreads demands from the ops that must be emitted to those that compute their operands."""

    def __init__(
        self,
        incoming: dict[Block, list[tuple[Block, Successor]]],
        blocks: Sequence[Block],
        pointer_functions: frozenset[str],
        returns_pointer: bool,
    ) -> None:
        self.plan = AddressPlan()
        self.blocks = blocks
        self.returns_pointer = returns_pointer
        self.pointer_functions = pointer_functions
        self.sources: dict[Value, list[Value]] = {}
        self.never: dict[Value, bool] = {}
        self.from_addresses: set[Value] | None = None
        self.pending_words: list[Value] = []
        self.pending_pointers: list[Value] = []
        for block, edges in incoming.items():
            if block is not blocks[0]:
                for index, parameter in enumerate(block.parameters):
                    self.sources[parameter] = [edge.arguments[index] for _, edge in edges]

    def add_uses(self, made: Op) -> None:
        """Ask for the operands of an op that is emitted in any case."""
        kind = type(made)
        if kind in _LAZY or kind is debug.DebugValue:
            return
        fields = ADDRESS_FIELDS.get(kind) or kind.ADDRESSES or None
        if kind is control.Return and self.returns_pointer:
            self.pending_pointers.extend(made.operands())
        elif fields is None:
            self.pending_words.extend(made.operands())
        else:
            for name in kind.OPERAND_NAMES:
                value = getattr(made, name)
                (self.pending_pointers if name in fields else self.pending_words).append(value)
            for name in kind.LIST_NAMES:
                self.pending_words.extend(getattr(made, name))

    def finish(self) -> None:
        """Follow demands until nothing new is asked for."""
        words, pointers = self.plan.words, self.plan.pointers
        while self.pending_words or self.pending_pointers:
            while self.pending_words:
                value = self.pending_words.pop()
                if value not in words:
                    words.add(value)
                    if type(value) in _LAZY and isinstance(value, Op):
                        self.pending_words.extend(value.operands())
                        if isinstance(value, arith.Add) and self._leads_anywhere(value):
                            self.plan.hidden.add(value)
            if self.pending_pointers:
                value = self.pending_pointers.pop()
                if value not in pointers:
                    pointers.add(value)
                    self._demand_pointer(value)

    def _demand_pointer(self, value: Value) -> None:
        if isinstance(value, (arith.Add, arith.Sub)):
            parts = self._base_and_offset(value)
            if parts is not None:
                self.plan.bases[value] = parts
                self.pending_pointers.append(parts[0])
                self.pending_words.append(parts[1])
                return
        elif isinstance(value, arith.Select):
            self.pending_words.append(value.condition)
            self.pending_pointers += (value.if_true, value.if_false)
            return
        elif isinstance(value, OBJECTS) or self._is_pointer_call(value):
            return
        elif value in self.sources and not self.is_never_address(value):
            self.plan.bases[value] = (value, value)
            self.pending_pointers.extend(self.sources[value])
            return
        self.pending_words.append(value)

    def _is_pointer_call(self, value: Value) -> bool:
        return isinstance(value, call.Call) and value.callee in self.pointer_functions

    def _base_and_offset(self, value: arith.Add | arith.Sub) -> tuple[Value, Value] | None:
        """Return what the address is relative to, and the distance; None when that is unsure."""
        lhs, rhs = value.lhs, value.rhs
        if isinstance(value, arith.Sub):
            is_field = isinstance(rhs, arith.Constant) and not self.is_never_address(lhs)
            return (lhs, rhs) if is_field else None
        if self._is_object(rhs, 0) or self.is_never_address(lhs):
            lhs, rhs = rhs, lhs
        if not self.is_never_address(rhs) or self._is_from_address(rhs):
            return None
        return None if self.is_never_address(lhs) else (lhs, rhs)

    def _leads_anywhere(self, value: arith.Add) -> bool:
        """Whether a sum with an object's address may be the address of another object."""
        is_sum = self._is_object(value.lhs, 0) or self._is_object(value.rhs, 0)
        return is_sum and self._base_and_offset(value) is None

    def _is_from_address(self, value: Value) -> bool:
        """Whether a number was visibly computed from the address of an object."""
        if isinstance(value, arith.Constant):
            return False
        if self.from_addresses is None:
            self.from_addresses = self._numbers_from_addresses()
        return value in self.from_addresses

    def _numbers_from_addresses(self) -> set[Value]:
        """Return the objects, and all that arithmetic makes of their addresses."""
        users = self._users_in_arithmetic()
        made_here = (made for block in self.blocks for made in block.ops)
        work: list[Value] = [
            made for made in made_here if isinstance(made, OBJECTS) or self._is_pointer_call(made)
        ]
        found = set(work)
        while work:
            for user in users.get(work.pop(), ()):
                if user not in found:
                    found.add(user)
                    work.append(user)
        return found

    def _users_in_arithmetic(self) -> dict[Value, list[Value]]:
        """Return what each value is part of; what memory and functions give is opaque."""
        users: dict[Value, list[Value]] = {}
        for block in self.blocks:
            for made in block.ops:
                if not isinstance(made, _OPAQUE) and not made.ADDRESSES:
                    for operand in made.operands():
                        users.setdefault(operand, []).append(made)
        for parameter, arguments in self.sources.items():
            for argument in arguments:
                users.setdefault(argument, []).append(parameter)
        return users

    def _is_object(self, value: Value, depth: int) -> bool:
        if isinstance(value, OBJECTS):
            return True
        if isinstance(value, arith.Add) and depth < _MAXIMUM_DEPTH:
            return self._is_object(value.lhs, depth + 1) or self._is_object(value.rhs, depth + 1)
        return self._is_pointer_call(value)

    def is_never_address(self, value: Value) -> bool:
        """Whether a value is surely a number: a product, a small constant, a counter."""
        known = self.never.get(value)
        if known is None:
            assumed: set[Value] = set()
            known = self._is_number(value, assumed, 0)
            if known:
                self.never.update(dict.fromkeys(assumed, True))
            self.never[value] = known
        return known

    def _is_number(self, value: Value, assumed: set[Value], depth: int) -> bool:
        """Decide with the hypothesis that the values in `assumed` are numbers."""
        if value in assumed:
            return True
        kind = type(value)
        if kind in _NEVER_ADDRESSES:
            return True
        if kind is arith.Constant:
            number = arith.signed(int(value.value))  # type: ignore[attr-defined]  # kind says so
            return bool(-_SMALL < number < _SMALL)
        if depth > _MAXIMUM_DEPTH:
            return False
        return self._is_number_by_parts(value, assumed, depth + 1)

    def _is_number_by_parts(self, value: Value, assumed: set[Value], depth: int) -> bool:
        if isinstance(value, memory.Load):
            return value.memory_type in _NARROW
        if isinstance(value, arith.And):
            return self._is_small_mask(value.lhs) or self._is_small_mask(value.rhs)
        parts: Sequence[Value]
        if type(value) in _COMBINING:
            parts = value.operands() if isinstance(value, Op) else ()
        elif isinstance(value, arith.Select):
            parts = (value.if_true, value.if_false)
        elif isinstance(value, BlockParameter) and value.is_number:
            return True
        elif isinstance(value, BlockParameter) and value in self.sources:
            parts = self.sources[value]
        else:
            return False
        assumed.add(value)
        return all([self._is_number(part, assumed, depth) for part in parts])

    def _is_small_mask(self, value: Value) -> bool:
        return isinstance(value, arith.Constant) and 0 <= int(value.value) < _SMALL
