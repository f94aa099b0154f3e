"""Exact machine arithmetic on Python numbers: what the IR's float ops and conversions compute.

Floats enter and leave as Python floats; an f32 is one that a 32-bit float represents. Every
function is total: infinities, NaNs and divisions by zero give IEEE 754 results, never exceptions.
"""

import math
from struct import Struct

WORD_MASK = (1 << 64) - 1
SIGN_BIT = 1 << 63

_DOUBLE = Struct("<d")
_SINGLE = Struct("<f")
_WORD = Struct("<Q")
_HALF_WORD = Struct("<I")

_INFINITY = math.inf
_NAN = math.nan


def signed(word: int) -> int:
    """Read a word as a two's complement number."""
    return word - (1 << 64) if word & SIGN_BIT else word


def to_single(value: float) -> float:
    """Round to the nearest 32-bit float, ties to even."""
    try:
        rounded: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    except OverflowError:
        return math.copysign(_INFINITY, value)
    return rounded


def divide(lhs: float, rhs: float) -> float:
    """Return the IEEE quotient."""
    if rhs:
        return lhs / rhs
    if lhs == 0.0 or math.isnan(lhs) or math.isnan(rhs):
        return _NAN
    return math.copysign(_INFINITY, lhs) * math.copysign(1.0, rhs)


def square_root(value: float) -> float:
    """Return the correctly rounded square root; NaN below zero."""
    return _NAN if value < 0.0 else math.sqrt(value)


def fused_double(factor: float, other: float, addend: float) -> float:
    """Return factor * other + addend, rounded once to f64."""
    if not (math.isfinite(factor) and math.isfinite(other) and math.isfinite(addend)):
        return _with_infinities(factor, other, addend)
    from fractions import Fraction  # noqa: PLC0415 - rare, and slow to import

    exact = Fraction(factor) * Fraction(other) + Fraction(addend)
    if exact == 0:
        return factor * other + addend if factor * other == 0 else 0.0
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def fused_single(factor: float, other: float, addend: float) -> float:
    """Return factor * other + addend of three f32, rounded once to f32."""
    product = factor * other
    total = product + addend
    if not math.isfinite(total):
        return to_single(total)
    part = total - product
    rest = (product - (total - part)) + (addend - part)
    if rest != 0.0 and double_to_bits(total) & 1 == 0:
        total = math.nextafter(total, math.copysign(math.inf, rest))
    return to_single(total)


def _with_infinities(factor: float, other: float, addend: float) -> float:
    """Return the sum when an operand is no finite number; the product of finite ones is finite."""
    if math.isfinite(factor) and math.isfinite(other):
        return addend
    return factor * other + addend


def signed_to_double(word: int) -> float:
    """Convert a word, read as signed, to the nearest f64."""
    return float(signed(word))


def signed_to_single(word: int) -> float:
    """Convert a word, read as signed, to the nearest f32 in one rounding."""
    value = signed(word)
    magnitude = abs(value)
    dropped_bits = magnitude.bit_length() - 32
    if dropped_bits > 0:
        sticky = magnitude & ((1 << dropped_bits) - 1) != 0
        magnitude = ((magnitude >> dropped_bits) | sticky) << dropped_bits
    return to_single(float(-magnitude if value < 0 else magnitude))


def float_to_signed(value: float) -> int:
    """Truncate to a word, saturating at the ends of i64; NaN gives 0."""
    if math.isnan(value):
        return 0
    if value >= 9223372036854775808.0:
        return SIGN_BIT - 1
    if value <= -9223372036854775808.0:
        return SIGN_BIT
    return int(value) & WORD_MASK


def bits_to_double(word: int) -> float:
    """Read a word as an f64."""
    value: float = _DOUBLE.unpack(_WORD.pack(word))[0]
    return value


def double_to_bits(value: float) -> int:
    """Return the bits of an f64."""
    word: int = _WORD.unpack(_DOUBLE.pack(value))[0]
    return word


def bits_to_single(word: int) -> float:
    """Read the low 32 bits of a word as an f32; NaN bits survive the round trip."""
    bits = word & 0xFFFF_FFFF
    if bits & 0x7FFF_FFFF > 0x7F80_0000:
        sign = (bits >> 31) << 63
        return bits_to_double(sign | 0x7FF0_0000_0000_0000 | ((bits & 0x7F_FFFF) << 29))
    value: float = _SINGLE.unpack(_HALF_WORD.pack(bits))[0]
    return value


def single_to_bits(value: float) -> int:
    """Return the bits of an f32, zero-extended."""
    if math.isnan(value):
        wide = double_to_bits(value)
        mantissa = (wide >> 29) & 0x7F_FFFF
        return (wide >> 63) << 31 | 0x7F80_0000 | (mantissa or 0x40_0000)
    bits: int = _HALF_WORD.unpack(_SINGLE.pack(value))[0]
    return bits


def half_to_single(word: int) -> float:
    """Read the low 16 bits of a word as an IEEE half, exactly; signalling NaNs become quiet."""
    sign = (word & 0x8000) << 16
    exponent = (word >> 10) & 0x1F
    mantissa = word & 0x3FF
    if exponent == 0x1F:
        quiet = 0x40_0000 if mantissa else 0
        return bits_to_single(sign | 0x7F80_0000 | quiet | (mantissa << 13))
    scale = -24 if exponent == 0 else exponent - 25
    fraction = mantissa if exponent == 0 else mantissa | 0x400
    return math.copysign(math.ldexp(fraction, scale), -1.0 if sign else 1.0)


def single_to_half(value: float) -> int:
    """Return the bits of the nearest IEEE half (ties to even); NaNs stay NaNs, made quiet."""
    bits = single_to_bits(value)
    sign = (bits >> 16) & 0x8000
    if math.isnan(value):
        return sign | 0x7E00 | ((bits >> 13) & 0x3FF)
    magnitude = abs(value)
    if magnitude >= 65520.0:
        return sign | 0x7C00
    if magnitude < 2.0**-14:
        return sign | round(magnitude * 2.0**24)
    fraction, exponent = math.frexp(magnitude)
    return sign | (((exponent + 13) << 10) + round(fraction * 2048.0))
