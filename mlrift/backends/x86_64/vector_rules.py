"""Sums of products of neighbours, and tables of bytes, on x86-64.

Bytes: PMADDWD multiplies words and adds two neighbours, so the even and the odd bytes are made
words. It cannot overflow here, unlike PMADDUBSW, which saturates. VPDPBUSD takes unsigned by signed
bytes and does not saturate either: signed ones are raised by 128, and 128 times the other factor is
taken off again. VDPBF16PS is what `vector.dot2` says; PSHUFB looks up bytes.
"""

from mlrift.backends.llvm.lower.vector_dot import dot4_in_parts
from mlrift.backends.llvm.lower.vector_pairs import by_fma, table_in_parts, words_as_lanes
from mlrift.backends.llvm.lower.vector_parts import in_parts
from mlrift.backends.llvm.lower.vector_text import intrinsic, splat_text, type_of
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE, padded_lanes
from mlrift.backends.rules import Rules
from mlrift.backends.x86_64.registers import most_lanes
from mlrift.ir.ops.vector import Table
from mlrift.ir.ops.vector_arith import Dot4, Dot4Kind
from mlrift.ir.ops.vector_dot import Dot2, Dot2Words
from mlrift.typesystem import BF16, F32, I8, I16, I32, vec

RULES: Rules[FunctionText] = Rules("x86_64")

_LEVEL_OF_VNNI, _LEVEL_OF_BF16 = 5, 6
_LEAST_LANES = 4  # of 32 bits
_MULTIPLY_WORDS = {
    4: "llvm.x86.sse2.pmadd.wd",
    8: "llvm.x86.avx2.pmadd.wd",
    16: "llvm.x86.avx512.pmaddw.d.512",
}
_LOOK_UP = {
    16: "llvm.x86.ssse3.pshuf.b.128",
    32: "llvm.x86.avx2.pshuf.b",
    64: "llvm.x86.avx512.pshuf.b.512",
}
_ZERO = "zeroinitializer"


@RULES.rule(Dot4)
def lower_dot4(out: FunctionText, made: Dot4) -> None:
    """In parts as long as the registers of the level."""
    multiply = _with_vnni if out.generation() >= _LEVEL_OF_VNNI else _with_words

    def part(out: FunctionText, lanes: int, operands: list[str]) -> str:
        return multiply(out, made.kind, lanes, operands)

    dot4_in_parts(out, made, _LEAST_LANES, most_lanes(out), part)


def _with_words(out: FunctionText, kind: Dot4Kind, lanes: int, operands: list[str]) -> str:
    """Multiply even and odd bytes as words."""
    words, sums = VALUE_TYPE[vec(I16, 2 * lanes)], VALUE_TYPE[vec(I32, lanes)]
    rows = [
        out.temporary(f"bitcast {VALUE_TYPE[vec(I8, 4 * lanes)]} {name} to {words}")
        for name in operands[1:]
    ]
    eight = splat_text(I16, 8)
    is_signed = (kind is Dot4Kind.SIGNED, True)
    even, odd = [], []
    for row, signed in zip(rows, is_signed, strict=True):
        shift = "ashr" if signed else "lshr"
        raised = out.temporary(f"shl {words} {row}, {eight}")
        even.append(out.temporary(f"{shift} {words} {raised}, {eight}"))
        odd.append(out.temporary(f"{shift} {words} {row}, {eight}"))
    total = operands[0]
    for both in (even, odd):
        total = out.temporary(f"add {sums} {total}, {_multiplied(out, lanes, both)}")
    return total


def _multiplied(out: FunctionText, lanes: int, factors: list[str]) -> str:
    """Return the sums of the products of two words each."""
    words, sums = VALUE_TYPE[vec(I16, 2 * lanes)], VALUE_TYPE[vec(I32, lanes)]
    arguments = [f"{words} {name}" for name in factors]
    return out.temporary(intrinsic(out, _MULTIPLY_WORDS[lanes], sums, arguments, [words, words]))


