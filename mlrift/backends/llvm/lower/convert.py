"""Conversions between words, truth values and floats.

Halves are converted with native instructions (arm64, higher levels of x86-64) or in integer
arithmetic (the baseline of x86-64); both quiet signalling NaNs and keep the payload's upper bits.
"""

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE
from mlrift.backends.rules import Rules
from mlrift.ir.ops import convert
from mlrift.typesystem import F32

RULES: Rules[FunctionText] = Rules("llvm")

# The limits of i64 as floats.
_LEAST, _BEYOND = "0xC3E0000000000000", "0x43E0000000000000"


@RULES.rule(convert.TruthToWord)
def lower_truth_to_word(out: FunctionText, made: convert.TruthToWord) -> None:
    """Zero-extend."""
    out.define(made, f"zext i1 {out.names[made.operand]} to i64")


@RULES.rule(convert.SignedToFloat)
def lower_signed_to_float(out: FunctionText, made: convert.SignedToFloat) -> None:
    """Convert with the usual rounding."""
    out.define(made, f"sitofp i64 {out.names[made.operand]} to {VALUE_TYPE[made.to]}")


@RULES.rule(convert.FloatToSigned)
def lower_float_to_signed(out: FunctionText, made: convert.FloatToSigned) -> None:
    """The saturating intrinsic; a plain `fptosi` would be undefined out of range."""
    kind = VALUE_TYPE[made.operand.type]
    if out.has_wide_registers():
        _choose_signed(out, made, kind)
        return
    name = "llvm.fptosi.sat.i64.f32" if kind == "float" else "llvm.fptosi.sat.i64.f64"
    out.context.declare(name, f"declare i64 @{name}({kind})")
    out.define(made, f"call i64 @{name}({kind} {out.names[made.operand]})")


def _choose_signed(out: FunctionText, made: convert.FloatToSigned, kind: str) -> None:
    """Limit by choices, of which LLVM makes vectors; what is undefined is never chosen."""
    operand = out.names[made.operand]
    found = out.temporary(f"fptosi {kind} {operand} to i64")
    is_in = out.temporary(f"fcmp oge {kind} {operand}, {_LEAST}")
    found = out.temporary(f"select i1 {is_in}, i64 {found}, i64 {-(1 << 63)}")
    is_beyond = out.temporary(f"fcmp oge {kind} {operand}, {_BEYOND}")
    found = out.temporary(f"select i1 {is_beyond}, i64 {(1 << 63) - 1}, i64 {found}")
    is_nan = out.temporary(f"fcmp uno {kind} {operand}, {operand}")
    out.define(made, f"select i1 {is_nan}, i64 0, i64 {found}")


@RULES.rule(convert.Widen)
def lower_widen(out: FunctionText, made: convert.Widen) -> None:
    """Exact."""
    out.define(made, f"fpext float {out.names[made.operand]} to double")


@RULES.rule(convert.Narrow)
def lower_narrow(out: FunctionText, made: convert.Narrow) -> None:
    """Rounded to nearest even."""
    out.define(made, f"fptrunc double {out.names[made.operand]} to float")


@RULES.rule(convert.BitsToFloat)
def lower_bits_to_float(out: FunctionText, made: convert.BitsToFloat) -> None:
    """All 64 bits, or the low 32."""
    word = out.names[made.operand]
    if made.to is F32:
        word = out.temporary(f"trunc i64 {word} to i32")
        out.define(made, f"bitcast i32 {word} to float")
    else:
        out.define(made, f"bitcast i64 {word} to double")


@RULES.rule(convert.FloatToBits)
def lower_float_to_bits(out: FunctionText, made: convert.FloatToBits) -> None:
    """Zero-extended for singles."""
    operand = out.names[made.operand]
    if made.operand.type is F32:
        bits = out.temporary(f"bitcast float {operand} to i32")
        out.define(made, f"zext i32 {bits} to i64")
    else:
        out.define(made, f"bitcast double {operand} to i64")


