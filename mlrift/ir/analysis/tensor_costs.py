"""What the loops over tensors cost: an op after fusion in, its facts out."""

from mlrift.ir.analysis.op_costs import OpCost, count_body
from mlrift.ir.core import Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import FAdd, FDiv, FMul, FSqrt, FSub
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.tensor_linear import MatrixProduct
from mlrift.ir.ops.tensor_map import Map
from mlrift.ir.ops.tensor_reduce import MapReduce
from mlrift.ir.ops.tensor_types import ELEMENT_BYTES, tensor_of
from mlrift.typesystem import TensorType

_NAMES: dict[type[Op], str] = {FAdd: "+", FSub: "-", FMul: "*", FDiv: "/", FSqrt: "sqrt"}


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
    if isinstance(made, MatrixProduct):
        return _product(made)
    return None


def _map(module: Module, made: Map) -> OpCost:
    cost = OpCost("element-wise", made.span, "element")
    _operands(cost, made.tensors)
    cost.is_written["result"] = ELEMENT_BYTES[made.tensor_type.element]
    cost.element_bytes = max(cost.element_bytes, cost.is_written["result"])
    _body(module, cost, made.body)
    return cost


def _product(made: MatrixProduct) -> OpCost:
    cost = OpCost("matrix product", made.span, "element of the result")
    left = made.operands()[0]
    inner = tensor_of(left).extents[-1]
    cost.fused = f"{inner if inner is not None else 'K'} products and sums for each"
    cost.element_bytes = ELEMENT_BYTES[tensor_of(left).element]
    cost.is_written = {"result": cost.element_bytes}
    return cost


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
    steps = [
        row.callee.rpartition(".")[2] if isinstance(row, Call) else _NAMES[type(row)]
        for row in function.ops()
        if isinstance(row, Call) or type(row) in _NAMES
    ]
    cost.fused = f"one loop: {' '.join(steps)}" if steps else "one loop"