def _with_vnni(out: FunctionText, kind: Dot4Kind, lanes: int, operands: list[str]) -> str:
    """Multiply and add in one instruction, or two for signed factors."""
    row, sums = VALUE_TYPE[vec(I8, 4 * lanes)], VALUE_TYPE[vec(I32, lanes)]
    total, first, second = operands

    def multiply(total: str, unsigned: str) -> str:
        arguments = [f"{sums} {total}", f"{row} {unsigned}", f"{row} {second}"]
        name = f"llvm.x86.avx512.vpdpbusd.{32 * lanes}"
        return out.temporary(intrinsic(out, name, sums, arguments, [sums, row, row]))

    if kind is Dot4Kind.UNSIGNED_SIGNED:
        return multiply(total, first)
    middle = splat_text(I8, -128)
    raised = multiply(total, out.temporary(f"xor {row} {first}, {middle}"))
    return out.temporary(f"sub {sums} {raised}, {multiply(_ZERO, middle)}")


@RULES.rule(Dot2Words)
def lower_dot2_words(out: FunctionText, made: Dot2Words) -> None:
    """PMADDWD and an addition, or VPDPWSSD where it is."""
    row = type_of(made)
    if padded_lanes(row.lanes) < _LEAST_LANES:
        words_as_lanes(out, made)
        return
    operands = [(type_of(value), out.names[value]) for value in made.operands()]

    has_vnni = out.generation() >= _LEVEL_OF_VNNI

    def part(out: FunctionText, lanes: int, names: list[str]) -> str:
        if has_vnni:
            return _words_with_vnni(out, lanes, names)
        products = _multiplied(out, lanes, names[1:])
        return out.temporary(f"add {VALUE_TYPE[vec(I32, lanes)]} {names[0]}, {products}")

    out.names[made] = in_parts(out, operands, row, most_lanes(out), part)


def _words_with_vnni(out: FunctionText, lanes: int, operands: list[str]) -> str:
    words, sums = VALUE_TYPE[vec(I16, 2 * lanes)], VALUE_TYPE[vec(I32, lanes)]
    arguments = [f"{sums} {operands[0]}", *[f"{words} {name}" for name in operands[1:]]]
    name = f"llvm.x86.avx512.vpdpwssd.{32 * lanes}"
    return out.temporary(intrinsic(out, name, sums, arguments, [sums, words, words]))


@RULES.rule(Dot2)
def lower_dot2(out: FunctionText, made: Dot2) -> None:
    """VDPBF16PS where it is."""
    row = type_of(made)
    operands = [(type_of(value), out.names[value]) for value in made.operands()]
    is_long = padded_lanes(row.lanes) >= _LEAST_LANES
    if out.generation() < _LEVEL_OF_BF16 or not is_long:
        names = [name for _, name in operands]
        out.names[made] = by_fma(out, padded_lanes(row.lanes), names)
    else:
        out.names[made] = in_parts(out, operands, row, most_lanes(out), _with_bf16)


def _with_bf16(out: FunctionText, lanes: int, operands: list[str]) -> str:
    sums, halves = VALUE_TYPE[vec(F32, lanes)], VALUE_TYPE[vec(BF16, 2 * lanes)]
    kind = f"<{2 * lanes} x bfloat>"
    factors = [
        f"{kind} {out.temporary(f'bitcast {halves} {name} to {kind}')}" for name in operands[1:]
    ]
    name = f"llvm.x86.avx512bf16.dpbf16ps.{32 * lanes}"
    arguments = [f"{sums} {operands[0]}", *factors]
    return out.temporary(intrinsic(out, name, sums, arguments, [sums, kind, kind]))


@RULES.rule(Table)
def lower_table(out: FunctionText, made: Table) -> None:
    """PSHUFB, whose tables are as long as the registers."""
    table_in_parts(out, made, 4 * most_lanes(out), _LOOK_UP)
