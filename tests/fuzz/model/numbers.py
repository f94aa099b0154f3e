"""Words and floats as the language has them: words are 0 to 2**64-1, an f32 is a rounded float."""

import ctypes
import math
import struct

MASK = (1 << 64) - 1
_SIGN = 1 << 63
_HALF_INFINITY = 0x7C00


def signed(word: int) -> int:
    """Return a word as a signed number."""
    return word - (1 << 64) if word & _SIGN else word


def to_single(value: float) -> float:
    """Round to f32."""
    return ctypes.c_float(value).value


def bits_of(value: float, size_bytes: int) -> int:
    """Return a float's bits as a word."""
    number = ctypes.c_float(value) if size_bytes == 4 else ctypes.c_double(value)
    return int.from_bytes(bytes(number), "little")


def from_bits(word: int, size_bytes: int) -> float:
    """Return the float of a word's low bits."""
    data = (word & MASK).to_bytes(8, "little")[:size_bytes]
    found: float = struct.unpack("<f" if size_bytes == 4 else "<d", data)[0]
    return found


def int_to_single(word: int) -> float:
    """Convert a signed word to the nearest f32, ties to even, in one rounding."""
    number = signed(word)
    size = abs(number)
    surplus = max(0, size.bit_length() - 24)
    kept, rest = size >> surplus, size & ((1 << surplus) - 1)
    half = 1 << surplus >> 1
    if surplus and (rest > half or (rest == half and kept & 1)):
        kept += 1
    return math.copysign(float(kept << surplus), number)


def float_to_int(value: float) -> int:
    """Truncate to a signed word, saturating; a NaN gives 0."""
    if math.isnan(value):
        return 0
    if abs(value) >= 2.0**63:
        return _SIGN if value < 0 else _SIGN - 1
    return int(value) & MASK


def single_to_half(value: float) -> int:
    """Return the bits of the nearest half."""
    try:
        return int.from_bytes(struct.pack("<e", value), "little")
    except OverflowError:
        return _HALF_INFINITY | (0x8000 if value < 0 else 0)


def half_to_single(word: int) -> float:
    """Return the value of a half's bits."""
    found: float = struct.unpack("<e", (word & 0xFFFF).to_bytes(2, "little"))[0]
    return found


def divide_floats(left: float, right: float) -> float:
    """Divide as IEEE says."""
    try:
        return left / right
    except ZeroDivisionError:
        if left == 0 or math.isnan(left):
            return math.nan
        return math.copysign(math.inf, math.copysign(1, left) * math.copysign(1, right))


def square_root(value: float) -> float:
    """Return the root; of a negative number a NaN."""
    return math.sqrt(value) if value >= 0 else (value if value == 0 else math.nan)


def float_text(value: float) -> str:
    """Format as reference.md 14 says: six digits, truncated."""
    if math.isnan(value):
        return "nan"
    sign = "-" if math.copysign(1, value) < 0 else ""
    size = abs(value)
    if size >= 1e18:
        return sign + "big"
    whole = math.trunc(size)
    return f"{sign}{whole}.{math.trunc((size - float(whole)) * 1e6):06d}"
