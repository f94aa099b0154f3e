"""Rows of the table for std/kernels/layers.mlr: layers of small models, and one of Qwen3-0.6B."""

from collections.abc import Iterator

import numpy as np

from mlrift.selftest.attention_cases import attention
from mlrift.selftest.case import Array, KernelCase, bf16_bits, bf16_numbers, random_f32
from mlrift.values import value

_PAD = 128
_TOLERANCE = 1e-5
_GARBAGE = np.float32(7e7)


@value
class _Model:
    """The sizes of a layer."""

    hidden: int
    heads: int
    kv_heads: int
    size: int
    ff: int
    turns_pairs: int
    has_norm: int


_QWEN = _Model(1024, 16, 8, 128, 3072, 0, 1)


def cases() -> Iterator[KernelCase]:
    """Yield every launch."""
    small = _Model(64, 4, 2, 16, 96, 0, 1)
    odd = _Model(33, 3, 1, 6, 5, 1, 0)
    for model, pos, count, groups in ((small, 0, 1, 3), (small, 5, 3, 7), (odd, 2, 2, 4)):
        yield _launch(model, "layer_megakernel_any", pos, count, groups)
    yield _stopped(small, 3)


def large_cases() -> Iterator[KernelCase]:
    """Yield the launches that take seconds on an emulated card: whole layers of Qwen3-0.6B."""
    yield _launch(_QWEN, "qwen3_layer_megakernel", 5, 1, 512)
    yield _launch(_QWEN, "qwen3_layer_megakernel_speck4", 2, 4, 64)


def _weights(seed: int, rows: int, k: int) -> tuple[Array, Array]:
    """Return padded bf16 rows and their numbers."""
    bits = bf16_bits(random_f32(seed, rows, k) / np.float32(np.sqrt(k)))
    padded = np.full((rows, k + _PAD), 0x7FC0, np.uint16)
    padded[:, :k] = bits
    return padded, bf16_numbers(bits)


def _norm(x: Array, gamma: Array, epsilon: float) -> Array:
    wide = x.astype(np.float64)
    found: Array = wide / np.sqrt((wide**2).mean(axis=-1, keepdims=True) + epsilon) * gamma
    return found


def _turned(x: Array, cos: Array, sin: Array, turns_pairs: int) -> Array:
    half = x.shape[-1] // 2
    u, v = (x[..., 0::2], x[..., 1::2]) if turns_pairs else (x[..., :half], x[..., half:])
    first, second = u * cos - v * sin, v * cos + u * sin
    if turns_pairs:
        return np.stack([first, second], axis=-1).reshape(x.shape)
    return np.concatenate([first, second], axis=-1)


class _Layer:
    """The arguments of a launch and what a layer makes of them."""

    def __init__(self, model: _Model, pos: int, count: int) -> None:
        heads, kv, size, hidden = model.heads, model.kv_heads, model.size, model.hidden
        rows = (heads + 2 * kv) * size
        self.model, self.pos, self.count = model, pos, count
        self.x = random_f32(1, count, hidden)
        self.qkv = _weights(2, rows, hidden)
        self.o = _weights(3, hidden, heads * size)
        self.gateup = _weights(4, 2 * model.ff, hidden)
        self.down = _weights(5, hidden, model.ff)
        self.g_in, self.g_post = random_f32(6, hidden), random_f32(7, hidden)
        self.g_q, self.g_k = random_f32(8, size), random_f32(9, size)
        angles = np.random.default_rng(10).uniform(-3, 3, (count, size // 2))
        self.cos, self.sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        length = pos + count
        self.k_cache, self.v_cache = (random_f32(row, length, kv, size) for row in (11, 12))
        self.k_cache[pos:] = self.v_cache[pos:] = _GARBAGE

    def arguments(self, max_phase: int) -> list[object]:
        """The words of the kernel in order."""
        model, count = self.model, self.count
        wide = model.heads * model.size
        slabs = [
            np.full((count, width), _GARBAGE, np.float32)
            for width in (
                2 * model.ff,
                model.hidden,
                (model.heads + 2 * model.kv_heads) * model.size,
                wide,
                model.hidden,
                model.hidden,
                wide,
            )
        ]
        return [
            *(self.x, np.zeros_like(self.x)),
            *(self.qkv[0], self.o[0], self.gateup[0], self.down[0]),
            *(self.g_in, self.g_post, self.g_q, self.g_k, self.cos, self.sin),
            *(self.k_cache.copy(), self.v_cache.copy(), self.pos, np.zeros(1, np.uint32)),
            *slabs,
            max_phase,
        ]

    def run(self) -> tuple[Array, Array, Array]:
        """Return the result and the caches."""
        model = self.model
        fused = _norm(self.x, self.g_in, 1e-5) @ self.qkv[1].T
        parts = fused.reshape(self.count, model.heads + 2 * model.kv_heads, model.size)
        q, k, v = np.split(parts, [model.heads, model.heads + model.kv_heads], axis=1)
        if model.has_norm:
            q, k = _norm(q, self.g_q, 1e-6), _norm(k, self.g_k, 1e-6)
        cos, sin = self.cos[:, None, :], self.sin[:, None, :]
        q = _turned(q, cos, sin, model.turns_pairs)
        keys, values = self.k_cache.astype(np.float64), self.v_cache.astype(np.float64)
        keys[self.pos :] = _turned(k, cos, sin, model.turns_pairs)
        values[self.pos :] = v
        seen = [self.pos + row + 1 for row in range(self.count)]
        found = [attention(q[row], keys[:end], values[:end]) for row, end in enumerate(seen)]
        mid = np.stack(found).reshape(self.count, -1) @ self.o[1].T + self.x
        both = _norm(mid, self.g_post, 1e-5) @ self.gateup[1].T
        gate, up = both[:, : model.ff], both[:, model.ff :]
        return gate / (1.0 + np.exp(-gate)) * up @ self.down[1].T + mid, keys, values


def _launch(model: _Model, kernel: str, pos: int, count: int, groups: int) -> KernelCase:
    layer = _Layer(model, pos, count)
    out, keys, values = layer.run()
    arguments = layer.arguments(7)
    if kernel == "layer_megakernel_any":
        arguments.append(_sizes(model, count))
    expected = {1: out, 12: keys, 13: values, 15: np.array([8 * groups], np.uint32)}
    label = f"{model.hidden}-{pos}-{count}"
    return KernelCase("layers", kernel, label, (groups,), (32,), arguments, expected, _TOLERANCE)


def _stopped(model: _Model, groups: int) -> KernelCase:
    layer = _Layer(model, 0, 1)
    fused = _norm(layer.x, layer.g_in, 1e-5) @ layer.qkv[1].T
    arguments = [*layer.arguments(1), _sizes(model, 1)]
    expected = {1: np.zeros_like(layer.x), 18: fused, 15: np.array([2 * groups], np.uint32)}
    kernel = "layer_megakernel_any"
    return KernelCase(
        "layers", kernel, "stopped", (groups,), (32,), arguments, expected, _TOLERANCE
    )


def _sizes(model: _Model, count: int) -> Array:
    numbers = (model.hidden, model.heads, model.kv_heads, model.size, model.ff)
    return np.array([*numbers, model.turns_pairs, model.has_norm, count], np.uint32)
