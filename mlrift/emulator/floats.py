"""Float helpers of the semantics: extremes, classes, exponents, and rounding to half.

Everything works on vectors of one float kind; nothing here reads or writes registers.
"""

import struct

from mlrift.emulator.code import (
    V1,
    V16,
    V32,
    V64,
    VDOUBLE,
    VFLOAT,
    VHALF,
    Code,
    double_splat,
    splat,
    vector,
)
from mlrift.emulator.elements import DOUBLE, FLOAT, HALF, Kind

MANTISSA_BITS = {HALF: 10, FLOAT: 23, DOUBLE: 52}
EXPONENT_MASK = {HALF: 0x1F, FLOAT: 0xFF, DOUBLE: 0x7FF}
BIAS = {HALF: 15, FLOAT: 127, DOUBLE: 1023}
INFINITY_BITS = {HALF: 0x7C00, FLOAT: 0x7F800000, DOUBLE: 0x7FF0_0000_0000_0000}
QUIET_BIT = {HALF: 0x0200, FLOAT: 0x0040_0000, DOUBLE: 0x0008_0000_0000_0000}


def constant(kind: Kind, number: float) -> str:
    """Return a number in all lanes; it is exact in the kind."""
    if kind is HALF:
        bits = struct.unpack("<H", struct.pack("<e", number))[0]
        return splat("half", f"0xH{bits:04X}")
    bits = struct.unpack("<Q", struct.pack("<d", number))[0]
    return splat(kind.name, f"0x{bits:016X}")


def as_bits(code: Code, kind: Kind, found: str) -> str:
    """Return the bits of floats."""
    return code.convert("bitcast", vector(kind.name), found, vector(kind.integer))


def as_floats(code: Code, kind: Kind, bits: str) -> str:
    """Return floats of bits."""
    return code.convert("bitcast", vector(kind.integer), bits, vector(kind.name))


def absolute(code: Code, kind: Kind, found: str) -> str:
    """Return floats without their signs."""
    name = vector(kind.name)
    return code.call(name, f"llvm.fabs.v32f{kind.bits}", f"{name} {found}")


def intrinsic(code: Code, kind: Kind, name: str, *values: str) -> str:
    """Call an LLVM intrinsic on vectors of one kind."""
    arguments = [f"{vector(kind.name)} {found}" for found in values]
    return code.call(vector(kind.name), f"llvm.{name}.v32f{kind.bits}", *arguments)


def is_nan(code: Code, kind: Kind, found: str) -> str:
    """Return which lanes are NaN."""
    return code.binary("fcmp uno", vector(kind.name), found, "zeroinitializer")


def exponent(code: Code, kind: Kind, found: str) -> str:
    """Return the biased exponents, as integers of the same width."""
    integer = vector(kind.integer)
    bits = as_bits(code, kind, found)
    moved = code.binary("lshr", integer, bits, splat(kind.integer, MANTISSA_BITS[kind]))
    return code.binary("and", integer, moved, splat(kind.integer, EXPONENT_MASK[kind]))


def quieted(code: Code, kind: Kind, found: str) -> str:
    """Return NaNs with their quiet bit set (of other numbers, nothing useful)."""
    integer = vector(kind.integer)
    bits = code.binary(
        "or", integer, as_bits(code, kind, found), splat(kind.integer, QUIET_BIT[kind])
    )
    return as_floats(code, kind, bits)


def smaller(code: Code, kind: Kind, left: str, right: str) -> str:
    """Return the smaller number: -0 before 0, and of a number and a NaN the number."""
    return _extreme(code, kind, ("fcmp olt", "or"), left, right)


def larger(code: Code, kind: Kind, left: str, right: str) -> str:
    """Return the larger number: 0 after -0, and of a number and a NaN the number."""
    return _extreme(code, kind, ("fcmp ogt", "and"), left, right)


def _extreme(code: Code, kind: Kind, how: tuple[str, str], left: str, right: str) -> str:
    """Choose by a comparison; join the bits of equal numbers, which are zeros or the same."""
    test, join = how
    name, integer = vector(kind.name), vector(kind.integer)
    chosen = code.select(code.binary(test, name, left, right), name, left, right)
    bits = code.binary(join, integer, as_bits(code, kind, left), as_bits(code, kind, right))
    equal = code.binary("fcmp oeq", name, left, right)
    chosen = code.select(equal, name, as_floats(code, kind, bits), chosen)
    chosen = code.select(is_nan(code, kind, right), name, left, chosen)
    both = code.binary("and", V1, is_nan(code, kind, left), is_nan(code, kind, right))
    return code.select(both, name, quieted(code, kind, left), chosen)


