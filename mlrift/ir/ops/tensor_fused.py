"""Products and rows together with element-wise functions of them: what `fuse_products` makes.

Each op here says the same as the ops it was made of, and rounds as they do: results are equal bit
for bit. A body is one of `tensor.map`; its parameter number `place` is the element that the product
makes, all others are elements of `tensors` in their order, then scalars and perhaps the number.
"""

from collections.abc import Sequence
from enum import Enum, unique

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, Trait, anything, op, same_as
from mlrift.ir.ops.tensor_linear import product_extents
from mlrift.ir.ops.tensor_types import (
    FLOATS,
    broadcast,
    check_broadcast,
    check_tensors,
    is_alike,
    shown,
    tensor_of,
)
from mlrift.typesystem import F64, ElementKind, Extents, TensorType, tensor

_MADE = same_as("tensor_type")


def _check_mapped(made: Extents | None, tensors: Sequence[Value], result: TensorType) -> str | None:
    """Refuse operands of a body that do not fit what is made."""
    if made is None:
        return "the operands do not multiply"
    problem = check_tensors(*tensors)
    if problem is not None:
        return problem
    found = broadcast(made, *[tensor_of(row).extents for row in tensors])
    if found is None or not is_alike(found, made) or not is_alike(made, result.extents):
        return f"shapes {shown(made)} and the operands of the body do not make {result.value}"
    return None


def _check_place(place: int, tensors: Sequence[Value]) -> str | None:
    return None if place <= len(tensors) else f"the body has no operand {place}"


@op("tensor.map_product", Effect.PURE, Trait.TRAPS, result=_MADE, operands=anything)
class MapProduct(Op):
    """A function of each element of `tensor.matmul lhs, rhs`, computed while its tile is at hand.

    Both operands have at least two axes. Elements are those of `tensor.map` with the product in
    the place `place`; nothing stretches the product.
    """

    lhs: Value
    rhs: Value
    place: int
    body: str
    tensors: list[Value]
    scalars: list[Value]
    tensor_type: TensorType

    def check(self) -> str | None:
        """Compare the shapes of product, operands and result."""
        problem = check_tensors(self.lhs, self.rhs) or _check_place(self.place, self.tensors)
        if problem is not None:
            return problem
        left, right = tensor_of(self.lhs), tensor_of(self.rhs)
        if left.element is not right.element or left.element is ElementKind.BOOL:
            return f"no matrix product of {left.element.value} and {right.element.value}"
        if left.rank < 2 or right.rank < 2:
            return "a row or a column has no tiles"
        extents = product_extents(left.extents, right.extents)
        return _check_mapped(extents, self.tensors, self.tensor_type)


@unique
class RowKind(Enum):
    """What is done with each row: see the ops of the same names."""

    SOFTMAX = "softmax"
    LAYER_NORM = "layer_norm"
    RMS_NORM = "rms_norm"


FACTORS = {RowKind.SOFTMAX: 0, RowKind.LAYER_NORM: 2, RowKind.RMS_NORM: 1}


@op("tensor.map_rows", Effect.PURE, Trait.TRAPS, result=_MADE, operands=anything)
class MapRows(Op):
    """A softmax or norm of what `tensor.map` would make, each row computed where it is used.

    `factors` are scale and shift, `epsilon` is that of a norm; a softmax has neither.
    """

    kind: RowKind
    body: str
    tensors: list[Value]
    scalars: list[Value]
    factors: list[Value]
    epsilon: list[Value]
    tensor_type: TensorType

    def check(self) -> str | None:
        """Compare shapes, and what belongs to the kind."""
        found = self.tensor_type
        if found.rank == 0 or found.element not in FLOATS:
            return f"no rows of floats in {found.value}"
        if not self.tensors:
            return "no tensor says what the extents are"
        if len(self.factors) != FACTORS[self.kind]:
            return f"{len(self.factors)} factors for {self.kind.value}"
        if len(self.epsilon) != (self.kind is not RowKind.SOFTMAX):
            return f"{len(self.epsilon)} epsilons for {self.kind.value}"
        if any(row.type is not F64 for row in self.epsilon):
            return "operand `epsilon` must be f64"
        problem = check_broadcast(*self.tensors)
        if problem is not None:
            return problem
        made = broadcast(*[tensor_of(row).extents for row in self.tensors])
        return _check_mapped(made, self.factors, found)


@op("tensor.attention", Effect.PURE, Trait.TRAPS, result=_MADE, operands=anything)
class Attention(Op):
    """softmax(body(query @ key)) @ value, block of rows by block: the scores are never whole.

    `key` is as `tensor.matmul` takes it, [..., width, keys]. The sums are those of
    `tensor.matmul` and `tensor.softmax`; only keys behind the last one that has a weight other than
    0 in any row of a block are left out, so infinities and NaNs of `value` may not show there.
    """

    query: Value
    key: Value
    value: Value
    place: int
    body: str
    tensors: list[Value]
    scalars: list[Value]
    tensor_type: TensorType

    def check(self) -> str | None:
        """Compare kinds and shapes."""
        problem = check_tensors(self.query, self.key, self.value)
        problem = problem or _check_place(self.place, self.tensors)
        if problem is not None:
            return problem
        rows = [tensor_of(row) for row in (self.query, self.key, self.value)]
        if any(row.rank < 2 for row in rows):
            return "a row or a column has no attention"
        kinds = {row.element for row in rows}
        if len(kinds) > 1 or not kinds <= {ElementKind.F32, ElementKind.F64}:
            return "attention is for three tensors of f32, or of f64"
        scores = product_extents(rows[0].extents, rows[1].extents)
        if scores is None:
            return f"shapes {shown(rows[0].extents)} and {shown(rows[1].extents)} do not multiply"
        problem = _check_mapped(scores, self.tensors, tensor(rows[0].element, scores))
        made = product_extents(scores, rows[2].extents)
        if problem is None and (made is None or not is_alike(made, self.tensor_type.extents)):
            problem = f"shapes {shown(scores)} and {shown(rows[2].extents)} do not multiply"
        return problem
