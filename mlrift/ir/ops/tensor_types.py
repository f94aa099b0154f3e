"""Rules about the types of tensors that several ops share; all of them are about static extents.

What is known only when the program runs is checked there: see `passes/expand_tensors`.
"""

from collections.abc import Sequence

from mlrift.ir.core import Function, Value
from mlrift.ir.ops.arith import Constant
from mlrift.typesystem import (
    F32,
    F64,
    I64,
    ElementKind,
    Extents,
    MachineType,
    TensorType,
    tensor,
)

HALVES = (ElementKind.F16, ElementKind.BF16)
FLOATS = (*HALVES, ElementKind.F32, ElementKind.F64)
SIGNED = (ElementKind.I8, ElementKind.I16, ElementKind.I32, ElementKind.I64)
UNSIGNED = (ElementKind.U8, ElementKind.U16, ElementKind.U32, ElementKind.U64)
INTEGERS = (*SIGNED, *UNSIGNED)
NUMBERS = (*FLOATS, *INTEGERS)
ELEMENT_BYTES: dict[ElementKind, int] = {
    ElementKind.U8: 1,
    ElementKind.U16: 2,
    ElementKind.U32: 4,
    ElementKind.U64: 8,
    ElementKind.I8: 1,
    ElementKind.I16: 2,
    ElementKind.I32: 4,
    ElementKind.I64: 8,
    ElementKind.F16: 2,
    ElementKind.BF16: 2,
    ElementKind.F32: 4,
    ElementKind.F64: 8,
    ElementKind.BOOL: 1,
}
# The number that stands for a kind in descriptors; see std/core/tensor.mlr.
KIND_CODES: dict[ElementKind, int] = {row: code for code, row in enumerate(ElementKind)}
MAX_RANK = 8


def scalar_of(kind: ElementKind) -> MachineType:
    """Return the type of an element as a scalar: halves are f32, whole numbers and bools words.

    A word is the number itself: zero-extended when the kind has no sign, else sign-extended.
    """
    if kind is ElementKind.F64:
        return F64
    return F32 if kind in FLOATS else I64


def sum_kind(kind: ElementKind) -> ElementKind:
    """Return the kind in which elements are summed: f32 for halves, 64 bits for whole numbers."""
    if kind in HALVES:
        return ElementKind.F32
    if kind in FLOATS:
        return kind
    return ElementKind.I64 if kind in SIGNED else ElementKind.U64


def product_kind(kind: ElementKind) -> ElementKind:
    """Return the kind in which a matrix product accumulates: f32 for halves, i32 for i8."""
    if kind in HALVES:
        return ElementKind.F32
    return ElementKind.I32 if kind is ElementKind.I8 else kind


def tensor_of(value: Value) -> TensorType:
    """Return the tensor type of a value; that of a broken program's scalar is a stand-in."""
    found = value.type
    return found if isinstance(found, TensorType) else tensor(ElementKind.F32, ())


def check_tensors(*values: Value) -> str | None:
    """Refuse operands that are no tensors."""
    for value in values:
        if not isinstance(value.type, TensorType):
            return f"an operand must be a tensor, not {value.type.value}"
    return None


def check_scalar(value: Value, wanted: MachineType, name: str) -> str | None:
    """Refuse a scalar operand of another type."""
    if value.type is wanted:
        return None
    return f"operand `{name}` must be {wanted.value}, not {value.type.value}"


def check_words(values: Sequence[Value], name: str) -> str | None:
    """Refuse operands that are no words."""
    for value in values:
        if value.type is not I64:
            return f"operands of `{name}` must be i64, not {value.type.value}"
    return None


def check_extents(made: TensorType, extents: Sequence[Value]) -> str | None:
    """Compare a type with one word for each of its axes."""
    problem = check_words(extents, "extents")
    if problem is not None:
        return problem
    if len(extents) != made.rank:
        return f"{len(extents)} extents for {made.value}"
    if made.rank > MAX_RANK:
        return f"a tensor has at most {MAX_RANK} axes"
    for wanted, given in zip(made.extents, extents, strict=True):
        if wanted is not None and type(given) is Constant and given.value != wanted:
            return f"an extent of {given.value} for {made.value}"
    return None


def check_axis(operand: Value, axis: int) -> str | None:
    """Refuse an axis that a tensor does not have."""
    found = tensor_of(operand)
    return None if axis < found.rank else f"{found.value} has no axis {axis}"


def shown(extents: Extents) -> str:
    """Write extents as messages show them."""
    return f"[{', '.join('?' if row is None else str(row) for row in extents)}]"


def broadcast(*operands: Extents) -> Extents | None:
    """Return the extents of an element-wise result, None when the operands do not fit.

    Axes are aligned at the last one; a constant extent of 1 stretches, all others are equal.
    """
    rank = max(len(row) for row in operands)
    made: list[int | None] = []
    for axis in range(rank):
        found: int | None = 1
        for row in operands:
            position = axis - (rank - len(row))
            extent = row[position] if position >= 0 else 1
            if extent in (1, found):
                continue
            if found not in (1, None) and extent is not None:
                return None
            found = extent if found == 1 or found is None else found
        made.append(found)
    return tuple(made)


def is_alike(one: Extents, other: Extents) -> bool:
    """Whether tensors with these extents have the same shape once they are known to fit."""
    if len(one) != len(other):
        return False
    return all((row == 1) == (two == 1) for row, two in zip(one, other, strict=True))


def broadcast_type(element: ElementKind, *operands: Value) -> TensorType:
    """Return the type of an element-wise result; a stand-in when the operands do not fit."""
    found = broadcast(*[tensor_of(row).extents for row in operands])
    return tensor(element, found if found is not None else tensor_of(operands[0]).extents)


def check_broadcast(*operands: Value) -> str | None:
    """Refuse operands that are no tensors or whose extents do not fit."""
    problem = check_tensors(*operands)
    if problem is not None:
        return problem
    extents = [tensor_of(row).extents for row in operands]
    if broadcast(*extents) is not None:
        return None
    return f"shapes {' and '.join(shown(row) for row in extents)} do not fit"


def uses_tensors(function: Function) -> bool:
    """Whether a function has tensors or ops on them."""
    if any(isinstance(row.type, TensorType) for row in function.parameters):
        return True
    return any(
        isinstance(made.type, TensorType) or made.MNEMONIC.startswith("tensor.")
        for made in function.ops()
    )
