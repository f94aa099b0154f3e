"""Rows of the table for std/kernels/attention.mlr."""

from collections.abc import Iterator

import numpy as np

from mlrift.selftest.case import Array, KernelCase, random_f32

_TOLERANCE = 5e-6
_SLAB = 65536


def cases() -> Iterator[KernelCase]:
    """Yield every launch."""
    for length in (1, 33, 70):
        yield _decode(length, 3, 1, 20)
    yield _decode(40, 4, 2, 128)
    yield _decode(5, 2, 2, 1)
    for q_len, kv_len in ((1, 1), (3, 3), (4, 37)):
        yield _prefill(q_len, kv_len, 4, 2, 24)
    for length in (1, 45):
        yield _qwen("attn_decode_f32", 16, length)
        yield _qwen("attn_decode_f32_14b", 40, length)
    yield _batched(2, 34)
    yield _speculative(36)


def attention(q: Array, keys: Array, values: Array) -> Array:
    """Return the attention of one query of heads over keys and values [length, kv heads, size]."""
    heads, size = q.shape
    share = heads // keys.shape[1]
    found = np.zeros((heads, size))
    for head in range(heads):
        own, seen = keys[:, head // share].astype(np.float64), values[:, head // share]
        scores = own @ q[head].astype(np.float64) / np.sqrt(size)
        weights = np.exp(scores - scores.max())
        found[head] = weights / weights.sum() @ seen.astype(np.float64)
    return found


def _cache(seed: int, length: int, kv_heads: int, size: int) -> tuple[Array, Array]:
    shape = (length, kv_heads, size)
    return random_f32(seed, *shape), random_f32(seed + 1, *shape)


def _decode(length: int, heads: int, kv_heads: int, size: int) -> KernelCase:
    q, (keys, values) = random_f32(1, heads, size), _cache(2, length, kv_heads, size)
    out = np.zeros((heads, size), np.float32)
    return KernelCase(
        "attention",
        "attn_decode_any_f32",
        f"{length}x{heads}/{kv_heads}x{size}",
        (heads,),
        (32,),
        [q, keys, values, out, length, heads, kv_heads, size],
        {3: attention(q, keys, values)},
        _TOLERANCE,
    )


def _prefill(q_len: int, kv_len: int, heads: int, kv_heads: int, size: int) -> KernelCase:
    q, (keys, values) = random_f32(4, q_len, heads, size), _cache(5, kv_len, kv_heads, size)
    first = kv_len - q_len + 1
    wanted = [attention(q[row], keys[: first + row], values[: first + row]) for row in range(q_len)]
    out = np.zeros_like(q)
    return KernelCase(
        "attention",
        "attn_prefill_f32",
        f"{q_len}of{kv_len}x{heads}/{kv_heads}x{size}",
        (heads, q_len),
        (32,),
        [q, keys, values, out, q_len, kv_len, heads, kv_heads, size],
        {3: np.stack(wanted)},
        _TOLERANCE,
    )


def _qwen(kernel: str, heads: int, length: int) -> KernelCase:
    q, (keys, values) = random_f32(7, heads, 128), _cache(8, length, 8, 128)
    return KernelCase(
        "attention",
        kernel,
        f"{length}",
        (heads,),
        (32,),
        [q, keys, values, np.zeros_like(q), length],
        {3: attention(q, keys, values)},
        _TOLERANCE,
    )


def _batched(streams: int, length: int) -> KernelCase:
    q = random_f32(10, streams, 16, 128)
    keys, values = random_f32(11, streams, _SLAB), random_f32(12, streams, _SLAB)
    wanted = [
        attention(
            q[row],
            keys[row, : length * 1024].reshape(length, 8, 128),
            values[row, : length * 1024].reshape(length, 8, 128),
        )
        for row in range(streams)
    ]
    return KernelCase(
        "attention",
        "attn_decode_f32_batched",
        f"{streams}x{length}",
        (16, streams),
        (32,),
        [q, keys, values, np.zeros_like(q), length],
        {3: np.stack(wanted)},
        _TOLERANCE,
    )


def _speculative(length: int) -> KernelCase:
    q, (keys, values) = random_f32(13, 4, 16, 128), _cache(14, length, 8, 128)
    wanted = [
        attention(q[row], keys[: length - 3 + row], values[: length - 3 + row]) for row in range(4)
    ]
    return KernelCase(
        "attention",
        "attn_decode_f32_speck4",
        f"{length}",
        (16, 4),
        (32,),
        [q, keys, values, np.zeros_like(q), length],
        {3: np.stack(wanted)},
        _TOLERANCE,
    )
