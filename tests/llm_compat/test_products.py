"""std/matmul.mlr against its arithmetic in numpy: every mode, odd sizes, one to three workers."""

from pathlib import Path

import numpy as np
import pytest

from tests.llm_compat import arithmetic
from tests.llm_compat.arithmetic import F32, bits_of
from tests.llm_compat.calls import Calls, Place
from tests.llm_compat.library import FUNCTIONS

SHAPES = [
    (1, 1, 8), (2, 5, 256), (1, 7, 24), (3, 2, 8), (1, 300, 512), (5, 67, 64), (1, 0, 8), (4, 9, 0),
]  # fmt: skip
ODD_SHAPES = [(1, 1, 1), (2, 5, 7), (1, 9, 257), (3, 4, 12)]
BLOCK_SHAPES = [(1, 1, 32), (2, 5, 256), (3, 67, 96), (1, 300, 512), (4, 6, 0)]


def numbers(rows: int, columns: int, seed: int) -> F32:
    """Return numbers of very different sizes, so that every rounding shows."""
    chance = np.random.default_rng(seed)
    sizes = np.exp2(chance.integers(-6, 6, (rows, columns)))
    return (chance.standard_normal((rows, columns)) * sizes).astype(np.float32)


def same(found: F32, expected: F32) -> bool:
    """Say whether all bits are equal."""
    return bool((bits_of(found).ravel() == bits_of(expected).ravel()).all())


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_f32_and_bf16_weights(library: Path, tmp_path: Path, workers: int) -> None:
    calls = Calls(FUNCTIONS)
    expected: list[tuple[str, Place, F32]] = []
    for at, (m, n, k) in enumerate(SHAPES + ODD_SHAPES):
        x, w = numbers(m, k, at), numbers(n, k, at + 100)
        halves = arithmetic.bf16(w)
        wide = arithmetic.widened(halves)
        px, pw, ph = calls.array(x), calls.array(w), calls.array(halves)
        rows = [
            ("matmul_f32_weights_f32", pw, 1, arithmetic.product_fused(x, w)),
            ("matmul_bf16_weights_f32", ph, 0, arithmetic.product_fused(x, wide)),
            ("matmul_bf16_weights_f32", ph, 1, arithmetic.product_kahan(x, wide)),
        ]
        for name, weights, kahan, result in rows:
            out = calls.room(m * n)
            calls.call(name, out, px, weights, m, n, k, workers, kahan)
            expected.append((f"{name} {m} {n} {k} {kahan}", out, result))
    memory = calls.run(library, tmp_path)
    assert [name for name, out, row in expected if not same(memory.numbers(out), row)] == []


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_q8_0_weights(library: Path, tmp_path: Path, workers: int) -> None:
    calls = Calls(FUNCTIONS)
    expected: list[tuple[str, Place, F32]] = []
    for at, (m, n, k) in enumerate(BLOCK_SHAPES):
        x, w = numbers(m, k, at), arithmetic.quantised(numbers(n, k, at + 100))
        px, pw = calls.array(x), calls.array(w)
        rows = [
            ("matmul_q8_0_weights_f32", arithmetic.product_q8_0(x, w)),
            ("matmul_q8_0_q8_0_f32", arithmetic.product_q8_0_q8_0(x, w)),
        ]
        for name, result in rows:
            out = calls.room(m * n)
            calls.call(name, out, px, pw, m, n, k, workers)
            expected.append((f"{name} {m} {n} {k}", out, result))
    memory = calls.run(library, tmp_path)
    assert [name for name, out, row in expected if not same(memory.numbers(out), row)] == []


def test_rows_are_quantised(library: Path, tmp_path: Path) -> None:
    x = numbers(1, 4096, 7)
    x[0, :32] = 0
    x[0, 32:64] = 1e-42  # no f16 is as small: the scale becomes 0
    x[0, 64:96] = 1e38  # and none as large: infinity
    x[0, 96:128] = np.arange(-16, 16) + np.float32(0.5)  # halves, with a scale of 1
    x[0, 96] = 127
    calls = Calls(FUNCTIONS)
    place, out = calls.array(x), calls.array(np.zeros(4096 // 32 * 34, np.uint8))
    calls.call("quantize_row_q8_0", out, place, 4096)
    found = calls.run(library, tmp_path).of(out)
    with np.errstate(over="ignore"):
        expected = arithmetic.quantised(x)
    assert (found == expected.ravel()).all()


def test_halves_are_rounded_to_even(library: Path, tmp_path: Path) -> None:
    known = {
        0x3F801000: 0x3C00, 0x3F803000: 0x3C02, 0x477FF000: 0x7C00, 0x7FC12345: 0x7E00,
        0xFFC00000: 0x7E00, 0x80000000: 0x8000, 0xFF800000: 0xFC00, 0x33000000: 0, 0x33000001: 1,
    }  # fmt: skip
    calls = Calls(FUNCTIONS)
    places = []
    for bits in known:
        out = calls.array(np.zeros(1, np.uint16))
        calls.call("nearest_half", out, calls.array(np.array([bits], np.uint32)))
        places.append(out)
    memory = calls.run(library, tmp_path)
    assert [int(memory.of(place)[0]) for place in places] == list(known.values())
