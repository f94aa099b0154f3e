"""The functions whose accuracy is measured: how to call them, what is true, and where to look.

A row's points are words of its format, so that every special place of the number line is reached:
all exponents, the neighbourhood of multiples of pi / 2 and of 1, results near overflow and zero.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy as np
from mpmath import libmp
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Doubles = NDArray[np.float64]
# A number of mpmath's lower layer: sign, mantissa, exponent, bit count.
Exact = tuple[int, int, int, int]
PRECISION_BITS = 110


@dataclass(frozen=True, slots=True)
class Format:
    """A float format: names in the language and the size of its mantissa and exponent."""

    name: str
    module: str
    mantissa_bits: int
    lowest_exponent: int
    numpy_type: type[np.floating]
    word_type: type[np.unsignedinteger]


DOUBLE = Format("f64", "std/math_float.mlr", 53, -1074, np.float64, np.uint64)
SINGLE = Format("f32", "std/math_f32.mlr", 24, -149, np.float32, np.uint32)


EXTRA = "std/math_functions.mlr"


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the library, `NAME_f64` and perhaps `NAME_f32`, of one or two arguments.

    `module` is where it is if that is not the format's usual one.
    """

    name: str
    arity: int
    true: Callable[..., Exact]
    points: Callable[[np.random.Generator, int], Doubles]
    module: str = ""


def _number(value: float) -> Exact:
    exact: Exact = libmp.from_float(value)
    return exact


def _elementary(function: Callable[..., Exact]) -> Callable[[float], Exact]:
    def true(x: float) -> Exact:
        return function(_number(x), PRECISION_BITS, "n")

    return true


def _rsqrt(x: float) -> Exact:
    root = libmp.mpf_sqrt(_number(x), 2 * PRECISION_BITS, "n")
    return libmp.mpf_div(libmp.fone, root, PRECISION_BITS, "n")  # type: ignore[no-any-return]


def _pow(x: float, y: float) -> Exact:
    return libmp.mpf_pow(_number(x), _number(y), PRECISION_BITS, "n")  # type: ignore[no-any-return]


def _floored(x: float, y: float) -> Exact:
    """Return x modulo y with the sign of y, exactly."""
    return libmp.mpf_mod(_number(x), _number(y), 5000, "n")  # type: ignore[no-any-return]


def _expm1(x: float) -> Exact:
    power = libmp.mpf_exp(_number(x), 300, "n")
    return libmp.mpf_sub(power, libmp.fone, PRECISION_BITS, "n")  # type: ignore[no-any-return]


def _log1p(x: float) -> Exact:
    total = libmp.mpf_add(_number(x), libmp.fone)
    return libmp.mpf_log(total, PRECISION_BITS, "n")  # type: ignore[no-any-return]


def _power_of(base: int) -> Callable[[float], Exact]:
    def true(x: float) -> Exact:
        return libmp.mpf_pow(libmp.from_int(base), _number(x), PRECISION_BITS, "n")  # type: ignore[no-any-return]

    return true


def _logarithm_to(base: int) -> Callable[[float], Exact]:
    unit = libmp.mpf_log(libmp.from_int(base), 2 * PRECISION_BITS, "n")

    def true(x: float) -> Exact:
        logarithm = libmp.mpf_log(_number(x), 2 * PRECISION_BITS, "n")
        return libmp.mpf_div(logarithm, unit, PRECISION_BITS, "n")  # type: ignore[no-any-return]

    return true


def _with_mp(name: str) -> Callable[..., Exact]:
    function = getattr(mpmath, name)

    def true(*arguments: float) -> Exact:
        with mpmath.workprec(2 * PRECISION_BITS + 120):
            return function(*arguments)._mpf_  # type: ignore[no-any-return]

    return true


def _any_exponent(random: np.random.Generator, count: int) -> Doubles:
    words = random.integers(0, 1 << 64, count, dtype=np.uint64)
    numbers = words.view(np.float64)
    return numbers[np.isfinite(numbers)]


def _near(random: np.random.Generator, count: int, centres: Doubles) -> Doubles:
    words = random.choice(centres, count).view(np.int64) + random.integers(-4, 5, count)
    return words.view(np.float64)


def _angles(random: np.random.Generator, count: int) -> Doubles:
    quarter = count // 4
    multiples = (random.integers(1, 700000, quarter) * (math.pi / 2)).astype(np.float64)
    return np.concatenate(
        [
            random.uniform(-math.pi, math.pi, quarter),
            random.uniform(-(2.0**20), 2.0**20, quarter),
            _near(random, quarter, multiples),
            _any_exponent(random, quarter),
        ]
    )


def _exponents(random: np.random.Generator, count: int) -> Doubles:
    quarter = count // 4
    return np.concatenate(
        [
            random.uniform(-745.2, 709.7, quarter),
            random.uniform(-2.0, 2.0, quarter),
            random.uniform(-88.0, 88.0, quarter),
            random.choice([-1.0, 1.0], quarter) * np.exp(random.uniform(-40.0, 6.0, quarter)),
        ]
    )


def _arguments_of_tanh(random: np.random.Generator, count: int) -> Doubles:
    half = count // 2
    signs = random.choice([-1.0, 1.0], half)
    return np.concatenate(
        [random.uniform(-22.0, 22.0, half), signs * np.exp(random.uniform(-40.0, 3.1, half))]
    )


def _positive(random: np.random.Generator, count: int) -> Doubles:
    quarter = count // 4
    subnormal = random.integers(1, 1 << 52, quarter, dtype=np.uint64).view(np.float64)
    return np.concatenate(
        [
            np.abs(_any_exponent(random, quarter)),
            random.uniform(0.5, 2.0, quarter),
            1.0 + random.choice([-1.0, 1.0], quarter) * np.exp(random.uniform(-36.0, -2, quarter)),
            subnormal,
        ]
    )


