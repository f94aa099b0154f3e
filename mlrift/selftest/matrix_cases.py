"""Rows of the table for std/kernels/gemv.mlr and gemm.mlr."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mlrift.ir.numbers import fused_single
from mlrift.selftest.case import (
    Array,
    KernelCase,
    bf16_bits,
    bf16_numbers,
    blocks,
    random_f32,
)
from mlrift.selftest.quantised import FORMATS

_TOLERANCE = 3e-6


def cases() -> Iterator[KernelCase]:
    """Yield every launch."""
    for m, k in ((1, 1), (3, 33), (7, 256), (300, 20)):
        yield from _plain_products(m, k)
    for m, k in ((1, 7), (3, 64), (2, 100)):
        yield from _cpu_trees(m, k)
    for name, (block, make) in FORMATS.items():
        for m, count in ((1, 1), (3, 3)):
            yield from _quantised(name, m, count * block, make)
    for m, n, k in ((1, 1, 1), (16, 16, 16), (17, 33, 5), (40, 20, 50)):
        yield from _matrices(m, n, k)
    for m, n, k in ((16, 16, 16), (32, 48, 64)):
        yield from _matrix_units(m, n, k)


def _gemv(kernel: str, label: str, weights: Array, numbers: Array, streams: int) -> KernelCase:
    m, k = numbers.shape
    b = random_f32(20, streams, k)
    wanted = b.astype(np.float64) @ numbers.T
    grid, group = ((m, streams), (32,)) if kernel != "gemv_f32" else ((blocks(m, 256),), (256,))
    arguments = [weights, b, np.zeros((streams, m), np.float32), m, k]
    return KernelCase("gemv", kernel, label, grid, group, arguments, {2: wanted}, _TOLERANCE)


def _plain_products(m: int, k: int) -> Iterator[KernelCase]:
    first = random_f32(21, m, k)
    wide = first.astype(np.float64)
    label = f"{m}x{k}"
    yield _gemv("gemv_f32", label, first, wide, 1)
    cut, half = bf16_bits(first), first.astype(np.float16)
    kinds = (
        ("f32", first, wide),
        ("bf16_f32", cut, bf16_numbers(cut)),
        ("f16_f32", half, half.astype(np.float64)),
    )
    for kind, weights, numbers in kinds:
        yield _gemv(f"gemv_coop_{kind}", label, weights, numbers, 1)
        yield _gemv(f"gemv_coop_{kind}_batched", label, weights, numbers, 3)


def _quantised(
    name: str, m: int, k: int, make: Callable[[int, int], tuple[Array, Array]]
) -> Iterator[KernelCase]:
    weights, numbers = make(m, k)
    yield _gemv(f"gemv_coop_{name}_f32", f"{m}x{k}", weights, numbers, 1)
    yield _gemv(f"gemv_coop_{name}_f32_batched", f"{m}x{k}", weights, numbers, 2)


def _cpu_trees(m: int, k: int) -> Iterator[KernelCase]:
    first, b = random_f32(22, m, k), random_f32(23, k)
    cut = bf16_bits(first)
    for kind, weights, numbers in (
        ("f32", first, first.astype(np.float64)),
        ("bf16", cut, bf16_numbers(cut)),
    ):
        wanted = np.array([_tree(row, b) for row in numbers], np.float32)
        kernel = f"gemv_coop_{kind}_f32_cputree"
        arguments = [weights, b, np.zeros(m, np.float32), m, k]
        label = f"{m}x{k}"
        yield KernelCase("gemv", kernel, label, (m,), (32,), arguments, {2: wanted}, 0.0)


def _tree(row: Array, b: Array) -> Any:
    """Sum as eight lanes do: fused steps (exact in double up to its rounding), then a tree."""
    sums = [0.0] * 8
    for i in range(len(row)):
        sums[i % 8] = fused_single(float(row[i]), float(b[i]), sums[i % 8])
    lanes = np.array(sums, np.float32)
    for distance in (4, 2, 1):
        lanes = lanes + lanes[np.arange(8) ^ distance]
    return lanes[0]


def _matrices(m: int, n: int, k: int) -> Iterator[KernelCase]:
    first, second, third = random_f32(24, m, k), random_f32(25, k, n), random_f32(26, m, n)
    wanted = first.astype(np.float64) @ second.astype(np.float64)
    label = f"{m}x{n}x{k}"
    tiles = (blocks(m, 16) * blocks(n, 16),)
    square = (blocks(n, 16), blocks(m, 16))
    empty = np.zeros((m, n), np.float32)

    def case(
        kernel: str, grid: tuple[int, ...], arguments: Sequence[object], expected: Array
    ) -> KernelCase:
        group = (256,) if len(grid) == 1 else (16, 16)
        given = [*arguments, m, n, k]
        return KernelCase("gemm", kernel, label, grid, group, given, {2: expected}, _TOLERANCE)

    yield case("gemm_f32", tiles, [first, second, empty.copy()], wanted)
    yield case("gemm_f32_accum", tiles, [first, second, third.copy()], wanted + third)
    yield case("gemm_f32_lds", square, [first, second, empty.copy()], wanted)
    a, b = first.astype(np.float16), second.astype(np.float16)
    wanted = a.astype(np.float64) @ b.astype(np.float64)
    yield case("gemm_f16f32", square, [a, b, empty.copy()], wanted)


def _matrix_units(m: int, n: int, k: int) -> Iterator[KernelCase]:
    first, second = random_f32(27, m, k), random_f32(28, k, n)
    halves = first.astype(np.float16), second.astype(np.float16)
    cut = bf16_bits(first), bf16_bits(second)
    kinds = (
        ("f16", halves, [row.astype(np.float64) for row in halves]),
        ("bf16", cut, [bf16_numbers(row) for row in cut]),
    )
    for kind, (a, b), (left, right) in kinds:
        for name, given in (("wmma", b), ("wmma_nt", b.T.copy())):
            yield KernelCase(
                "gemm",
                f"gemm_{kind}f32_{name}",
                f"{m}x{n}x{k}",
                (n // 16, m // 16),
                (32,),
                [a, given, np.zeros((m, n), np.float32), m, n, k],
                {2: left @ right},
                1e-5,
            )
