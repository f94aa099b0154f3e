"""Vector float arithmetic: sums, products, extremes, rounding to integers, exponents, roots.

Sources come with their modifiers and with denormal numbers flushed as the mode says; `Step.write`
scales, clamps and flushes results. Transcendental results of f32 are correctly rounded, flush
denormal numbers as the hardware does, and those of f64 keep as few bits as the hardware promises.
"""

from collections.abc import Callable, Mapping

from mlrift.emulator import floats
from mlrift.emulator.code import V1, V32, V64, VDOUBLE, splat, vector
from mlrift.emulator.elements import DOUBLE, FLOAT, HALF, KINDS
from mlrift.emulator.step import Semantics, Step

_KINDS = {"f16": HALF, "f32": FLOAT, "f64": DOUBLE}
_KEPT_BITS = 24
"""Good bits of v_rcp_f64, v_rsq_f64 and v_sqrt_f64."""


def _plain(operation: str, left: int = 0, right: int = 1) -> Semantics:
    def semantics(step: Step) -> None:
        kind = step.result_element()
        found = step.code.binary(operation, vector(kind.name), step.lanes(left), step.lanes(right))
        step.write(found)

    return semantics


def _extreme_values(step: Step, name: str, left: str, right: str) -> str:
    """min and max are of numbers; on gfx10 and 11 in IEEE mode a signalling NaN wins."""
    code, kind = step.code, step.result_element()
    make = floats.smaller if name == "min" else floats.larger
    chosen = make(code, kind, left, right)
    if not step.mode.quiets_extremes:
        return chosen
    for found in (right, left):
        loud = floats.is_signalling(code, kind, found)
        quiet = floats.quieted(code, kind, found)
        chosen = code.select(loud, vector(kind.name), quiet, chosen)
    return chosen


def _extreme(name: str) -> Semantics:
    def semantics(step: Step) -> None:
        step.write(_extreme_values(step, name, step.lanes(0), step.lanes(1)))

    return semantics


def _propagating_values(step: Step, name: str, left: str, right: str) -> str:
    make = floats.smaller if name == "min" else floats.larger
    code, kind = step.code, step.result_element()
    return floats.propagating(code, kind, left, right, make(code, kind, left, right))


def _propagating(name: str) -> Semantics:
    def semantics(step: Step) -> None:
        step.write(_propagating_values(step, name, step.lanes(0), step.lanes(1)))

    return semantics


_Extreme = Callable[[Step, str, str, str], str]


def _of_three(make: _Extreme, first: str, second: str) -> Semantics:
    def semantics(step: Step) -> None:
        made = make(step, first, step.lanes(0), step.lanes(1))
        step.write(make(step, second, made, step.lanes(2)))

    return semantics


def _median(step: Step) -> None:
    """The middle of three numbers; with a NaN among them the smallest number."""
    code, kind = step.code, step.result_element()
    a, b, c = step.lanes(0), step.lanes(1), step.lanes(2)
    low, high = _extreme_values(step, "min", a, b), _extreme_values(step, "max", a, b)
    middle = _extreme_values(step, "max", low, _extreme_values(step, "min", high, c))
    smallest = _extreme_values(step, "min", low, c)
    some = floats.is_nan(code, kind, a)
    for found in (b, c):
        some = code.binary("or", V1, some, floats.is_nan(code, kind, found))
    step.write(code.select(some, vector(kind.name), smallest, middle))


def _fused(a: int, b: int, c: int) -> Semantics:
    def semantics(step: Step) -> None:
        kind = step.result_element()
        sources = (step.lanes(a), step.lanes(b), step.lanes(c))
        step.write(floats.fused(step.code, kind, *sources))

    return semantics


def _zero_product(step: Step) -> str:
    """Return which lanes have a zero factor: the product is then 0, whatever the other is."""
    code = step.code
    tests = [
        code.binary("fcmp oeq", step.kind(number), step.lanes(number), "zeroinitializer")
        for number in (0, 1)
    ]
    return code.binary("or", V1, *tests)


def _multiply_zero(step: Step) -> None:
    kind = step.kind(0)
    product = step.code.binary("fmul", kind, step.lanes(0), step.lanes(1))
    step.write(step.code.select(_zero_product(step), kind, "zeroinitializer", product))


