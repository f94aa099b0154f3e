"""Norms, rotary positions and activations of std/llm against numpy in f64."""

import numpy as np
import pytest

from tests.llm.kernel_library import (
    F32,
    F64,
    double,
    drawn,
    float_kernels,
    same_bits,
    single,
    units_off,
)


def logistic(x: F32) -> F64:
    """Return 1 / (1 + e^-x)."""
    result: F64 = 1.0 / (1.0 + np.exp(-x.astype(np.float64)))
    return result


def test_exponentials_are_accurate_and_saturate() -> None:
    x = np.linspace(-87.0, 88.2, 50001).astype(np.float32)
    out = np.empty_like(x)
    float_kernels().call("exps", out, x, x.size)
    assert units_off(out, np.exp(x.astype(np.float64))) < 1.1
    special = np.array([np.nan, -np.inf, np.inf, -88, 89, 0, -0.0], np.float32)
    found = np.empty_like(special)
    float_kernels().call("exps", found, special, special.size)
    np.testing.assert_array_equal(found, [np.nan, 0, np.inf, 0, np.inf, 1, 1])


def test_tangents_are_accurate_and_odd() -> None:
    x = np.linspace(-12.0, 12.0, 40000).astype(np.float32)
    out = np.empty_like(x)
    float_kernels().call("tanhs", out, x, x.size)
    assert units_off(out, np.tanh(x.astype(np.float64))) < 3
    special = np.array([np.nan, -np.inf, np.inf, 0, -0.0], np.float32)
    found = np.empty_like(special)
    float_kernels().call("tanhs", found, special, special.size)
    assert same_bits(found[1:], np.array([-1, 1, 0, -0.0], np.float32)) and np.isnan(found[0])


@pytest.mark.parametrize("count", [1, 15, 16, 33, 1000])
def test_gates(count: int) -> None:
    x, up = 4 * drawn(1, count), drawn(2, count)
    out = np.empty_like(x)
    float_kernels().call("gate", out, x, up, count, 0)
    np.testing.assert_allclose(out, x * logistic(x) * up, rtol=1e-6)
    float_kernels().call("gate", out, x, up, count, 1)
    wide = x.astype(np.float64)
    inner = np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3)
    np.testing.assert_allclose(out, 0.5 * wide * (1 + np.tanh(inner)) * up, rtol=3e-5, atol=1e-7)


def test_gates_of_heads_and_caps() -> None:
    count, heads, size = 5, 3, 20
    queries = drawn(3, count, heads, 2, size)
    x = drawn(4, count, heads * size)
    expected = x.reshape(count, heads, size) * logistic(queries[:, :, 1])
    strides = (x.strides[0], size * 4, queries[:, :, 1], queries.strides[0], queries.strides[1])
    float_kernels().call("sigmoid_gate", x, *strides, count, heads, size)
    np.testing.assert_allclose(x.reshape(expected.shape), expected, rtol=1e-6)
    y = 100 * drawn(5, 1001)
    capped = 30 * np.tanh(y.astype(np.float64) / 30)
    float_kernels().call("soft_cap", y, y.size, single(30))
    np.testing.assert_allclose(y, capped, rtol=1e-6)


def test_sums_and_products_with_a_number() -> None:
    x, y = drawn(6, 77), drawn(7, 77)
    expected = (x + y) * np.float32(0.3)
    float_kernels().call("add_and_scale", x, y, 77, single(0.3))
    assert same_bits(x, expected)


@pytest.mark.parametrize(("count", "columns"), [(1, 1024), (3, 37), (200, 300), (2, 1)])
def test_norms_of_rows(count: int, columns: int) -> None:
    wide = drawn(8, count, columns + 3)
    x, weight = wide[:, :columns], drawn(9, columns)
    scale = 1 / np.sqrt(np.mean(x.astype(np.float64) ** 2, axis=1, keepdims=True) + 1e-5)
    out = np.zeros((count, columns), np.float32)
    rows = (out, out.strides[0], x, x.strides[0], count, columns)
    float_kernels().call("rms_norm", *rows, weight, single(1e-5))
    np.testing.assert_allclose(out, x * scale * weight, rtol=1e-6)
    float_kernels().call("rms_norm_add", *rows, weight, single(1e-5))
    np.testing.assert_allclose(out, 2 * x * scale * weight, rtol=2e-6)
    float_kernels().call("rms_norm", *rows, 0, single(1e-5))
    np.testing.assert_allclose(out, x * scale, rtol=1e-6)


