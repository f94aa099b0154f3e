"""Sums of products of two neighbouring lanes, and tables of bytes: what every processor can do.

A CPU with instructions for them has rules of its own, which share `table_in_parts` with these.
"""

from mlrift.backends.llvm.lower.vector_parts import in_parts
from mlrift.backends.llvm.lower.vector_text import (
    chosen,
    intrinsic,
    lanewise,
    operand,
    splat_text,
    suffix_of,
    type_of,
)
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE, constant_text, padded_lanes
from mlrift.backends.rules import Rules
from mlrift.ir.ops.vector import Table
from mlrift.ir.ops.vector_dot import Dot2, Dot2Words
from mlrift.typesystem import BF16, F32, I1, I8, I16, I32, vec

RULES: Rules[FunctionText] = Rules("llvm")

_LEAST_NORMAL = constant_text(2.0**-126, F32)
# So much larger, a result has all its bits where it would have lost some.
_SCALE, _SCALED_NORMAL = constant_text(2.0**24, F32), constant_text(2.0**-102, F32)
_HALF_EXPONENT, _HALF_SIGN = 0x7F80, -(1 << 15)
_SIGN = -(1 << 31)
_UPPER_HALF = -(1 << 16)
_HALF_BITS = 16
_TABLE_MASK = 15

# ------------------------------------------------------------------------------ bf16 pairs


@RULES.rule(Dot2)
def lower_dot2(out: FunctionText, made: Dot2) -> None:
    """Two fused multiplications and additions; each a second time, larger, to judge the result."""
    names = [out.names[value] for value in made.operands()]
    out.names[made] = by_fma(out, padded_lanes(type_of(made).lanes), names)


def by_fma(out: FunctionText, lanes: int, names: list[str]) -> str:
    """Return the sums of `lanes` lanes."""
    row = vec(F32, lanes)
    kind = VALUE_TYPE[row]
    total = _flushed(out, lanes, names[0], f"{kind} {names[0]}", _LEAST_NORMAL)
    factors = [_halves(out, lanes, _normal(out, lanes, name)) for name in names[1:]]
    for place in (1, 0):
        one, other = factors[0][place], factors[1][place]
        raised = [
            out.temporary(f"fmul {kind} {name}, splat (float {_SCALE})") for name in (one, total)
        ]
        plain = out.temporary(lanewise(out, "llvm.fma", row, [one, other, total]))
        large = out.temporary(lanewise(out, "llvm.fma", row, [raised[0], other, raised[1]]))
        total = _flushed(out, lanes, plain, f"{kind} {large}", _SCALED_NORMAL)
    return total


def _flushed(out: FunctionText, lanes: int, name: str, judged: str, least: str) -> str:
    """Return singles, zeros of their sign where the magnitude of `judged` is below `least`."""
    row = vec(F32, lanes)
    kind, words = VALUE_TYPE[row], VALUE_TYPE[vec(I32, lanes)]
    size = intrinsic(out, f"llvm.fabs.{suffix_of(row)}", kind, [judged], [kind])
    small = out.temporary(f"fcmp olt {kind} {out.temporary(size)}, splat (float {least})")
    bits = out.temporary(f"bitcast {kind} {name} to {words}")
    sign = out.temporary(f"and {words} {bits}, {splat_text(I32, _SIGN)}")
    both = f"{words} {sign}, {words} {bits}"
    found = out.temporary(f"select {VALUE_TYPE[vec(I1, lanes)]} {small}, {both}")
    return out.temporary(f"bitcast {words} {found} to {kind}")


def _normal(out: FunctionText, lanes: int, name: str) -> str:
    """Return bf16 with zeros of their sign for what has no exponent."""
    row = vec(BF16, 2 * lanes)
    kind, mask = VALUE_TYPE[row], VALUE_TYPE[vec(I1, 2 * lanes)]
    exponent = out.temporary(f"and {kind} {name}, {splat_text(I16, _HALF_EXPONENT)}")
    small = out.temporary(f"icmp eq {kind} {exponent}, zeroinitializer")
    sign = out.temporary(f"and {kind} {name}, {splat_text(I16, _HALF_SIGN)}")
    return out.temporary(f"select {mask} {small}, {kind} {sign}, {kind} {name}")


