"""Products with a map of their elements, and attention: one call of the runtime for each."""

from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.tensor_fused import Attention, MapProduct, RowKind
from mlrift.ir.ops.tensor_linear import product_extents
from mlrift.ir.ops.tensor_types import KIND_CODES, product_kind
from mlrift.ir.passes.expand_tensors.expander import Expander, Rule
from mlrift.ir.passes.expand_tensors.map_rules import context_of_body, operands_of
from mlrift.ir.passes.expand_tensors.product_rules import (
    product_arguments,
    product_kernel,
    stretched_batches,
)
from mlrift.ir.passes.expand_tensors.row_rules import row_kernel
from mlrift.typesystem import TensorType, tensor


def _product_type(on: Expander, lhs: Value, rhs: Value) -> TensorType:
    left, right = on.type_of(lhs), on.type_of(rhs)
    extents = product_extents(left.extents, right.extents)
    assert extents is not None, "checked"
    return tensor(product_kind(left.element), extents)


def _operands(
    on: Expander, tensors: list[Value], place: int, made: TensorType
) -> list[tuple[Value, TensorType]]:
    """Return the operands of a body; what is made piece by piece is not there yet."""
    operands = operands_of(on, tensors)
    operands.insert(place, (on.out.word(0), made))
    return operands


def _map_product(on: Expander, made: MapProduct) -> Value:
    product = _product_type(on, made.lhs, made.rhs)
    operands = _operands(on, made.tensors, made.place, product)
    context, _ = context_of_body(on, made.body, operands, made.scalars, made.tensor_type)
    out = on.out
    arguments = product_arguments(on, made.lhs, made.rhs)
    arguments += [context, out.word(made.place), out.word(KIND_CODES[made.tensor_type.element])]
    return on.runtime("core.tensorproduct_multiply_mapped", arguments)


def _attention(on: Expander, made: Attention) -> Value:
    scores = _product_type(on, made.query, made.key)
    operands = _operands(on, made.tensors, made.place, scores)
    context, size_bytes = context_of_body(on, made.body, operands, made.scalars, scores)
    out = on.out
    rows = [on.type_of(row) for row in (made.query, made.key, made.value)]
    arguments = [
        *map(on.word, (made.query, made.key, made.value)),
        out.word(KIND_CODES[scores.element]),
        out.word(stretched_batches(rows[0], rows[1])),
        out.word(stretched_batches(scores, rows[2])),
        product_kernel(on, scores.element),
        row_kernel(on, RowKind.SOFTMAX, scores.element),
        context,
        out.word(size_bytes),
        out.word(made.place),
        on.message("tensor attention"),
    ]
    return on.runtime("core.tensorattention_run", arguments)


FUSED_RULES: dict[type[Op], Rule] = {MapProduct: _map_product, Attention: _attention}
