"""What a kernel says about its launch is used, and what debuggers want goes.

    device.assume_group_size 256, 1, 1         device.assume_group_size 256, 1, 1
    %s = device.group_size x            =>     %s = arith.constant 256 : i64
    %z = device.local_id z                     %z = arith.constant 0 : i64

One `device.assume_group_size` stays, at the start of the kernel. A second one of another size is
refused.
"""

from mlrift.ir.analysis.range_sources import GroupShape, group_size_of, size_along
from mlrift.ir.core import Function, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.debug import DebugValue
from mlrift.ir.ops.device import AssumeGroupSize, GroupSize, LocalId
from mlrift.ir.passes.declaration import Pass, on_functions
from mlrift.ir.passes.device_error import DeviceError
from mlrift.typesystem import I64


def use_group_size(function: Function) -> None:
    """Replace sizes of the group, and ids along an axis with one item."""
    function.source = None
    shape = group_size_of(function)
    first: Op | None = None
    replacements: dict[Value, Value] = {}
    for block in function.blocks:
        kept: list[Op] = []
        for made in block.ops:
            if isinstance(made, AssumeGroupSize):
                first = first or made
                _refuse_other_size(made, shape)
                continue
            if isinstance(made, DebugValue):
                continue
            known = _known(made, shape)
            if known is not None:
                known.span = made.span
                replacements[made] = known
            kept.append(known or made)
        block.ops = kept
    if first is not None:
        function.entry.ops.insert(0, first)
    if replacements:
        for made in function.ops():
            made.replace_operands(replacements)


PASS = Pass("device_start", on_functions(use_group_size))


def _known(made: Op, shape: GroupShape | None) -> Constant | None:
    if isinstance(made, GroupSize):
        size = size_along(shape, made.axis)
        return Constant(size, I64) if size is not None else None
    if isinstance(made, LocalId) and size_along(shape, made.axis) == 1:
        return Constant(0, I64)
    return None


def _refuse_other_size(made: AssumeGroupSize, shape: GroupShape | None) -> None:
    if shape != (made.x, made.y, made.z):
        raise DeviceError("the kernel asks for groups of two sizes", made.span)
