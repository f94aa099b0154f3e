"""Rows of the table for kernels that use what any function may: corpus/features.mlr."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mlrift.selftest.case import Array, KernelCase, blocks

_SOURCE = str(Path(__file__).parent / "corpus" / "features")


def cases() -> Iterator[KernelCase]:
    """Yield every launch."""
    for n in (1, 33, 100):
        words = np.random.default_rng(n).integers(0, 2**64, n, np.uint64)
        yield _counted(words)
        yield _chosen(words)
        yield _signed(words)
        yield _converted(words)


def _case(kernel: str, n: int, arguments: list[object], out: Array) -> KernelCase:
    grid = (blocks(n, 32),)
    expected = {len(arguments) - (1 if kernel == "counted" else 2): out}
    return KernelCase(_SOURCE, kernel, f"{n}", grid, (32,), arguments, expected)


def _counted(words: Array) -> KernelCase:
    n = len(words)
    found = np.zeros(n, np.uint64)
    for i, word in enumerate(words.tolist()):
        for k in range(16):
            found[i] += np.uint64(1 << (word >> 4 * k & 15) // 2 * 8)
    return _case("counted", n, [words, n, np.zeros(n, np.uint64)], found)


def _chosen(words: Array) -> KernelCase:
    n = len(words)
    found = np.zeros(n, np.uint64)
    for i, word in enumerate(words.tolist()):
        low, high = word & 0xFFFFFFFF, word >> 32
        width = 100 + high % 7 - low % 100
        number = (10, 21, 22, 30, 40)[word % 5]
        if width > 50 and (low & 1 == 1 or high & 3 == 2):
            number += width * 1000
        found[i] = number
    return _case("chosen", n, [words, np.zeros(n, np.uint64), n], found)


def _signed(words: Array) -> KernelCase:
    n = len(words)
    found = np.zeros((n, 5), np.int64)
    for i, number in enumerate(words.view(np.int64).tolist()):
        quotient = abs(number) // 7 * (1 if number >= 0 else -1)
        found[i] = quotient, number - 7 * quotient, number >> 3, number < 0, _collatz(i + 1)
    return _case("signed_numbers", n, [words, np.zeros((n, 5), np.int64), n], found)


def _collatz(number: int) -> int:
    steps = 0
    while number > 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return steps


def _converted(words: Array) -> KernelCase:
    small = (words.view(np.int64) >> 40).copy()
    n = len(small)
    rows = np.zeros((n, 32), np.uint8)
    single = small.astype(np.float32)
    thirds = single / np.float32(3.0)
    with np.errstate(over="ignore"):
        halves = single.astype(np.float16)
    rows[:, 0:8] = _bytes(small.astype(np.float64) / 3.0)
    rows[:, 8:12] = _bytes(thirds)
    rows[:, 12:16] = _bytes(np.sqrt(np.abs(single)))
    rows[:, 16:24] = _bytes((small.astype(np.float64) * 0.001).astype(np.int64))
    rows[:, 24:26] = _bytes(halves)
    rows[:, 26] = small.view(np.uint64) & np.uint64(0xFF)
    rows[:, 28:32] = _bytes(single.astype(np.int32))
    return _case("converted", n, [small, np.zeros((n, 32), np.uint8), n], rows)


def _bytes(numbers: Array) -> Array:
    return np.ascontiguousarray(numbers).view(np.uint8).reshape(len(numbers), -1)
