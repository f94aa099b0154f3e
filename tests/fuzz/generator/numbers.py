"""Literals that tend to find mistakes, as text."""

import random

_EDGES = (0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 65, 100, 127, 128, 255, 256, 32767, 32768, 65535, 65536)
_WIDE_EDGES = (
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    0x100000000,
    (1 << 53) - 1,
    (1 << 53) + 1,
    0x7FFFFFFFFFFFFFFF,
    0x8000000000000000,
    0xFFFFFFFFFFFFFFFF,
    0xFFFFFFFFFFFFFFFE,
    0xFFFFFFFFFFFFFF80,
    0x8000000000000001,
)
_FLOATS = (
    "0.0", "1.0", "0.5", "2.0", "3.14159", "0.1", "1e10", "1e-9", "16777217.0", "255.5", "1.5e-5",
    "9007199254740993.0", "4294967296.0", "1e18", "9.5e15", "1e17", "0.3333333", "9.3e18", "1e-3",
)  # fmt: skip


def integer(chance: random.Random, is_calm: bool) -> str:
    """Return an integer literal, sometimes in hexadecimal or negative."""
    if is_calm or chance.random() < 0.6:
        value = chance.choice(_EDGES)
    elif chance.random() < 0.6:
        value = chance.choice(_WIDE_EDGES)
    else:
        value = chance.getrandbits(chance.choice((16, 32, 48, 64)))
    text = hex(value) if chance.random() < 0.2 else str(value)
    return f"(-{text})" if not is_calm and chance.random() < 0.12 else text


def floating(chance: random.Random) -> str:
    """Return an f64 literal."""
    if chance.random() < 0.7:
        return chance.choice(_FLOATS)
    return f"{chance.randrange(1000)}.{chance.randrange(100000)}"


def character(chance: random.Random) -> str:
    """Return a char literal."""
    return "'" + chance.choice("abcxyzABZ0129 _+") + "'"
