"""Kernels of reductions: of a block of neighbours.

Sums of a block are 16 partial sums in a vector. Minima, maxima and their places go by *keys*: whole
numbers in the order of the elements (for minima, in the opposite order), a NaN above everything; so
the result does not depend on how elements are grouped. See std/core/tensormap.mlr for the calls.
"""

from collections.abc import Callable, Sequence

from mlrift.ir.core import Value
from mlrift.ir.ops.arith import FAdd, FDiv, Xor
from mlrift.ir.ops.compare import FloatPredicate, IntegerPredicate
from mlrift.ir.ops.convert import BitsToFloat, SignedToFloat
from mlrift.ir.ops.loop import Vectorising
from mlrift.ir.ops.tensor_reduce import PARTIAL_SUMS, ReduceKind, reduced_element
from mlrift.ir.ops.tensor_types import (
    ELEMENT_BYTES,
    FLOATS,
    HALVES,
    SIGNED,
    scalar_of,
    sum_kind,
)
from mlrift.ir.ops.vector import Bitcast, Iota, Splat
from mlrift.ir.ops.vector_arith import Binary as VectorBinary
from mlrift.ir.ops.vector_arith import BinaryKind as VectorKind
from mlrift.ir.ops.vector_arith import (
    CompareFloats,
    CompareIntegers,
    Convert,
    ConvertKind,
    SelectLanes,
)
from mlrift.ir.ops.vector_memory import MaskedLoad, VectorLoad
from mlrift.ir.ops.vector_reduce import Order, Reduce
from mlrift.ir.ops.vector_reduce import ReduceKind as VectorReduceKind
from mlrift.ir.passes.expand_tensors.elements import (
    cast,
    element_shift,
    store_element,
)
from mlrift.ir.passes.expand_tensors.emit import Emitter
from mlrift.ir.passes.expand_tensors.float_extremes import (
    extremes_of_nothing,
    greatest_key,
    least_key,
    with_more,
)
from mlrift.typesystem import (
    BF16,
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    ElementKind,
    MachineType,
    VectorType,
    vec,
)
from mlrift.values import value

LANES = PARTIAL_SUMS
ARGUMENTS = (ReduceKind.ARGMIN, ReduceKind.ARGMAX)
SUMS = (ReduceKind.SUM, ReduceKind.MEAN)
_LOWEST = (ReduceKind.MIN, ReduceKind.ARGMIN, ReduceKind.ALL)
_NOTHING = (1 << 64) - 1
_STATE_PLACE = 1
# From so many elements on three extremes are quicker to find than the key of each element.
_LONG = 256
_IN_MEMORY: dict[ElementKind, MachineType] = {
    ElementKind.F16: F16,
    ElementKind.BF16: BF16,
    ElementKind.F32: F32,
    ElementKind.F64: F64,
}
_WORDS = {1: I8, 2: I16, 4: I32, 8: I64}
_MASK_LANES = vec(I64, LANES)


def lanes_in_memory(kind: ElementKind) -> VectorType:
    """Return the type of 16 elements as they are in memory."""
    return vec(_IN_MEMORY.get(kind) or _WORDS[ELEMENT_BYTES[kind]], LANES)


def load_lanes(out: Emitter, address: Value, rest: Value | None, kind: ElementKind) -> Value:
    """Emit the load of 16 elements, or of `rest` of them and zeros."""
    found = lanes_in_memory(kind)
    align = ELEMENT_BYTES[kind]
    if rest is None:
        return out.emit(VectorLoad(address, align, found))
    zero: Value = out.word(0)
    if found.element in (F32, F64):
        zero = out.emit(BitsToFloat(zero, found.element))
    elif found.element in (F16, BF16):
        whole = vec(I16, LANES)
        zeros = out.emit(Splat(zero, whole))
        loaded = out.emit(MaskedLoad(address, lane_mask(out, rest), zeros, align))
        return out.emit(Bitcast(loaded, found))
    return out.emit(MaskedLoad(address, lane_mask(out, rest), out.emit(Splat(zero, found)), align))


def lane_mask(out: Emitter, count: Value) -> Value:
    """Emit a mask of the first lanes."""
    lanes = out.emit(Iota(_MASK_LANES))
    limit = out.emit(Splat(count, _MASK_LANES))
    return out.emit(CompareIntegers(IntegerPredicate.ULT, lanes, limit))


