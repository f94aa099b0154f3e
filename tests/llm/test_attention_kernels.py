"""Attention over every type of cache: against numpy, and bit for bit against the plain form."""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from tests.harness.run_files import IS_THOROUGH
from tests.llm.kernel_library import (
    F32,
    F64,
    attention_kernels,
    drawn,
    record,
    same_bits,
    zeros_aligned,
)

CACHE_TYPES = {"f32": 0, "f16": 1, "bf16": 30, "q8_0": 8}
THREADS = 3
GUARD = 4096


class Cache:
    """Keys and values of one layer."""

    def __init__(self, kind: int, heads: int, size: int, capacity: int) -> None:
        space = attention_kernels().call("cache_bytes", kind, heads, size, capacity)
        self.keys, self.values = zeros_aligned(space), zeros_aligned(space)
        self.heads, self.size = heads, size
        addresses = (self.keys.ctypes.data, self.values.ctypes.data)
        self.record = record("6Q", *addresses, kind, heads, size, capacity)

    def store(self, keys: F32, values: F32, first: int) -> None:
        """Store rows [token][head][channel]."""
        rows = (keys, keys.strides[0], values, values.strides[0])
        attention_kernels().call("cache_store", self.record, *rows, first, len(keys))

    def read(self, count: int) -> tuple[F32, F32]:
        """Return what is stored."""
        keys = np.zeros((count, self.heads, self.size), np.float32)
        values = keys.copy()
        for position in range(count):
            for head in range(self.heads):
                rows = keys[position, head], values[position, head]
                attention_kernels().call("cache_read", self.record, head, position, *rows)
        return keys, values


class How:
    """How a layer attends."""

    def __init__(self, heads: int, scale: float, cap: float = 0, window: int = 0) -> None:
        self.heads, self.scale, self.cap, self.window = heads, scale, cap, window

    def record(self, size: int) -> npt.NDArray[np.uint8]:
        """Return the LlmAttention of it."""
        return record("2Q2fQ", self.heads, size * 4, self.scale, self.cap, self.window)


def attend(name: str, cache: Cache, how: How, queries: F32, first: int, *flags: str) -> F32:
    """Call one of the two forms of attention for a block of queries."""
    out = np.full_like(queries, np.nan)
    described = how.record(cache.size)
    words: list[npt.NDArray[np.generic] | int] = [out, out.strides[0], queries, queries.strides[0]]
    words += [len(queries), first, cache.record, described]
    kernels = attention_kernels(*flags)
    counts = how.heads, len(queries), THREADS
    size = kernels.call("attention_scratch", cache.record, *counts)
    scratch = zeros_aligned(size + GUARD)
    scratch[size:] = 77
    kernels.call(name, *words, scratch)
    assert (scratch[size:] == 77).all()
    return out


def in_blocks(cache: Cache, how: How, queries: F32, borders: Sequence[int]) -> F32:
    """Attend block by block."""
    pairs = itertools.pairwise(borders)
    parts = [attend("attention", cache, how, queries[a:b].copy(), a) for a, b in pairs]
    return np.concatenate(parts)


def reference(keys: F32, values: F32, queries: F32, how: How) -> F64:
    """Attention in f64; query i is at position i."""
    out = np.zeros(queries.shape)
    ratio = how.heads // keys.shape[1]
    for position, head in np.ndindex(queries.shape[:2]):
        first = max(0, position + 1 - how.window) if how.window else 0
        seen = slice(first, position + 1), head // ratio
        scores = keys[seen].astype(np.float64) @ queries[position, head] * np.float32(how.scale)
        if how.cap:
            scores = how.cap * np.tanh(scores / how.cap)
        weights = np.exp(scores - scores.max())
        out[position, head] = weights @ values[seen].astype(np.float64) / weights.sum()
    return out


CASES = {
    "one head": (1, 1, 32, 40, How(1, 0.2)),
    "groups": (6, 2, 48, 300, How(6, 0.15)),
    "three queries a key": (3, 1, 40, 270, How(3, 0.15, window=100)),
    "caps and windows": (4, 4, 64, 290, How(4, 0.3, cap=20, window=17)),
    "wide": (2, 1, 256, 150, How(2, 0.1, cap=50)),
    "five queries a key": (10, 2, 80, 130, How(10, 0.11)),
    "window of a chunk": (8, 2, 128, 390, How(8, 0.09, window=128)),
}


@pytest.mark.parametrize("kind", CACHE_TYPES)
@pytest.mark.parametrize("case", CASES)
def test_attention(case: str, kind: str) -> None:
    query_heads, heads, size, count, how = CASES[case]
    cache = Cache(CACHE_TYPES[kind], heads, size, count + 3)
    keys, values = drawn(1, count, heads, size), drawn(2, count, heads, size)
    queries = drawn(3, count, query_heads, size)
    cache.store(keys[:70], values[:70], 0)
    cache.store(keys[70:], values[70:], 70)
    attention_kernels().call("set_threads", 1)
    whole = in_blocks(cache, how, queries, [0, count])
    np.testing.assert_allclose(whole, reference(*cache.read(count), queries, how), atol=1e-5)
    assert same_bits(attend("attention_plain", cache, how, queries, 0), whole)
    borders = sorted({0, 1, 38, 39, count - 2, count - 1, count})
    for threads in range(1, THREADS + 1):
        attention_kernels().call("set_threads", threads)
        assert same_bits(in_blocks(cache, how, queries, borders), whole)
    attention_kernels().call("set_threads", 0)


