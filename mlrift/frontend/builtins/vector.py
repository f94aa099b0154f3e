"""IR of operations on vectors: one function for each `lower` of a builtin that the checker names.

Each function returns what a `Builtin.lower` is: operands in, the value out. Kinds of lanes, signs
included, are known when the lowering is made; operands that are scalars are as lanes need them.
"""

from collections.abc import Callable

from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Ashr, Shl
from mlrift.ir.ops.compare import FloatPredicate, IntegerPredicate
from mlrift.ir.ops.convert import TruthToWord
from mlrift.ir.ops.processor import VersionLevel
from mlrift.ir.ops.vector import (
    Bitcast,
    Concat,
    Extract,
    ExtractAt,
    Insert,
    InsertAt,
    Iota,
    Shuffle,
    Slice,
    Splat,
    Table,
    VectorConstant,
)
from mlrift.ir.ops.vector_arith import (
    Binary,
    BinaryKind,
    CompareFloats,
    CompareIntegers,
    Convert,
    ConvertKind,
    Dot4,
    Dot4Kind,
    MultiplyAdd,
    SelectLanes,
    Unary,
    UnaryKind,
)
from mlrift.ir.ops.vector_dot import Dot2, Dot2Words
from mlrift.ir.ops.vector_memory import (
    GatherBytes,
    Locality,
    MaskedLoad,
    MaskedStore,
    Prefetch,
    PrefetchKind,
    VectorLoad,
    VectorStore,
)
from mlrift.ir.ops.vector_reduce import All, Any, Count, MaskToWord, Order, Reduce, ReduceKind
from mlrift.ir.ops.vector_types import FLOATS, LANE_BITS
from mlrift.typesystem import BF16, F16, F32, I1, I8, I16, I32, I64, MachineType, VectorType, vec

Lowering = Callable[[Builder, list[Value]], Value]

_WORD_BITS = 64
_INTEGER_OF_BITS = {8: I8, 16: I16, 32: I32, 64: I64}
_HALVES = (F16, BF16)
_BYTE_LANES_OF_TABLE = 16


def type_of(value: Value) -> VectorType:
    """Return the type of a value that is a vector: the checker saw to it."""
    assert isinstance(value.type, VectorType)
    return value.type


def zero_of(held: VectorType) -> VectorConstant:
    """Return the op of a vector of zeros."""
    zero: int | float = 0.0 if held.element in FLOATS else 0
    return VectorConstant((zero,) * held.lanes, held)


# ---------------------------------------------------------------------------------- making


def zeros(made: VectorType) -> Lowering:
    """A vector of zeros."""
    return lambda builder, _values: builder.emit(zero_of(made))


def splat(made: VectorType) -> Lowering:
    """A scalar in every lane; floats are rounded to halves."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        scalar = values[0]
        if made.element in _HALVES:
            return _narrowed(builder, builder.emit(Splat(scalar, vec(F32, made.lanes))), made)
        if made.element is I1:
            scalar = builder.truth(scalar)
        return builder.emit(Splat(scalar, made))

    return lower


def iota(made: VectorType) -> Lowering:
    """0, 1, 2 and so on."""
    return lambda builder, _values: builder.emit(Iota(made))


def _narrowed(builder: Builder, singles: Value, made: VectorType) -> Value:
    return builder.emit(Convert(ConvertKind.NARROW, singles, made))


# ---------------------------------------------------------------------------------- memory


def load(made: VectorType) -> Lowering:
    """Lanes from memory: the address."""
    return lambda builder, values: builder.emit(VectorLoad(values[0], 1, made))


def store(builder: Builder, values: list[Value]) -> Value:
    """Lanes to memory: the address, the vector."""
    builder.emit(VectorStore(values[0], values[1], 1))
    return builder.word(0)


def load_masked(made: VectorType) -> Lowering:
    """The first lanes from memory, zeros for the others: the address, the count."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        mask = first_lanes(builder, values[1], made)
        return builder.emit(MaskedLoad(values[0], mask, builder.emit(zero_of(made)), 1))

    return lower


def store_masked(builder: Builder, values: list[Value]) -> Value:
    """The first lanes to memory: the address, the vector, the count."""
    mask = first_lanes(builder, values[2], type_of(values[1]))
    builder.emit(MaskedStore(values[0], mask, values[1], 1))
    return builder.word(0)


