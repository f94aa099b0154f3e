"""Rows of the table for std/kernels/training.mlr."""

from collections.abc import Iterator

import numpy as np

from mlrift.selftest.case import (
    Array,
    KernelCase,
    Pointer,
    bf16_bits,
    bf16_numbers,
    blocks,
    random_f32,
)

_SCALARS = (1.25, 1.1, 0.999, 0.9, 0.95, 0.1, 0.05, 0.01, 1e-6)
_GROUP_BYTES = 88
_TENSOR_BYTES = 48
_CHUNK = 1024


def cases() -> Iterator[KernelCase]:
    """Yield every launch."""
    for m, n in ((1, 1), (16, 16), (17, 40)):
        yield _transpose(m, n)
    for a, b, w in ((1, 1, 1), (3, 4, 50)):
        yield _repack(a, b, w)
    for bs, d, k, group in ((1, 1, 1, 32), (3, 70, 4, 64), (2, 600, 4, 512)):
        yield _gate(bs, d, k, group)
        yield _gate_weights(bs, d, k, group)
    for n in (1, 257):
        yield _adamw(n)
    yield _fused_adamw((5, 3000, 1024))
    shapes = ((16, 16, 16), (5, 33, 7), (20, 3, 40))
    yield _grouped("gemm_f32_grouped", shapes, 16, 0)
    yield _grouped("gemm_f32_grouped", ((17, 20, 9),) * 3, 16, 1)
    yield _grouped("gemm_f32_grouped_rb2", ((32, 32, 10), (64, 32, 5)), 32, 0)
    yield _grouped("gemm_bf16_grouped", ((16, 32, 16), (32, 16, 48)), 16, 0)


def _transpose(m: int, n: int) -> KernelCase:
    x = random_f32(1, m, n)
    return KernelCase(
        "training",
        "transpose_f32",
        f"{m}x{n}",
        (blocks(m, 16) * blocks(n, 16),),
        (256,),
        [x, np.zeros((n, m), np.float32), m, n],
        {1: x.T.copy()},
    )


def _repack(a: int, b: int, w: int) -> KernelCase:
    x = random_f32(2, a, b, w)
    return KernelCase(
        "training",
        "repack_abw_to_baw_f32",
        f"{a}x{b}x{w}",
        (a * b,),
        (64,),
        [x, np.zeros((b, a, w), np.float32), a, b, w],
        {1: x.transpose(1, 0, 2).copy()},
    )


def _gate(bs: int, d: int, k: int, group: int) -> KernelCase:
    dy, x, outk = random_f32(3, bs, d), random_f32(4, bs, d), random_f32(5, bs, k, d)
    alpha, gw = np.abs(random_f32(6, bs, k)), random_f32(7, k, d)
    da = np.einsum("bd,bkd->bk", dy.astype(np.float64), outk)
    dgl = alpha * (da - (alpha * da).sum(axis=1, keepdims=True))
    arguments = [dy, x, alpha, outk, gw, np.zeros_like(dy), np.zeros_like(alpha), bs, d, k]
    return KernelCase(
        "training",
        "gate_bwd_bs_f32",
        f"{bs}x{d}x{k}",
        (bs,),
        (group,),
        arguments,
        {5: dgl @ gw.astype(np.float64), 6: dgl},
        5e-6,
    )


def _gate_weights(bs: int, d: int, k: int, group: int) -> KernelCase:
    x, dgl = random_f32(8, bs, d), random_f32(9, bs, k)
    dgw, dgb = random_f32(10, k, d), random_f32(11, k)
    wide = dgl.astype(np.float64)
    expected = {2: dgw + wide.T @ x, 3: dgb + wide.sum(axis=0)}
    arguments = [x, dgl, dgw.copy(), dgb.copy(), bs, d, k]
    label = f"{bs}x{d}x{k}"
    return KernelCase(
        "training", "gate_bwd_dgrad_f32", label, (k,), (group,), arguments, expected, 3e-6
    )