def blocks_of_lanes(
    out: Emitter,
    count: Value,
    carried: Sequence[Value],
    body: Callable[[Value, Value | None, list[Value]], list[Value]],
) -> list[Value]:
    """Emit a loop over groups of 16, then the same for what is left, with its number of lanes."""
    whole = out.bit_and(count, out.word(-LANES))
    after = out.loop(
        whole,
        lambda index, values: body(index, None, values),
        carried,
        step=LANES,
        vectorising=Vectorising.NEVER,
    )
    rest = out.sub(count, whole)
    # At most once: the remainder is below one group.
    return out.loop(
        rest,
        lambda _index, values: body(whole, rest, values),
        after,
        step=LANES,
        vectorising=Vectorising.NEVER,
    )


# ---- sums ----


def _widened(out: Emitter, lanes: Value, kind: ElementKind) -> Value:
    """Emit lanes in the kind in which they are summed."""
    if kind in HALVES:
        return out.emit(Convert(ConvertKind.WIDEN, lanes, vec(F32, LANES)))
    if kind in FLOATS or ELEMENT_BYTES[kind] == 8:
        return lanes
    extend = ConvertKind.SEXT if kind in SIGNED else ConvertKind.ZEXT
    return out.emit(Convert(extend, lanes, vec(I64, LANES)))


def block_sum(out: Emitter, elements: Value, count: Value, kind: ElementKind) -> Value:
    """Emit the sum of a block as a scalar of `sum_kind`."""
    summed = sum_kind(kind)
    scalar = scalar_of(summed)
    zero: Value = out.word(0)
    if scalar is not I64:
        zero = out.emit(BitsToFloat(zero, scalar))
    start = out.emit(Splat(zero, vec(scalar, LANES)))

    def add(index: Value, rest: Value | None, sums: list[Value]) -> list[Value]:
        place = out.element(elements, index, element_shift(kind))
        lanes = _widened(out, load_lanes(out, place, rest, kind), kind)
        return [out.emit(VectorBinary(VectorKind.ADD, sums[0], lanes))]

    (sums,) = blocks_of_lanes(out, count, [start], add)
    return out.emit(Reduce(VectorReduceKind.ADD, Order.TREE, sums))


# ---- minima, maxima, places: by keys ----


def _key_type(kind: ElementKind) -> MachineType:
    return I32 if kind in FLOATS and kind is not ElementKind.F64 else I64


def key_lanes(out: Emitter, lanes: Value, kind: ElementKind, of: ReduceKind) -> Value:
    """Emit the keys of 16 elements: signed whole numbers."""
    if kind in FLOATS:
        values = _widened(out, lanes, kind)
        return _float_keys(out, values, of)
    words = _widened(out, lanes, kind)
    kind_of_words = vec(I64, LANES)
    if kind is ElementKind.U64:
        sign = out.emit(Splat(out.word(1 << 63), kind_of_words))
        words = out.emit(VectorBinary(VectorKind.XOR, words, sign))
    if of in _LOWEST:
        ones = out.emit(Splat(out.word(-1), kind_of_words))
        words = out.emit(VectorBinary(VectorKind.XOR, words, ones))
    return words


def _float_keys(out: Emitter, values: Value, of: ReduceKind) -> Value:
    found = values.type
    assert isinstance(found, VectorType)
    bits = 64 if found.element is F64 else 32
    whole = vec(I64 if bits == 64 else I32, LANES)
    raw = out.emit(Bitcast(values, whole))
    shift = out.emit(Splat(out.word(bits - 1), whole))
    sign = out.emit(VectorBinary(VectorKind.ASHR, raw, shift))
    magnitude = out.emit(Splat(out.word((1 << (bits - 1)) - 1), whole))
    flipped = out.emit(VectorBinary(VectorKind.AND, sign, magnitude))
    keys: Value = out.emit(VectorBinary(VectorKind.XOR, raw, flipped))
    if of in _LOWEST:
        ones = out.emit(Splat(out.word(-1), whole))
        keys = out.emit(VectorBinary(VectorKind.XOR, keys, ones))
    is_nan = out.emit(CompareFloats(FloatPredicate.NE, values, values))
    return out.emit(SelectLanes(is_nan, magnitude, keys))


