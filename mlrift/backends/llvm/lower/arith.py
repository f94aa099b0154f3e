"""Integer and float arithmetic to LLVM. No flags: sums wrap, floats are never contracted."""

from collections.abc import Callable

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE, constant_text
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.ops import arith
from mlrift.static_types import Any

RULES: Rules[FunctionText] = Rules("llvm")

_SHIFT_MASK = 63
_MINIMUM = -(1 << 63)
_UNLIKELY = ", !prof !0"


@RULES.rule(arith.Constant)
def lower_constant(out: FunctionText, made: arith.Constant) -> None:
    """A constant is spelled where it is used."""
    out.names[made] = constant_text(made.value, made.constant_type)


@RULES.rule(arith.Add)
def lower_add(out: FunctionText, made: arith.Add) -> None:
    """The sum as a word, as a pointer, or as both: whatever is asked for."""
    if made in out.word_demand:
        text = f"add i64 {out.names[made.lhs]}, {out.names[made.rhs]}"
        if made in out.hidden:
            text = f'call i64 asm "", "=r,0"(i64 {out.temporary(text)})'
        out.define(made, text)
    parts = out.bases.get(made)
    if parts is not None:
        base, offset = parts
        out.define_pointer(
            made, f"getelementptr i8, ptr {out.pointer(base)}, i64 {out.names[offset]}"
        )


@RULES.rule(arith.Sub)
def lower_sub(out: FunctionText, made: arith.Sub) -> None:
    """The difference as a word, or a pointer a constant distance before another."""
    if made in out.word_demand:
        out.define(made, f"sub i64 {out.names[made.lhs]}, {out.names[made.rhs]}")
    parts = out.bases.get(made)
    if parts is not None and isinstance(made.rhs, arith.Constant):
        distance = arith.signed(-int(made.rhs.value) & arith.WORD_MASK)
        out.define_pointer(made, f"getelementptr i8, ptr {out.pointer(parts[0])}, i64 {distance}")


@RULES.rule(arith.Select)
def lower_select(out: FunctionText, made: arith.Select) -> None:
    """A choice between words, floats or pointers."""
    condition = out.names[made.condition]
    if made in out.word_demand:
        kind = VALUE_TYPE[made.type]
        if_true, if_false = out.names[made.if_true], out.names[made.if_false]
        out.define(made, f"select i1 {condition}, {kind} {if_true}, {kind} {if_false}")
    if made in out.pointer_demand:
        if_true, if_false = out.pointer(made.if_true), out.pointer(made.if_false)
        out.define_pointer(made, f"select i1 {condition}, ptr {if_true}, ptr {if_false}")


def _word_rule(instruction: str) -> Callable[[FunctionText, Any], None]:
    def lower(out: FunctionText, made: arith.Mul) -> None:
        out.define(made, f"{instruction} i64 {out.names[made.lhs]}, {out.names[made.rhs]}")

    return lower


def _typed_rule(instruction: str) -> Callable[[FunctionText, Any], None]:
    def lower(out: FunctionText, made: arith.FAdd) -> None:
        lhs, rhs = out.names[made.lhs], out.names[made.rhs]
        out.define(made, f"{instruction} {VALUE_TYPE[made.type]} {lhs}, {rhs}")

    return lower


def _shift_rule(instruction: str) -> Callable[[FunctionText, Any], None]:
    def lower(out: FunctionText, made: arith.Shl) -> None:
        lhs, count = out.names[made.lhs], made.rhs
        if isinstance(count, arith.Constant):
            amount = str(int(count.value) & _SHIFT_MASK)
        else:
            amount = out.temporary(f"and i64 {out.names[count]}, {_SHIFT_MASK}")
        out.define(made, f"{instruction} i64 {lhs}, {amount}")

    return lower


def _overflow_rule(intrinsic: str) -> Callable[[FunctionText, Any], None]:
    declaration = f"declare {{ i64, i1 }} @{intrinsic}(i64, i64)"

    def lower(out: FunctionText, made: arith.AddOverflows) -> None:
        out.context.declare(intrinsic, declaration)
        lhs, rhs = out.names[made.lhs], out.names[made.rhs]
        both = out.temporary(f"call {{ i64, i1 }} @{intrinsic}(i64 {lhs}, i64 {rhs})")
        out.define(made, f"extractvalue {{ i64, i1 }} {both}, 1")

    return lower


