"""Products, rows and attention with maps in them: their parts one after the other, in numpy."""

from collections.abc import Callable

from mlrift.ir.core import Value
from mlrift.ir.interpret.tensor_arithmetic import check_shapes
from mlrift.ir.interpret.tensor_reductions import layer_norm, multiplied, rms_norm, softmax
from mlrift.ir.interpret.tensor_scope import Scope
from mlrift.ir.interpret.tensor_values import Tensor
from mlrift.ir.op import Op
from mlrift.ir.ops.tensor_fused import Attention, MapProduct, MapRows, RowKind
from mlrift.ir.ops.tensor_linear import product_extents
from mlrift.ir.ops.tensor_types import product_kind, tensor_of
from mlrift.static_types import Any
from mlrift.typesystem import TensorType, tensor


def _mapped(
    on: Scope, product: Tensor, found: TensorType, rest: tuple[list[Tensor], list[Any]]
) -> Tensor:
    """Map a product of type `found`; the result is of the kind of the op's."""
    from mlrift.ir.interpret.tensor_rules import map_shape  # noqa: PLC0415 - they need this

    op = on.op
    assert isinstance(op, (MapProduct, Attention))
    tensors, scalars = rest
    types = [tensor_of(row) for row in op.tensors]
    rows = [*tensors[: op.place], product, *tensors[op.place :]]
    types.insert(op.place, found)
    literal = [tuple(extent == 1 for extent in row.extents) for row in types]
    shape = check_shapes(rows, literal)
    return map_shape(on, rows, scalars, shape, on.result.element)


def _product_type(lhs: Value, rhs: Value) -> TensorType:
    left, right = tensor_of(lhs), tensor_of(rhs)
    extents = product_extents(left.extents, right.extents)
    assert extents is not None, "checked"
    return tensor(product_kind(left.element), extents)


def _map_product(
    on: Scope, left: Tensor, right: Tensor, tensors: list[Tensor], scalars: list[Any]
) -> Tensor:
    op = on.op
    assert isinstance(op, MapProduct)
    product = multiplied(left, right, tensor_of(op.lhs), tensor_of(op.rhs))
    return _mapped(on, product, _product_type(op.lhs, op.rhs), (tensors, scalars))


def _map_rows(
    on: Scope,
    tensors: list[Tensor],
    scalars: list[Any],
    factors: list[Tensor],
    epsilon: list[float],
) -> Tensor:
    from mlrift.ir.interpret.tensor_rules import map_shape  # noqa: PLC0415 - they need this

    op = on.op
    assert isinstance(op, MapRows)
    literal = [tuple(extent == 1 for extent in tensor_of(row).extents) for row in op.tensors]
    shape = check_shapes(tensors, literal)
    rows = map_shape(on, tensors, scalars, shape, on.result.element)
    if op.kind is RowKind.SOFTMAX:
        return softmax(on, rows)
    compute = layer_norm if op.kind is RowKind.LAYER_NORM else rms_norm
    return compute(on, rows, *factors, *epsilon)  # type: ignore[arg-type]  # as many as it takes


def _attention(on: Scope, *operands: Any) -> Tensor:
    op = on.op
    assert isinstance(op, Attention)
    query, key, value, *rest = operands
    scores = multiplied(query, key, tensor_of(op.query), tensor_of(op.key))
    found = _product_type(op.query, op.key)
    tensors, scalars = rest
    weights = softmax(on, _mapped(on, scores, found, (tensors, scalars)))
    return multiplied(weights, value, found, tensor_of(op.value))


FUSED: dict[type[Op], Callable[..., Any]] = {
    MapProduct: _map_product,
    MapRows: _map_rows,
    Attention: _attention,
}
