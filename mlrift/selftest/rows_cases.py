"""Rows of the table for std/kernels/rows.mlr and positions.mlr."""

from collections.abc import Iterator, Sequence

import numpy as np

from mlrift.selftest.case import Array, KernelCase, random_f32

_SHAPES = ((1, 1, 32), (3, 37, 32), (2, 256, 256), (3, 100, 96), (2, 1000, 512))


def cases() -> Iterator[KernelCase]:
    """Yield every launch."""
    for m, n, group in _SHAPES:
        yield from _norms(m, n, group)
        yield from _softmax(m, n, group)
    for m, half in ((1, 64), (5, 64), (3, 17)):
        yield from _positions(m, half)
    yield _fused_norm_and_turn(3, 2, 128)
    yield _fused_norm_and_turn(1, 1, 64)


def _case(
    kernel: str,
    shape: tuple[int, int, int],
    arguments: Sequence[object],
    expected: dict[int, Array],
) -> KernelCase:
    m, n, group = shape
    label = f"{m}x{n}-by-{group}"
    return KernelCase("rows", kernel, label, (m,), (group,), arguments, expected, 3e-6)


def _rms(x: Array, gamma: Array, epsilon: float) -> Array:
    wide = x.astype(np.float64)
    found: Array = wide / np.sqrt((wide**2).mean(axis=1, keepdims=True) + epsilon) * gamma
    return found


def _norms(m: int, n: int, group: int) -> Iterator[KernelCase]:
    shape = (m, n, group)
    x, b, gamma = random_f32(1, m, n), random_f32(2, m, n), random_f32(3, n)
    out = np.zeros((m, n), np.float32)
    for kernel, epsilon in (("rmsnorm_f32", 1e-5), ("qknorm_f32", 1e-6)):
        yield _case(kernel, shape, [x, out.copy(), gamma, m, n], {1: _rms(x, gamma, epsilon)})
    total = x + b
    arguments = [x, out.copy(), gamma, m, n, b, out.copy()]
    wanted = {1: _rms(total, gamma, 1e-5), 6: total.astype(np.float64)}
    yield _case("residual_rmsnorm_f32", shape, arguments, wanted)
    wide = x.astype(np.float64)
    centred = wide - wide.mean(axis=1, keepdims=True)
    normed = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    yield _case("layernorm_f32", shape, [x, out.copy(), m, n], {1: normed})


def _softmax(m: int, n: int, group: int) -> Iterator[KernelCase]:
    x = random_f32(4, m, n) * 3
    wide = x.astype(np.float64)
    out = np.zeros((m, n), np.float32)
    power = np.exp(wide - wide.max(axis=1, keepdims=True))
    wanted = power / power.sum(axis=1, keepdims=True)
    yield _case("softmax_f32", (m, n, group), [x, out.copy(), m, n], {1: wanted})
    seen = np.arange(n)[None, :] <= np.arange(m)[:, None]
    masked = np.where(seen, wide, -np.inf)
    power = np.exp(masked - masked.max(axis=1, keepdims=True))
    wanted = power / power.sum(axis=1, keepdims=True)
    yield _case("softmax_causal_f32", (m, n, group), [x, out.copy(), m, n], {1: wanted})


def _tables(m: int, half: int) -> tuple[Array, Array]:
    angles = np.random.default_rng(5).uniform(-3, 3, (m, half))
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _turned(x: Array, cos: Array, sin: Array) -> Array:
    half = cos.shape[-1]
    u, v = x[..., :half].astype(np.float64), x[..., half:].astype(np.float64)
    return np.concatenate([u * cos - v * sin, v * cos + u * sin], axis=-1)


def _positions(m: int, half: int) -> Iterator[KernelCase]:
    x, (cos, sin) = random_f32(6, m, 2 * half), _tables(m, half)
    out = np.zeros_like(x)
    label = f"{m}x{2 * half}"

    def case(kernel: str, arguments: Sequence[object], expected: dict[int, Array]) -> KernelCase:
        grid, group = (m,), (half,)
        return KernelCase("positions", kernel, label, grid, group, arguments, expected, 1e-6)

    yield case("rope_f32", [x, out.copy(), cos, sin, m], {1: _turned(x, cos, sin)})
    apart = np.concatenate([x[:, 0::2], x[:, 1::2]], axis=1)
    turned = _turned(apart, cos, sin)
    pairs = np.stack([turned[:, :half], turned[:, half:]], axis=2)
    yield case("rope_pairs_f32", [x, out.copy(), cos, sin, m], {1: pairs})
    wanted = _turned(x, cos[:1], sin[:1])
    yield case("rope_qwen3_f32", [x.copy(), cos[:1].copy(), sin[:1].copy(), m], {0: wanted})


def _fused_norm_and_turn(nq: int, nk: int, size: int) -> KernelCase:
    q, k = random_f32(7, nq, size), random_f32(8, nk, size)
    gq, gk = random_f32(9, size), random_f32(10, size)
    cos, sin = _tables(1, size // 2)
    wanted = {
        0: _turned(_rms(q, gq, 1e-6), cos, sin),
        1: _turned(_rms(k, gk, 1e-6), cos, sin),
    }
    arguments = [q.copy(), k.copy(), gq, gk, cos, sin, nq, nk]
    return KernelCase(
        "positions",
        "qknorm_rope_qk_fused_f32",
        f"{nq}+{nk}x{size}",
        (nq + nk,),
        (size,),
        arguments,
        wanted,
        3e-6,
    )
