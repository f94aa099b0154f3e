"""LLVM text of 2**x and log2(x) of 32 doubles at once, by series.

For arguments that were f32 or f16; the error is below 2**-45 of the result, so rounded to f32 it is
the right number or, once in a million, its neighbour.
"""

import math

from mlrift.emulator import floats
from mlrift.emulator.code import V1, V64, VDOUBLE, Code, double_splat, splat
from mlrift.emulator.elements import DOUBLE

_LARGEST_POWER = 300.0
_EXPONENT_TERMS = 13
_LOGARITHM_TERMS = 13
_MANTISSA_MASK = (1 << 52) - 1


def _fused(code: Code, a: str, b: str, c: str) -> str:
    return floats.intrinsic(code, DOUBLE, "fma", a, b, c)


def _exp2(code: Code, found: str) -> str:
    """x = n + r with |r| at most 1/2; 2**r by Taylor's series."""
    low, high = double_splat(-_LARGEST_POWER), double_splat(_LARGEST_POWER)
    x = code.select(code.binary("fcmp olt", VDOUBLE, found, low), VDOUBLE, low, found)
    x = code.select(code.binary("fcmp olt", VDOUBLE, x, high), VDOUBLE, x, high)
    whole = floats.intrinsic(code, DOUBLE, "roundeven", x)
    rest = code.binary("fsub", VDOUBLE, x, whole)
    total = double_splat(math.log(2) ** _EXPONENT_TERMS / math.factorial(_EXPONENT_TERMS))
    for power in reversed(range(_EXPONENT_TERMS)):
        term = math.log(2) ** power / math.factorial(power)
        total = _fused(code, total, rest, double_splat(term))
    number = code.convert("fptosi", VDOUBLE, whole, V64)
    biased = code.binary("add", V64, number, splat("i64", floats.BIAS[DOUBLE]))
    scale = floats.as_floats(code, DOUBLE, code.binary("shl", V64, biased, splat("i64", 52)))
    made = code.binary("fmul", VDOUBLE, total, scale)
    return code.select(floats.is_nan(code, DOUBLE, found), VDOUBLE, found, made)


def _log2(code: Code, found: str) -> str:
    """x = m * 2**e with m from sqrt(1/2) to sqrt(2); log m by the series of artanh."""
    bits = floats.as_bits(code, DOUBLE, found)
    mantissa = code.binary("and", V64, bits, splat("i64", _MANTISSA_MASK))
    one = code.binary("or", V64, mantissa, splat("i64", floats.BIAS[DOUBLE] << 52))
    m = floats.as_floats(code, DOUBLE, one)
    power = code.binary(
        "sub", V64, floats.exponent(code, DOUBLE, found), splat("i64", floats.BIAS[DOUBLE])
    )
    large = code.binary("fcmp ogt", VDOUBLE, m, double_splat(math.sqrt(2)))
    half = code.binary("fmul", VDOUBLE, m, double_splat(0.5))
    m = code.select(large, VDOUBLE, half, m)
    power = code.binary("add", V64, power, code.convert("zext", V1, large, V64))
    above = code.binary("fsub", VDOUBLE, m, floats.ONE)
    below = code.binary("fadd", VDOUBLE, m, floats.ONE)
    s = code.binary("fdiv", VDOUBLE, above, below)
    square = code.binary("fmul", VDOUBLE, s, s)
    total = double_splat(2 / math.log(2) / (2 * _LOGARITHM_TERMS + 1))
    for place in reversed(range(_LOGARITHM_TERMS)):
        total = _fused(code, total, square, double_splat(2 / math.log(2) / (2 * place + 1)))
    number = code.convert("sitofp", V64, power, VDOUBLE)
    made = _fused(code, total, s, number)
    return _logarithm_ends(code, found, made)


def _logarithm_ends(code: Code, found: str, made: str) -> str:
    """Return infinities and NaN where they belong."""
    infinite = double_splat(math.inf)
    zero = code.binary("fcmp oeq", VDOUBLE, found, "zeroinitializer")
    made = code.select(zero, VDOUBLE, double_splat(-math.inf), made)
    top = code.binary("fcmp oeq", VDOUBLE, found, infinite)
    made = code.select(top, VDOUBLE, infinite, made)
    # Also where the number is NaN: it is not at least 0.
    bad = code.binary("fcmp ult", VDOUBLE, found, "zeroinitializer")
    return code.select(bad, VDOUBLE, double_splat(math.nan), made)


SERIES = {"exp2": _exp2, "log2": _log2}


def series_function(name: str) -> str:
    """Return the text of `map.exp2` or `map.log2`."""
    code = Code()
    result = SERIES[name.partition(".")[2]](code, "%source")
    body = "\n  ".join(code.lines)
    return (
        f"\ndefine internal <32 x double> @{name}(<32 x double> %source) {{\n  {body}\n"
        f"  ret <32 x double> {result}\n}}\n"
    )


SERIES_DECLARATIONS = frozenset(
    (
        "declare <32 x double> @llvm.fma.v32f64(<32 x double>, <32 x double>, <32 x double>)",
        "declare <32 x double> @llvm.roundeven.v32f64(<32 x double>)",
    )
)
"""What they call."""