@value
class Block:
    """Elements that follow each other in memory; `number` is that of the first one in its row."""

    elements: Value
    count: Value
    number: Value


def block_key(out: Emitter, block: Block, kind: ElementKind, of: ReduceKind) -> tuple[Value, Value]:
    """Emit the greatest key of a block, sign-extended, and its first place, counted from `number`.

    The place is only found for reductions that ask for it; a block is not empty.
    """
    if kind not in FLOATS or kind is ElementKind.F64 or of in ARGUMENTS:
        return _key_of_keys(out, block, kind, of)
    is_long = out.compare(IntegerPredicate.UGE, block.count, out.word(_LONG))
    key = out.either(
        is_long,
        lambda: _key_of_extremes(out, block, kind, of),
        lambda: _key_of_keys(out, block, kind, of)[0],
    )
    return key, block.number


def _key_of_keys(
    out: Emitter, block: Block, kind: ElementKind, of: ReduceKind
) -> tuple[Value, Value]:
    elements, count, number = block.elements, block.count, block.number
    lane = _key_type(kind)
    lowest = out.emit(Splat(out.word(1 << (31 if lane is I32 else 63)), vec(lane, LANES)))
    places_type = vec(I64, LANES)
    nowhere = out.emit(Splat(out.word(_NOTHING), places_type))
    counting = out.emit(Iota(places_type))
    wants_place = of in ARGUMENTS

    def take(index: Value, rest: Value | None, best: list[Value]) -> list[Value]:
        place = out.element(elements, index, element_shift(kind))
        keys = key_lanes(out, load_lanes(out, place, rest, kind), kind, of)
        if rest is not None:
            keys = out.emit(SelectLanes(lane_mask(out, rest), keys, lowest))
        if not wants_place:
            return [out.emit(VectorBinary(VectorKind.SMAX, best[0], keys))]
        here = out.emit(Splat(out.add(number, index), places_type))
        numbers = out.emit(VectorBinary(VectorKind.ADD, here, counting))
        better = out.emit(CompareIntegers(IntegerPredicate.SGT, keys, best[0]))
        return [
            out.emit(SelectLanes(better, keys, best[0])),
            out.emit(SelectLanes(better, numbers, best[1])),
        ]

    start = [lowest, nowhere] if wants_place else [lowest]
    best = blocks_of_lanes(out, count, start, take)
    key: Value = out.emit(Reduce(VectorReduceKind.SMAX, Order.TREE, best[0]))
    if not wants_place:
        return _extended_key(out, key, lane), number
    matching = out.emit(
        CompareIntegers(IntegerPredicate.EQ, best[0], out.emit(Splat(key, vec(lane, LANES))))
    )
    candidates = out.emit(SelectLanes(matching, best[1], nowhere))
    found: Value = out.emit(Reduce(VectorReduceKind.UMIN, Order.TREE, candidates))
    # All keys are the lowest there is: the first element has it, too.
    none = out.compare(IntegerPredicate.EQ, found, out.word(_NOTHING))
    return _extended_key(out, key, lane), out.select(none, number, found)


def _key_of_extremes(out: Emitter, block: Block, kind: ElementKind, of: ReduceKind) -> Value:
    """Emit the greatest key of a block whose elements are computed in f32."""
    bits = vec(I32, LANES)
    start = extremes_of_nothing(out, bits)

    def take(index: Value, rest: Value | None, extremes: list[Value]) -> list[Value]:
        place = out.element(block.elements, index, element_shift(kind))
        lanes = _widened(out, load_lanes(out, place, rest, kind), kind)
        raw: Value = out.emit(Bitcast(lanes, bits))
        rows = [raw] * len(extremes)
        if rest is not None:
            mask = lane_mask(out, rest)
            rows = [out.emit(SelectLanes(mask, raw, nothing)) for nothing in start]
        return with_more(out, extremes, rows)

    extremes = blocks_of_lanes(out, block.count, start, take)
    return least_key(out, extremes) if of in _LOWEST else greatest_key(out, extremes)


def _extended_key(out: Emitter, key: Value, lane: MachineType) -> Value:
    if lane is I64:
        return key
    return out.shifted_right_signed(out.shifted(key, 32), 32)


