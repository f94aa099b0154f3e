"""The three steps of an exact division: scale, fused multiply-add with the scale, fix up.

Sources of v_div_scale: what is scaled, denominator, numerator. Sources of v_div_fixup: quotient,
denominator, numerator. From AMD's instruction set manuals, VOP3, with two repairs without which no
division near the ends of the range would be right: the manual scales the denominator up where
it has to become smaller, and says nothing of a quotient that overflowed on the way.
"""

from collections.abc import Mapping

from mlrift.emulator import floats
from mlrift.emulator.code import V1, Code, splat, vector
from mlrift.emulator.elements import DOUBLE, FLOAT, HALF, Kind
from mlrift.emulator.step import Semantics, Step
from mlrift.values import value


@value
class _Limits:
    """Exponents of a kind: where a quotient comes near overflow, the scale, small numerators."""

    far: int
    scale: int
    small: int
    underflow: int


_LIMITS = {FLOAT: _Limits(96, 64, 23, 150), DOUBLE: _Limits(768, 128, 53, 1075)}


def _is_denormal(code: Code, kind: Kind, found: str) -> str:
    """Return which lanes are below the smallest normal number."""
    smallest = floats.constant(kind, 2.0 ** (1 - floats.BIAS[kind]))
    size = floats.absolute(code, kind, found)
    return code.binary("fcmp olt", vector(kind.name), size, smallest)


def _scale(kind: Kind) -> Semantics:
    limits, name, integer = _LIMITS[kind], vector(kind.name), vector(kind.integer)

    def semantics(step: Step) -> None:
        code = step.code
        source, below, above = step.lanes(0), step.lanes(1), step.lanes(2)
        up = code.binary("fmul", name, source, floats.constant(kind, 2.0**limits.scale))
        down = code.binary("fmul", name, source, floats.constant(kind, 2.0**-limits.scale))
        is_below = code.binary("fcmp oeq", name, source, below)
        is_above = code.binary("fcmp oeq", name, source, above)
        up_below = code.select(is_below, name, up, source)
        down_below = code.select(is_below, name, down, source)
        up_above = code.select(is_above, name, up, source)
        inverse = code.binary("fdiv", name, floats.constant(kind, 1.0), below)
        tiny_inverse = _is_denormal(code, kind, inverse)
        tiny_quotient = _is_denormal(code, kind, code.binary("fdiv", name, above, below))
        above_exponent = floats.exponent(code, kind, above)
        distance = code.binary("sub", integer, above_exponent, floats.exponent(code, kind, below))
        far = code.binary("icmp sge", integer, distance, splat(kind.integer, limits.far))
        small = code.binary("icmp sle", integer, above_exponent, splat(kind.integer, limits.small))
        both = code.binary("and", V1, tiny_inverse, tiny_quotient)
        # The first case that holds decides: built from the last to the first.
        result = code.select(small, name, up, source)
        mask = "zeroinitializer"
        cases = [
            (tiny_quotient, up_above, "true"),
            (tiny_inverse, down, "false"),
            (both, down_below, "true"),
            (_is_denormal(code, kind, below), up, "false"),
            (far, up_below, "true"),
        ]
        for test, chosen, flag in cases:
            result = code.select(test, name, chosen, result)
            mask = code.select(test, V1, splat("i1", flag), mask)
        zeros = [
            code.binary("fcmp oeq", name, found, "zeroinitializer") for found in (below, above)
        ]
        zero = code.binary("or", V1, *zeros)
        step.write(code.select(zero, name, floats.constant(kind, float("nan")), result))
        step.write_mask_result(code.select(zero, V1, "zeroinitializer", mask))

    return semantics


def _fused_scaled(kind: Kind) -> Semantics:
    limits, name = _LIMITS[kind], vector(kind.name)

    def semantics(step: Step) -> None:
        code = step.code
        addend = step.lanes(2)
        made = floats.fused(code, kind, step.lanes(0), step.lanes(1), addend)
        large = code.binary(
            "icmp ugt",
            vector(kind.integer),
            floats.exponent(code, kind, addend),
            splat(kind.integer, floats.BIAS[kind]),
        )
        factor = code.select(
            large,
            name,
            floats.constant(kind, 2.0**limits.scale),
            floats.constant(kind, 2.0**-limits.scale),
        )
        scaled = code.binary("fmul", name, made, factor)
        # A result that becomes denormal is rounded once, to the digits it will have.
        short = code.binary("fmul", name, _short_sum(step, kind, made), factor)
        small = _is_denormal(code, kind, scaled)
        scaled = code.select(small, name, short, scaled)
        step.write(code.select(step.mask_source(), name, scaled, made))

    return semantics


