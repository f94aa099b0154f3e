"""Rows of the table for kernels in the style of the first compiler (gpu.md 2.9)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mlrift.selftest.case import Array, KernelCase, blocks, random_f32

_SOURCE = str(Path(__file__).parent / "corpus" / "first_style")


def cases() -> Iterator[KernelCase]:
    """Yield every launch."""
    for n in (1, 70, 300):
        yield from _elements(n)
        yield from _networks(n)
    for m, k in ((1, 1), (3, 100)):
        yield _gemv(m, k)
    for n in (1, 64, 100):
        yield _softmax(n)


def _case(
    kernel: str, n: int, group: int, arguments: list[object], expected: dict[int, Array]
) -> KernelCase:
    grid = (blocks(n, group),)
    return KernelCase(_SOURCE, kernel, f"{n}", grid, (group,), arguments, expected)


def _numbers(seed: int, n: int) -> Array:
    return np.random.default_rng(seed).uniform(0.0, 1.0, n)


def _elements(n: int) -> Iterator[KernelCase]:
    x, a, b = _numbers(1, n), random_f32(2, n), random_f32(3, n)
    yield _case("gpu_decay", n, 64, [x.copy(), n, 0.25, 64], {0: x - x * 0.25})
    wanted = {0: a * np.float32(1.5)}
    yield _case("vzscale_f32", n, 256, [a.copy(), n, 1.5], wanted)
    yield _case("kernel_accumulate", n, 32, [a, b.copy(), n], {1: a + b})
    slots, step = 4, 7
    ring, given = _numbers(4, slots * n), _numbers(5, n)
    after = ring.copy()
    after[(step % slots) * n : (step % slots + 1) * n] = given
    late = ring[((step + 1) % slots) * n : ((step + 1) % slots + 1) * n].copy()
    arguments = [ring.copy(), given, np.zeros(n), n, slots, step]
    yield _case("gpu_ring", n, 128, arguments, {0: after, 2: late})


def _networks(n: int) -> Iterator[KernelCase]:
    generator = np.random.default_rng(10 + n)
    fired = generator.integers(0, 2, n).astype(np.uint8)
    total = int(fired.sum())
    arguments = [fired, np.zeros(1, np.uint64), np.zeros(1), n]
    wanted = {1: np.array([total], np.uint64), 2: np.array([total * 0.5])}
    yield _case("gpu_atomic", n, 64, arguments, wanted)
    counts = generator.integers(0, 6, n)
    rows = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint64)
    targets = generator.integers(0, n, int(rows[-1])).astype(np.uint64)
    weights = generator.integers(0, 16, int(rows[-1])) / 16.0
    sources = np.repeat(np.arange(n), counts)
    kinds = generator.integers(0, 2, n).astype(np.uint64)
    excited, inhibited = np.zeros(n), np.zeros(n)
    np.add.at(excited, targets, weights * fired[sources])
    np.add.at(inhibited, targets, weights * fired[sources] * (kinds[sources] == 1))
    arguments = [rows, targets, weights, fired, np.zeros(n), n]
    yield _case("gpu_csr", n, 64, arguments, {4: excited})
    arguments = [rows, targets, weights, fired, kinds, np.zeros(n), n]
    yield _case("gpu_csr_i", n, 32, arguments, {5: inhibited})
    yield _stage(n)


def _stage(n: int) -> KernelCase:
    generator = np.random.default_rng(20 + n)
    v, s = _numbers(21, n), _numbers(22, n)
    waits = generator.integers(0, 2, n).astype(np.uint64)
    spikes = generator.integers(0, 9, n).astype(np.uint64)
    decay, rate, drive, limit = 0.9, 0.3, 1.2, 0.9
    moved = v + rate * (drive - v + s)
    resting = waits > 0
    fires = ~resting & (moved >= limit)
    expected = {
        0: np.where(resting | fires, 0.0, moved),
        1: s * decay,
        2: np.where(resting, waits - np.uint64(1), np.where(fires, 3, 0)).astype(np.uint64),
        3: spikes + fires.astype(np.uint64),
        4: fires.astype(np.uint8),
    }
    arguments = [v.copy(), s.copy(), waits.copy(), spikes.copy(), np.full(n, 7, np.uint8)]
    return _case("gpu_stage13", n, 64, [*arguments, n, decay, rate, drive, limit], expected)


def _gemv(m: int, k: int) -> KernelCase:
    first, b = random_f32(30, m, k), random_f32(31, k)
    wanted = first.astype(np.float64) @ b
    return KernelCase(
        _SOURCE,
        "gemv_two",
        f"{m}x{k}",
        (m,),
        (64,),
        [first, b, np.zeros(m, np.float32), m, k],
        {2: wanted},
        3e-6,
    )


def _softmax(n: int) -> KernelCase:
    x = random_f32(32, n)
    power = np.exp(x.astype(np.float64))
    return KernelCase(
        _SOURCE,
        "softmax_by_hand",
        f"{n}",
        (1,),
        (128,),
        [x, np.zeros(n, np.float32), n],
        {1: power / power.sum()},
        3e-6,
    )
