"""Sums of products of four bytes on x86-64: PMADDWD, or VPDPBUSD where the processor has VNNI.

PMADDWD multiplies words and adds two neighbours, so the even and the odd bytes are made words. It
cannot overflow here, unlike PMADDUBSW, which saturates. VPDPBUSD takes unsigned by signed bytes and
does not saturate either: signed ones are raised by 128, and 128 times the other factor is taken
off again.
"""

from mlrift.backends.llvm.lower.vector_dot import in_pieces
from mlrift.backends.llvm.lower.vector_text import intrinsic, splat_text
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE
from mlrift.backends.rules import Rules
from mlrift.ir.ops.vector_arith import Dot4, Dot4Kind
from mlrift.typesystem import I8, I16, I32, vec

RULES: Rules[FunctionText] = Rules("x86_64")

_LANES_OF_LEVEL = {0: 4, 3: 8, 4: 16, 5: 16}
_LEVEL_OF_VNNI = 5
_MULTIPLY_WORDS = {
    4: "llvm.x86.sse2.pmadd.wd",
    8: "llvm.x86.avx2.pmadd.wd",
    16: "llvm.x86.avx512.pmaddw.d.512",
}
_ZERO = "zeroinitializer"


@RULES.rule(Dot4)
def lower_dot4(out: FunctionText, made: Dot4) -> None:
    """In pieces as long as the registers of the level."""
    level = out.generation()
    multiply = _with_vnni if level >= _LEVEL_OF_VNNI else _with_words
    lanes = next(row for row in (level, 0) if row in _LANES_OF_LEVEL)
    in_pieces(out, made, _LANES_OF_LEVEL[lanes], multiply)


def _with_words(out: FunctionText, kind: Dot4Kind, lanes: int, factors: tuple[str, str]) -> str:
    """Multiply even and odd bytes as words."""
    words, sums = VALUE_TYPE[vec(I16, 2 * lanes)], VALUE_TYPE[vec(I32, lanes)]
    rows = [
        out.temporary(f"bitcast {VALUE_TYPE[vec(I8, 4 * lanes)]} {name} to {words}")
        for name in factors
    ]
    eight = splat_text(I16, 8)
    is_signed = (kind is Dot4Kind.SIGNED, True)
    even, odd = [], []
    for row, signed in zip(rows, is_signed, strict=True):
        shift = "ashr" if signed else "lshr"
        raised = out.temporary(f"shl {words} {row}, {eight}")
        even.append(f"{words} {out.temporary(f'{shift} {words} {raised}, {eight}')}")
        odd.append(f"{words} {out.temporary(f'{shift} {words} {row}, {eight}')}")
    name = _MULTIPLY_WORDS[lanes]
    parts = [
        out.temporary(intrinsic(out, name, sums, both, [words, words])) for both in (even, odd)
    ]
    return out.temporary(f"add {sums} {parts[0]}, {parts[1]}")


def _with_vnni(out: FunctionText, kind: Dot4Kind, lanes: int, factors: tuple[str, str]) -> str:
    """Multiply and add in one instruction, or two for signed factors."""
    row, sums = VALUE_TYPE[vec(I8, 4 * lanes)], VALUE_TYPE[vec(I32, lanes)]
    first, second = factors

    def multiply(unsigned: str) -> str:
        arguments = [f"{sums} {_ZERO}", f"{row} {unsigned}", f"{row} {second}"]
        name = f"llvm.x86.avx512.vpdpbusd.{32 * lanes}"
        return out.temporary(intrinsic(out, name, sums, arguments, [sums, row, row]))

    if kind is Dot4Kind.UNSIGNED_SIGNED:
        return multiply(first)
    middle = splat_text(I8, -128)
    raised = multiply(out.temporary(f"xor {row} {first}, {middle}"))
    return out.temporary(f"sub {sums} {raised}, {multiply(middle)}")
