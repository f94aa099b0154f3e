"""Arithmetic on vectors: plain instructions and intrinsics, without any flag."""

from mlrift.backends.llvm.lower.arith import trap_if
from mlrift.backends.llvm.lower.vector_halves import (
    half_to_single,
    single_to_bfloat,
    single_to_half,
)
from mlrift.backends.llvm.lower.vector_text import (
    filled,
    intrinsic,
    lanewise,
    operand,
    splat_text,
    suffix_of,
    type_of,
)
from mlrift.backends.llvm.options import OptimisationLevel
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE
from mlrift.backends.rules import Rules
from mlrift.ir.ops import vector_arith
from mlrift.ir.ops.compare import FloatPredicate
from mlrift.ir.ops.vector_arith import BinaryKind, ConvertKind, DivideKind, UnaryKind
from mlrift.ir.ops.vector_types import FLOATS, LANE_BITS
from mlrift.typesystem import BF16, F16, F64, I1, I32, I64, VectorType, vec

RULES: Rules[FunctionText] = Rules("llvm")

_FLOAT_INTRINSICS = {
    UnaryKind.ABS: "llvm.fabs",
    UnaryKind.SQRT: "llvm.sqrt",
    UnaryKind.FLOOR: "llvm.floor",
    UnaryKind.CEIL: "llvm.ceil",
    UnaryKind.TRUNC: "llvm.trunc",
    UnaryKind.ROUND: "llvm.roundeven",
}
_FLOAT_INSTRUCTIONS = {
    BinaryKind.ADD: "fadd",
    BinaryKind.SUB: "fsub",
    BinaryKind.MUL: "fmul",
    BinaryKind.DIV: "fdiv",
}
_SHIFTS = (BinaryKind.SHL, BinaryKind.LSHR, BinaryKind.ASHR)
_INTEGER_INTRINSICS = (BinaryKind.SMIN, BinaryKind.SMAX, BinaryKind.UMIN, BinaryKind.UMAX)
_CHOSEN_BY = {BinaryKind.MIN: "olt", BinaryKind.MAX: "ogt"}
_SIGNED_DIVISIONS = (DivideKind.SDIV, DivideKind.SREM)
_PLAIN_CONVERSIONS = {
    ConvertKind.ZEXT: "zext",
    ConvertKind.SEXT: "sext",
    ConvertKind.TRUNC: "trunc",
    ConvertKind.WIDEN: "fpext",
    ConvertKind.NARROW: "fptrunc",
    ConvertKind.FROM_SIGNED: "sitofp",
    ConvertKind.FROM_UNSIGNED: "uitofp",
}
_SATURATING = {
    ConvertKind.TO_SIGNED: "llvm.fptosi.sat",
    ConvertKind.TO_UNSIGNED: "llvm.fptoui.sat",
}


def is_float(row: VectorType) -> bool:
    """Whether the lanes are floats."""
    return row.element in FLOATS


@RULES.rule(vector_arith.Unary)
def lower_unary(out: FunctionText, made: vector_arith.Unary) -> None:
    """Intrinsics; negation and `not` are instructions."""
    row, name = type_of(made), out.names[made.operand]
    kind = VALUE_TYPE[row]
    if made.kind is UnaryKind.NOT:
        out.define(made, f"xor {kind} {name}, {_ones(row)}")
    elif is_float(row):
        text = f"fneg {kind} {name}"
        if made.kind is not UnaryKind.NEG:
            text = lanewise(out, _FLOAT_INTRINSICS[made.kind], row, [name])
        out.define(made, text)
    elif made.kind is UnaryKind.NEG:
        out.define(made, f"sub {kind} zeroinitializer, {name}")
    else:
        called = intrinsic(
            out,
            f"llvm.abs.{suffix_of(row)}",
            kind,
            [f"{kind} {name}", "i1 false"],
            [kind, "i1 immarg"],
        )
        out.define(made, called)


def _ones(row: VectorType) -> str:
    return "splat (i1 true)" if row.element is I1 else splat_text(row.element, -1)


@RULES.rule(vector_arith.Binary)
def lower_binary(out: FunctionText, made: vector_arith.Binary) -> None:
    """As `combined` says."""
    row = type_of(made)
    out.define(made, combined(out, made.kind, row, out.names[made.lhs], out.names[made.rhs]))


def combined(out: FunctionText, kind: BinaryKind, row: VectorType, lhs: str, rhs: str) -> str:
    """Return the instruction that combines two vectors lane by lane."""
    spelled = VALUE_TYPE[row]
    if kind in _CHOSEN_BY:
        first = out.temporary(f"fcmp {_CHOSEN_BY[kind]} {spelled} {lhs}, {rhs}")
        return _chosen(out, first, row, (lhs, rhs))
    if kind in _INTEGER_INTRINSICS:
        return lanewise(out, f"llvm.{kind.value}", row, [lhs, rhs])
    if kind in _SHIFTS:
        bits = splat_text(row.element, LANE_BITS[row.element] - 1)
        rhs = out.temporary(f"and {spelled} {rhs}, {bits}")
    instruction = _FLOAT_INSTRUCTIONS[kind] if is_float(row) else kind.value
    return f"{instruction} {spelled} {lhs}, {rhs}"


