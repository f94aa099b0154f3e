"""Ops on rows, which lie along the last axis: softmax, norms, order."""

from enum import Enum, unique

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, Trait, anything, op, same_as
from mlrift.ir.ops.tensor_types import (
    FLOATS,
    check_tensors,
    check_words,
    shown,
    tensor_of,
)
from mlrift.typesystem import F64, ElementKind, TensorType, ValueType, tensor


def _check_rows(operand: Value, *others: Value) -> str | None:
    problem = check_tensors(operand, *others)
    if problem is not None:
        return problem
    found = tensor_of(operand)
    if found.rank == 0:
        return "a tensor without axes has no rows"
    if found.element not in FLOATS:
        return f"rows of {found.element.value}, not of floats"
    for other in map(tensor_of, others):
        if other.element is not found.element or other.rank != 1:
            return f"{other.value} is no factor for rows of {found.value}"
        one, two = other.extents[0], found.extents[-1]
        if one is not None and two is not None and one != two:
            return f"{shown(other.extents)} does not fit rows of {shown(found.extents)}"
    return None


@op("tensor.softmax", Effect.PURE, Trait.TRAPS, result=same_as("operand"), operands=anything)
class Softmax(Op):
    """exp(x - m) / sum of exp(x - m) for each row, m its maximum.

    The sum is in the order of `tensor.reduce`; each exponential is multiplied by the quotient
    1 / sum. Halves are computed in f32.
    """

    operand: Value

    def check(self) -> str | None:
        """Refuse what has no rows of floats."""
        return _check_rows(self.operand)


@op("tensor.layer_norm", Effect.PURE, Trait.TRAPS, result=same_as("operand"), operands=anything)
class LayerNorm(Op):
    """(x - m) * (1 / sqrt(v + epsilon)) * scale + shift for each row.

    m is the mean of the row and v that of (x - m)^2, both with sums in the order of
    `tensor.reduce`. Halves are computed in f32; epsilon is rounded to the kind of the sums.
    """

    operand: Value
    scale: Value
    shift: Value
    epsilon: Value

    def check(self) -> str | None:
        """Compare scale and shift with the rows."""
        if self.epsilon.type is not F64:
            return f"operand `epsilon` must be f64, not {self.epsilon.type.value}"
        return _check_rows(self.operand, self.scale, self.shift)


@op("tensor.rms_norm", Effect.PURE, Trait.TRAPS, result=same_as("operand"), operands=anything)
class RmsNorm(Op):
    """x * (1 / sqrt(q + epsilon)) * scale for each row, q the mean of its squares."""

    operand: Value
    scale: Value
    epsilon: Value

    def check(self) -> str | None:
        """Compare the scale with the rows."""
        if self.epsilon.type is not F64:
            return f"operand `epsilon` must be f64, not {self.epsilon.type.value}"
        return _check_rows(self.operand, self.scale)


@unique
class SortOrder(Enum):
    """Which element comes first."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


@unique
class SortedPart(Enum):
    """What of the sorted rows is the result: elements, or the places they came from (u64)."""

    VALUES = "values"
    PLACES = "places"


def _sorted(made: Op) -> ValueType:
    assert isinstance(made, Sort)
    found = tensor_of(made.operand)
    element = ElementKind.U64 if made.part is SortedPart.PLACES else found.element
    return tensor(element, found.extents)


@op("tensor.sort", Effect.PURE, Trait.TRAPS, result=_sorted, operands=anything)
class Sort(Op):
    """Each row in order; equal elements stay as they were, NaNs are larger than all numbers."""

    order: SortOrder
    part: SortedPart
    operand: Value

    def check(self) -> str | None:
        """Refuse what has no rows."""
        problem = check_tensors(self.operand)
        if problem is None and tensor_of(self.operand).rank == 0:
            problem = "a tensor without axes has no rows"
        return problem


@op("tensor.top", Effect.PURE, Trait.TRAPS, result=same_as("tensor_type"), operands=anything)
class Top(Op):
    """The first `count` elements of each row in order; the row must have that many."""

    order: SortOrder
    part: SortedPart
    operand: Value
    count: Value
    tensor_type: TensorType

    def check(self) -> str | None:
        """Compare the type with the operand's."""
        problem = check_tensors(self.operand) or check_words([self.count], "count")
        if problem is not None:
            return problem
        found = tensor_of(self.operand)
        element = ElementKind.U64 if self.part is SortedPart.PLACES else found.element
        wanted = self.tensor_type
        if found.rank == 0 or wanted.element is not element:
            return f"no rows of {wanted.value} in {found.value}"
        if wanted.extents[:-1] != found.extents[:-1] or wanted.rank != found.rank:
            return f"{found.value} does not give {wanted.value}"
        return None
