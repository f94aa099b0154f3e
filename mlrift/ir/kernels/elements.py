"""Elements of factors: how they are loaded and widened to what sums are made of."""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.kernels.tile_shapes import SIZE_BYTES, Factor
from mlrift.ir.ops.arith import Add, Ashr, Mul, Select, Shl
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.convert import BitsToFloat, HalfToSingle
from mlrift.ir.ops.memory import Load, Store
from mlrift.ir.ops.vector import Shuffle, VectorConstant
from mlrift.ir.ops.vector_arith import Binary, BinaryKind, Convert, ConvertKind, MultiplyAdd
from mlrift.ir.ops.vector_memory import VectorLoad
from mlrift.typesystem import (
    BF16,
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    MachineType,
    VectorType,
    vec,
)

# What an element is moved as, where it is not converted.
_MOVED = {F32: I32, F64: I64, BF16: I16, F16: I16, I8: I8, I32: I32}
_TOP_OF_BYTE = 56
_TOP_OF_BF16 = 16


def load_vector(builder: Builder, address: Value, lanes: int, factor: Factor) -> Value:
    """Load elements side by side, widened."""
    element, total = factor.element, factor.total
    taken = VectorLoad(address, SIZE_BYTES[element], vec(element, lanes))
    vector = builder.emit(taken)
    if element is total:
        return vector
    kind = ConvertKind.SEXT if element is I8 else ConvertKind.WIDEN
    return builder.emit(Convert(kind, vector, vec(total, lanes)))


def load_scalar(builder: Builder, address: Value, factor: Factor) -> Value:
    """Load one element, widened: a float, or a word whose low bits count."""
    element, total = factor.element, factor.total
    if element is total:
        return builder.emit(Load(address, element))
    word = _widened(builder, builder.emit(Load(address, _MOVED[element])), element)
    return builder.emit(BitsToFloat(word, total)) if element is BF16 else word


def move_element(builder: Builder, address: Value, target: Value, factor: Factor) -> None:
    """Copy one element, widened; floats keep their bits."""
    element, total = factor.element, factor.total
    loaded = builder.emit(Load(address, _MOVED[element]))
    moved = total if element is F16 else _MOVED[total]
    value = loaded if element is total else _widened(builder, loaded, element)
    builder.emit(Store(target, value, moved))


def zeros(builder: Builder, kind: VectorType) -> Value:
    """Return a vector of zeros."""
    lanes = (0,) * kind.lanes if kind.element is I32 else (0.0,) * kind.lanes
    return builder.emit(VectorConstant(lanes, kind))


def multiply_add(builder: Builder, factor: Value, other: Value, total: Value) -> Value:
    """Return total + factor * other: fused for floats, modulo 2**32 for integers."""
    kind = factor.type
    assert isinstance(kind, VectorType)
    if kind.element is not I32:
        return builder.emit(MultiplyAdd(factor, other, total))
    product = builder.emit(Binary(BinaryKind.MUL, factor, other))
    return builder.emit(Binary(BinaryKind.ADD, total, product))


def row_starts(
    builder: Builder, source: Value, row_bytes: Value, rows: Value, lanes: int
) -> list[Value]:
    """Return where `lanes` rows begin; the first one stands for those that there are not."""
    starts: list[Value] = []
    for index in range(lanes):
        there = builder.emit(CompareInteger(IntegerPredicate.UGT, rows, builder.word(index)))
        number = builder.emit(Select(there, builder.word(index), builder.word(0)))
        starts.append(builder.emit(Add(source, builder.emit(Mul(row_bytes, number)))))
    return starts


def transposed(builder: Builder, rows: list[Value]) -> list[Value]:
    """Transpose as many vectors as they have lanes: exchange halves, quarters and so on."""
    count = len(rows)
    half = count // 2
    while half:
        low = tuple(lane if lane & half == 0 else count + (lane ^ half) for lane in range(count))
        high = tuple(lane ^ half if lane & half == 0 else count + lane for lane in range(count))
        made = list(rows)
        for index in range(count):
            if index & half == 0:
                first, second = rows[index], rows[index | half]
                made[index] = builder.emit(Shuffle(first, second, low))
                made[index | half] = builder.emit(Shuffle(first, second, high))
        rows = made
        half //= 2
    return rows


def _widened(builder: Builder, word: Value, element: MachineType) -> Value:
    if element is F16:
        return builder.emit(HalfToSingle(word))
    if element is BF16:
        return builder.emit(Shl(word, builder.word(_TOP_OF_BF16)))
    up = builder.emit(Shl(word, builder.word(_TOP_OF_BYTE)))
    return builder.emit(Ashr(up, builder.word(_TOP_OF_BYTE)))