def _fused_zero(step: Step) -> None:
    kind, addend = step.kind(0), step.lanes(2)
    total = floats.fused(step.code, FLOAT, step.lanes(0), step.lanes(1), addend)
    step.write(step.code.select(_zero_product(step), kind, addend, total))


def _rounded(name: str) -> Semantics:
    def semantics(step: Step) -> None:
        step.write(floats.intrinsic(step.code, step.result_element(), name, step.lanes(0)))

    return semantics


def _fraction(step: Step) -> None:
    """x - floor(x), below 1."""
    code, kind, found = step.code, step.result_element(), step.lanes(0)
    name = vector(kind.name)
    whole = floats.intrinsic(code, kind, "floor", found)
    rest = code.binary("fsub", name, found, whole)
    limit = floats.constant(kind, 1.0 - 2.0 ** -(floats.MANTISSA_BITS[kind] + 1))
    beyond = code.binary("fcmp ogt", name, rest, limit)
    step.write(code.select(beyond, name, limit, rest))


def _scale(step: Step) -> None:
    """src0 times 2 to the power of src1."""
    code, kind = step.code, step.result_element()
    power = step.lane_bits(1)
    element = KINDS[step.read_operands[1][0].element]
    if element.bits == 16:
        power = code.convert("sext", "<32 x i16>", power, V32)
    if kind is DOUBLE:
        step.write(code.call(VDOUBLE, "map.ldexp", f"{VDOUBLE} {step.lanes(0)}", f"{V32} {power}"))
    else:
        step.write(floats.scaled_by_power(code, kind, step.lanes(0), power))


def _normal_double(step: Step) -> tuple[str, str, str]:
    """Return source 0 as a double that is not denormal, its exponent - 1, and where it counts."""
    code, kind = step.code, step.element(0)
    wide = floats.widened(code, kind, step.lanes(0))
    size = floats.absolute(code, DOUBLE, wide)
    small = code.binary("fcmp olt", VDOUBLE, size, floats.constant(DOUBLE, 2.0**-1022))
    raised = code.binary("fmul", VDOUBLE, wide, floats.constant(DOUBLE, 2.0**54))
    normal = code.select(small, VDOUBLE, raised, wide)
    power = code.binary("sub", V64, floats.exponent(code, DOUBLE, normal), splat("i64", 1022))
    lower = code.binary("sub", V64, power, splat("i64", 54))
    power = code.select(small, V64, lower, power)
    infinite = floats.constant(DOUBLE, float("inf"))
    finite = code.binary("fcmp olt", VDOUBLE, size, infinite)
    counts = code.binary("fcmp ogt", VDOUBLE, size, "zeroinitializer")
    return normal, power, code.binary("and", V1, finite, counts)


def _exponent(step: Step) -> None:
    code = step.code
    _, power, counts = _normal_double(step)
    power = code.select(counts, V64, power, "zeroinitializer")
    width = step.result_element().integer
    step.write_bits(code.convert("trunc", V64, power, vector(width)))


def _mantissa(step: Step) -> None:
    code, kind = step.code, step.result_element()
    normal, _, counts = _normal_double(step)
    bits = floats.as_bits(code, DOUBLE, normal)
    kept = code.binary("and", V64, bits, splat("i64", -0x7FF0_0000_0000_0001))
    bits = code.binary("or", V64, kept, splat("i64", 1022 << 52))
    made = floats.narrowed(code, kind, floats.as_floats(code, DOUBLE, bits))
    step.write(code.select(counts, vector(kind.name), made, step.lanes(0)))


# -- transcendental --


def _transcendental(compute: Callable[[Step, str], str]) -> Semantics:
    """Compute in f64 what the source asks for, and round."""

    def semantics(step: Step) -> None:
        code, kind, found = step.code, step.result_element(), step.lanes(0)
        if kind is FLOAT:
            found = floats.flushed_small(code, kind, found)
        made = compute(step, floats.widened(code, kind, found))
        made = floats.narrowed(code, kind, made)
        if kind is FLOAT:
            made = floats.flushed_small(code, kind, made)
        step.write(made)

    return semantics


def _mapped(name: str) -> Callable[[Step, str], str]:
    def compute(step: Step, found: str) -> str:
        return step.code.call(VDOUBLE, f"map.{name}", f"{VDOUBLE} {found}")

    return compute


def _reciprocal(step: Step, found: str) -> str:
    return step.code.binary("fdiv", VDOUBLE, floats.ONE, found)


