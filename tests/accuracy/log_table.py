"""The table of std/math_log_table.mlr: `python -m tests.accuracy.log_table` writes it.

Row j, for numbers near 1 + j / 64: a factor c of 11 bits near their reciprocal, and -log(c) in two
words, the first a multiple of 2^-42: its sums with multiples of the first word of ln 2 are exact.
"""

import struct
from pathlib import Path

import mpmath

FILE = Path(__file__).resolve().parents[2] / "std" / "math_log_table.mlr"
FIRST, LAST = -19, 27
_HEAD = """// -log(c) for factors c near the reciprocals of 1 + j / 64. Generated: python -m
// tests.accuracy.log_table

const u64 MATH_LOG_FIRST = 19

// Give the address of row j: c, and -log(c) in two words.
fn math_log_row(u64 j) -> u64 {
    return MATH_LOG_ROWS
        + (j + MATH_LOG_FIRST) * 24
}
"""


def row(j: int) -> bytes:
    """Return the 24 bytes of a row."""
    with mpmath.workprec(300):
        factor = mpmath.nint(1024 / (1 + mpmath.mpf(j) / 64)) / 1024
        exact = -mpmath.log(factor)
        high = mpmath.ldexp(mpmath.nint(mpmath.ldexp(exact, 42)), -42)
        low = exact - high
        return struct.pack("<3d", float(factor), float(high), float(low))


def text() -> str:
    """Return the module."""
    data = b"".join(row(j) for j in range(FIRST, LAST + 1))
    literal = "".join(f"\\x{byte:02X}" for byte in data)
    return _HEAD.replace("MATH_LOG_ROWS", f'"{literal}"')


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
