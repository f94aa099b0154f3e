"""Integer kernels that clang compiled, against numpy, on the three generations."""

import numpy as np
import pytest

from mlrift.static_types import Any
from tests.emulator.vector_models import Array
from tests.support.emulated_kernels import CHIPS, GROUP, program

GROUPS = 4
COUNT = GROUPS * GROUP
EDGES = (0, 1, 2, 3, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF)
EDGES64 = (*EDGES, 0x100000000, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF)

pytestmark = pytest.mark.parametrize("chip", CHIPS)


def words(seed: int) -> Array:
    random = np.random.default_rng(seed)
    made = random.integers(0, 1 << 32, COUNT, dtype=np.uint64) >> random.integers(
        0, 32, COUNT, dtype=np.uint64
    )
    made[: len(EDGES)] = random.permutation(EDGES)
    return made.astype(np.uint32)


def longs(seed: int) -> Array:
    random = np.random.default_rng(seed)
    made = random.integers(0, 1 << 64, COUNT, dtype=np.uint64)
    made >>= random.integers(0, 64, COUNT, dtype=np.uint64)
    made[: len(EDGES64)] = random.permutation(np.array(EDGES64, np.uint64))
    return made


def launch(chip: str, name: str, *arguments: object) -> None:
    program("integers", chip)[name].launch(GROUPS, GROUP, list(arguments))


def zeros(kind: Any, factor: int = 1) -> Array:
    return np.zeros(COUNT * factor, kind)