RULES.rule(arith.Mul)(_word_rule("mul"))
RULES.rule(arith.And)(_typed_rule("and"))
RULES.rule(arith.Or)(_typed_rule("or"))
RULES.rule(arith.Xor)(_typed_rule("xor"))
RULES.rule(arith.Shl)(_shift_rule("shl"))
RULES.rule(arith.Lshr)(_shift_rule("lshr"))
RULES.rule(arith.Ashr)(_shift_rule("ashr"))
RULES.rule(arith.FAdd)(_typed_rule("fadd"))
RULES.rule(arith.FSub)(_typed_rule("fsub"))
RULES.rule(arith.FMul)(_typed_rule("fmul"))
RULES.rule(arith.FDiv)(_typed_rule("fdiv"))
RULES.rule(arith.AddOverflows)(_overflow_rule("llvm.sadd.with.overflow.i64"))
RULES.rule(arith.SubOverflows)(_overflow_rule("llvm.ssub.with.overflow.i64"))
RULES.rule(arith.MulOverflows)(_overflow_rule("llvm.smul.with.overflow.i64"))


@RULES.rule(arith.FSqrt)
def lower_fsqrt(out: FunctionText, made: arith.FSqrt) -> None:
    """The intrinsic: one instruction on both CPUs."""
    kind = VALUE_TYPE[made.type]
    name = "llvm.sqrt.f64" if kind == "double" else "llvm.sqrt.f32"
    out.context.declare(name, f"declare {kind} @{name}({kind})")
    out.define(made, f"call {kind} @{name}({kind} {out.names[made.operand]})")


@RULES.rule(arith.FMultiplyAdd)
def lower_fma(out: FunctionText, made: arith.FMultiplyAdd) -> None:
    """The intrinsic: one instruction, or a call of `fma` on a CPU that has none."""
    kind = VALUE_TYPE[made.type]
    name = "llvm.fma.f64" if kind == "double" else "llvm.fma.f32"
    out.context.declare(name, f"declare {kind} @{name}({kind}, {kind}, {kind})")
    arguments = ", ".join([f"{kind} {out.names[value]}" for value in made.operands()])
    out.define(made, f"call {kind} @{name}({arguments})")


@RULES.rule(arith.Udiv)
def lower_udiv(out: FunctionText, made: arith.Udiv) -> None:
    """Unsigned quotient after the check of the divisor."""
    _check_zero(out, made.rhs)
    out.define(made, f"udiv i64 {out.names[made.lhs]}, {out.names[made.rhs]}")


@RULES.rule(arith.Urem)
def lower_urem(out: FunctionText, made: arith.Urem) -> None:
    """Unsigned remainder after the check of the divisor."""
    _check_zero(out, made.rhs)
    out.define(made, f"urem i64 {out.names[made.lhs]}, {out.names[made.rhs]}")


@RULES.rule(arith.Sdiv)
def lower_sdiv(out: FunctionText, made: arith.Sdiv) -> None:
    """Signed quotient after the checks of both operands."""
    _check_signed(out, made.lhs, made.rhs)
    out.define(made, f"sdiv i64 {out.names[made.lhs]}, {out.names[made.rhs]}")


@RULES.rule(arith.Srem)
def lower_srem(out: FunctionText, made: arith.Srem) -> None:
    """Signed remainder after the checks of both operands."""
    _check_signed(out, made.lhs, made.rhs)
    out.define(made, f"srem i64 {out.names[made.lhs]}, {out.names[made.rhs]}")


def _check_zero(out: FunctionText, divisor: Value) -> None:
    """End the program when the divisor is zero, unless it is a constant that is not."""
    if isinstance(divisor, arith.Constant) and divisor.value != 0:
        return
    trap_if(out, out.temporary(f"icmp eq i64 {out.names[divisor]}, 0"))


def _check_signed(out: FunctionText, dividend: Value, divisor: Value) -> None:
    """End the program when the quotient does not exist: by zero, or MIN by -1.

    The usual path has one comparison, which catches both divisors.
    """
    if isinstance(divisor, arith.Constant) and divisor.value != arith.WORD_MASK:
        _check_zero(out, divisor)
        return
    lhs, rhs = out.names[dividend], out.names[divisor]
    above = out.temporary(f"add i64 {rhs}, 1")
    is_rare = out.temporary(f"icmp ult i64 {above}, 2")
    rare, usual = out.fresh_label(), out.fresh_label()
    out.emit(f"br i1 {is_rare}, label %{rare}, label %{usual}{_UNLIKELY}")
    out.begin_block(rare)
    is_zero = out.temporary(f"icmp eq i64 {rhs}, 0")
    is_minimum = out.temporary(f"icmp eq i64 {lhs}, {_MINIMUM}")
    is_bad = out.temporary(f"or i1 {is_zero}, {is_minimum}")
    out.emit(f"br i1 {is_bad}, label %{out.trap_label()}, label %{usual}{_UNLIKELY}")
    out.begin_block(usual)


def trap_if(out: FunctionText, condition: str) -> None:
    """Go to the block that ends the program with status 136 if a truth value holds."""
    usual = out.fresh_label()
    out.emit(f"br i1 {condition}, label %{out.trap_label()}, label %{usual}{_UNLIKELY}")
    out.begin_block(usual)