def first_lanes(builder: Builder, count: Value, held: VectorType) -> Value:
    """Return the mask of the first `count` lanes: a comparison of lanes as wide as the vector's."""
    row = vec(_INTEGER_OF_BITS[LANE_BITS[held.element]], held.lanes)
    words = vec(I64, 1)
    most = builder.emit(VectorConstant((held.lanes,), words))
    least = builder.emit(Binary(BinaryKind.UMIN, builder.emit(Splat(count, words)), most))
    bound = builder.emit(Splat(builder.emit(Extract(least, 0)), row))
    return builder.emit(CompareIntegers(IntegerPredicate.ULT, builder.emit(Iota(row)), bound))


def gather(made: VectorType) -> Lowering:
    """Lanes from `base` + an offset in bytes each: the base, the offsets."""
    return lambda builder, values: builder.emit(GatherBytes(values[0], values[1], made))


def prefetch(builder: Builder, values: list[Value]) -> Value:
    """Have a cache line brought nearer: the address."""
    builder.emit(Prefetch(PrefetchKind.READ, Locality.HIGH, values[0]))
    return builder.word(0)


# -------------------------------------------------------------------------------- lanewise


def unary(kind: UnaryKind) -> Lowering:
    """A function of each lane."""
    return lambda builder, values: builder.emit(Unary(kind, values[0]))


def binary(kind: BinaryKind) -> Lowering:
    """A function of each pair of lanes."""
    return lambda builder, values: builder.emit(Binary(kind, values[0], values[1]))


def compare_integers(predicate: IntegerPredicate) -> Lowering:
    """Whether each pair of lanes compares like this."""
    return lambda builder, values: builder.emit(CompareIntegers(predicate, values[0], values[1]))


def compare_floats(predicate: FloatPredicate) -> Lowering:
    """Whether each pair of lanes compares like this."""
    return lambda builder, values: builder.emit(CompareFloats(predicate, values[0], values[1]))


def select(builder: Builder, values: list[Value]) -> Value:
    """The second or the third by the first."""
    return builder.emit(SelectLanes(values[0], values[1], values[2]))


def fma(builder: Builder, values: list[Value]) -> Value:
    """a * b + c, rounded once."""
    return builder.emit(MultiplyAdd(values[0], values[1], values[2]))


def convert(kinds: tuple[tuple[ConvertKind, MachineType], ...]) -> Lowering:
    """Conversions one after the other."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        made = values[0]
        for kind, element in kinds:
            made = builder.emit(Convert(kind, made, vec(element, type_of(made).lanes)))
        return made

    return lower


def is_not_zero(builder: Builder, values: list[Value]) -> Value:
    """Whether each lane is not zero."""
    held = type_of(values[0])
    zero = builder.emit(zero_of(held))
    if held.element in FLOATS:
        return builder.emit(CompareFloats(FloatPredicate.NE, values[0], zero))
    return builder.emit(CompareIntegers(IntegerPredicate.NE, values[0], zero))


def clamp(
    target: MachineType, below: BinaryKind, above: BinaryKind, ends: tuple[int, int]
) -> Lowering:
    """Lanes brought into a range, then the low bits of them."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        held = type_of(values[0])
        mask = (1 << LANE_BITS[held.element]) - 1
        made: Value = values[0]
        for kind, end in zip((above, below), ends, strict=True):
            bound = builder.emit(VectorConstant((end & mask,) * held.lanes, held))
            made = builder.emit(Binary(kind, made, bound))
        return builder.emit(Convert(ConvertKind.TRUNC, made, vec(target, held.lanes)))

    return lower


# ----------------------------------------------------------------------------- rearranging


def bits(made: VectorType) -> Lowering:
    """The same bits as other lanes."""
    return lambda builder, values: builder.emit(Bitcast(values[0], made))


