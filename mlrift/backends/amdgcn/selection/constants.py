"""Numbers as operands: inline constants where the hardware has one, literals elsewhere."""

import struct

from mlrift.backends.amdgcn.isa.instruction import Inline, Literal

_FLOATS = (0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 4.0, -4.0)
_SMALLEST, _GREATEST = -16, 64


def single_bits(number: float) -> int:
    """Return the bits of an f32."""
    return int.from_bytes(struct.pack("<f", number), "little")


def half_bits(number: float) -> tuple[int, int]:
    """Return the low and the high dword of an f64."""
    low, high = struct.unpack("<II", struct.pack("<d", number))
    return low, high


_FLOAT_BITS = {single_bits(number): Inline(number) for number in _FLOATS}
_DOUBLE_BITS = {half_bits(number): Inline(number) for number in _FLOATS}


def word_operand(number: int) -> Inline | Literal:
    """Return the low 32 bits of an integer."""
    bits = number & 0xFFFFFFFF
    signed = bits - (1 << 32) if bits >> 31 else bits
    if _SMALLEST <= signed <= _GREATEST:
        return Inline(signed)
    return Literal(bits)


def is_inline_word(number: int) -> bool:
    """Whether a 64-bit integer is an inline constant."""
    signed = number - (1 << 64) if number >> 63 else number
    return _SMALLEST <= signed <= _GREATEST


def float_operand(number: float) -> Inline | Literal:
    """Return an f32 for a float instruction or a move."""
    bits = single_bits(number)
    if bits in _FLOAT_BITS:
        return _FLOAT_BITS[bits]
    return word_operand(bits)


def double_operand(number: float) -> Inline | Literal | None:
    """Return an f64 that an instruction can hold, or None."""
    low, high = half_bits(number)
    if (low, high) in _DOUBLE_BITS:
        return _DOUBLE_BITS[low, high]
    if low == 0:
        return Inline(0) if high == 0 else Literal(high)
    return None
