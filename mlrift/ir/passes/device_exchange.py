"""Exchanges with the lane at a fixed distance are said to be such: they need no addresses.

    %l = device.local_id x                     %r = device.shuffle_xor %v, 16
    %o = arith.xor %l, %sixteen         =>
    %r = device.shuffle %v, %o

An item's own lane is `device.lane`, or its number in a group that is known to have one dimension
(lanes count modulo 32). In such a group of one wave the lane is that number, which is at hand.
"""

from mlrift.ir.analysis.range_sources import GroupShape, group_size_of
from mlrift.ir.core import Function, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import And, Constant, Xor
from mlrift.ir.ops.device import Axis, Lane, LocalId, Shuffle, ShuffleXor
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property, on_functions

_LANES = 32


def find_exchanges(function: Function) -> None:
    """Replace exchanges, and lanes that are numbers in a group."""
    shape = group_size_of(function)
    replacements: dict[Value, Value] = {}
    for block in function.blocks:
        ops: list[Op] = []
        for made in block.ops:
            found = _replacement(made, shape)
            if found is not None:
                found.span = made.span
                replacements[made] = found
            ops.append(found or made)
        block.ops = ops
    if replacements:
        for made in function.ops():
            made.replace_operands(replacements)


PASS = Pass(
    "device_exchange",
    on_functions(find_exchanges),
    needs=frozenset({Property.NO_SLOTS}),
    keeps=EVERY_PROPERTY,
)


def _replacement(made: Op, shape: GroupShape | None) -> Op | None:
    if isinstance(made, Lane) and _is_row(shape) and shape is not None and shape[0] <= _LANES:
        return LocalId(Axis.X)
    if isinstance(made, Shuffle):
        distance = _distance(made.lane, shape)
        return ShuffleXor(made.value, distance) if distance is not None else None
    return None


def _is_row(shape: GroupShape | None) -> bool:
    """Whether groups have one dimension."""
    return shape is not None and shape[1] == shape[2] == 1


def _distance(lane: Value, shape: GroupShape | None) -> int | None:
    """Return the distance of a lane from the item's own, as bits that differ."""
    match lane:
        case And(inner, Constant(int(mask))) if mask % _LANES == _LANES - 1:
            return _distance(inner, shape)
        case Xor(Lane(), Constant(int(distance))):
            return distance % _LANES
        case Xor(LocalId(Axis.X), Constant(int(distance))) if _is_row(shape):
            return distance % _LANES
    return None
