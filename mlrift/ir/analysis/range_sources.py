"""What is known of the words that ops make out of nothing: loads, ids, flags, parts of floats."""

from collections.abc import Callable

from mlrift.ir.analysis.intervals import ANYTHING, Interval
from mlrift.ir.core import Function
from mlrift.ir.op import Op
from mlrift.ir.ops.convert import FloatToBits, SingleToHalf, TruthToWord
from mlrift.ir.ops.device import (
    AssumeGroupSize,
    AtomicAdd,
    AtomicExchangeIf,
    Axis,
    Ballot,
    Dot4Signed,
    GroupCount,
    GroupId,
    GroupSize,
    Lane,
    LdsAdd,
    LdsArray,
    LdsLoad,
    LocalId,
)
from mlrift.ir.ops.memory import Load, VolatileLoad
from mlrift.ir.ops.vector import Extract
from mlrift.static_types import Any
from mlrift.typesystem import F32, I8, I16, I32, I64, MachineType, VectorType

GroupShape = tuple[int, int, int]

_MOST_ITEMS_OF_A_GROUP = 1024
_GRID_END = 1 << 32
_LANES = 32
_LDS_BYTES = 65536
_HALF_BITS = 31
_POSITION = {Axis.X: 0, Axis.Y: 1, Axis.Z: 2}
_ENDS: dict[MachineType, int] = {I8: 1 << 8, I16: 1 << 16, I32: 1 << 32, I64: 1 << 64}


def group_size_of(function: Function) -> GroupShape | None:
    """Return the size of the groups of work items that a kernel asks for, if it does."""
    for block in function.blocks:
        for made in block.ops:
            if isinstance(made, AssumeGroupSize):
                return (made.x, made.y, made.z)
    return None


def size_along(shape: GroupShape | None, axis: Axis) -> int | None:
    """Return the size of a group along an axis, if it is known."""
    return shape[_POSITION[axis]] if shape is not None else None


def _below(end: int) -> Interval:
    return (0, end - 1)


def _accessed(access: MachineType) -> Interval:
    return _below(_ENDS[access]) if access in _ENDS else ANYTHING


def _load(made: Load | VolatileLoad, shape: GroupShape | None) -> Interval:
    return _accessed(made.memory_type)


def _access(
    made: LdsLoad | LdsAdd | AtomicAdd | AtomicExchangeIf, shape: GroupShape | None
) -> Interval:
    return _accessed(made.access)


def _local_id(made: LocalId, shape: GroupShape | None) -> Interval:
    return _below(size_along(shape, made.axis) or _MOST_ITEMS_OF_A_GROUP)


def _group_id(made: GroupId, shape: GroupShape | None) -> Interval:
    return _below((_GRID_END - 1) // (size_along(shape, made.axis) or 1))


def _group_size(made: GroupSize, shape: GroupShape | None) -> Interval:
    known = size_along(shape, made.axis)
    return (known, known) if known is not None else (1, _MOST_ITEMS_OF_A_GROUP)


def _group_count(made: GroupCount, shape: GroupShape | None) -> Interval:
    return (1, (_GRID_END - 1) // (size_along(shape, made.axis) or 1))


def _float_bits(made: FloatToBits, shape: GroupShape | None) -> Interval:
    return _below(1 << 32) if made.operand.type is F32 else ANYTHING


def _lane_of(made: Extract, shape: GroupShape | None) -> Interval:
    held = made.vector.type
    return _accessed(held.element) if isinstance(held, VectorType) else ANYTHING


def _always(low: int, high: int) -> Callable[[Any, GroupShape | None], Interval]:
    return lambda made, shape: (low, high)


SOURCES: dict[type[Op], Callable[[Any, GroupShape | None], Interval]] = {
    Load: _load,
    VolatileLoad: _load,
    LdsLoad: _access,
    LdsAdd: _access,
    AtomicAdd: _access,
    AtomicExchangeIf: _access,
    LocalId: _local_id,
    GroupId: _group_id,
    GroupSize: _group_size,
    GroupCount: _group_count,
    Extract: _lane_of,
    Lane: _always(0, _LANES - 1),
    LdsArray: _always(0, _LDS_BYTES - 1),
    Ballot: _always(0, (1 << _LANES) - 1),
    TruthToWord: _always(0, 1),
    FloatToBits: _float_bits,
    SingleToHalf: _always(0, (1 << 16) - 1),
    Dot4Signed: _always(-(1 << _HALF_BITS), (1 << _HALF_BITS) - 1),
}
