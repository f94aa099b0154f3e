"""Rows of the table for std/kernels/pointwise.mlr."""

from collections.abc import Iterator, Sequence

import numpy as np

from mlrift.selftest.case import Array, KernelCase, bf16_bits, blocks, random_f32

_SIZES = (1, 255, 256, 1000)
_GROUP = (256,)


def _silu(x: Array) -> Array:
    wide = x.astype(np.float64)
    return wide / (1.0 + np.exp(-wide))


def cases() -> Iterator[KernelCase]:
    """Yield every launch."""
    for n in _SIZES:
        yield from _of_size(n)
    yield from _batched()


def _case(
    kernel: str, n: int, arguments: Sequence[object], expected: dict[int, Array], tolerance: float
) -> KernelCase:
    grid = (blocks(n, 256),)
    return KernelCase("pointwise", kernel, f"{n}", grid, _GROUP, arguments, expected, tolerance)


def _of_size(n: int) -> Iterator[KernelCase]:
    a, b = random_f32(1, n), random_f32(2, n)
    out = np.zeros(n, np.float32)
    factor = np.float32(1.7)
    yield _case("scale_f32", n, [a.copy(), n, float(factor)], {0: a * factor}, 0.0)
    yield _case("residual_add_f32", n, [a, b, out.copy(), n], {2: a + b}, 0.0)
    yield _case("pointwise_mul_f32", n, [a, b, out.copy(), n], {2: a * b}, 0.0)
    wanted = b.astype(np.float64) + 0.75 * a.astype(np.float64)
    yield _case("saxpy", n, [a, b.copy(), n, 0.75], {1: wanted}, 2e-7)
    yield _case("relu", n, [a.copy(), n], {0: np.maximum(a, np.float32(0))}, 0.0)
    yield _case("silu_f32", n, [a, out.copy(), n], {1: _silu(a)}, 2e-6)
    wanted = _silu(a) * b.astype(np.float64)
    yield _case("silu_mul_f32", n, [a, b, out.copy(), n], {2: wanted}, 2e-6)
    halves = bf16_bits(a)
    wide = (halves.astype(np.uint32) << 16).view(np.float32)
    yield _case("bf16_to_f32", n, [halves, out.copy(), n], {1: wide}, 0.0)
    packed = np.zeros(n, np.uint16)
    yield _case("pack_f32_to_bf16", n, [a, packed, n, 256], {1: halves}, 0.0)
    width = 7
    scales = random_f32(3, blocks(n, width))
    wanted = a * np.repeat(scales, width)[:n]
    yield _case("row_scale_f32", n, [a, scales, out.copy(), n, width], {2: wanted}, 0.0)
    words = np.random.default_rng(4).integers(0, 2**64, n, np.uint64)
    yield _case("_kfd_copy_u64", n, [np.zeros(n, np.uint64), words, n], {0: words}, 0.0)


def _batched() -> Iterator[KernelCase]:
    for n, streams in ((100, 3), (300, 2)):
        both = random_f32(5, streams, 2 * n)
        gate, up = both[:, :n], both[:, n:]
        wanted = _silu(gate) * up.astype(np.float64)
        data = np.ascontiguousarray(both)
        shifted = np.concatenate([data.reshape(-1)[n:], np.zeros(n, np.float32)])
        yield KernelCase(
            "pointwise",
            "silu_mul_f32_batched",
            f"{streams}x{n}",
            (blocks(n, 256), streams),
            _GROUP,
            [data, shifted, np.zeros((streams, n), np.float32), n],
            {2: wanted},
            2e-6,
        )
