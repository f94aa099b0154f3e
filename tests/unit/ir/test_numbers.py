"""Machine numbers: rounding, saturation and bits, against numpy and by hand."""

import math
from random import Random

import numpy as np
import pytest

from mlrift.ir import numbers

WORDS = [0, 1, 2**24, 2**24 + 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**62 + 2**37 + 1]


def random_words(seed: int, count: int) -> list[int]:
    random = Random(seed)
    return [random.getrandbits(random.choice((8, 24, 31, 53, 62, 64))) for _ in range(count)]


def test_halves_widen_exactly_and_come_back() -> None:
    with np.errstate(all="ignore"):
        wide = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
    for bits in range(65536):
        value = numbers.half_to_single(bits)
        if math.isnan(value):
            assert numbers.single_to_half(value) == bits | 0x200
        else:
            assert value == wide[bits] and math.copysign(1, value) == np.copysign(1, wide[bits])
            assert numbers.single_to_half(value) == bits


def test_singles_round_to_the_nearest_half() -> None:
    bits = np.array([Random(1).getrandbits(32) for _ in range(20_000)], dtype=np.uint32)
    near = np.array([Random(2).uniform(-70000, 70000) for _ in range(5000)], dtype=np.float32)
    values = np.concatenate([bits.view(np.float32), near])
    with np.errstate(all="ignore"):
        halves = values.astype(np.float16).view(np.uint16)
    for value, half in zip(values.tolist(), halves.tolist(), strict=True):
        if not math.isnan(value):
            assert numbers.single_to_half(value) == half


@pytest.mark.parametrize("word", WORDS + random_words(3, 300))
def test_words_convert_with_one_rounding(word: int) -> None:
    assert numbers.signed_to_single(word) == float(np.float32(np.int64(numbers.signed(word))))
    assert numbers.signed_to_double(word) == float(np.float64(np.int64(numbers.signed(word))))


@pytest.mark.parametrize("word", WORDS + random_words(4, 300) + [0x7F800001, 0xFFC00000])
def test_bits_survive_the_round_trip(word: int) -> None:
    assert numbers.single_to_bits(numbers.bits_to_single(word)) == word & 0xFFFFFFFF
    assert numbers.double_to_bits(numbers.bits_to_double(word)) == word


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, 0),
        (math.inf, 2**63 - 1),
        (-math.inf, 2**63),
        (2.0**63, 2**63 - 1),
        (-(2.0**63), 2**63),
        (-1.9, 2**64 - 1),
        (1e18, 10**18),
    ],
)
def test_floats_truncate_and_saturate(value: float, expected: int) -> None:
    assert numbers.float_to_signed(value) == expected


def test_rounding_to_single_overflows_to_infinity() -> None:
    assert numbers.to_single(3.5e38) == math.inf
    assert numbers.to_single(-1e300) == -math.inf
    assert numbers.to_single(2.0**-150) == 0.0
    assert numbers.to_single(0.1) == float(np.float32(0.1))


@pytest.mark.parametrize("lhs", [0.0, -0.0, 1.0, -3.0, math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("rhs", [0.0, -0.0, 2.0, -math.inf, math.nan])
def test_quotients_are_ieee(lhs: float, rhs: float) -> None:
    with np.errstate(all="ignore"):
        expected = float(np.float64(lhs) / np.float64(rhs))
    found = numbers.divide(lhs, rhs)
    if math.isnan(expected):
        assert math.isnan(found)
    else:
        assert numbers.double_to_bits(found) == numbers.double_to_bits(expected)


def test_square_roots() -> None:
    assert math.isnan(numbers.square_root(-1.0))
    assert numbers.double_to_bits(numbers.square_root(-0.0)) == 2**63
    assert numbers.square_root(math.inf) == math.inf
    assert math.isnan(numbers.square_root(math.nan))
