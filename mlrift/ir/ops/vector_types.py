"""Which types ops on vectors take and give: what their verifiers and result rules share.

A rule returns what is wrong as a text, or None. A lane as a scalar is an i1, an f32, an f64, or a
word that holds the lane's bits in its low ones, zeros above.
"""

from collections.abc import Set as AbstractSet

from mlrift.ir.core import Value
from mlrift.typesystem import (
    BF16,
    F16,
    F32,
    F64,
    I1,
    I8,
    I16,
    I32,
    I64,
    MAX_LANES,
    MachineType,
    ValueType,
    VectorType,
    vec,
)

LANE_BITS: dict[MachineType, int] = {
    I1: 1,
    I8: 8,
    I16: 16,
    I32: 32,
    I64: 64,
    F16: 16,
    BF16: 16,
    F32: 32,
    F64: 64,
}
INTEGERS = frozenset((I8, I16, I32, I64))
FLOATS = frozenset((F32, F64))
HALVES = frozenset((F16, BF16))
MASKS = frozenset((I1,))
NUMBERS = INTEGERS | FLOATS
IN_MEMORY = NUMBERS | HALVES
ANY_LANES = IN_MEMORY | MASKS
_PLAIN_SCALARS = (I1, F32, F64)


def scalar_of(element: MachineType) -> MachineType:
    """Return the type of a lane as a scalar."""
    return element if element in _PLAIN_SCALARS else I64


def lanes_like(value: Value, element: MachineType) -> ValueType:
    """Return the vector of as many lanes of another type; i64 when `value` is no vector."""
    found = value.type
    return vec(element, found.lanes) if isinstance(found, VectorType) else I64


def mask_like(value: Value) -> ValueType:
    """Return the type of a mask for a vector."""
    return lanes_like(value, I1)


def scalar_like(value: Value) -> MachineType:
    """Return the type of a vector's lane as a scalar."""
    found = value.type
    return scalar_of(found.element) if isinstance(found, VectorType) else I64


def resized(value: Value, lanes: int) -> ValueType:
    """Return the vector of the same elements with another number of lanes."""
    found = value.type
    if isinstance(found, VectorType) and 0 < lanes <= MAX_LANES:
        return vec(found.element, lanes)
    return I64


def check_type(found: ValueType, elements: AbstractSet[MachineType]) -> str | None:
    """Refuse what is no vector, and elements that are not among `elements`."""
    if not isinstance(found, VectorType):
        return f"{found.value} is no vector"
    if found.element not in elements:
        names = " or ".join(row.value for row in MachineType if row in elements)
        return f"the lanes must be {names}, not {found.element.value}"
    return None


def check_lanes(lanes: int) -> str | None:
    """Refuse more lanes than a vector has."""
    return f"a vector has at most {MAX_LANES} lanes, not {lanes}" if lanes > MAX_LANES else None


def check_alike(elements: AbstractSet[MachineType], first: Value, *others: Value) -> str | None:
    """Refuse vectors of several types, and elements that are not among `elements`."""
    message = check_type(first.type, elements)
    if message is None and any(row.type is not first.type for row in others):
        names = ", ".join(dict.fromkeys(row.type.value for row in (first, *others)))
        return f"the vectors differ in type: {names}"
    return message


def check_mask(mask: Value, of: ValueType) -> str | None:
    """Refuse a mask that has not one i1 for every lane of a vector type."""
    if isinstance(of, VectorType) and mask.type is not vec(I1, of.lanes):
        return f"operand `mask` must be {vec(I1, of.lanes).value}, not {mask.type.value}"
    return None


def check_scalar(name: str, value: Value, wanted: MachineType) -> str | None:
    """Refuse an operand that is not the scalar `wanted`."""
    if value.type is not wanted:
        return f"operand `{name}` must be {wanted.value}, not {value.type.value}"
    return None


def check_align(align: int) -> str | None:
    """Refuse alignments that are no powers of two."""
    if align <= 0 or align & (align - 1):
        return "the alignment must be a power of two"
    return None