def _stepped(p: Array, g: Array, m: Array, v: Array) -> tuple[Array, Array, Array]:
    ibc1, ibc2, decay, b1, b2, omb1, omb2, rate, epsilon = _SCALARS
    wide = g.astype(np.float64)
    first = b1 * m.astype(np.float64) + omb1 * wide
    second = b2 * v.astype(np.float64) + omb2 * wide**2
    step = first * ibc1 / (np.sqrt(second * ibc2) + epsilon)
    return p * decay - rate * step, first, second


def _state(seed: int, n: int) -> tuple[Array, Array, Array, Array]:
    p, g, m = (random_f32(seed + row, n) for row in range(3))
    return p, g, m, np.abs(random_f32(seed + 3, n))


def _adamw(n: int) -> KernelCase:
    p, g, m, v = _state(20, n)
    wanted = _stepped(p, g, m, v)
    expected = {0: wanted[0], 2: wanted[1], 3: wanted[2]}
    arguments = [p.copy(), g, m.copy(), v.copy(), n, *_SCALARS]
    grid = (blocks(n, 256),)
    return KernelCase("training", "adamw_step_f32", f"{n}", grid, (256,), arguments, expected, 2e-6)


def _fused_adamw(sizes: tuple[int, ...]) -> KernelCase:
    descriptor = np.zeros((len(sizes), _TENSOR_BYTES), np.uint8)
    pointers: list[Pointer] = []
    inner: list[tuple[Array, Array]] = []
    before = 0
    for row, n in enumerate(sizes):
        p, g, m, v = (part.copy() for part in _state(30 + 5 * row, n))
        inner += zip((p, m, v), _stepped(p, g, m, v), strict=True)
        for place, target in enumerate((p, g, m, v)):
            pointers.append(Pointer(0, row * _TENSOR_BYTES + place * 8, target))
        counts = np.array([n, blocks(n, _CHUNK), before], np.uint32)
        descriptor[row, 32:44] = counts.view(np.uint8)
        before += blocks(n, _CHUNK)
    arguments = [descriptor, before, np.zeros(1, np.uint32), *_SCALARS]
    return KernelCase(
        "training",
        "adamw_fused",
        f"{len(sizes)}",
        (3,),
        (256,),
        arguments,
        {},
        2e-6,
        tuple(pointers),
        tuple(inner),
    )


def _grouped(
    kernel: str, shapes: tuple[tuple[int, int, int], ...], tile: int, fast: int
) -> KernelCase:
    is_bf16 = "bf16" in kernel
    descriptor = np.zeros((len(shapes), _GROUP_BYTES // 4), np.uint32)
    pointers: list[Pointer] = []
    inner: list[tuple[Array, Array]] = []
    before = 0
    for row, (m, n, k) in enumerate(shapes):
        first, second, third = (
            random_f32(40 + row, m, k),
            random_f32(50 + row, k, n),
            random_f32(60 + row, m, n),
        )
        adds = row % 2
        if is_bf16:
            a, b = bf16_bits(first), bf16_bits(second)
            wanted = bf16_numbers(a) @ bf16_numbers(b) + adds * third
        else:
            a, b = first, second
            wanted = first.astype(np.float64) @ second.astype(np.float64) + adds * third
        tiles = blocks(m, tile) * blocks(n, tile)
        descriptor[row, :6] = m, n, k, k, n, n
        descriptor[row, 12:17] = adds, 0, 1, tiles, before
        before += tiles
        inner.append((third, wanted))
        for place, target in zip((24, 32, 40), (a, b, third), strict=True):
            pointers.append(Pointer(0, row * _GROUP_BYTES + place, target))
    arguments = [descriptor, len(shapes), before, fast, 0, np.zeros(1, np.uint32)]
    return KernelCase(
        "training",
        kernel,
        f"{len(shapes)}-{fast}",
        (4,),
        (32,) if is_bf16 else (256,),
        arguments,
        {},
        1e-5 if is_bf16 else 3e-6,
        tuple(pointers),
        tuple(inner),
    )