def low(builder: Builder, values: list[Value]) -> Value:
    """The first half of the lanes."""
    return builder.emit(Slice(values[0], 0, type_of(values[0]).lanes // 2))


def high(builder: Builder, values: list[Value]) -> Value:
    """The second half of the lanes."""
    half = type_of(values[0]).lanes // 2
    return builder.emit(Slice(values[0], half, half))


def join(builder: Builder, values: list[Value]) -> Value:
    """The lanes of one vector, then those of another."""
    return builder.emit(Concat(values[0], values[1]))


def pick(lanes: tuple[int, ...]) -> Lowering:
    """Chosen lanes of two vectors."""
    return lambda builder, values: builder.emit(Shuffle(values[0], values[1], lanes))


def table(builder: Builder, values: list[Value]) -> Value:
    """Lanes of a table of 16 bytes, by the low four bits of each index."""
    return builder.emit(Table(values[0], values[1]))


# ------------------------------------------------------------------------- lanes, wholes


def lane(signed_bits: int) -> Lowering:
    """One lane as a scalar: the vector, the number of the lane, which may be any.

    `signed_bits` are those of a lane that is signed, 0 for all others.
    """

    def lower(builder: Builder, values: list[Value]) -> Value:
        found = _widened(builder, values[0])
        index = values[1]
        made: Value
        number = _known(index, type_of(found).lanes)
        if number is not None:
            made = builder.emit(Extract(found, number))
        else:
            made = builder.emit(ExtractAt(found, index))
        return _signed(builder, made, signed_bits)

    return lower


def set_lane(builder: Builder, values: list[Value]) -> Value:
    """The vector with a scalar in one lane: the vector, the number of the lane, the scalar."""
    vector, index, scalar = values
    held = type_of(vector)
    if held.element in _HALVES:
        single = builder.emit(Splat(scalar, vec(F32, 1)))
        scalar = builder.emit(Extract(_narrowed(builder, single, vec(held.element, 1)), 0))
    if held.element is I1:
        scalar = builder.truth(scalar)
    number = _known(index, held.lanes)
    if number is not None:
        return builder.emit(Insert(vector, scalar, number))
    return builder.emit(InsertAt(vector, scalar, index))


def _known(index: Value, lanes: int) -> int | None:
    from mlrift.ir.ops.arith import Constant  # noqa: PLC0415

    return int(index.value) % lanes if isinstance(index, Constant) else None


def _widened(builder: Builder, vector: Value) -> Value:
    """Return halves as singles, all others as they are."""
    held = type_of(vector)
    if held.element not in _HALVES:
        return vector
    return builder.emit(Convert(ConvertKind.WIDEN, vector, vec(F32, held.lanes)))


def _signed(builder: Builder, word: Value, signed_bits: int) -> Value:
    if word.type is I1:
        return builder.emit(TruthToWord(word))
    if signed_bits in (0, _WORD_BITS):
        return word
    unused = builder.word(_WORD_BITS - signed_bits)
    return builder.emit(Ashr(builder.emit(Shl(word, unused)), unused))


def reduce(kind: ReduceKind, signed_bits: int) -> Lowering:
    """All lanes as one scalar, halves first."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        return _signed(builder, builder.emit(Reduce(kind, Order.TREE, values[0])), signed_bits)

    return lower


def any_lane(builder: Builder, values: list[Value]) -> Value:
    """Whether some lane of a mask is set."""
    return builder.emit(TruthToWord(builder.emit(Any(values[0]))))


def all_lanes(builder: Builder, values: list[Value]) -> Value:
    """Whether all lanes of a mask are set."""
    return builder.emit(TruthToWord(builder.emit(All(values[0]))))


def count(builder: Builder, values: list[Value]) -> Value:
    """How many lanes of a mask are set."""
    return builder.emit(Count(values[0]))


def mask_word(builder: Builder, values: list[Value]) -> Value:
    """The lanes of a mask as the low bits of a word."""
    return builder.emit(MaskToWord(values[0]))


# ------------------------------------------------------------------------------- products


def dot4(kind: Dot4Kind) -> Lowering:
    """Sums and the products of four bytes each."""
    return lambda builder, values: builder.emit(Dot4(kind, values[0], values[1], values[2]))


def dot2(builder: Builder, values: list[Value]) -> Value:
    """Sums and the products of two bf16 each."""
    return builder.emit(Dot2(values[0], values[1], values[2]))


def dot2_words(builder: Builder, values: list[Value]) -> Value:
    """Sums and the products of two i16 each."""
    return builder.emit(Dot2Words(values[0], values[1], values[2]))


def level(builder: Builder, _values: list[Value]) -> Value:
    """For which processors the code is made."""
    return builder.emit(VersionLevel())
