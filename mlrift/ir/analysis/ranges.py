"""Between which numbers the words of a kernel are: a function enters, ranges leave.

Ranges go forwards from what is known of ops: a local id is below the size of the group, ids of work
items are below 2**32 because a launch counts items in 32 bits, loads of bytes are below 256. Where
a branch compares words, both are narrower on the side that it holds for: `i < n` bounds `i` in the
body of a loop, and with it what the loop hands to its next turn. Ranges of loop parameters are
widened in steps, so the search ends soon, and narrowed again afterwards.
"""

from collections.abc import Iterator

from mlrift.ir.analysis import intervals
from mlrift.ir.analysis.control_flow import incoming_edges
from mlrift.ir.analysis.dominance import Dominators
from mlrift.ir.analysis.intervals import ANYTHING, Interval
from mlrift.ir.analysis.range_sources import SOURCES, group_size_of
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.numbers import SIGN_BIT, WORD_MASK
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add, And, Constant, Mul, Or, Select, Xor
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch
from mlrift.ir.ops.device import GroupId, GroupSize, LocalId
from mlrift.ir.rules.predicates import INVERSE, SWAPPED
from mlrift.typesystem import I1, I64

_P = IntegerPredicate
_LAST_ITEM = (1 << 32) - 2
_ENDS = (
    0,
    (1 << 8) - 1,
    (1 << 16) - 1,
    (1 << 31) - 1,
    (1 << 32) - 1,
    (1 << 34) - 1,
    SIGN_BIT - 1,
    WORD_MASK,
)
_STEADY_SWEEPS = 3
_NARROWING_SWEEPS = 2
_Bounds = dict[Value, Interval]


class Ranges:
    """Ranges of all words of a function; `at` is one in a block, where guards have narrowed it."""

    def __init__(self, function: Function) -> None:
        self._known: _Bounds = {}
        self._group_size = group_size_of(function)
        self._dominators = Dominators(function)
        self._order = self._dominators.order
        self._incoming = incoming_edges(self._order)
        self._narrower: dict[Block, _Bounds] = {}
        self._sweeps = 0
        self._run(function)

    def of(self, value: Value) -> Interval:
        """Return the range of a word wherever it is used."""
        if type(value) is Constant:
            return intervals.of_constant(int(value.value))
        return self._known.get(value, ANYTHING)

    def at(self, value: Value, block: Block) -> Interval:
        """Return the range of a word where control is in a block."""
        return self._in(value, self._narrower[block])

    def most(self, value: Value) -> int:
        """Return the greatest number that a word can be, read as unsigned."""
        return intervals.unsigned(self.of(value))[1]

    def _in(self, value: Value, narrower: _Bounds) -> Interval:
        if type(value) is Constant:
            return intervals.of_constant(int(value.value))
        found = narrower.get(value)
        return found if found is not None else self._known.get(value, ANYTHING)

    # ---- the search ----

    def _run(self, function: Function) -> None:
        for parameter in function.parameters:
            if parameter.type is I64:
                self._known[parameter] = ANYTHING
        seen: set[Block] = set()
        has_loops = False
        for block in self._order:
            has_loops = has_loops or any(edge.block in seen for edge in block.successors())
            seen.add(block)
            has_loops = has_loops or any(edge.block is block for edge in block.successors())
        while self._sweep() and has_loops:
            pass
        if has_loops:
            for _ in range(_NARROWING_SWEEPS):
                self._sweeps = 0
                self._sweep()

    def _sweep(self) -> bool:
        """Compute all ranges once, in order; whether one has changed."""
        self._sweeps += 1
        known = self._known
        changed = False
        for block in self._order:
            narrower = self._narrower[block] = self._enter(block)
            for position, parameter in enumerate(block.parameters):
                if parameter.type is I64 and block is not self._order[0]:
                    changed |= self._join(parameter, position, block)
            for made in block.ops:
                if made.type is I64 and type(made) is not Constant:
                    found = self._transfer(made, narrower)
                    if known.get(made) != found:
                        known[made] = found
                        changed = True
        return changed

    def _join(self, parameter: BlockParameter, position: int, block: Block) -> bool:
        found: Interval | None = None
        for source, edge in self._incoming[block]:
            argument = edge.arguments[position]
            if source not in self._narrower:
                continue
            if argument not in self._known and type(argument) is not Constant:
                continue
            row = self._in(argument, self._narrower[source])
            found = row if found is None else intervals.join(found, row)
        if found is None:
            found = ANYTHING
        before = self._known.get(parameter)
        if before is not None and self._sweeps > _STEADY_SWEEPS:
            found = _widen(before, intervals.join(before, found))
        if found == before:
            return False
        self._known[parameter] = found
        return True

    def _transfer(self, made: Op, narrower: _Bounds) -> Interval:
        rule = intervals.BINARY.get(type(made))
        if rule is not None:
            lhs, rhs = self._in(made.lhs, narrower), self._in(made.rhs, narrower)  # type: ignore[attr-defined]  # binary ops
            found = rule(lhs, rhs)
            if isinstance(made, Add | Mul) and found[1] > _LAST_ITEM and _is_item_index(made):
                return (0, _LAST_ITEM)
            return found
        if isinstance(made, Select):
            one = self._chosen(made.condition, made.if_true, narrower, holds=_HOLDS)
            other = self._chosen(made.condition, made.if_false, narrower, holds=_FAILS)
            return intervals.join(one, other)
        source = SOURCES.get(type(made))
        return (
            source(made, self._group_size) if source is not None else self._passed(made, narrower)
        )

    def _passed(self, made: Op, narrower: _Bounds) -> Interval:
        """Return the range of an op that hands on one of the words that it gets."""
        if made.MNEMONIC in ("device.shuffle", "device.shuffle_xor"):
            return self._in(made.operands()[0], narrower)
        return ANYTHING

    def _chosen(
        self, condition: Value, value: Value, narrower: _Bounds, holds: Interval
    ) -> Interval:
        row = self._in(value, narrower)
        for predicate, lhs, rhs in _facts(condition, holds):
            if lhs is value:
                row = _narrowed(predicate, row, self._in(rhs, narrower))
            elif rhs is value:
                row = _narrowed(SWAPPED[predicate], row, self._in(lhs, narrower))
        return row

    # ---- guards ----

    def _enter(self, block: Block) -> _Bounds:
        """Return what is narrower in a block than where it was made."""
        parent = self._dominators.parent(block)
        if parent is None:
            return {}
        inherited = self._narrower[parent]
        incoming = self._incoming[block]
        if len(incoming) != 1:
            return inherited
        source, edge = incoming[0]
        inherited = self._narrower[source]
        end = source.ops[-1]
        if not isinstance(end, Branch) or end.if_true.block is end.if_false.block:
            return inherited
        return self._guarded(end, edge, inherited)

    def _guarded(self, end: Branch, edge: Successor, inherited: _Bounds) -> _Bounds:
        bounds = dict(inherited)
        for predicate, lhs, rhs in _facts(end.condition, _HOLDS if edge is end.if_true else _FAILS):
            left, right = self._in(lhs, bounds), self._in(rhs, bounds)
            if type(lhs) is not Constant:
                bounds[lhs] = _narrowed(predicate, left, right)
            if type(rhs) is not Constant:
                bounds[rhs] = _narrowed(SWAPPED[predicate], right, left)
        return bounds


