"""Sums of products of four bytes. Every way to compute them is exact; CPUs differ in the quickest.

A rule of a CPU takes the operands in parts as long as its registers (`dot4_in_parts`). What is
shorter than the shortest register is computed with i32 lanes, one byte of every lane at a time.
"""

from mlrift.backends.llvm.lower.vector_parts import Part, in_parts
from mlrift.backends.llvm.lower.vector_text import splat_text, type_of
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE, padded_lanes
from mlrift.backends.rules import Rules
from mlrift.ir.ops.vector_arith import Dot4, Dot4Kind
from mlrift.typesystem import I8, I32, vec

RULES: Rules[FunctionText] = Rules("llvm")

_BYTES = 4
_BYTE_BITS = 8
_TOP = 24


@RULES.rule(Dot4)
def lower_dot4(out: FunctionText, made: Dot4) -> None:
    """All lanes at once."""
    dot4_in_parts(out, made, padded_lanes(type_of(made).lanes) + 1, 1, _no_part)


def _no_part(_out: FunctionText, _lanes: int, _operands: list[str]) -> str:
    raise AssertionError("every processor has a way for all lanes at once")


def dot4_in_parts(out: FunctionText, made: Dot4, least: int, most: int, part: Part) -> None:
    """Write the sums by `part`, which takes `least` to `most` lanes of them and of the factors.

    Fewer lanes than that are computed byte by byte.
    """
    row = type_of(made)
    whole = padded_lanes(row.lanes)
    operands = [(type_of(value), out.names[value]) for value in made.operands()]
    if whole < least:
        total = by_bytes(out, made.kind, whole, (operands[1][1], operands[2][1]))
        out.define(made, f"add {VALUE_TYPE[row]} {operands[0][1]}, {total}")
    else:
        out.names[made] = in_parts(out, operands, row, most, part)


def by_bytes(out: FunctionText, kind: Dot4Kind, lanes: int, factors: tuple[str, str]) -> str:
    """Multiply the bytes of i32 lanes, which LLVM knows to be short numbers."""
    row, bytes_row = VALUE_TYPE[vec(I32, lanes)], VALUE_TYPE[vec(I8, _BYTES * lanes)]
    words = [out.temporary(f"bitcast {bytes_row} {name} to {row}") for name in factors]
    extends = ["ashr" if kind is Dot4Kind.SIGNED else "lshr", "ashr"]
    total = "zeroinitializer"
    for byte in range(_BYTES):
        up = splat_text(I32, _TOP - _BYTE_BITS * byte)
        rows = []
        for word, extend in zip(words, extends, strict=True):
            top = out.temporary(f"shl {row} {word}, {up}")
            rows.append(out.temporary(f"{extend} {row} {top}, {splat_text(I32, _TOP)}"))
        product = out.temporary(f"mul {row} {rows[0]}, {rows[1]}")
        total = out.temporary(f"add {row} {total}, {product}")
    return total
