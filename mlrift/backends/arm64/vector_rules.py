"""Sums of products of four bytes on arm64, and tables.

SMULL, then two additions of neighbours; SDOT, and USDOT for unsigned by signed bytes, where the
processor has them. Without USDOT 128 is taken off the unsigned ones, and put on again as 128 times
the sum of the others.
"""

from mlrift.backends.llvm.lower.vector_dot import dot4_in_parts
from mlrift.backends.llvm.lower.vector_pairs import table_in_parts
from mlrift.backends.llvm.lower.vector_text import chosen, intrinsic, splat_text
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE
from mlrift.backends.rules import Rules
from mlrift.ir.ops.vector import Table
from mlrift.ir.ops.vector_arith import Dot4, Dot4Kind
from mlrift.typesystem import I8, I16, I32, vec

RULES: Rules[FunctionText] = Rules("arm64")

_LANES = 4
_LEVEL_OF_DOTS, _LEVEL_OF_MIXED_DOTS = 10, 11
_ZERO = "zeroinitializer"
_ADD_WIDE = "llvm.aarch64.neon.saddlp.v4i32.v8i16"
_ADD_PAIRS = "llvm.aarch64.neon.addp.v4i32"


@RULES.rule(Dot4)
def lower_dot4(out: FunctionText, made: Dot4) -> None:
    """In parts of 128 bits."""
    multiply = _with_dots if out.generation() >= _LEVEL_OF_DOTS else _multiply

    def part(out: FunctionText, lanes: int, operands: list[str]) -> str:
        return multiply(out, made.kind, lanes, operands)

    dot4_in_parts(out, made, _LANES, _LANES, part)


def _with_dots(out: FunctionText, kind: Dot4Kind, lanes: int, operands: list[str]) -> str:
    """Multiply and add in one instruction, or two for unsigned factors of old processors."""
    sums, row = VALUE_TYPE[vec(I32, lanes)], VALUE_TYPE[vec(I8, 4 * lanes)]
    total, first, second = operands

    def multiply(name: str, total: str, factor: str) -> str:
        arguments = [f"{sums} {total}", f"{row} {factor}", f"{row} {second}"]
        full_name = f"llvm.aarch64.neon.{name}.v{lanes}i32.v{4 * lanes}i8"
        return out.temporary(intrinsic(out, full_name, sums, arguments, [sums, row, row]))

    if kind is Dot4Kind.SIGNED:
        return multiply("sdot", total, first)
    if out.generation() >= _LEVEL_OF_MIXED_DOTS:
        return multiply("usdot", total, first)
    middle = splat_text(I8, -128)
    lowered = multiply("sdot", total, out.temporary(f"xor {row} {first}, {middle}"))
    return out.temporary(f"sub {sums} {lowered}, {multiply('sdot', _ZERO, middle)}")


@RULES.rule(Table)
def lower_table(out: FunctionText, made: Table) -> None:
    """TBL."""
    table_in_parts(out, made, 16, {16: "llvm.aarch64.neon.tbl1.v16i8"})


def _multiply(out: FunctionText, kind: Dot4Kind, lanes: int, operands: list[str]) -> str:
    """Multiply halves of the bytes; the products fit in i16 whatever the signs are."""
    sums, words = VALUE_TYPE[vec(I32, lanes)], VALUE_TYPE[vec(I16, 2 * lanes)]
    half = VALUE_TYPE[vec(I8, 2 * lanes)]
    extends = ("sext" if kind is Dot4Kind.SIGNED else "zext", "sext")
    parts = []
    for start in (0, 2 * lanes):
        rows = []
        for name, extend in zip(operands[1:], extends, strict=True):
            taken = list(range(start, start + 2 * lanes))
            piece = out.temporary(chosen(out, vec(I8, 4 * lanes), name, taken))
            rows.append(out.temporary(f"{extend} {half} {piece} to {words}"))
        product = out.temporary(f"mul {words} {rows[0]}, {rows[1]}")
        added = intrinsic(out, _ADD_WIDE, sums, [f"{words} {product}"], [words])
        parts.append(f"{sums} {out.temporary(added)}")
    products = out.temporary(intrinsic(out, _ADD_PAIRS, sums, parts, [sums, sums]))
    return out.temporary(f"add {sums} {operands[0]}, {products}")