def _chosen(out: FunctionText, mask: str, row: VectorType, operands: tuple[str, str]) -> str:
    """Return the instruction that chooses lanes by a mask.

    Without optimisation floats are chosen as integers: instruction selection for arm64 takes the
    choice of constants for a maximum that tells 0.0 from -0.0, and folds it.
    """
    kind, mask_kind = VALUE_TYPE[row], VALUE_TYPE[vec(I1, row.lanes)]
    if not is_float(row) or out.context.options.level is not OptimisationLevel.NONE:
        return f"select {mask_kind} {mask}, {kind} {operands[0]}, {kind} {operands[1]}"
    bits = VALUE_TYPE[vec(I64 if row.element is F64 else I32, row.lanes)]
    rows = [f"{bits} {out.temporary(f'bitcast {kind} {name} to {bits}')}" for name in operands]
    found = out.temporary(f"select {mask_kind} {mask}, {', '.join(rows)}")
    return f"bitcast {bits} {found} to {kind}"


@RULES.rule(vector_arith.Divide)
def lower_divide(out: FunctionText, made: vector_arith.Divide) -> None:
    """The program ends before LLVM's division would be undefined."""
    row = type_of(made)
    kind, mask = VALUE_TYPE[row], VALUE_TYPE[vec(I1, row.lanes)]
    one = splat_text(row.element, 1)
    lhs = filled(out, made.lhs, one).removeprefix(f"{kind} ")
    rhs = filled(out, made.rhs, one).removeprefix(f"{kind} ")
    bad = out.temporary(f"icmp eq {kind} {rhs}, zeroinitializer")
    if made.kind in _SIGNED_DIVISIONS:
        least = splat_text(row.element, -(1 << (LANE_BITS[row.element] - 1)))
        is_least = out.temporary(f"icmp eq {kind} {lhs}, {least}")
        is_minus_one = out.temporary(f"icmp eq {kind} {rhs}, {splat_text(row.element, -1)}")
        overflows = out.temporary(f"and {mask} {is_least}, {is_minus_one}")
        bad = out.temporary(f"or {mask} {bad}, {overflows}")
    name = f"llvm.vector.reduce.or.{suffix_of(vec(I1, row.lanes))}"
    trap_if(out, out.temporary(intrinsic(out, name, "i1", [f"{mask} {bad}"], [mask])))
    out.define(made, f"{made.kind.value} {kind} {lhs}, {rhs}")


@RULES.rule(vector_arith.MultiplyAdd)
def lower_fma(out: FunctionText, made: vector_arith.MultiplyAdd) -> None:
    """The intrinsic: an instruction, or a call for every lane on a CPU that has none."""
    multiply_add(out, made)


def multiply_add(out: FunctionText, made: vector_arith.MultiplyAdd) -> None:
    """Write the intrinsic."""
    names = [out.names[value] for value in made.operands()]
    out.define(made, lanewise(out, "llvm.fma", type_of(made), names))


@RULES.rule(vector_arith.CompareIntegers)
def lower_compare_integers(out: FunctionText, made: vector_arith.CompareIntegers) -> None:
    """`icmp`."""
    both = f"{operand(out, made.lhs)}, {out.names[made.rhs]}"
    out.define(made, f"icmp {made.predicate.value} {both}")


@RULES.rule(vector_arith.CompareFloats)
def lower_compare_floats(out: FunctionText, made: vector_arith.CompareFloats) -> None:
    """`fcmp`, ordered except for `ne`."""
    both = f"{operand(out, made.lhs)}, {out.names[made.rhs]}"
    order = "u" if made.predicate is FloatPredicate.NE else "o"
    out.define(made, f"fcmp {order}{made.predicate.value} {both}")


@RULES.rule(vector_arith.SelectLanes)
def lower_select(out: FunctionText, made: vector_arith.SelectLanes) -> None:
    """`select` by a vector."""
    lanes = out.names[made.if_true], out.names[made.if_false]
    out.define(made, _chosen(out, out.names[made.mask], type_of(made), lanes))


@RULES.rule(vector_arith.Convert)
def lower_convert(out: FunctionText, made: vector_arith.Convert) -> None:
    """Instructions; saturating ones are intrinsics, and halves have code of their own."""
    convert_lanes(out, made)


def convert_lanes(out: FunctionText, made: vector_arith.Convert) -> None:
    """Write a conversion as every processor can do it."""
    source, target = type_of(made.operand), made.vector_type
    if made.kind in _SATURATING:
        name = f"{_SATURATING[made.kind]}.{suffix_of(target)}.{suffix_of(source)}"
        argument, kind = operand(out, made.operand), VALUE_TYPE[source]
        out.define(made, intrinsic(out, name, VALUE_TYPE[target], [argument], [kind]))
    elif source.element is F16:
        half_to_single(out, made, out.names[made.operand], target)
    elif source.element is BF16:
        _bfloat_to_single(out, made)
    elif target.element is F16:
        single_to_half(out, made, out.names[made.operand], source)
    elif target.element is BF16:
        single_to_bfloat(out, made, out.names[made.operand], source)
    elif source.element is target.element:
        out.names[made] = out.names[made.operand]
    else:
        instruction = _PLAIN_CONVERSIONS[made.kind]
        out.define(made, f"{instruction} {operand(out, made.operand)} to {VALUE_TYPE[target]}")


def _bfloat_to_single(out: FunctionText, made: vector_arith.Convert) -> None:
    """The upper half of a single."""
    wide = VALUE_TYPE[vec(I32, made.vector_type.lanes)]
    bits = out.temporary(f"zext {operand(out, made.operand)} to {wide}")
    shifted = out.temporary(f"shl {wide} {bits}, {splat_text(I32, 16)}")
    out.define(made, f"bitcast {wide} {shifted} to {VALUE_TYPE[made.vector_type]}")
