"""Loops test at their end: the test before the first turn is a copy in front of the loop.

    ^before:                                 ^before:
      control.jump ^head(%zero)                %c0 = compare.integer ult %zero, %n
    ^head(%i : i64):                           control.branch %c0, ^body(%zero), ^end
      %c = compare.integer ult %i, %n      ^body(%i : i64):
      control.branch %c, ^body, ^end   =>      ...
    ^body:                                     %next = arith.add %i, %one
      ...                                      %c = compare.integer ult %next, %n
      %next = arith.add %i, %one               control.branch %c, ^body(%next), ^end
      control.jump ^head(%next)
    ^end:

A turn is one branch then, and what every turn does is done whenever control gets into the loop, so
loads can be hoisted. Headers are copied when they are small and have no effects.
"""

from mlrift.ir.analysis.control_flow import incoming_edges
from mlrift.ir.analysis.loops import Loop, natural_loops
from mlrift.ir.clone import Values, clone_op
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.op import Effect
from mlrift.ir.ops.control import Branch, Jump
from mlrift.ir.passes.declaration import Pass, Property, on_functions
from mlrift.ir.passes.device_shape import close_loops, shape_loops

_MOST_OPS = 16
_FREE = frozenset({Effect.PURE, Effect.READ})


def rotate_loops(function: Function) -> None:
    """Turn round every loop that tests in its header."""
    shape_loops(function)
    loops = natural_loops(function)
    if not loops:
        return
    close_loops(function)
    gone: set[Block] = set()
    for loop in sorted(loops, key=lambda row: len(row.blocks)):
        loop.blocks -= gone
        if _is_rotatable(loop):
            _rotate(function, loop)
            gone.add(loop.header)
    if gone:
        shape_loops(function)


PASS = Pass(
    "device_rotate",
    on_functions(rotate_loops),
    needs=frozenset({Property.NO_SLOTS}),
    makes=frozenset({Property.NO_DEAD_BLOCKS}),
)


def _is_rotatable(loop: Loop) -> bool:
    end = loop.header.ops[-1]
    if not isinstance(end, Branch) or len(loop.header.ops) > _MOST_OPS:
        return False
    leaving = [edge for edge in end.successors() if edge.block not in loop.blocks]
    staying = [edge for edge in end.successors() if edge.block in loop.blocks]
    if len(leaving) != 1 or any(edge.block is loop.header for edge in staying):
        return False
    if len(staying[0].block.ops) == 1 and len(staying[0].block.successors()) == 1:
        return False  # the header is the whole loop: its test stands last already
    return all(made.EFFECT in _FREE for made in loop.header.ops[:-1])


def _rotate(function: Function, loop: Loop) -> None:
    """Copy the header's test to the preheader and to the latch.

    What the header makes becomes parameters of the block it leads to in the loop, which only it
    leads to as no edge is critical. Outside, nobody uses it: the loop is closed.
    """
    header = loop.header
    end = header.ops[-1]
    assert isinstance(end, Branch)
    onward = next(edge for edge in end.successors() if edge.block in loop.blocks)
    body = [block for block in function.blocks if block in loop.blocks and block is not header]
    _pass_values([*header.parameters, *header.ops[:-1]], onward, body)
    for source, edge in incoming_edges(function.blocks)[header]:
        _append_test(source, edge, header)
    function.blocks.remove(header)


def _pass_values(made_here: list[Value], onward: Successor, body: list[Block]) -> None:
    """Hand what the header makes on to the rest of the loop, as parameters of its first block."""
    used: set[Value] = set()
    for block in body:
        for made in block.ops:
            used.update(made.operands())
    replacements: dict[Value, Value] = {}
    for value in made_here:
        if value in used:
            name = value.name if isinstance(value, BlockParameter) else ""
            parameter = BlockParameter(value.type, name)
            onward.block.parameters.append(parameter)
            onward.arguments.append(value)
            replacements[value] = parameter
    for block in body:
        for made in block.ops:
            made.replace_operands(replacements)


def _append_test(source: Block, edge: Successor, header: Block) -> None:
    """Let a block that jumps to the header do what the header does."""
    end = source.ops[-1]
    assert isinstance(end, Jump)
    values: Values = dict(zip(header.parameters, edge.arguments, strict=True))
    del source.ops[-1]
    source.ops += [clone_op(made, values, {}) for made in header.ops]