def _powers(random: np.random.Generator, count: int) -> Doubles:
    """Return pairs whose power is finite, mostly; a fifth each of five kinds."""
    fifth = count // 5
    wide = np.exp(random.uniform(-700.0, 700.0, fifth))
    near = random.uniform(0.5, 2.0, fifth)
    close = 1.0 + random.choice([-1.0, 1.0], fifth) * np.exp(random.uniform(-36.0, -5.0, fifth))
    whole = random.integers(-40, 41, fifth).astype(np.float64)
    even = random.integers(1, 1000, fifth).astype(np.float64)
    limits = random.uniform(-740.0, 709.0, (3, fifth))
    with np.errstate(all="ignore"):
        rows = [
            np.stack([wide, limits[0] / np.log(wide)], axis=1),
            np.stack([near, limits[1] / np.log(near)], axis=1),
            np.stack([close, limits[2] / np.log(close)], axis=1),
            np.stack([random.uniform(-100.0, 100.0, fifth), whole], axis=1),
            np.stack([even, random.integers(-8, 60, fifth) / 4.0], axis=1),
        ]
    return np.concatenate(rows)


def _divisions(random: np.random.Generator, count: int) -> Doubles:
    near = np.stack([random.uniform(-1e9, 1e9, count // 2), random.uniform(-10, 10, count // 2)], 1)
    size = count // 2
    x, y = np.exp(random.uniform(-60.0, 60.0, (2, size)))
    return np.concatenate([near, np.stack([x, -y], axis=1)])


def _small_exponents(random: np.random.Generator, count: int) -> Doubles:
    return np.concatenate([_exponents(random, count // 2), _arguments_of_tanh(random, count // 2)])


def _decimal_exponents(random: np.random.Generator, count: int) -> Doubles:
    return np.concatenate(
        [random.uniform(-324.0, 308.2, count // 2), random.uniform(-2.0, 2.0, count // 2)]
    )


def _above_minus_one(random: np.random.Generator, count: int) -> Doubles:
    half = count // 2
    return np.concatenate([_arguments_of_tanh(random, half) / 22.2, _positive(random, half)])


def _sines(random: np.random.Generator, count: int) -> Doubles:
    half = count // 2
    signs = random.choice([-1.0, 1.0], half)
    return np.concatenate(
        [random.uniform(-1.0, 1.0, half), signs * (1.0 - np.exp(random.uniform(-36.0, -1.0, half)))]
    )


def _above_one(random: np.random.Generator, count: int) -> Doubles:
    return 1.0 + np.exp(random.uniform(-36.0, 80.0, count))


def _points_of_the_plane(random: np.random.Generator, count: int) -> Doubles:
    half = count // 2
    angles = random.uniform(-math.pi, math.pi, half)
    sizes = np.exp(random.uniform(-600.0, 600.0, half))
    circle = np.stack([sizes * np.sin(angles), sizes * np.cos(angles)], axis=1)
    signs = random.choice([-1.0, 1.0], (half, 2))
    return np.concatenate([circle, signs * np.exp(random.uniform(-40.0, 40.0, (half, 2)))])


FUNCTIONS = (
    Function("sin", 1, _elementary(libmp.mpf_sin), _angles),
    Function("cos", 1, _elementary(libmp.mpf_cos), _angles),
    Function("tan", 1, _elementary(libmp.mpf_tan), _angles),
    Function("exp", 1, _elementary(libmp.mpf_exp), _exponents),
    Function("log", 1, _elementary(libmp.mpf_log), _positive),
    Function("tanh", 1, _elementary(libmp.mpf_tanh), _arguments_of_tanh),
    Function("pow", 2, _pow, _powers),
    Function("sqrt", 1, _elementary(libmp.mpf_sqrt), _positive),
    Function("rsqrt", 1, _rsqrt, _positive),
    Function("fmod", 2, _floored, _divisions),
    Function("floor", 1, lambda x: libmp.mpf_floor(_number(x)), _angles),
    Function("ceil", 1, lambda x: libmp.mpf_ceil(_number(x)), _angles),
    Function("exp2", 1, _power_of(2), _exponents, EXTRA),
    Function("exp10", 1, _power_of(10), _decimal_exponents, EXTRA),
    Function("expm1", 1, _expm1, _small_exponents, EXTRA),
    Function("log2", 1, _logarithm_to(2), _positive, EXTRA),
    Function("log10", 1, _logarithm_to(10), _positive, EXTRA),
    Function("log1p", 1, _log1p, _above_minus_one, EXTRA),
    Function("sinh", 1, _elementary(libmp.mpf_sinh), _small_exponents, EXTRA),
    Function("cosh", 1, _elementary(libmp.mpf_cosh), _small_exponents, EXTRA),
    Function("asinh", 1, _elementary(libmp.mpf_asinh), _any_exponent, EXTRA),
    Function("acosh", 1, _elementary(libmp.mpf_acosh), _above_one, EXTRA),
    Function("atanh", 1, _elementary(libmp.mpf_atanh), _sines, EXTRA),
    Function("asin", 1, _with_mp("asin"), _sines, EXTRA),
    Function("acos", 1, _with_mp("acos"), _sines, EXTRA),
    Function("atan", 1, _with_mp("atan"), _angles, EXTRA),
    Function("atan2", 2, _with_mp("atan2"), _points_of_the_plane, EXTRA),
    Function("cbrt", 1, _with_mp("cbrt"), _positive, EXTRA),
    Function("hypot", 2, _with_mp("hypot"), _points_of_the_plane, EXTRA),
)
