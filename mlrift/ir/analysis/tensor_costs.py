"""What the loops over tensors cost: an op after fusion in, its facts out."""

from collections.abc import Callable

from mlrift.ir.analysis.op_costs import OpCost, count_body
from mlrift.ir.core import Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.tensor_fused import Attention, MapProduct, MapRows
from mlrift.ir.ops.tensor_linear import MatrixProduct
from mlrift.ir.ops.tensor_map import Map
from mlrift.ir.ops.tensor_reduce import MapReduce
from mlrift.ir.ops.tensor_types import ELEMENT_BYTES, tensor_of
from mlrift.ir.passes.expand_tensors.bodies import names_in_body
from mlrift.static_types import Any
from mlrift.typesystem import ElementKind, TensorType


def tensor_cost(module: Module, made: Op) -> OpCost | None:
    """Return the facts of an op; None for those without a loop that counts."""
    if isinstance(made, Map):
        return _map(module, made)
    if isinstance(made, MapReduce):
        cost = OpCost(f"{made.kind.value} of a tensor", made.span, "element")
        _operands(cost, made.tensors)
        _body(module, cost, made.body)
        cost.cheap += 1
        return cost
    rule = _RULES.get(type(made))
    return rule(module, made) if rule is not None else None


def _map(module: Module, made: Map) -> OpCost:
    return _mapped(module, OpCost("element-wise", made.span, "element"), made)


def _product(module: Module, made: MatrixProduct) -> OpCost:
    cost = OpCost("matrix product", made.span, "element of the result")
    cost.fused = _sums(made.lhs)
    _result(cost, tensor_of(made).element)
    return cost


def _map_product(module: Module, made: MapProduct) -> OpCost:
    cost = _mapped(module, OpCost("matrix product", made.span, "element of the result"), made)
    cost.fused = f"{_sums(made.lhs)}; while a tile is in cache, {cost.fused}"
    return cost


def _map_rows(module: Module, made: MapRows) -> OpCost:
    cost = _mapped(module, OpCost(f"{made.kind.value} of rows", made.span, "element"), made)
    cost.fused = f"each row is made in cache, {cost.fused}"
    return cost


def _attention(module: Module, made: Attention) -> OpCost:
    cost = OpCost("attention", made.span, "score")
    _operands(cost, made.tensors)
    cost.element_bytes = ELEMENT_BYTES[made.tensor_type.element]
    _body(module, cost, made.body)
    cost.fused = (
        f"product, {cost.fused}, softmax and product for a block of rows; no score is stored"
    )
    return cost


def _mapped(module: Module, cost: OpCost, made: Map | MapProduct | MapRows) -> OpCost:
    """Count what a body reads, does and writes."""
    _operands(cost, made.tensors)
    _result(cost, made.tensor_type.element)
    _body(module, cost, made.body)
    return cost


def _sums(left: Value) -> str:
    inner = tensor_of(left).extents[-1]
    return f"{inner if inner is not None else 'K'} products and sums for each"


def _result(cost: OpCost, element: ElementKind) -> None:
    cost.is_written["result"] = ELEMENT_BYTES[element]
    cost.element_bytes = max(cost.element_bytes, cost.is_written["result"])


def _operands(cost: OpCost, tensors: list[Value]) -> None:
    for place, row in enumerate(tensors):
        if isinstance(row.type, TensorType):
            size = ELEMENT_BYTES[tensor_of(row).element]
            cost.is_read[f"operand {place + 1}"] = size
            cost.element_bytes = max(cost.element_bytes, size)


def _body(module: Module, cost: OpCost, name: str) -> None:
    """Say which operations became one loop."""
    function = module.functions[name]
    count_body(cost, function)
    steps = names_in_body(name)
    cost.fused = f"one loop: {' '.join(steps)}"


_RULES: dict[type[Op], Callable[[Module, Any], OpCost]] = {
    MatrixProduct: _product,
    MapProduct: _map_product,
    MapRows: _map_rows,
    Attention: _attention,
}