_HOLDS: Interval = (1, 1)
_FAILS: Interval = (0, 0)


def _facts(condition: Value, holds: Interval) -> Iterator[tuple[_P, Value, Value]]:
    """Yield the comparisons that hold when a condition does, or does not."""
    match condition:
        case CompareInteger(predicate, lhs, rhs):
            yield (predicate if holds is _HOLDS else INVERSE[predicate]), lhs, rhs
        case And(lhs, rhs) if holds is _HOLDS:
            yield from _facts(lhs, holds)
            yield from _facts(rhs, holds)
        case Or(lhs, rhs) if holds is _FAILS:
            yield from _facts(lhs, holds)
            yield from _facts(rhs, holds)
        case Xor(truth, Constant(1)) if truth.type is I1:
            yield from _facts(truth, _FAILS if holds is _HOLDS else _HOLDS)


def _narrowed(predicate: _P, row: Interval, other: Interval) -> Interval:
    """Return the range of a word that compares with another one so."""
    if predicate is _P.EQ:
        return intervals.meet(row, other)
    if predicate is _P.NE:
        return row
    is_signed = predicate.value[0] == "s"
    least, most = intervals.signed(other) if is_signed else intervals.unsigned(other)
    bottom, top = (-SIGN_BIT, SIGN_BIT - 1) if is_signed else (0, WORD_MASK)
    kind = predicate.value[1:]
    if kind in ("lt", "le"):
        top = most - (kind == "lt")
    else:
        bottom = least + (kind == "gt")
    if bottom > top:
        return row
    found = intervals.signed(row) if is_signed else intervals.unsigned(row)
    narrow = intervals.meet(found, (bottom, top))
    if row[1] - row[0] <= narrow[1] - narrow[0]:
        return row
    return narrow


def _widen(before: Interval, found: Interval) -> Interval:
    """Return a range that holds both, with new ends that are not the next few ones again."""
    low, high = found
    if low < before[0]:
        low = next((-end - 1 for end in _ENDS if -end - 1 <= low), low) if low < 0 else 0
    if high > before[1]:
        high = next((end for end in _ENDS if end >= high), high)
    return (low, high) if low >= 0 or (high < SIGN_BIT and low >= -SIGN_BIT) else ANYTHING


def _is_item_index(made: Add | Mul) -> bool:
    """Whether a word is at most the index of a work item in the grid, along one axis."""
    match made:
        case Mul(GroupId(axis), GroupSize(other)) | Mul(GroupSize(axis), GroupId(other)):
            return axis is other
        case Add(Mul() as first, LocalId(axis)) | Add(LocalId(axis), Mul() as first):
            return _is_item_index(first) and any(
                isinstance(row, GroupId) and row.axis is axis for row in first.operands()
            )
    return False
