"""Fresh storage whose address stays in the function becomes storage in its frame.

    ^body:                               ^entry:
      %p = memory.fresh 16                 %p = memory.stack 16, 16
      memory.store %p, %x : i64    =>    ^body:
      ...                                  memory.fill %p, %zero, %size
                                           memory.store %p, %x : i64

The fill stands where the storage was made, so that each execution finds zeros. Only one of the
addresses that an op makes can be alive, as none is a block's parameter. Frames stay small: deep
recursion must not run out of stack because of this.
"""

from mlrift.ir.analysis.escape import EscapeAnalysis
from mlrift.ir.core import Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.memory import Fill, Fresh, Stack
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property
from mlrift.typesystem import I64

_MOST_BYTES_EACH = 4096
_MOST_BYTES_IN_A_FRAME = 8192
_ALIGN_BYTES = 16


def promote_fresh(module: Module) -> None:
    """Promote what a frame has room for."""
    with_fresh = [
        function
        for function in module.functions.values()
        if any(type(made) is Fresh for made in function.ops())
    ]
    if with_fresh:
        escape = EscapeAnalysis(module)
        for function in with_fresh:
            _promote(function, escape)


PASS = Pass(
    "promote_fresh",
    promote_fresh,
    needs=frozenset({Property.NO_SLOTS, Property.NO_DEAD_BLOCKS}),
    keeps=EVERY_PROPERTY,
)


def _promote(function: Function, escape: EscapeAnalysis) -> None:
    room_bytes = _MOST_BYTES_IN_A_FRAME
    stacks: dict[Value, Value] = {}
    for block in function.blocks:
        ops: list[Op] = []
        for made in block.ops:
            fits = isinstance(made, Fresh) and 0 < made.size_bytes <= min(
                room_bytes, _MOST_BYTES_EACH
            )
            if not isinstance(made, Fresh) or not fits or escape.escapes(function, made):
                ops.append(made)
                continue
            room_bytes -= made.size_bytes
            stack = Stack(made.size_bytes, _ALIGN_BYTES)
            zero, size = Constant(0, I64), Constant(made.size_bytes, I64)
            fill = Fill(stack, zero, size)
            stack.span = zero.span = size.span = fill.span = made.span
            stacks[made] = stack
            ops += [zero, size, fill]
        block.ops = ops
    if stacks:
        for made in function.ops():
            made.replace_operands(stacks)
        function.blocks[0].ops[:0] = [row for row in stacks.values() if isinstance(row, Op)]
