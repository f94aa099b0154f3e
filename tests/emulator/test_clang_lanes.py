"""Moves between lanes, dot products and matrix products, compiled by clang."""

import numpy as np
import pytest

from tests.emulator.vector_models import Array
from tests.support.emulated_kernels import CHIPS, GROUP, program

GROUPS = 2
COUNT = GROUPS * GROUP
WITH_MATRICES = CHIPS[1:]


def launch(chip: str, name: str, *arguments: object) -> None:
    program("lanes", chip)[name].launch(GROUPS, GROUP, list(arguments))


@pytest.mark.parametrize("chip", CHIPS)
def test_moves_between_lanes(chip: str) -> None:
    a = np.random.default_rng(1).integers(0, 1 << 32, COUNT, dtype=np.uint64).astype(np.uint32)
    out = np.zeros(12 * COUNT, np.uint32)
    launch(chip, "shuffles", a, out)
    waves = a.reshape(-1, 32)
    lane = np.arange(32)
    pushed = np.empty_like(waves)
    pushed[:, lane * 3 % 32] = waves
    row, place = lane // 16 * 16, lane % 16
    shifted = np.where(place >= 1, waves[:, row + np.maximum(place - 1, 0)], 1000)
    left = np.where(place <= 13, waves[:, row + np.minimum(place + 2, 15)], 0)
    eight = [0x05397F >> 3 * (number % 8) & 7 | number & ~7 for number in range(32)]
    bits = (waves & 1).astype(np.uint32) << lane.astype(np.uint32)
    twos = (waves >> 1 & 1).astype(np.uint32)
    nibbles = [7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8]
    crossed = [(number // 16 ^ 1) * 16 + nibbles[number % 16] for number in range(32)]
    columns = [
        waves[:, lane ^ 5],
        pushed,
        waves[:, lane ^ 1],
        np.repeat(waves[:, 7:8], 32, 1),
        np.repeat(waves[:, :1], 32, 1),
        shifted,
        left,
        waves[:, eight],
        waves,
        waves[:, crossed],
        np.repeat(bits.sum(1, dtype=np.uint32)[:, None], 32, 1),
        np.cumsum(twos, 1, dtype=np.uint32) - twos,
    ]
    expected = np.stack(columns, 2)
    np.testing.assert_array_equal(out.reshape(-1, 32, 12), expected)


@pytest.mark.parametrize("chip", CHIPS)
def test_dot_products_of_halves(chip: str) -> None:
    random = np.random.default_rng(2)
    a, b = (random.standard_normal((COUNT, 2)).astype(np.float16) for _ in range(2))
    c, out = random.standard_normal(COUNT).astype(np.float32), np.zeros(COUNT, np.float32)
    launch(chip, "dots", a, b, c, out)
    expected = (a.astype(np.float64) * b).sum(1) + c
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("chip", CHIPS)
def test_dot_products_of_bytes(chip: str) -> None:
    random = np.random.default_rng(3)
    a, b = (random.integers(-128, 128, (COUNT, 4)).astype(np.int8) for _ in range(2))
    c = random.integers(-1000, 1000, COUNT).astype(np.int32)
    out = np.zeros(COUNT, np.int32)
    launch(chip, "byte_dots", a, b, c, out)
    np.testing.assert_array_equal(out, (a.astype(np.int32) * b).sum(1) + c)


def multiply(chip: str, name: str, a: Array, b: Array, c: Array) -> Array:
    out = np.zeros((16, 16), c.dtype)
    program("lanes", chip)[name].launch(1, 32, [a, b, c, out])
    return out


@pytest.mark.parametrize("chip", WITH_MATRICES)
def test_matrix_product_of_f16(chip: str) -> None:
    random = np.random.default_rng(4)
    a, b = (random.standard_normal((16, 16)).astype(np.float16) for _ in range(2))
    c = random.standard_normal((16, 16)).astype(np.float32)
    expected = a.astype(np.float64) @ b.astype(np.float64) + c
    found = multiply(chip, "matrix_f16", a, b, c)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("chip", WITH_MATRICES)
def test_matrix_product_of_bf16(chip: str) -> None:
    random = np.random.default_rng(5)
    wide = random.standard_normal((2, 16, 16)).astype(np.float32).view(np.uint32) & 0xFFFF0000
    a, b = (wide >> 16).astype(np.uint16).view(np.int16)
    c = random.standard_normal((16, 16)).astype(np.float32)
    x, y = wide.view(np.float32).astype(np.float64)
    found = multiply(chip, "matrix_bf16", np.ascontiguousarray(a), np.ascontiguousarray(b), c)
    np.testing.assert_allclose(found, x @ y + c, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("chip", WITH_MATRICES)
def test_matrix_product_of_bytes(chip: str) -> None:
    random = np.random.default_rng(6)
    a, b = (random.integers(-128, 128, (16, 16)).astype(np.int8) for _ in range(2))
    c = random.integers(-1000, 1000, (16, 16)).astype(np.int32)
    found = multiply(chip, "matrix_i8", a, b, c)
    np.testing.assert_array_equal(found, a.astype(np.int32) @ b + c)