def truncated(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


@pytest.mark.parametrize("bits", [32, 64])
def test_division_truncates_and_the_remainder_has_the_sign_of_the_dividend(
    chip: str, bits: int
) -> None:
    unsigned, signed = (np.uint32, np.int32) if bits == 32 else (np.uint64, np.int64)
    make = words if bits == 32 else longs
    a, b = make(1), make(2)
    b[b == 0] = 7
    q, r, sq, sr = zeros(unsigned), zeros(unsigned), zeros(signed), zeros(signed)
    launch(chip, f"divide{bits}", a, b, q, r, sq, sr)
    np.testing.assert_array_equal(q, a // b)
    np.testing.assert_array_equal(r, a % b)
    pairs = list(zip(a.view(signed).tolist(), b.view(signed).tolist(), strict=True))
    fits = np.array([truncated(x, y) < 1 << (bits - 1) for x, y in pairs])
    expected = np.array(
        [truncated(x, y) if ok else 0 for (x, y), ok in zip(pairs, fits, strict=True)], signed
    )
    np.testing.assert_array_equal(sq[fits], expected[fits])
    remainders = np.array([x - truncated(x, y) * y for x, y in pairs], signed)
    np.testing.assert_array_equal(sr[fits], remainders[fits])


def test_products_of_64_bits(chip: str) -> None:
    a, b = longs(3), longs(4)
    low, high, signed_high = zeros(np.uint64), zeros(np.uint64), zeros(np.int64)
    launch(chip, "multiply64", a, b, low, high, signed_high)
    pairs = list(zip(a.tolist(), b.tolist(), strict=True))
    np.testing.assert_array_equal(low, a * b)
    np.testing.assert_array_equal(high, np.array([x * y >> 64 for x, y in pairs], np.uint64))
    pairs = list(zip(a.view(np.int64).tolist(), b.view(np.int64).tolist(), strict=True))
    expected = np.array([x * y >> 64 for x, y in pairs], np.int64)
    np.testing.assert_array_equal(signed_high, expected)


def test_shifts_of_64_bits(chip: str) -> None:
    a, b = longs(5), longs(6)
    left, right, arithmetic, rotated = (zeros(np.uint64) for _ in range(4))
    launch(chip, "shift64", a, b, left, right, arithmetic, rotated)
    n = b & np.uint64(63)
    np.testing.assert_array_equal(left, a << n)
    np.testing.assert_array_equal(right, a >> n)
    np.testing.assert_array_equal(arithmetic.view(np.int64), a.view(np.int64) >> n.view(np.int64))
    back = (np.uint64(64) - n) & np.uint64(63)
    np.testing.assert_array_equal(rotated, a << n | np.where(n == 0, a, a >> back))


def bits_of(x: int) -> list[int]:
    y = x & 0xFFFFFFFF
    high = x >> 32
    field = y << 9 & 0xFFFFFFFF
    signed = (field - (1 << 32) if field >> 31 else field) >> 13
    pool = y << 32 | high
    # Selectors of 0x0c060d01, byte 3 to byte 0: zero, byte 6, ones, byte 1.
    permuted = 0 << 24 | (pool >> 48 & 255) << 16 | 0xFF << 8 | (pool >> 8 & 255)
    differences = sum(abs((y >> s & 255) - (high >> s & 255)) for s in (0, 8, 16, 24))
    return [
        x.bit_count(),
        64 - x.bit_length(),
        (x & -x).bit_length() - 1 if x else 64,
        int(f"{y:032b}"[::-1], 2),
        int.from_bytes(y.to_bytes(4, "little"), "big"),
        32 - y.bit_length(),
        (y & -y).bit_length() - 1 if y else 32,
        (y << 7 | y >> 25) & 0xFFFFFFFF,
        y >> 5 & 0x3FF,
        signed & 0xFFFFFFFF,
        permuted,
        differences + 5,
    ]


def test_counting_reversing_and_selecting_bits(chip: str) -> None:
    a, out = longs(7), zeros(np.uint32, 12)
    launch(chip, "bits", a, out)
    expected = np.array([bits_of(x) for x in a.tolist()], np.uint32)
    np.testing.assert_array_equal(out.reshape(COUNT, 12), expected)


def test_bytes_and_halves(chip: str) -> None:
    random = np.random.default_rng(8)
    a = random.integers(-128, 128, COUNT).astype(np.int8)
    b = random.integers(-32768, 32768, COUNT).astype(np.int16)
    c = random.integers(0, 256, COUNT).astype(np.uint8)
    d = random.integers(0, 65536, COUNT).astype(np.uint16)
    x, y, z = zeros(np.int16), zeros(np.uint8), zeros(np.uint16)
    launch(chip, "small", a, b, c, d, x, y, z)
    np.testing.assert_array_equal(x, (a.astype(int) * b + c).astype(np.int16))
    np.testing.assert_array_equal(y, c // (d | 1).astype(np.uint8))
    mixed = (d.astype(int) << 3 ^ b.view(np.uint16)) & 0xFFFF
    np.testing.assert_array_equal(z, np.where(mixed > 1000, d >> 2, b.view(np.uint16)))


def test_saturation_and_extremes(chip: str) -> None:
    a, b, out = words(9), words(10), zeros(np.uint32, 6)
    launch(chip, "saturate", a, b, out)
    x, y = a.astype(np.int64), b.astype(np.int64)
    s, t = a.view(np.int32).astype(np.int64), b.view(np.int32).astype(np.int64)
    low, high = -(1 << 31), (1 << 31) - 1
    expected = np.stack(
        [
            np.minimum(x + y, 0xFFFFFFFF),
            np.maximum(x - y, 0),
            np.clip(s + t, low, high) & 0xFFFFFFFF,
            np.clip(s - t, low, high) & 0xFFFFFFFF,
            np.maximum(np.minimum(s, t), 0x1234),
            np.abs(s),
        ],
        axis=1,
    )
    np.testing.assert_array_equal(out.reshape(COUNT, 6), expected)


def test_comparisons_of_64_bits(chip: str) -> None:
    a, b, out = longs(11), longs(12), zeros(np.uint32)
    b[::3] = a[::3]
    launch(chip, "compare64", a, b, out)
    s, t = a.view(np.int64), b.view(np.int64)
    tests = [a < b, a <= b, a == b, s < t, s >= t, s != t]
    expected = sum(test.astype(np.uint32) << place for place, test in enumerate(tests))
    np.testing.assert_array_equal(out, expected)