def _root(step: Step, found: str) -> str:
    return floats.intrinsic(step.code, DOUBLE, "sqrt", found)


def _reciprocal_root(step: Step, found: str) -> str:
    return _reciprocal(step, _root(step, found))


def _short_double(compute: Callable[[Step, str], str]) -> Semantics:
    def semantics(step: Step) -> None:
        made = compute(step, step.lanes(0))
        finite = floats.shortened(step.code, made, 53 - _KEPT_BITS)
        nan = floats.is_nan(step.code, DOUBLE, made)
        step.write(step.code.select(nan, VDOUBLE, made, finite))

    return semantics


def _reciprocal_float(step: Step) -> None:
    """1 / x: a division of f32 is correctly rounded as it is."""
    code = step.code
    found = floats.flushed_small(code, FLOAT, step.lanes(0))
    made = code.binary("fdiv", vector("float"), floats.constant(FLOAT, 1.0), found)
    step.write(floats.flushed_small(code, FLOAT, made))


def _rows_of(kind: str) -> dict[str, Semantics]:
    """Return the rows that exist for all three kinds (some of them for no generation)."""
    return {
        f"v_add_{kind}": _plain("fadd"),
        f"v_sub_{kind}": _plain("fsub"),
        f"v_subrev_{kind}": _plain("fsub", 1, 0),
        f"v_mul_{kind}": _plain("fmul"),
        f"v_min_{kind}": _extreme("min"),
        f"v_max_{kind}": _extreme("max"),
        f"v_minimum_{kind}": _propagating("min"),
        f"v_maximum_{kind}": _propagating("max"),
        f"v_min3_{kind}": _of_three(_extreme_values, "min", "min"),
        f"v_max3_{kind}": _of_three(_extreme_values, "max", "max"),
        f"v_maxmin_{kind}": _of_three(_extreme_values, "max", "min"),
        f"v_minmax_{kind}": _of_three(_extreme_values, "min", "max"),
        f"v_minimum3_{kind}": _of_three(_propagating_values, "min", "min"),
        f"v_maximum3_{kind}": _of_three(_propagating_values, "max", "max"),
        f"v_minimummaximum_{kind}": _of_three(_propagating_values, "min", "max"),
        f"v_maximumminimum_{kind}": _of_three(_propagating_values, "max", "min"),
        f"v_med3_{kind}": _median,
        f"v_fma_{kind}": _fused(0, 1, 2),
        f"v_fmac_{kind}": _fused(0, 1, 2),
        f"v_fmaak_{kind}": _fused(0, 1, 2),
        f"v_fmamk_{kind}": _fused(0, 1, 2),
        f"v_floor_{kind}": _rounded("floor"),
        f"v_ceil_{kind}": _rounded("ceil"),
        f"v_trunc_{kind}": _rounded("trunc"),
        f"v_rndne_{kind}": _rounded("roundeven"),
        f"v_fract_{kind}": _fraction,
        f"v_ldexp_{kind}": _scale,
        f"v_frexp_mant_{kind}": _mantissa,
        f"v_exp_{kind}": _transcendental(_mapped("exp2")),
        f"v_log_{kind}": _transcendental(_mapped("log2")),
        f"v_sin_{kind}": _transcendental(_mapped("sin_turns")),
        f"v_cos_{kind}": _transcendental(_mapped("cos_turns")),
        f"v_rcp_{kind}": _transcendental(_reciprocal),
        f"v_rsq_{kind}": _transcendental(_reciprocal_root),
        f"v_sqrt_{kind}": _transcendental(_root),
    }


ROWS: Mapping[str, Semantics] = {
    **{name: row for kind in _KINDS for name, row in _rows_of(kind).items()},
    # v_fmamk has its constant between the factors: D = src0 * K + vsrc1.
    "v_mul_dx9_zero_f32": _multiply_zero,
    "v_fma_dx9_zero_f32": _fused_zero,
    "v_fmac_dx9_zero_f32": _fused_zero,
    "v_frexp_exp_i16_f16": _exponent,
    "v_frexp_exp_i32_f32": _exponent,
    "v_frexp_exp_i32_f64": _exponent,
    "v_rcp_f32": _reciprocal_float,
    "v_rcp_iflag_f32": _reciprocal_float,
    "v_rcp_f64": _short_double(_reciprocal),
    "v_rsq_f64": _short_double(_reciprocal_root),
    "v_sqrt_f64": _short_double(_root),
}