@pytest.mark.parametrize("kind", CACHE_TYPES if IS_THOROUGH else ["f16", "q8_0"])
def test_places_of_a_cache_are_used_again(kind: str) -> None:
    count, block, size = 700, 60, 64
    how = How(4, 0.2, window=100)
    whole, turning = (Cache(CACHE_TYPES[kind], 2, size, places) for places in (count, 256))
    keys, values = drawn(1, count, 2, size), drawn(2, count, 2, size)
    queries = drawn(3, count, 4, size)
    for first in range(0, count, block):
        rows = slice(first, first + block)
        for cache in (whole, turning):
            cache.store(keys[rows], values[rows], first)
        right = attend("attention", whole, how, queries[rows], first)
        assert same_bits(attend("attention", turning, how, queries[rows], first), right)
        one = queries[rows][-1:].copy()
        last = first + len(queries[rows]) - 1
        for name in ("attention", "attention_plain"):
            assert same_bits(attend(name, turning, how, one, last), right[-1:])


@pytest.mark.parametrize("level", [0, 3, 4] if IS_THOROUGH else [0, 3])
def test_attention_is_equal_on_older_processors(level: int) -> None:
    query_heads, heads, size, count, how = CASES["caps and windows"]
    cache = Cache(CACHE_TYPES["f16"], heads, size, count)
    cache.store(drawn(1, count, heads, size), drawn(2, count, heads, size), 0)
    queries = drawn(3, count, query_heads, size)
    whole = attend("attention", cache, how, queries, 0)
    assert same_bits(
        attend("attention", cache, how, queries, 0, f"--processor-level={level}"), whole
    )


@pytest.mark.parametrize("kind", CACHE_TYPES)
def test_what_is_stored(kind: str) -> None:
    cache = Cache(CACHE_TYPES[kind], 2, 40, 50)
    keys, values = drawn(4, 50, 2, 40), drawn(5, 50, 2, 40)
    keys[7, 1] = 0
    cache.store(keys, values, 0)
    for found, given in zip(cache.read(50), (keys, values), strict=True):
        np.testing.assert_array_equal(found, as_stored(given, kind))


def as_stored(numbers: F32, kind: str) -> F32:
    """Return the numbers that a cache keeps of these; 40 channels are parts of 32 and 8."""
    if kind == "f32":
        return numbers
    if kind == "f16":
        return numbers.astype(np.float16).astype(np.float32)
    if kind == "bf16":
        bits = numbers.view(np.uint32).astype(np.uint64)
        rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16
        return rounded.astype(np.uint32).view(np.float32)
    parts = [numbers[..., :32], numbers[..., 32:]]
    return np.concatenate([_as_bytes(part) for part in parts], axis=-1)


def _as_bytes(part: F32) -> F32:
    largest = np.abs(part).max(axis=-1, keepdims=True)
    scale = (largest / np.float32(127)).astype(np.float16).astype(np.float32)
    divisor = np.where(scale == 0, np.float32(1), scale)
    whole: F32 = np.clip(np.rint(part / divisor), -127, 127) * scale
    return whole


@pytest.mark.parametrize("pairing", [0, 1])
def test_keys_are_rotated_while_they_are_stored(pairing: int) -> None:
    count, heads, size, pairs = 33, 2, 32, 12
    keys, values = drawn(6, count, heads, size), drawn(7, count, heads, size)
    frequencies, table = 1e4 ** (-np.arange(pairs) / pairs), np.zeros((count, 2, pairs), np.float32)
    attention_kernels().call("rope_table", table, frequencies, pairs, 5, count)
    turned = keys.copy()
    strides = (turned.strides[0], turned.strides[1])
    attention_kernels().call("rope", turned, *strides, count, heads, size, table, pairs, pairing)
    cache = Cache(0, heads, size, count)
    rows = (keys, keys.strides[0], values, values.strides[0], 0, count)
    attention_kernels().call("cache_store_rope", cache.record, *rows, table, pairs, pairing)
    found = cache.read(count)
    assert same_bits(found[0], turned) and same_bits(found[1], values)


def test_numbers_that_are_none_are_seen() -> None:
    cache = Cache(1, 1, 32, 64)
    keys, values = drawn(8, 64, 1, 32), drawn(9, 64, 1, 32)
    keys[20, 0, 3] = np.nan
    cache.store(keys, values, 0)
    out = attend("attention", cache, How(1, 0.2), drawn(10, 64, 1, 32), 0)
    assert np.isfinite(out[:20]).all() and np.isnan(out[20:]).all()
