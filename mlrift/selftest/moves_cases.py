"""Rows of the table for std/kernels/moves.mlr and mega.mlr."""

from collections.abc import Iterator, Sequence

import numpy as np

from mlrift.selftest.case import Array, KernelCase, random_f32
from mlrift.values import replace

_SLAB = 65536
_GROUP = (128,)


def cases() -> Iterator[KernelCase]:
    """Yield every launch."""
    yield from _splits()
    yield from _slabs()
    for m, hd, nh, head in ((1, 1, 1, 0), (3, 40, 5, 2)):
        yield from _heads(m, hd, nh, head)
    yield from _lookups()
    yield from _grid_barriers()


def _case(
    kernel: str,
    label: str,
    grid: tuple[int, ...],
    arguments: Sequence[object],
    expected: dict[int, Array],
) -> KernelCase:
    return KernelCase("moves", kernel, label, grid, _GROUP, arguments, expected)


def _empty(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


def _into_slabs(rows: Array) -> Array:
    """Return rows at the starts of slabs of zeros; the last slab is cut after its row."""
    slabs = _empty(len(rows), _SLAB)
    slabs[:, : rows.shape[1]] = rows
    return slabs.reshape(-1)[: (len(rows) - 1) * _SLAB + rows.shape[1]].copy()


def _splits() -> Iterator[KernelCase]:
    for kernel, width, first in (("qkv_split_f32", 4096, 2048), ("qkv_split_f32_14b", 7168, 5120)):
        row = random_f32(1, width)
        k, v = row[first : first + 1024], row[first + 1024 : first + 2048]
        arguments = [row, _empty(1024), _empty(1024)]
        yield _case(kernel, "all", (8,), arguments, {1: k, 2: v})
    widths = (("batched", 4096, 2048), ("batched_14b", 7168, 5120))
    for kind, width, first in widths:
        rows = random_f32(2, 3, width)
        k, v = rows[:, first : first + 1024], rows[:, first + 1024 : first + 2048]
        wanted = {1: _into_slabs(k), 2: _into_slabs(v)}
        arguments = [rows, np.zeros_like(wanted[1]), np.zeros_like(wanted[2])]
        yield _case(f"qkv_split_f32_{kind}", "3", (8, 3), arguments, wanted)
    rows = random_f32(3, 4, 4096)
    wanted = {1: rows[:, 2048:3072], 2: rows[:, 3072:]}
    arguments = [rows, _empty(4, 1024), _empty(4, 1024)]
    yield _case("qkv_split_f32_speck4", "4", (8, 4), arguments, wanted)


def _slabs() -> Iterator[KernelCase]:
    for streams in (1, 3):
        label = f"{streams}"
        fused, rows = random_f32(4, streams, 4096), random_f32(5, streams, 1024)
        slabs = _into_slabs(rows)
        arguments = [fused, _empty(streams, 2048)]
        wanted = {1: fused[:, :2048]}
        yield _case("extract_q_qwen3_f32", label, (16, streams), arguments, wanted)
        arguments = [slabs, _empty(streams, 1024)]
        yield _case("extract_k_qwen3_f32", label, (8, streams), arguments, {1: rows})
        arguments = [rows, np.zeros_like(slabs)]
        yield _case("insert_k_qwen3_f32", label, (8, streams), arguments, {1: slabs})
    rows = random_f32(6, 4, 1024)
    for kernel in ("extract_k_qwen3_f32_speck4", "insert_k_qwen3_f32_speck4"):
        yield _case(kernel, "4", (8, 4), [rows, _empty(4, 1024)], {1: rows})


def _heads(m: int, hd: int, nh: int, head: int) -> Iterator[KernelCase]:
    label = f"{m}x{nh}x{hd}"
    whole, rows = random_f32(7, m, nh, hd), random_f32(8, m, hd)
    arguments = [whole, _empty(m, hd), hd, nh, head]
    yield _case("head_extract_f32", label, (m,), arguments, {1: whole[:, head]})
    wanted = whole.copy()
    wanted[:, head] = rows
    arguments = [rows, whole.copy(), hd, nh, head]
    yield _case("head_insert_f32", label, (m,), arguments, {1: wanted})
    narrow = random_f32(9, m, 8, hd)
    arguments = [narrow, _empty(m, 32, hd)]
    wide = narrow.repeat(4, axis=1)
    yield replace(_case("kv_broadcast_f32", label, (m * 32,), arguments, {1: wide}), group=(hd,))


def _lookups() -> Iterator[KernelCase]:
    for rows, width in ((1, 1), (5, 33), (3, 200)):
        table = random_f32(10, 9, width)
        ids = np.random.default_rng(11).integers(0, 9, rows).astype(np.uint32)
        arguments = [ids, table, _empty(rows, width), width]
        label = f"{rows}x{width}"
        wanted = {2: table[ids]}
        yield _case("embedding_lookup_f32", label, (rows,), arguments, wanted)
    for count in (1, 31, 32, 1000):
        logits = np.round(random_f32(12, count) * 3).astype(np.float32)  # several are largest
        wanted = {1: np.array([np.argmax(logits)], np.uint32)}
        arguments = [logits, np.zeros(1, np.uint32), count, 0]
        yield replace(_case("argmax_logits_f32", f"{count}", (1,), arguments, wanted), group=(32,))
    lowest = np.full(40, -np.inf, np.float32)
    arguments = [lowest, np.ones(1, np.uint32), 40, 0]
    wanted = {1: np.zeros(1, np.uint32)}
    yield replace(_case("argmax_logits_f32", "lowest", (1,), arguments, wanted), group=(32,))


def _grid_barriers() -> Iterator[KernelCase]:
    for groups, times in ((1, 1), (6, 3)):
        counter = np.zeros(1, np.uint32)
        wanted = {0: np.array([groups * times], np.uint32)}
        yield KernelCase(
            "mega",
            "qwen3_megakernel_skeleton",
            f"{groups}x{times}",
            (groups,),
            (32,),
            [counter, groups, times],
            wanted,
        )
    for groups, count in ((1, 1), (5, 1000)):
        x = random_f32(13, count)
        total = np.array([x.astype(np.float64).sum()])
        arguments = [x, _empty(groups), _empty(1), count, np.zeros(1, np.uint32), groups]
        yield KernelCase(
            "mega",
            "grid_sum_f32",
            f"{groups}x{count}",
            (groups,),
            (64,),
            arguments,
            {2: total},
            3e-6,
        )
