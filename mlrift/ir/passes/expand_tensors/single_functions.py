"""exp and tanh of an f32 in f32 arithmetic, within two units in the last place, without a branch.

Sixteen of them fit where eight of std's do, which compute in f64. x = n ln 2 + r with |r| <=
ln 2 / 2; the curve of e^r is that of Cephes. Products and sums are rounded one by one, so that the
interpreter's numpy (interpret/tensor_arithmetic) and every processor give the same bits.
"""

from mlrift.ir.core import Value
from mlrift.ir.numbers import to_single
from mlrift.ir.ops.arith import Constant, FAdd, FDiv, FMul, FSub
from mlrift.ir.ops.compare import CompareFloat, FloatPredicate
from mlrift.ir.ops.convert import BitsToFloat, FloatToBits
from mlrift.ir.passes.expand_tensors.emit import Emitter
from mlrift.typesystem import F32

# Beyond these everything is infinite, or zero.
HIGHEST, LOWEST = 89.0, -104.0
LOG2_E = to_single(1.4426950408889634)
# ln 2 in two parts: the first has nine bits, so that n times it is exact.
LN2_HIGH, LN2_LOW = 0.693359375, to_single(-2.12194440e-4)
# What is added to it is rounded to a whole number, which is in its low bits.
ROUNDER = 12582912.0
ROUNDER_BITS = 0x4B40_0000
CURVE = tuple(
    map(
        to_single,
        (
            1.9875691500e-4,
            1.3981999507e-3,
            8.3334519073e-3,
            4.1665795894e-2,
            1.6666665459e-1,
            5.0000001201e-1,
        ),
    )
)
EXPONENT_BIAS, FRACTION_BITS = 127, 23
TANH_BORDER = 0.625
TANH_CURVE = tuple(
    map(
        to_single,
        (
            -5.70498872745e-3,
            2.06390887954e-2,
            -5.37397155531e-2,
            1.33314422036e-1,
            -3.33332819422e-1,
        ),
    )
)
SIGN_BIT = 0x8000_0000


def single_exp(out: Emitter, value: Value) -> Value:
    """Emit exp(x) of an f32."""
    value = _limited(out, value, FloatPredicate.GT, HIGHEST)
    value = _limited(out, value, FloatPredicate.LT, LOWEST)
    whole, power = _nearest(out, out.emit(FMul(value, _number(out, LOG2_E))))
    rest = out.emit(FSub(value, out.emit(FMul(whole, _number(out, LN2_HIGH)))))
    rest = out.emit(FSub(rest, out.emit(FMul(whole, _number(out, LN2_LOW)))))
    curve = _number(out, CURVE[0])
    for factor in CURVE[1:]:
        curve = out.emit(FAdd(out.emit(FMul(curve, rest)), _number(out, factor)))
    square = out.emit(FMul(rest, rest))
    tail = out.emit(FAdd(out.emit(FMul(curve, square)), rest))
    sum_ = out.emit(FAdd(tail, _number(out, 1.0)))
    # In two steps, for the power of two alone may be beyond an f32.
    _, half = _nearest(out, out.emit(FMul(whole, _number(out, 0.5))))
    scaled = out.emit(FMul(sum_, _power_of_two(out, half)))
    return out.emit(FMul(scaled, _power_of_two(out, out.sub(power, half))))


def single_tanh(out: Emitter, value: Value) -> Value:
    """Emit tanh(x) of an f32: a curve near 0, else 1 - 2 / (e^(2 |x|) + 1) with the sign."""
    bits = out.emit(FloatToBits(value))
    size = out.emit(BitsToFloat(out.bit_and(bits, out.word(SIGN_BIT - 1)), F32))
    one, two = _number(out, 1.0), _number(out, 2.0)
    power = single_exp(out, out.emit(FAdd(size, size)))
    far = out.emit(FSub(one, out.emit(FDiv(two, out.emit(FAdd(power, one))))))
    square = out.emit(FMul(value, value))
    curve = _number(out, TANH_CURVE[0])
    for factor in TANH_CURVE[1:]:
        curve = out.emit(FAdd(out.emit(FMul(curve, square)), _number(out, factor)))
    near = out.emit(FAdd(out.emit(FMul(out.emit(FMul(curve, square)), size)), size))
    border = _number(out, TANH_BORDER)
    is_far = out.emit(CompareFloat(FloatPredicate.GE, size, border))
    found = out.emit(FloatToBits(out.select(is_far, far, near)))
    sign = out.bit_and(bits, out.word(SIGN_BIT))
    return out.emit(BitsToFloat(out.bit_or(found, sign), F32))


def _number(out: Emitter, value: float) -> Value:
    return out.emit(Constant(value, F32))


def _limited(out: Emitter, value: Value, beyond: FloatPredicate, limit: float) -> Value:
    border = _number(out, limit)
    return out.select(out.emit(CompareFloat(beyond, value, border)), border, value)


def _nearest(out: Emitter, value: Value) -> tuple[Value, Value]:
    """Emit the nearest whole number as a float and as a word (its low 32 bits)."""
    rounder = _number(out, ROUNDER)
    shifted = out.emit(FAdd(value, rounder))
    bits = out.emit(FloatToBits(shifted))
    return out.emit(FSub(shifted, rounder)), out.sub(bits, out.word(ROUNDER_BITS))


def _power_of_two(out: Emitter, exponent: Value) -> Value:
    biased = out.add(exponent, out.word(EXPONENT_BIAS))
    return out.emit(BitsToFloat(out.shifted(biased, FRACTION_BITS), F32))
