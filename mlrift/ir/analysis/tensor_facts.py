"""What the tensor ops of a module move and compute, once element-wise ops have been fused.

A module between `fuse_tensors` and `expand_tensors` enters; a row for every op that makes elements
leaves: what was fused into it, its bytes and operations for each element that it goes through.
"""

from mlrift.ir.core import Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops import arith, compare, convert
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.tensor_linear import Convolution, MatrixProduct
from mlrift.ir.ops.tensor_map import Map
from mlrift.ir.ops.tensor_reduce import MapReduce, Reduce, ReduceAll
from mlrift.ir.ops.tensor_rows import LayerNorm, RmsNorm, Softmax
from mlrift.ir.ops.tensor_types import ELEMENT_BYTES, broadcast, tensor_of
from mlrift.ir.passes.expand_tensors.bodies import names_in_body
from mlrift.source import Span
from mlrift.typesystem import Extents, TensorType
from mlrift.values import value

# What a call of an elementary function counts for.
_OPERATIONS_OF_CALLS = 20
_COUNTED = (
    *(arith.FAdd, arith.FSub, arith.FMul, arith.FDiv, arith.FSqrt, arith.FMultiplyAdd),
    *(arith.Add, arith.Sub, arith.Mul, arith.Udiv, arith.Sdiv, arith.Urem, arith.Srem),
    *(arith.And, arith.Or, arith.Xor, arith.Shl, arith.Lshr, arith.Ashr, arith.Select),
    *(compare.CompareFloat, compare.CompareInteger),
    *(convert.Widen, convert.Narrow, convert.SignedToFloat, convert.FloatToSigned),
    *(convert.HalfToSingle, convert.SingleToHalf),
)


@value
class TensorFact:
    """One op: `elements` are those it goes through, None where only the program knows.

    `fused` names the ops that one loop carries out. Bytes and operations are for one element; those
    of a matrix product for one multiplication.
    """

    function: str
    span: Span | None
    operation: str
    fused: tuple[str, ...]
    elements: int | None
    bytes_per_element: float
    operations_per_element: float


def tensor_facts(module: Module) -> list[TensorFact]:
    """Return the facts of a module in the order of its functions."""
    found: list[TensorFact] = []
    for function in module.functions.values():
        for made in function.ops():
            row = _fact(module, function, made)
            if row is not None:
                found.append(row)
    return found


def _fact(module: Module, function: Function, made: Op) -> TensorFact | None:
    if isinstance(made, (Map, MapReduce)):
        return _fact_of_map(module, function, made)
    if isinstance(made, (Reduce, ReduceAll)):
        return _plain(function, made, made.operand, made.kind.value, 1)
    if isinstance(made, (Softmax, LayerNorm, RmsNorm)):
        name = made.MNEMONIC.partition(".")[2]
        return _plain(function, made, made.operand, name, 2)
    if isinstance(made, MatrixProduct):
        return _fact_of_product(function, made)
    if isinstance(made, Convolution):
        return TensorFact(function.name, made.span, "convolution", (), None, 0, 2)
    return None


def _fact_of_map(module: Module, function: Function, made: Map | MapReduce) -> TensorFact:
    rows = [tensor_of(row) for row in made.tensors]
    extents = broadcast(*[row.extents for row in rows]) if rows else tensor_of(made).extents
    assert extents is not None
    moved = sum(_bytes_read(row, extents) for row in rows)
    fused = names_in_body(made.body)
    operation = "map"
    if isinstance(made, MapReduce):
        operation = made.kind.value
        fused += (operation,)
    else:
        moved += ELEMENT_BYTES[made.tensor_type.element]
    operations = _operations(module, made.body) + isinstance(made, MapReduce)
    count = _count(extents)
    return TensorFact(function.name, made.span, operation, fused, count, moved, operations)


def _plain(function: Function, made: Op, operand: Value, name: str, passes: int) -> TensorFact:
    found = tensor_of(operand)
    moved = ELEMENT_BYTES[found.element] * passes
    return TensorFact(function.name, made.span, name, (name,), _count(found.extents), moved, passes)


def _fact_of_product(function: Function, made: MatrixProduct) -> TensorFact:
    left, right = tensor_of(made.lhs), tensor_of(made.rhs)
    result = _count(tensor_of(made).extents)
    depth = left.extents[-1] if left.extents[-1] is not None else right.extents[0]
    elements = result * depth if result is not None and depth is not None else None
    moved = 0.0
    sizes = [_count(row.extents) for row in (left, right, tensor_of(made))]
    if elements and None not in sizes:
        kinds = [row.element for row in (left, right, tensor_of(made))]
        pairs = zip(sizes, kinds, strict=True)
        moved = sum((size or 0) * ELEMENT_BYTES[kind] for size, kind in pairs) / elements
    return TensorFact(function.name, made.span, "matrix product", (), elements, moved, 2)


def _bytes_read(operand: TensorType, extents: Extents) -> float:
    """Return the bytes of an operand for each element of the result; less where it stretches."""
    size = ELEMENT_BYTES[operand.element]
    own, whole = _count(operand.extents), _count(extents)
    if own is not None and whole:
        return size * own / whole
    missing = len(extents) - operand.rank
    stretches = missing > 0 or 1 in operand.extents
    return 0.0 if stretches and 1 not in extents else float(size)


def _count(extents: Extents) -> int | None:
    count = 1
    for row in extents:
        if row is None:
            return None
        count *= row
    return count


def _operations(module: Module, body: str) -> int:
    count = 0
    for made in module.functions[body].ops():
        if isinstance(made, Call):
            callee = module.functions.get(made.callee)
            is_known = callee is not None and callee.blocks
            count += _operations(module, made.callee) if is_known else _OPERATIONS_OF_CALLS
        else:
            count += isinstance(made, _COUNTED)
    return count
