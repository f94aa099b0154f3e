"""Sums of products of four bytes on arm64: SMULL, then two additions of neighbours."""

from mlrift.backends.llvm.lower.vector_dot import in_pieces
from mlrift.backends.llvm.lower.vector_text import chosen, intrinsic
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE
from mlrift.backends.rules import Rules
from mlrift.ir.ops.vector_arith import Dot4, Dot4Kind
from mlrift.typesystem import I8, I16, I32, vec

RULES: Rules[FunctionText] = Rules("arm64")

_LANES = 4
_ADD_WIDE = "llvm.aarch64.neon.saddlp.v4i32.v8i16"
_ADD_PAIRS = "llvm.aarch64.neon.addp.v4i32"


@RULES.rule(Dot4)
def lower_dot4(out: FunctionText, made: Dot4) -> None:
    """In pieces of 128 bits."""
    in_pieces(out, made, _LANES, _multiply)


def _multiply(out: FunctionText, kind: Dot4Kind, lanes: int, factors: tuple[str, str]) -> str:
    """Multiply halves of the bytes; the products fit in i16 whatever the signs are."""
    sums, words = VALUE_TYPE[vec(I32, lanes)], VALUE_TYPE[vec(I16, 2 * lanes)]
    half = VALUE_TYPE[vec(I8, 2 * lanes)]
    extends = ("sext" if kind is Dot4Kind.SIGNED else "zext", "sext")
    parts = []
    for start in (0, 2 * lanes):
        rows = []
        for name, extend in zip(factors, extends, strict=True):
            taken = list(range(start, start + 2 * lanes))
            piece = out.temporary(chosen(out, vec(I8, 4 * lanes), name, taken))
            rows.append(out.temporary(f"{extend} {half} {piece} to {words}"))
        product = out.temporary(f"mul {words} {rows[0]}, {rows[1]}")
        added = intrinsic(out, _ADD_WIDE, sums, [f"{words} {product}"], [words])
        parts.append(f"{sums} {out.temporary(added)}")
    return out.temporary(intrinsic(out, _ADD_PAIRS, sums, parts, [sums, sums]))
