"""Constants as text, exactly as the core library formats values at run time (reference.md 14)."""

import math

from mlrift.ir.ops.arith import WORD_MASK, signed
from mlrift.typesystem import Tag

_BIG = 1e18
_MICRO = 1e6


def word_text(word: int, tag: Tag) -> bytes:
    """Return how a word with a static tag (not a float's) prints."""
    word &= WORD_MASK
    if tag is Tag.BOOL:
        return b"true" if word else b"false"
    if tag is Tag.CHAR:
        return bytes((word & 0xFF,))
    return str(signed(word) if tag is Tag.SIGNED else word).encode()


def float_text(value: float) -> bytes:
    """Return how a float prints: truncated to six decimals, `big` from 1e18, `nan`."""
    if math.isnan(value):
        return b"nan"
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    magnitude = abs(value)
    if magnitude >= _BIG:
        return f"{sign}big".encode()
    whole = int(magnitude)
    micro = int((magnitude - whole) * _MICRO)
    return f"{sign}{whole}.{micro:06d}".encode()
