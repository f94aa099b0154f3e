"""Vectors to scalars, in exactly the order that the op says."""

from mlrift.backends.llvm.lower.vector_arith import combined, is_float
from mlrift.backends.llvm.lower.vector_text import (
    chosen,
    define_scalar,
    element_text,
    filled,
    intrinsic,
    lanes_text,
    mask_of_word,
    suffix_of,
    type_of,
)
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE, padded_lanes
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.ops import vector_reduce
from mlrift.ir.ops.vector_arith import BinaryKind
from mlrift.ir.ops.vector_reduce import Order
from mlrift.typesystem import VectorType, vec

RULES: Rules[FunctionText] = Rules("llvm")

_WORD_BITS = 64


@RULES.rule(vector_reduce.Reduce)
def lower_reduce(out: FunctionText, made: vector_reduce.Reduce) -> None:
    """Floats step by step, integers by an intrinsic, as their order does not matter."""
    row = type_of(made.vector)
    name = out.names[made.vector]
    if not is_float(row) and padded_lanes(row.lanes) == row.lanes:
        called = f"llvm.vector.reduce.{made.kind.value}.{suffix_of(row)}"
        kind = VALUE_TYPE[row]
        text = intrinsic(out, called, element_text(row.element), [f"{kind} {name}"], [kind])
        define_scalar(out, made, row.element, text)
        return
    is_tree = made.order is Order.TREE or not is_float(row)
    whole = (_halve if is_tree else _walk)(out, BinaryKind(made.kind.value), row, name)
    define_scalar(out, made, row.element, f"extractelement {whole}, i64 0")


def _walk(out: FunctionText, kind: BinaryKind, row: VectorType, name: str) -> str:
    """Combine lane after lane, as vectors of one lane, which LLVM makes scalars."""
    one = vec(row.element, 1)
    found = out.temporary(chosen(out, row, name, [0]))
    for lane in range(1, row.lanes):
        next_one = out.temporary(chosen(out, row, name, [lane]))
        found = out.temporary(combined(out, kind, one, found, next_one))
    return f"{VALUE_TYPE[one]} {found}"


def _halve(out: FunctionText, kind: BinaryKind, row: VectorType, name: str) -> str:
    """Combine the halves until one lane is left; a lane without a partner stays."""
    while row.lanes > 1:
        half = vec(row.element, (row.lanes + 1) // 2)
        pairs = row.lanes - half.lanes
        upper = out.temporary(chosen(out, row, name, list(range(half.lanes, row.lanes))))
        if pairs < half.lanes:
            widened = [*range(pairs), *[0] * (half.lanes - pairs)]
            upper = out.temporary(chosen(out, vec(row.element, pairs), upper, widened))
        lower = out.temporary(chosen(out, row, name, list(range(half.lanes))))
        both = out.temporary(combined(out, kind, half, lower, upper))
        if pairs < half.lanes:
            both = _with_rest(out, half, both, lower)
        row, name = half, both
    return f"{VALUE_TYPE[row]} {name}"


def _with_rest(out: FunctionText, row: VectorType, both: str, lower: str) -> str:
    """Put the last lane, which has no partner, behind what the others gave."""
    whole, kind = padded_lanes(row.lanes), VALUE_TYPE[row]
    last = row.lanes - 1
    lanes = [*range(last), *[whole + last] * (whole - last)]
    return out.temporary(f"shufflevector {kind} {both}, {kind} {lower}, {lanes_text(lanes)}")


@RULES.rule(vector_reduce.Any)
def lower_any(out: FunctionText, made: vector_reduce.Any) -> None:
    """The intrinsic."""
    out.define(made, _reduced_mask(out, "or", made.mask, "zeroinitializer"))


@RULES.rule(vector_reduce.All)
def lower_all(out: FunctionText, made: vector_reduce.All) -> None:
    """The intrinsic."""
    out.define(made, _reduced_mask(out, "and", made.mask, "splat (i1 true)"))


def _reduced_mask(out: FunctionText, kind: str, mask: Value, fill: str) -> str:
    name = f"llvm.vector.reduce.{kind}.{suffix_of(type_of(mask))}"
    return intrinsic(out, name, "i1", [filled(out, mask, fill)], [VALUE_TYPE[mask.type]])


@RULES.rule(vector_reduce.Count)
def lower_count(out: FunctionText, made: vector_reduce.Count) -> None:
    """The bits of the mask as one integer, counted."""
    lanes = padded_lanes(type_of(made.mask).lanes)
    kind, bits = f"i{lanes}", out.temporary(_mask_bits(out, made.mask))
    if lanes < _WORD_BITS:
        bits, kind = out.temporary(f"zext {kind} {bits} to i64"), "i64"
    counted = intrinsic(out, f"llvm.ctpop.{kind}", kind, [f"{kind} {bits}"], [kind])
    if kind == "i64":
        out.define(made, counted)
    else:
        out.define(made, f"trunc {kind} {out.temporary(counted)} to i64")


def _mask_bits(out: FunctionText, mask: Value) -> str:
    """Return the instruction that makes an integer of a mask; its padding gives zeros."""
    lanes = padded_lanes(type_of(mask).lanes)
    return f"bitcast {filled(out, mask, 'zeroinitializer')} to i{lanes}"


@RULES.rule(vector_reduce.MaskToWord)
def lower_mask_to_word(out: FunctionText, made: vector_reduce.MaskToWord) -> None:
    """Another name for the bits, zeros above."""
    lanes = padded_lanes(type_of(made.mask).lanes)
    text = _mask_bits(out, made.mask)
    if lanes < _WORD_BITS:
        text = f"zext i{lanes} {out.temporary(text)} to i64"
    out.define(made, text)


@RULES.rule(vector_reduce.WordToMask)
def lower_word_to_mask(out: FunctionText, made: vector_reduce.WordToMask) -> None:
    """Another name for the low bits."""
    out.define(made, mask_of_word(out, out.names[made.word], made.vector_type.lanes))