def element_of_key(out: Emitter, key: Value, kind: ElementKind, of: ReduceKind) -> Value:
    """Emit the element with a key, as a scalar; that of a NaN is a quiet NaN."""
    if kind not in FLOATS:
        word = key
        if of in _LOWEST:
            word = out.emit(Xor(word, out.word(-1)))
        if kind is ElementKind.U64:
            word = out.emit(Xor(word, out.word(1 << 63)))
        return word
    bits = 64 if kind is ElementKind.F64 else 32
    most = out.word((1 << (bits - 1)) - 1)
    is_nan = out.compare(IntegerPredicate.EQ, key, most)
    word = out.emit(Xor(key, out.word(-1))) if of in _LOWEST else key
    sign = out.shifted_right_signed(word, 63)
    word = out.emit(Xor(word, out.bit_and(sign, most)))
    quiet = out.word(0x7FF8 << 48 if bits == 64 else 0x7FC0_0000)
    return out.emit(BitsToFloat(out.select(is_nan, quiet, word), scalar_of(kind)))


# ---- states of rows ----


def emit_begin(out: Emitter, state: Value, kind: ReduceKind, element: ElementKind) -> None:
    """Emit the state before the first element: a sum of 0, or no key."""
    out.store_word(state, 0, out.word(0))
    if kind not in SUMS:
        out.store_word(state, _STATE_PLACE, out.word(_NOTHING))


def emit_block(out: Emitter, kind: ReduceKind, element: ElementKind) -> None:
    """Emit the body of `block(state, elements, count, number)`; a state holds one block."""
    state, elements, count, number = out.function.parameters
    if kind in SUMS:
        out.store_word(state, 0, block_sum(out, elements, count, element))
        return
    key, place = block_key(out, Block(elements, count, number), element, kind)
    is_empty = out.compare(IntegerPredicate.EQ, count, out.word(0))
    out.store_word(state, 0, key)
    out.store_word(state, _STATE_PLACE, out.select(is_empty, out.word(_NOTHING), place))


def emit_merge(out: Emitter, kind: ReduceKind, element: ElementKind) -> None:
    """Emit the body of `merge(state, later)`."""
    state, later = out.function.parameters
    if kind in SUMS:
        scalar = scalar_of(sum_kind(element))
        one, two = out.load_word(state, 0, scalar), out.load_word(later, 0, scalar)
        summed: Value = out.add(one, two) if scalar is I64 else out.emit(FAdd(one, two))
        out.store_word(state, 0, summed)
        return
    key, later_key = out.load_word(state, 0), out.load_word(later, 0)
    better = out.compare(IntegerPredicate.SGT, later_key, key)
    places = out.load_word(state, _STATE_PLACE), out.load_word(later, _STATE_PLACE)
    out.store_word(state, 0, out.select(better, later_key, key))
    out.store_word(state, _STATE_PLACE, out.select(better, places[1], places[0]))


def emit_finish(out: Emitter, kind: ReduceKind, element: ElementKind) -> None:
    """Emit the body of `finish(state, out, count)`."""
    state, target, count = out.function.parameters
    result = reduced_element(kind, element)
    if kind in SUMS:
        summed = out.load_word(state, 0, scalar_of(sum_kind(element)))
        if kind is ReduceKind.MEAN:
            summed = mean_of(out, summed, count, element)
        store_element(out, target, summed, result)
        return
    place = out.load_word(state, _STATE_PLACE)
    if kind in ARGUMENTS:
        store_element(out, target, place, result)
        return
    found = element_of_key(out, out.load_word(state, 0), element, kind)
    if element is ElementKind.BOOL:
        default = out.word(1 if kind is ReduceKind.ALL else 0)
        is_empty = out.compare(IntegerPredicate.EQ, place, out.word(_NOTHING))
        found = out.select(is_empty, default, found)
    store_element(out, target, found, result)


def mean_of(out: Emitter, summed: Value, count: Value, element: ElementKind) -> Value:
    """Emit a sum divided by the number of elements, as the scalar of a mean."""
    result = reduced_element(ReduceKind.MEAN, element)
    dividend = cast(out, summed, sum_kind(element), result)
    divisor = out.emit(SignedToFloat(count, scalar_of(result)))
    return out.emit(FDiv(dividend, divisor))