def test_norms_of_heads() -> None:
    count, heads, size = 70, 4, 24
    pairs = drawn(10, count, heads, 2, size)
    before = pairs.astype(np.float64)
    weight = drawn(11, size)
    scale = 1 / np.sqrt(np.mean(before[:, :, 0] ** 2, axis=-1, keepdims=True) + 1e-6)
    strides = (pairs.strides[0], pairs.strides[1])
    float_kernels().call(
        "rms_norm_heads", pairs, *strides, count, heads, size, weight, single(1e-6)
    )
    np.testing.assert_allclose(pairs[:, :, 0], before[:, :, 0] * scale * weight, rtol=1e-6)
    assert same_bits(pairs[:, :, 1], before[:, :, 1].astype(np.float32))


def test_gated_norms() -> None:
    count, heads, size = 9, 3, 20
    x, z = drawn(12, count, heads * size), drawn(13, count, heads * size)
    weight, out = drawn(14, size), np.zeros((count, heads * size), np.float32)
    split = x.reshape(count, heads, size).astype(np.float64)
    scale = 1 / np.sqrt(np.mean(split**2, axis=-1, keepdims=True) + 1e-6)
    expected = (split * scale * weight).reshape(count, -1) * z * logistic(z)
    rows = (out, out.strides[0], x, x.strides[0], z, z.strides[0], count, heads, size)
    float_kernels().call("rms_norm_gated", *rows, weight, single(1e-6))
    np.testing.assert_allclose(out, expected, rtol=2e-6)


def llama3(frequency: float, factor: float, low: float, high: float, context: float) -> float:
    """Return a frequency as Llama 3 scales it."""
    wave = 2 * np.pi / frequency
    if wave < context / high:
        return frequency
    if wave > context / low:
        return frequency / factor
    smooth = (context / wave - low) / (high - low)
    return float(((1 - smooth) / factor + smooth) * frequency)


def test_frequencies() -> None:
    pairs, found = 32, np.zeros(32)
    float_kernels().call("rope_frequencies", found, pairs, 64, double(5e5))
    exact = 5e5 ** (-np.arange(pairs) / 32.0)
    np.testing.assert_allclose(found, exact, rtol=1e-14)
    float_kernels().call("rope_llama3", found, pairs, double(32, 1, 4, 8192))
    expected = [llama3(frequency, 32, 1, 4, 8192) for frequency in exact]
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    factors = drawn(15, pairs)
    float_kernels().call("rope_divide", found, factors, pairs)
    float_kernels().call("rope_linear", found, pairs, double(8))
    np.testing.assert_allclose(found, expected / factors.astype(np.float64) / 8, rtol=1e-13)


@pytest.mark.parametrize("pairing", [0, 1])
@pytest.mark.parametrize(("size", "pairs"), [(64, 32), (40, 20), (48, 10), (128, 64)])
def test_rotations(size: int, pairs: int, pairing: int) -> None:
    count, heads, first = 70, 3, 1000
    frequencies = 1e4 ** (-np.arange(pairs) / pairs)
    table = np.zeros((count, 2, pairs), np.float32)
    float_kernels().call("rope_table", table, frequencies, pairs, first, count)
    angles = (first + np.arange(count))[:, None] * frequencies
    np.testing.assert_allclose(table[:, 0], np.cos(angles), atol=4e-8)
    np.testing.assert_allclose(table[:, 1], np.sin(angles), atol=4e-8)
    x = drawn(16, count, heads, size)
    turned = x[:, :, : 2 * pairs].astype(np.float64)
    shape = (count, heads, 2, pairs) if pairing == 0 else (count, heads, pairs, 2)
    halves = np.moveaxis(turned.reshape(shape), 2 if pairing == 0 else 3, 0)
    z = (halves[0] + 1j * halves[1]) * np.exp(1j * angles)[:, None]
    expected = np.stack([z.real, z.imag], axis=2 if pairing == 0 else 3).reshape(turned.shape)
    rest = x[:, :, 2 * pairs :].copy()
    strides = (x.strides[0], x.strides[1])
    float_kernels().call("rope", x, *strides, count, heads, size, table, pairs, pairing)
    np.testing.assert_allclose(x[:, :, : 2 * pairs], expected, atol=1e-6)
    assert same_bits(x[:, :, 2 * pairs :], rest)
