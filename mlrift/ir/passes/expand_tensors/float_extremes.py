"""The greatest key of a block of singles without making the key of each element.

The bits of singles as whole numbers are in the order of the numbers, or the opposite one below
zero. So three extremes of the bits (signed, and both unsigned ones) say what the key of the minimum
or maximum is, and whether there is a NaN; see reduce_kernels.py for keys.
"""

from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Xor
from mlrift.ir.ops.compare import IntegerPredicate
from mlrift.ir.ops.vector import Splat
from mlrift.ir.ops.vector_arith import Binary as VectorBinary
from mlrift.ir.ops.vector_arith import BinaryKind
from mlrift.ir.ops.vector_reduce import Order, Reduce, ReduceKind
from mlrift.ir.passes.expand_tensors.emit import Emitter
from mlrift.typesystem import I32, VectorType

_BITS = 32
_SIGN = 1 << (_BITS - 1)
_MOST = _SIGN - 1
_WORD = (1 << _BITS) - 1
_INFINITY = 0x7F80_0000
# How the extremes are found, and what they are of nothing.
_EXTREMES = (
    (BinaryKind.SMAX, ReduceKind.SMAX, _SIGN),
    (BinaryKind.UMIN, ReduceKind.UMIN, _WORD),
    (BinaryKind.UMAX, ReduceKind.UMAX, 0),
)


def extremes_of_nothing(out: Emitter, lanes: VectorType) -> list[Value]:
    """Emit the extremes before the first elements, in lanes of i32."""
    assert lanes.element is I32
    return [out.emit(Splat(out.word(start), lanes)) for _, _, start in _EXTREMES]


def with_more(out: Emitter, extremes: list[Value], rows: list[Value]) -> list[Value]:
    """Emit the extremes with more elements: their bits, for each of the extremes."""
    kinds = [kind for kind, _, _ in _EXTREMES]
    return [
        out.emit(VectorBinary(kind, extreme, bits))
        for kind, extreme, bits in zip(kinds, extremes, rows, strict=True)
    ]


def greatest_key(out: Emitter, extremes: list[Value]) -> Value:
    """Emit the key of the maximum, sign-extended."""
    signed, least, most = _reduced(out, extremes)
    is_below = out.compare(IntegerPredicate.SLT, signed, out.word(0))
    turned = _extended(out, out.emit(Xor(least, out.word(_MOST))))
    return _unless_nan(out, signed, most, out.select(is_below, turned, signed))


def least_key(out: Emitter, extremes: list[Value]) -> Value:
    """Emit the key of the minimum, sign-extended."""
    signed, least, most = _reduced(out, extremes)
    is_below = out.compare(IntegerPredicate.UGE, most, out.word(_SIGN))
    # The bits of numbers below zero are turned around twice, once for being below.
    bits = out.select(is_below, out.emit(Xor(most, out.word(_MOST))), least)
    return _unless_nan(out, signed, most, _extended(out, out.emit(Xor(bits, out.word(_WORD)))))


def _reduced(out: Emitter, extremes: list[Value]) -> tuple[Value, Value, Value]:
    kinds = [kind for _, kind, _ in _EXTREMES]
    signed, least, most = (
        out.emit(Reduce(kind, Order.TREE, lanes))
        for kind, lanes in zip(kinds, extremes, strict=True)
    )
    low = out.word(_WORD)
    return _extended(out, signed), out.bit_and(least, low), out.bit_and(most, low)


def _extended(out: Emitter, word: Value) -> Value:
    return out.shifted_right_signed(out.shifted(word, _BITS), _BITS)


def _unless_nan(out: Emitter, signed: Value, most: Value, key: Value) -> Value:
    """Emit a key, or the one above all others if there is a NaN of either sign."""
    above = out.compare(IntegerPredicate.SGT, signed, out.word(_INFINITY))
    below = out.compare(IntegerPredicate.UGT, most, out.word(_SIGN | _INFINITY))
    nan = out.word(_MOST)
    return out.select(above, nan, out.select(below, nan, key))