def _halves(out: FunctionText, lanes: int, name: str) -> tuple[str, str]:
    """Return the even and the odd lanes of bf16 as singles."""
    words, singles = VALUE_TYPE[vec(I32, lanes)], VALUE_TYPE[vec(F32, lanes)]
    pairs = out.temporary(f"bitcast {VALUE_TYPE[vec(BF16, 2 * lanes)]} {name} to {words}")
    even = out.temporary(f"shl {words} {pairs}, {splat_text(I32, _HALF_BITS)}")
    odd = out.temporary(f"and {words} {pairs}, {splat_text(I32, _UPPER_HALF)}")
    return (
        out.temporary(f"bitcast {words} {even} to {singles}"),
        out.temporary(f"bitcast {words} {odd} to {singles}"),
    )


# ------------------------------------------------------------------------------- i16 pairs


@RULES.rule(Dot2Words)
def lower_dot2_words(out: FunctionText, made: Dot2Words) -> None:
    """Even and odd lanes as i32."""
    words_as_lanes(out, made)


def words_as_lanes(out: FunctionText, made: Dot2Words) -> None:
    """Multiply even and odd lanes as i32."""
    lanes = padded_lanes(type_of(made).lanes)
    words = VALUE_TYPE[vec(I32, lanes)]
    products = []
    rows = []
    for value in (made.first, made.second):
        pairs = out.temporary(f"bitcast {operand(out, value)} to {words}")
        raised = out.temporary(f"shl {words} {pairs}, {splat_text(I32, _HALF_BITS)}")
        rows.append(
            [
                out.temporary(f"ashr {words} {name}, {splat_text(I32, _HALF_BITS)}")
                for name in (raised, pairs)
            ]
        )
    for one, other in zip(*rows, strict=True):
        products.append(out.temporary(f"mul {words} {one}, {other}"))
    total = out.temporary(f"add {words} {products[0]}, {products[1]}")
    out.define(made, f"add {operand(out, made.sums)}, {total}")


# ---------------------------------------------------------------------------------- tables


@RULES.rule(Table)
def lower_table(out: FunctionText, made: Table) -> None:
    """Lane by lane."""
    lanes = padded_lanes(type_of(made).lanes)
    kind, name = VALUE_TYPE[vec(I8, lanes)], "poison"
    masked = masked_indices(out, made)
    for lane in range(lanes):
        place = out.temporary(f"extractelement {kind} {masked}, i64 {lane}")
        byte = out.temporary(f"extractelement {operand(out, made.table)}, i8 {place}")
        name = out.temporary(f"insertelement {kind} {name}, i8 {byte}, i64 {lane}")
    out.names[made] = name


def masked_indices(out: FunctionText, made: Table) -> str:
    """Return the low four bits of the indices."""
    return out.temporary(f"and {operand(out, made.indices)}, {splat_text(I8, _TABLE_MASK)}")


def table_in_parts(out: FunctionText, made: Table, most: int, names: dict[int, str]) -> None:
    """Write a table by intrinsics, whose `names` are by their numbers of indices.

    Each takes a table as long as its indices; `most` is the highest number to use. Fewer indices
    than the least are padded.
    """
    whole, least = padded_lanes(type_of(made).lanes), min(names)
    indices, table = masked_indices(out, made), out.names[made.table]
    if whole < least:
        padding = [*range(whole), *[0] * (least - whole)]
        indices = out.temporary(chosen(out, vec(I8, whole), indices, padding))

    def look(out: FunctionText, lanes: int, taken: list[str]) -> str:
        copies = table
        if lanes > _TABLE_MASK + 1:
            places = [lane & _TABLE_MASK for lane in range(lanes)]
            copies = out.temporary(chosen(out, vec(I8, _TABLE_MASK + 1), table, places))
        kind = VALUE_TYPE[vec(I8, lanes)]
        arguments = [f"{kind} {copies}", f"{kind} {taken[0]}"]
        return out.temporary(intrinsic(out, names[lanes], kind, arguments, [kind, kind]))

    wide = vec(I8, max(whole, least))
    found = in_parts(out, [(wide, indices)], wide, most, look)
    if whole < least:
        found = out.temporary(chosen(out, wide, found, list(range(whole))))
    out.names[made] = found
