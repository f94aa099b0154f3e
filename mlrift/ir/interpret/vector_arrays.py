"""Vectors as the interpreter's values: numpy arrays.

Integers are unsigned, masks are bools, halves are their bits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlrift.ir.core import Value
from mlrift.ir.ops.vector_types import FLOATS, LANE_BITS
from mlrift.typesystem import BF16, F16, F32, F64, I1, I64, MachineType, VectorType

Array = NDArray[Any]
Scalar = int | float

DTYPES: dict[MachineType, Any] = {
    I1: np.bool_,
    MachineType.I8: np.uint8,
    MachineType.I16: np.uint16,
    MachineType.I32: np.uint32,
    I64: np.uint64,
    F16: np.uint16,
    BF16: np.uint16,
    F32: np.float32,
    F64: np.float64,
}


def type_of(value: Value) -> VectorType:
    """Return the type of a vector."""
    assert isinstance(value.type, VectorType)
    return value.type


def array_of(lanes: list[Any], row: VectorType) -> Array:
    """Return lanes as an array; integers are reduced to what a lane holds."""
    if row.element not in FLOATS:
        mask = (1 << LANE_BITS[row.element]) - 1
        lanes = [int(lane) & mask for lane in lanes]
    return np.array(lanes, dtype=DTYPES[row.element])


def scalar(lane: Any) -> Scalar:
    """Return a lane as the interpreter's number."""
    return float(lane) if isinstance(lane, np.floating) else int(lane)


def signed(lanes: Array) -> Array:
    """Read integers as signed."""
    return lanes.view(f"i{lanes.dtype.itemsize}")


def unsigned(lanes: Array) -> Array:
    """Read integers as unsigned."""
    return lanes.view(f"u{lanes.dtype.itemsize}")
