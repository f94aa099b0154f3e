"""Loops with a small constant number of turns become straight code.

    ^loop(%i : i64, %s : f32):                 %t0 = arith.fadd %s, %x0
      ...                               =>     %t1 = arith.fadd %t0, %x1
      %c = compare.integer ult %next, %two     ...
      control.branch %c, ^loop, ^end

The number of turns is found by computing the test of the loop's last block with the values that
its parameters have at first, turn by turn. Loops may have other ways out.
"""

from mlrift.ir.analysis.control_flow import predecessors, reverse_postorder
from mlrift.ir.analysis.loops import Loop, natural_loops
from mlrift.ir.clone import Values, clone_op, clone_parameters
from mlrift.ir.core import Block, Function, Successor, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add, Constant
from mlrift.ir.ops.control import Branch, Jump
from mlrift.ir.ops.memory import Stack
from mlrift.ir.passes.declaration import Pass, Property, on_functions
from mlrift.ir.passes.device_shape import close_loops, shape_loops
from mlrift.ir.passes.fold import fold
from mlrift.values import record

_MOST_TURNS = 128
_MOST_OPS = 320
_MOST_OPS_WITH_ARRAYS = 3000
_COST_OF_BRANCH = 4
_FREE: frozenset[type[Op]] = frozenset({Constant, Add, Jump})


def unroll_loops(function: Function) -> None:
    """Unroll what is small enough, all innermost loops at once, until none is left to be tried."""
    tried: set[Block] = set()
    while True:
        shape_loops(function)
        close_loops(function)
        loops = [row for row in natural_loops(function) if row.header not in tried]
        innermost = [row for row in loops if not any(_is_inside(other, row) for other in loops)]
        if not innermost:
            return
        before = predecessors(function.blocks)
        counted = [_counted(loop, before) for loop in innermost]
        tried.update(row.header for row in innermost)
        for found in counted:
            if found is not None:
                _unroll(function, found)
        if any(found is not None for found in counted):
            fold(function)


PASS = Pass(
    "device_unroll",
    on_functions(unroll_loops),
    needs=frozenset({Property.NO_SLOTS}),
    makes=frozenset({Property.NO_DEAD_BLOCKS}),
)


@record
class _Counted:
    """A loop that ends after `turns` at the test of `last`, whose edge `again` leads back."""

    loop: Loop
    preheader: Block
    latch: Block
    last: Block
    turns: int


def _is_inside(inner: Loop, outer: Loop) -> bool:
    return inner.header is not outer.header and inner.header in outer.blocks


def _counted(loop: Loop, before: dict[Block, list[Block]]) -> _Counted | None:
    """Return what is known of a loop that is to be unrolled."""
    sources = before[loop.header]
    latches = [row for row in sources if row in loop.blocks]
    outside = [row for row in sources if row not in loop.blocks]
    if len(latches) != 1 or len(outside) != 1:
        return None
    latch = latches[0]
    last = before[latch][0]
    end = last.ops[-1]
    if (
        len(before[latch]) != 1
        or not isinstance(end, Branch)
        or not isinstance(latch.ops[-1], Jump)
    ):
        return None
    if all(edge.block in loop.blocks for edge in end.successors()):
        return None
    turns = _count_turns(loop, outside[0], latch, end)
    if turns is None or turns * _size(loop) > _most_ops(loop):
        return None
    return _Counted(loop, outside[0], latch, last, turns)


def _size(loop: Loop) -> int:
    ops = sum(type(made) not in _FREE for block in loop.blocks for made in block.ops)
    return ops + _COST_OF_BRANCH * sum(
        isinstance(block.ops[-1], Branch) for block in loop.blocks - {loop.header}
    )


def _most_ops(loop: Loop) -> int:
    """Return how long the straight code may be: much longer where arrays may become variables."""
    for block in loop.blocks:
        for made in block.ops:
            if any(isinstance(value, Stack) for value in made.operands()):
                return _MOST_OPS_WITH_ARRAYS
    return _MOST_OPS


def _count_turns(loop: Loop, preheader: Block, latch: Block, end: Branch) -> int | None:
    """Return how often the last test is made, if constants alone decide it."""
    again_if = latch is end.if_true.block
    entering = preheader.ops[-1].successors()[0].arguments
    onward = latch.ops[-1].successors()[0].arguments
    header = loop.header.parameters
    now: dict[Value, int | float] = {
        row: argument.value
        for row, argument in zip(header, entering, strict=True)
        if isinstance(argument, Constant)
    }
    inside = {made for block in loop.blocks for made in block.ops}
    for turn in range(1, _MOST_TURNS + 1):
        known = dict(now)
        condition = _evaluate(end.condition, known, inside)
        if condition is None:
            return None
        if bool(condition) is not again_if:
            return turn
        now = {}
        for row, argument in zip(header, onward, strict=True):
            number = _evaluate(argument, known, inside)
            if number is not None:
                now[row] = number
    return None


def _evaluate(
    value: Value, known: dict[Value, int | float], inside: set[Op], depth: int = 0
) -> int | float | None:
    """Compute a value of the loop from what is known in a turn."""
    if isinstance(value, Constant):
        return value.value
    found = known.get(value)
    if found is not None or value not in inside or depth > _MOST_DEPTH:
        return found
    assert isinstance(value, Op)
    if not value.IS_FOLDABLE:
        return None
    numbers: list[int | float] = []
    for operand in value.operands():
        number = _evaluate(operand, known, inside, depth + 1)
        if number is None:
            return None
        numbers.append(number)
    result: int | float = value.evaluate(*numbers)  # type: ignore[attr-defined]  # IS_FOLDABLE
    known[value] = result
    return result


_MOST_DEPTH = 12


def _unroll(function: Function, counted: _Counted) -> None:
    """Put copies of the loop, one after the other, in its place.

    In the last copy the test leads out, in all others on.
    """
    loop = counted.loop
    order = [block for block in reverse_postorder(function) if block in loop.blocks]
    entering = counted.preheader.ops[-1].successors()[0]
    arguments: list[Value] = list(entering.arguments)
    made: list[Block] = []
    enter = entering
    for turn in range(counted.turns):
        values: Values = dict(zip(loop.header.parameters, arguments, strict=True))
        copies = _copy_turn(order, values, loop.header)
        enter.block, enter.arguments = copies[loop.header], []
        last, latch = copies[counted.last], copies[counted.latch]
        one, other = last.successors()
        on, out = (one, other) if one.block is latch else (other, one)
        _lead(last, out if turn == counted.turns - 1 else on)
        onward = latch.successors()[0]
        arguments = list(onward.arguments)
        enter = onward
        made += copies.values()
    position = function.blocks.index(loop.header)
    rest = [block for block in function.blocks if block not in loop.blocks]
    before = sum(block not in loop.blocks for block in function.blocks[:position])
    function.blocks = rest[:before] + made + rest[before:]


def _copy_turn(order: list[Block], values: Values, header: Block) -> dict[Block, Block]:
    """Return copies of the blocks of a loop; the header's parameters have values already."""
    copies = {
        block: Block(
            block.name, [] if block is header else clone_parameters(block.parameters, values)
        )
        for block in order
    }
    targets = {block: copy for block, copy in copies.items() if block is not header}
    for block, copy in copies.items():
        copy.ops = [clone_op(made, values, targets) for made in block.ops]
    return copies


def _lead(last: Block, edge: Successor) -> None:
    """Let the test of a copy lead where it is known to lead."""
    jump = Jump(edge)
    jump.span = last.ops[-1].span
    last.ops[-1] = jump