def propagating(code: Code, kind: Kind, left: str, right: str, chosen: str) -> str:
    """Return `chosen`, or the NaN that is among the two sources."""
    name = vector(kind.name)
    chosen = code.select(is_nan(code, kind, right), name, quieted(code, kind, right), chosen)
    return code.select(is_nan(code, kind, left), name, quieted(code, kind, left), chosen)


def is_signalling(code: Code, kind: Kind, found: str) -> str:
    """Return which lanes are NaN without the quiet bit."""
    integer = vector(kind.integer)
    bits = as_bits(code, kind, found)
    quiet = code.binary("and", integer, bits, splat(kind.integer, QUIET_BIT[kind]))
    loud = code.binary("icmp eq", integer, quiet, "zeroinitializer")
    return code.binary("and", V1, loud, is_nan(code, kind, found))


def widened(code: Code, kind: Kind, found: str) -> str:
    """Return floats as doubles."""
    if kind is DOUBLE:
        return found
    return code.convert("fpext", vector(kind.name), found, VDOUBLE)


def narrowed(code: Code, kind: Kind, found: str) -> str:
    """Return doubles rounded once, to nearest even."""
    match kind.bits:
        case 64:
            return found
        case 32:
            return code.convert("fptrunc", VDOUBLE, found, VFLOAT)
    return code.convert("fptrunc", VFLOAT, odd_float(code, found), VHALF)


def odd_float(code: Code, found: str) -> str:
    """Return doubles as floats rounded to odd: rounding those again is rounding once."""
    near = code.convert("fptrunc", VDOUBLE, found, VFLOAT)
    back = code.convert("fpext", VFLOAT, near, VDOUBLE)
    beyond = code.binary(
        "fcmp ogt", VDOUBLE, absolute(code, DOUBLE, back), absolute(code, DOUBLE, found)
    )
    bits = as_bits(code, FLOAT, near)
    less = code.binary("sub", V32, bits, splat("i32", 1))
    bits = code.select(beyond, V32, less, bits)
    inexact = code.binary("fcmp one", VDOUBLE, back, found)
    odd = code.convert("zext", V1, inexact, V32)
    return as_floats(code, FLOAT, code.binary("or", V32, bits, odd))


def toward_zero_half(code: Code, found: str) -> str:
    """Return floats as halves rounded toward zero."""
    near = code.convert("fptrunc", VFLOAT, found, VHALF)
    back = code.convert("fpext", VHALF, near, VFLOAT)
    beyond = code.binary(
        "fcmp ogt", VFLOAT, absolute(code, FLOAT, back), absolute(code, FLOAT, found)
    )
    bits = as_bits(code, HALF, near)
    less = code.binary("sub", V16, bits, splat("i16", 1))
    return as_floats(code, HALF, code.select(beyond, V16, less, bits))


def fused(code: Code, kind: Kind, a: str, b: str, c: str) -> str:
    """Return a * b + c rounded once."""
    if kind is not HALF:
        return intrinsic(code, kind, "fma", a, b, c)
    wide = [widened(code, kind, found) for found in (a, b, c)]
    return narrowed(code, kind, intrinsic(code, DOUBLE, "fma", *wide))


def scaled_by_power(code: Code, kind: Kind, found: str, power: str) -> str:
    """Return floats (not doubles) times 2**power (i32 vector), rounded once."""
    limited = code.call(V32, "llvm.smax.v32i32", f"{V32} {power}", f"{V32} {splat('i32', -600)}")
    limited = code.call(V32, "llvm.smin.v32i32", f"{V32} {limited}", f"{V32} {splat('i32', 600)}")
    biased = code.binary("add", V32, limited, splat("i32", BIAS[DOUBLE]))
    wide = code.convert("zext", V32, biased, V64)
    factor = as_floats(code, DOUBLE, code.binary("shl", V64, wide, splat("i64", 52)))
    return narrowed(code, kind, code.binary("fmul", VDOUBLE, widened(code, kind, found), factor))


def flushed_small(code: Code, kind: Kind, found: str) -> str:
    """Return zeros of the same sign for denormal numbers."""
    name = vector(kind.name)
    smallest = {HALF: 2.0**-14, FLOAT: 2.0**-126, DOUBLE: 2.0**-1022}[kind]
    size = absolute(code, kind, found)
    small = code.binary("fcmp olt", name, size, constant(kind, smallest))
    zero = intrinsic(code, kind, "copysign", "zeroinitializer", found)
    return code.select(small, name, zero, found)


def shortened(code: Code, found: str, dropped_bits: int) -> str:
    """Return doubles with the last bits of the mantissa cleared (NaN stays NaN)."""
    bits = as_bits(code, DOUBLE, found)
    cut = code.binary("and", V64, bits, splat("i64", -(1 << dropped_bits)))
    return as_floats(code, DOUBLE, cut)


ONE = double_splat(1.0)
