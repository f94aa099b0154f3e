"""Sums of products of four bytes. Every way to compute them is exact; CPUs differ in the quickest.

A rule of a CPU takes the factors in pieces as long as its registers (`in_pieces`). What is shorter
than the shortest register is computed with i32 lanes, one byte of every lane at a time.
"""

from collections.abc import Callable

from mlrift.backends.llvm.lower.vector_text import chosen, lanes_text, operand, splat_text
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE, padded_lanes
from mlrift.backends.rules import Rules
from mlrift.ir.ops.vector_arith import Dot4, Dot4Kind
from mlrift.ir.ops.vector_types import LANE_BITS
from mlrift.typesystem import I8, I32, VectorType, vec

RULES: Rules[FunctionText] = Rules("llvm")

_BYTES = 4
_BYTE_BITS = 8
_TOP = 24

# Gives the sums of the products of two names, whose vectors have this many i32 lanes.
Piece = Callable[[FunctionText, Dot4Kind, int, tuple[str, str]], str]


@RULES.rule(Dot4)
def lower_dot4(out: FunctionText, made: Dot4) -> None:
    """All lanes at once."""
    in_pieces(out, made, padded_lanes(_lanes(made)), by_bytes)


def in_pieces(out: FunctionText, made: Dot4, lanes: int, piece: Piece) -> None:
    """Add to the sums what `piece` gives for `lanes` of them at a time.

    Fewer lanes than that are computed byte by byte.
    """
    whole = padded_lanes(_lanes(made))
    factors = out.names[made.first], out.names[made.second]
    if lanes > whole:
        total = by_bytes(out, made.kind, whole, factors)
    else:
        parts = []
        for start in range(0, whole, lanes):
            both = [_piece(out, name, whole, start, lanes) for name in factors]
            parts.append(piece(out, made.kind, lanes, (both[0], both[1])))
        total = _joined(out, parts, lanes)
    out.define(made, f"add {operand(out, made.sums)}, {total}")


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


def _lanes(made: Dot4) -> int:
    assert isinstance(made.sums.type, VectorType)
    return made.sums.type.lanes


def _piece(out: FunctionText, name: str, whole: int, start: int, lanes: int) -> str:
    if lanes == whole:
        return name
    row = vec(I8, whole * LANE_BITS[I32] // _BYTE_BITS)
    taken = list(range(_BYTES * start, _BYTES * (start + lanes)))
    return out.temporary(chosen(out, row, name, taken))


def _joined(out: FunctionText, parts: list[str], lanes: int) -> str:
    """Put vectors of i32 behind each other: neighbours in pairs, as there is a power of two."""
    while len(parts) > 1:
        kind, both = VALUE_TYPE[vec(I32, lanes)], lanes_text(list(range(2 * lanes)))
        parts = [
            out.temporary(f"shufflevector {kind} {first}, {kind} {second}, {both}")
            for first, second in zip(parts[::2], parts[1::2], strict=True)
        ]
        lanes *= 2
    return parts[0]
