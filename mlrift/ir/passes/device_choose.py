"""Short branches become choices: both sides are computed, and one value is taken.

    control.branch %c, ^then, ^join(%a)        %b = arith.add %a, %one
    ^then:                                     %r = arith.select %c, %b, %a
      %b = arith.add %a, %one           =>     control.jump ^join(%r)
      control.jump ^join(%b)                 ^join(%x : i64):
    ^join(%x : i64):

Two tests in a row that lead to one place become one:

    control.branch %a, ^next, ^end             %b = compare.integer ult %y, %m
    ^next:                                     %ab = arith.and %a, %b
      %b = compare.integer ult %y, %m   =>     control.branch %ab, ^body, ^end
      control.branch %b, ^body, ^end

Only ops without effects are computed in vain, and few of them.
"""

from mlrift.ir.analysis.control_flow import incoming_edges, reverse_postorder
from mlrift.ir.core import Block, Function, Successor, Value
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.arith import And, Constant, FDiv, FMultiplyAdd, FSqrt, Mul, Or, Select, Xor
from mlrift.ir.ops.control import Branch, Jump
from mlrift.ir.ops.device import HardwareFunction
from mlrift.ir.passes.declaration import Pass, Property, on_functions
from mlrift.ir.passes.device_shape import keep_reachable
from mlrift.typesystem import F64, I1, VectorType

_MOST_COST = 7
_MOST_TEST_COST = 4
_DEAR: dict[type[Op], int] = {FDiv: 12, FSqrt: 12, Mul: 2, FMultiplyAdd: 1, HardwareFunction: 2}
_DOUBLE_FACTOR = 3


_Incoming = dict[Block, list[tuple[Block, Successor]]]


def choose_values(function: Function) -> None:
    """Convert what is short, from the inside outwards."""
    incoming = incoming_edges(function.blocks)
    for block in reversed(reverse_postorder(function)):
        while _convert(block, incoming) or _join_tests(block, incoming):
            keep_reachable(function)
            incoming = incoming_edges(function.blocks)


PASS = Pass(
    "device_choose",
    on_functions(choose_values),
    needs=frozenset({Property.NO_DEAD_BLOCKS, Property.NO_SLOTS}),
)


def _cost(ops: list[Op]) -> int | None:
    """Return what it costs to compute ops in vain, or None when that must not be."""
    total = 0
    for made in ops:
        if made.EFFECT is not Effect.PURE:
            return None
        if type(made) is not Constant:
            cost = _DEAR.get(type(made), 1)
            is_double = any(value.type is F64 for value in made.operands())
            total += cost * _DOUBLE_FACTOR if is_double else cost
    return total


# ---- choices ----


def _side(edge: Successor, incoming: _Incoming) -> tuple[list[Op], Successor] | None:
    """Return what is done on the way behind an edge, and where it leads to."""
    end = edge.block.ops[-1]
    if len(incoming[edge.block]) > 1 or edge.block.parameters or not isinstance(end, Jump):
        return None
    return edge.block.ops[:-1], end.target


def _convert(block: Block, incoming: _Incoming) -> bool:
    end = block.ops[-1]
    if not isinstance(end, Branch):
        return False
    sides = [[([], edge), _side(edge, incoming)] for edge in (end.if_true, end.if_false)]
    for one in sides[0]:
        for other in sides[1]:
            if one is None or other is None or one[1].block is not other[1].block:
                continue
            if one[1].block is not block and _is_cheap(one, other):
                _choose(block, end, one, other)
                return True
    return False


_Way = tuple[list[Op], Successor]


def _is_cheap(one: _Way, other: _Way) -> bool:
    cost = _cost(one[0] + other[0])
    if cost is None:
        return False
    for first, second in zip(one[1].arguments, other[1].arguments, strict=True):
        if first is second:
            continue
        if isinstance(first.type, VectorType):
            return False
        cost += 2 if first.type is F64 else 1
    return cost <= _MOST_COST


def _choose(block: Block, end: Branch, one: _Way, other: _Way) -> None:
    ops: list[Op] = [*one[0], *other[0]]
    arguments: list[Value] = []
    for first, second in zip(one[1].arguments, other[1].arguments, strict=True):
        if first is second:
            arguments.append(first)
            continue
        made = _choice(end.condition, first, second)
        for row in made:
            row.span = end.span
        ops += made
        arguments.append(made[-1])
    jump = Jump(Successor(one[1].block, arguments))
    jump.span = end.span
    block.ops[-1:] = [*ops, jump]


def _choice(condition: Value, first: Value, second: Value) -> list[Op]:
    """Return ops whose last one is the first value where a condition holds, else the second."""
    if first.type is not I1:
        return [Select(condition, first, second)]
    either = And(condition, first)
    one = Constant(1, I1)
    opposite = Xor(condition, one)
    neither = And(opposite, second)
    return [either, one, opposite, neither, Or(either, neither)]


# ---- tests ----


def _join_tests(block: Block, incoming: _Incoming) -> bool:
    """Make one test of two where the first one decides whether the second is asked."""
    end = block.ops[-1]
    if not isinstance(end, Branch):
        return False
    for asked, direct in ((end.if_true, end.if_false), (end.if_false, end.if_true)):
        second = asked.block.ops[-1]
        if not isinstance(second, Branch) or len(incoming[asked.block]) > 1:
            continue
        cost = _cost(asked.block.ops[:-1])
        if asked.block.parameters or cost is None or cost > _MOST_TEST_COST:
            continue
        for again, onward in (
            (second.if_true, second.if_false),
            (second.if_false, second.if_true),
        ):
            if again.block is direct.block and again.arguments == direct.arguments:
                _join(block, (end, asked is end.if_true), (second, onward is second.if_true))
                return True
    return False


def _join(block: Block, first: tuple[Branch, bool], second: tuple[Branch, bool]) -> None:
    """Go on where both tests have their wanted outcome."""
    end, wanted_first = first
    test, wanted_second = second
    ops: list[Op] = []
    one = _outcome(end.condition, wanted_first, ops)
    before = (end.if_true if wanted_first else end.if_false).block.ops[:-1]
    other = _outcome(test.condition, wanted_second, ops)
    both = And(one, other)
    onward, away = (test.if_true, test.if_false) if wanted_second else (test.if_false, test.if_true)
    made = [*ops, both, Branch(both, onward, away)]
    for row in made:
        row.span = test.span
    block.ops[-1:] = [*before, *made]


def _outcome(condition: Value, wanted: bool, ops: list[Op]) -> Value:
    if wanted:
        return condition
    one = Constant(1, I1)
    opposite = Xor(condition, one)
    ops += [one, opposite]
    return opposite
