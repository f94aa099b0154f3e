"""Float kernels that clang compiled, against numpy, on the three generations."""

import numpy as np
import pytest

from mlrift.static_types import Any
from tests.emulator.vector_models import Array
from tests.support.emulated_kernels import CHIPS, GROUP, program

GROUPS = 4
COUNT = GROUPS * GROUP
SPECIAL = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 3e38, 2.5, -1.5, 0.5)

pytestmark = [
    pytest.mark.parametrize("chip", CHIPS),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


def numbers(kind: Any, seed: int) -> Array:
    random = np.random.default_rng(seed)
    spread = {np.float16: 3, np.float32: 30, np.float64: 200}[kind]
    exponents = random.uniform(-spread, spread, COUNT)
    made = random.standard_normal(COUNT) * 2.0**exponents
    for place in range(0, 169, 13):
        made[place : place + 13] = np.roll(SPECIAL, seed * place // 13)
    return made.astype(kind)


def launch(chip: str, name: str, *arguments: object) -> None:
    program("floats", chip)[name].launch(GROUPS, GROUP, list(arguments))


def zeros(kind: Any, factor: int = 1) -> Array:
    return np.zeros(COUNT * factor, kind)


def check_equal(found: Array, expected: Array) -> None:
    """Bits are equal, or both are NaN."""
    integer = {2: np.uint16, 4: np.uint32, 8: np.uint64}[expected.itemsize]
    same = found.view(integer) == expected.view(integer)
    same |= np.isnan(found) & np.isnan(expected)
    assert same.all(), [
        (index, found.flat[index], expected.flat[index]) for index in np.flatnonzero(~same)[:5]
    ]


def fused(a: Array, b: Array, c: Array) -> Array:
    """a * b + c rounded once, where long doubles are exact enough."""
    wide = a.astype(np.longdouble) * b + c
    return wide.astype(a.dtype)


def fmin(a: Array, b: Array) -> Array:
    return np.where(a == b, np.where(np.signbit(a), a, b), np.fmin(a, b))


def fmax(a: Array, b: Array) -> Array:
    return np.where(a == b, np.where(np.signbit(a), b, a), np.fmax(a, b))


def test_division_and_roots_are_correctly_rounded(chip: str) -> None:
    a, b = numbers(np.float32, 1), numbers(np.float32, 2)
    c, d = numbers(np.float64, 3), numbers(np.float64, 4)
    q, s, qd, sd = zeros(np.float32), zeros(np.float32), zeros(np.float64), zeros(np.float64)
    launch(chip, "divide", a, b, q, s, c, d, qd, sd)
    check_equal(q, a / b)
    check_equal(s, np.sqrt(a))
    check_equal(qd, c / d)
    check_equal(sd, np.sqrt(c))


def test_arithmetic_of_f32(chip: str) -> None:
    a, b, c = (numbers(np.float32, seed) for seed in (5, 6, 7))
    out = zeros(np.float32, 10)
    launch(chip, "arithmetic", a, b, c, out)
    expected = [a + b, a - b, a * b, fused(a, b, c), fmin(a, b), fmax(a, b)]
    expected += [np.floor(a) + np.ceil(b), np.trunc(a) - np.rint(b)]
    expected += [np.abs(a) * -b, np.copysign(a, b)]
    check_equal(out.reshape(COUNT, 10), np.stack(expected, 1).astype(np.float32))


def test_arithmetic_of_f64(chip: str) -> None:
    a, b, c = (numbers(np.float64, seed) for seed in (8, 9, 10))
    out = zeros(np.float64, 9)
    launch(chip, "doubles", a, b, c, out)
    found = out.reshape(COUNT, 9)
    expected = [a + b, a - b, a * b, found[:, 3], fmin(a, b), fmax(a, b)]
    expected += [np.floor(a) + np.ceil(b), np.trunc(a) - np.rint(b)]
    expected += [np.ldexp(a, (np.arange(COUNT) & 31) - 16)]
    check_equal(found, np.stack(expected, 1))
    near = fused(a, b, c)
    exact = np.isfinite(near) & (np.abs(near) > 1e-290)
    assert np.allclose(found[exact, 3], near[exact], rtol=1e-15, atol=0)


def test_arithmetic_of_f16(chip: str) -> None:
    a, b, c = (numbers(np.float16, seed) for seed in (11, 12, 13))
    out = zeros(np.float16, 8)
    launch(chip, "halves", a, b, c, out)
    wide = (a.astype(np.longdouble) * b + c).astype(np.float16)
    expected = [a + b, a - b, a * b, wide, fmax(a, b), a / b, np.floor(a)]
    expected += [np.where(a < b, c, -c)]
    check_equal(out.reshape(COUNT, 8), np.stack(expected, 1).astype(np.float16))


def test_packed_halves(chip: str) -> None:
    a, b, c = (
        np.concatenate([numbers(np.float16, seed), numbers(np.float16, seed + 1)])
        for seed in (14, 16, 18)
    )
    out = zeros(np.float16, 8)
    launch(chip, "packed", a, b, c, out)
    x, y, z = (found.reshape(COUNT, 2) for found in (a, b, c))
    wide = (x.astype(np.longdouble) * y + z).astype(np.float16)
    expected = [x + y, x * -y[:, ::-1], wide, fmax(x, y[:, :1])]
    check_equal(out.reshape(COUNT, 4, 2), np.stack(expected, 1).astype(np.float16))


def test_conversions(chip: str) -> None:
    f = np.clip(np.nan_to_num(numbers(np.float32, 20)), -2e9, 2e9).astype(np.float32)
    d = np.clip(np.nan_to_num(numbers(np.float64, 21)), -2e9, 2e9)
    random = np.random.default_rng(22)
    n = random.integers(-(1 << 31), 1 << 31, COUNT).astype(np.int32)
    m = random.integers(0, 1 << 64, COUNT, dtype=np.uint64)
    si, ui, out = zeros(np.int32, 2), zeros(np.uint32, 2), zeros(np.float32, 4)
    dout, h, sl = zeros(np.float64, 3), zeros(np.float16), zeros(np.int64)
    launch(chip, "convert", f, d, n, m, si, ui, out, dout, h, sl)
    np.testing.assert_array_equal(si, np.stack([f, d], 1).astype(np.int32).ravel())
    positive = np.maximum(np.stack([f.astype(np.float64), d], 1), 0)
    found = ui.reshape(COUNT, 2)
    keep = np.stack([f, d], 1) >= 0
    np.testing.assert_array_equal(found[keep], positive.astype(np.uint32)[keep])
    singles = [n.astype(np.float32), n.view(np.uint32).astype(np.float32), d.astype(np.float32)]
    check_equal(out.reshape(COUNT, 4), np.stack([*singles, m.astype(np.float32)], 1))
    check_equal(
        dout.reshape(COUNT, 3),
        np.stack([f.astype(np.float64), n.astype(np.float64), m.astype(np.float64)], 1),
    )
    check_equal(h, f.astype(np.float16))
    np.testing.assert_array_equal(sl, d.astype(np.int64))


def flushed(found: Array) -> Array:
    return np.where(np.abs(found) < 2.0**-126, np.copysign(np.float32(0), found), found)


def test_functions_of_the_hardware_are_within_one_unit(chip: str) -> None:
    x, out = np.clip(numbers(np.float32, 23), -200, 200), zeros(np.float32, 8)
    launch(chip, "hardware", x, out)
    v = flushed(x).astype(np.float64)
    turns = 2 * np.pi * (v - np.floor(v))
    expected = [np.exp2(v), np.log2(v), 1 / v, 1 / np.sqrt(v), np.sqrt(v)]
    expected += [np.sin(turns), np.cos(turns)]
    expected += [np.minimum(x - np.floor(x), np.float32(1 - 2**-24)).astype(np.float64)]
    found = out.reshape(COUNT, 8)
    wanted = np.stack(expected, 1).astype(np.float32)
    wanted[:, :5] = flushed(wanted[:, :5])
    close = np.abs(found - wanted) <= np.maximum(np.spacing(np.abs(wanted)), 2e-16)
    close |= (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    assert close.all(), [
        (x[row], column, found[row, column], wanted[row, column])
        for row, column in np.argwhere(~close)[:5]
    ]