def _short_sum(step: Step, kind: Kind, rounded: str) -> str:
    """Return src0 * src1 + src2 rounded to the digits that stay when it becomes denormal.

    From the sum rounded to nearest: only half a unit can have gone the wrong way. What is missing
    then is exact, because src2 is near the sum: it is a quotient that is corrected.
    """
    code, name = step.code, vector(kind.name)
    rest = code.binary("fsub", name, step.lanes(2), rounded)
    error = floats.fused(code, kind, step.lanes(0), step.lanes(1), rest)
    unit = 2.0 ** (1 - floats.BIAS[kind] - floats.MANTISSA_BITS[kind] + _LIMITS[kind].scale)
    magic = floats.constant(kind, unit * 2.0 ** floats.MANTISSA_BITS[kind])
    half = floats.constant(kind, unit / 2)
    size = floats.absolute(code, kind, rounded)
    short = code.binary("fsub", name, code.binary("fadd", name, size, magic), magic)
    away = floats.absolute(code, kind, code.binary("fsub", name, size, short))
    tie = code.binary("fcmp oeq", name, away, half)
    inexact = code.binary("fcmp one", name, error, "zeroinitializer")
    opposite = code.binary(
        "xor",
        vector(kind.integer),
        floats.as_bits(code, kind, rounded),
        floats.as_bits(code, kind, error),
    )
    less = code.binary("icmp slt", vector(kind.integer), opposite, "zeroinitializer")
    nearer = code.select(
        less,
        name,
        code.binary("fsub", name, size, half),
        code.binary("fadd", name, size, half),
    )
    wrong = code.binary("and", V1, tie, inexact)
    return _signed(code, kind, code.select(wrong, name, nearer, short), rounded)


def _signed(code: Code, kind: Kind, size: str, sign: str) -> str:
    return floats.intrinsic(code, kind, "copysign", size, sign)


def _fix_up(kind: Kind) -> Semantics:
    name = vector(kind.name)

    def semantics(step: Step) -> None:
        code = step.code
        quotient, below, above = step.lanes(0), step.lanes(1), step.lanes(2)
        below_bits, above_bits = (floats.as_bits(code, kind, row) for row in (below, above))
        sign_bits = code.binary("xor", vector(kind.integer), below_bits, above_bits)
        sign = floats.as_floats(code, kind, sign_bits)
        result = _signed(code, kind, quotient, sign)
        infinite = _signed(code, kind, floats.constant(kind, float("inf")), sign)
        zero = _signed(code, kind, "zeroinitializer", sign)
        if kind is not HALF:
            result = _within_range(step, kind, result, zero, infinite)
        tests = _Tests(code, kind, below, above)
        for test, chosen in (
            (tests.infinite_below, zero),
            (tests.zero_above, zero),
            (tests.infinite_above, infinite),
            (tests.zero_below, infinite),
            (tests.both_infinite, floats.constant(kind, float("-nan"))),
            (tests.both_zero, floats.constant(kind, float("-nan"))),
            (floats.is_nan(code, kind, below), floats.quieted(code, kind, below)),
            (floats.is_nan(code, kind, above), floats.quieted(code, kind, above)),
        ):
            result = code.select(test, name, chosen, result)
        step.write(result)

    return semantics


def _within_range(step: Step, kind: Kind, result: str, zero: str, infinite: str) -> str:
    """Return `result`, or zero or infinity where the exponents say so."""
    code, integer = step.code, vector(kind.integer)
    above, below = (floats.exponent(code, kind, step.lanes(number)) for number in (2, 1))
    distance = code.binary("sub", integer, above, below)
    limit = splat(kind.integer, -_LIMITS[kind].underflow)
    under = code.binary("icmp slt", integer, distance, limit)
    far = code.binary("icmp sge", integer, distance, splat(kind.integer, _LIMITS[kind].far))
    over = code.binary("and", V1, far, floats.is_nan(code, kind, result))
    result = code.select(over, vector(kind.name), infinite, result)
    return code.select(under, vector(kind.name), zero, result)


class _Tests:
    """Which lanes have zero or infinity above or below."""

    def __init__(self, code: Code, kind: Kind, below: str, above: str) -> None:
        name = vector(kind.name)
        infinite = floats.constant(kind, float("inf"))
        sizes = [floats.absolute(code, kind, found) for found in (below, above)]
        self.zero_below, self.zero_above = (
            code.binary("fcmp oeq", name, size, "zeroinitializer") for size in sizes
        )
        self.infinite_below, self.infinite_above = (
            code.binary("fcmp oeq", name, size, infinite) for size in sizes
        )
        self.both_zero = code.binary("and", V1, self.zero_below, self.zero_above)
        self.both_infinite = code.binary("and", V1, self.infinite_below, self.infinite_above)


ROWS: Mapping[str, Semantics] = {
    "v_div_scale_f32": _scale(FLOAT),
    "v_div_scale_f64": _scale(DOUBLE),
    "v_div_fmas_f32": _fused_scaled(FLOAT),
    "v_div_fmas_f64": _fused_scaled(DOUBLE),
    "v_div_fixup_f16": _fix_up(HALF),
    "v_div_fixup_f32": _fix_up(FLOAT),
    "v_div_fixup_f64": _fix_up(DOUBLE),
}