def native_half_to_single(out: FunctionText, made: convert.HalfToSingle) -> None:
    """For a CPU that converts halves itself."""
    bits = out.temporary(f"trunc i64 {out.names[made.operand]} to i16")
    half = out.temporary(f"bitcast i16 {bits} to half")
    out.define(made, f"fpext half {half} to float")


def native_single_to_half(out: FunctionText, made: convert.SingleToHalf) -> None:
    """For a CPU that converts halves itself."""
    half = out.temporary(f"fptrunc float {out.names[made.operand]} to half")
    bits = out.temporary(f"bitcast half {half} to i16")
    out.define(made, f"zext i16 {bits} to i64")


def integer_half_to_single(out: FunctionText, made: convert.HalfToSingle) -> None:
    """Shift the fields into place and scale by 2**112; the product is exact, subnormals too."""
    bits = out.temporary(f"trunc i64 {out.names[made.operand]} to i32")
    magnitude = out.temporary(f"and i32 {bits}, {0x7FFF}")
    shifted = out.temporary(f"shl i32 {magnitude}, 13")
    unscaled = out.temporary(f"bitcast i32 {shifted} to float")
    scaled = out.temporary(f"fmul float {unscaled}, 0x46F0000000000000")
    finite = out.temporary(f"bitcast float {scaled} to i32")
    special = out.temporary(f"or i32 {shifted}, {0x7F800000}")
    quiet = out.temporary(f"or i32 {special}, {0x00400000}")
    is_nan = out.temporary(f"icmp ugt i32 {magnitude}, {0x7C00}")
    not_finite = out.temporary(f"select i1 {is_nan}, i32 {quiet}, i32 {special}")
    is_finite = out.temporary(f"icmp ult i32 {magnitude}, {0x7C00}")
    found = out.temporary(f"select i1 {is_finite}, i32 {finite}, i32 {not_finite}")
    sign_bits = out.temporary(f"shl i32 {bits}, 16")
    sign = out.temporary(f"and i32 {sign_bits}, {-0x80000000}")
    signed = out.temporary(f"or i32 {found}, {sign}")
    out.define(made, f"bitcast i32 {signed} to float")


def integer_single_to_half(out: FunctionText, made: convert.SingleToHalf) -> None:
    """Round to nearest even: normal results by integers, subnormal ones by a float addition."""
    bits = out.temporary(f"bitcast float {out.names[made.operand]} to i32")
    magnitude = out.temporary(f"and i32 {bits}, {0x7FFFFFFF}")
    halved = out.temporary(f"lshr i32 {magnitude}, 13")
    odd = out.temporary(f"and i32 {halved}, 1")
    rebiased = out.temporary(f"add i32 {magnitude}, {0x0FFF - (112 << 23)}")
    rounded = out.temporary(f"add i32 {rebiased}, {odd}")
    normal = out.temporary(f"lshr i32 {rounded}, 13")
    small = out.temporary(f"bitcast i32 {magnitude} to float")
    aligned = out.temporary(f"fadd float {small}, 0x3FE0000000000000")
    aligned_bits = out.temporary(f"bitcast float {aligned} to i32")
    subnormal = out.temporary(f"sub i32 {aligned_bits}, {0x3F000000}")
    is_subnormal = out.temporary(f"icmp ult i32 {magnitude}, {113 << 23}")
    finite = out.temporary(f"select i1 {is_subnormal}, i32 {subnormal}, i32 {normal}")
    payload = out.temporary(f"and i32 {halved}, {0x3FF}")
    nan = out.temporary(f"or i32 {payload}, {0x7E00}")
    is_nan = out.temporary(f"icmp ugt i32 {magnitude}, {0x7F800000}")
    special = out.temporary(f"select i1 {is_nan}, i32 {nan}, i32 {0x7C00}")
    is_big = out.temporary(f"icmp uge i32 {magnitude}, {143 << 23}")
    found = out.temporary(f"select i1 {is_big}, i32 {special}, i32 {finite}")
    sign_bits = out.temporary(f"lshr i32 {bits}, 16")
    sign = out.temporary(f"and i32 {sign_bits}, {0x8000}")
    signed = out.temporary(f"or i32 {found}, {sign}")
    out.define(made, f"zext i32 {signed} to i64")
