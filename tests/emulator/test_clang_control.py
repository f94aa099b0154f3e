"""Kernels with divergence, groups, barriers and all kinds of memory, compiled by clang."""

import numpy as np
import pytest

from mlrift.emulator import EmulatorFault, LaunchReport, Races
from mlrift.static_types import Any
from tests.emulator.vector_models import Array
from tests.support.emulated_kernels import CHIPS, GROUP, program

GROUPS = 5
COUNT = GROUPS * GROUP

pytestmark = pytest.mark.parametrize("chip", CHIPS)


def words(seed: int, limit: int = 1 << 32) -> Array:
    return np.random.default_rng(seed).integers(0, limit, COUNT, dtype=np.uint64).astype(np.uint32)


def launch(chip: str, name: str, *arguments: object, **options: object) -> LaunchReport:
    kernel = program("control", chip)[name]
    return kernel.launch(GROUPS, GROUP, list(arguments), **options)  # type: ignore[arg-type]


def zeros(kind: Any = np.uint32, count: int = COUNT) -> Array:
    return np.zeros(count, kind)


def collatz(x: int, limit: int) -> int:
    steps = 0
    while x != 1 and steps < limit:
        x = (3 * x + 1) & 0xFFFFFFFF if x & 1 else x // 2
        steps += 1
    return steps


def test_loops_end_for_each_lane_by_itself(chip: str) -> None:
    a, steps = words(1, 100_000) + np.uint32(1), zeros()
    launch(chip, "collatz", a, steps, np.uint32(120))
    np.testing.assert_array_equal(steps, [collatz(x, 120) for x in a.tolist()])


def nested(a: int, i: int) -> int | None:
    total = 0
    for j in range(a % 17):
        if j % 3 == 1:
            continue
        for k in range(j):
            if (k * j + i) % 7 == 6:
                break
            total += k ^ j
        total &= 0xFFFFFFFF
        if total > 400:
            return None
        match (total + i) & 3:
            case 0:
                total += 11
            case 1:
                total ^= 5
            case 2:
                total = total * 3 - 1
            case _:
                total -= 1
        total &= 0xFFFFFFFF
    return total


def test_break_continue_return_and_switch_in_divergent_loops(chip: str) -> None:
    a, out = words(2), np.full(COUNT, 77, np.uint32)
    launch(chip, "nested", a, out)
    expected = [nested(x, i) for i, x in enumerate(a.tolist())]
    np.testing.assert_array_equal(out, [77 if x is None else x for x in expected])


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_reduction_in_lds(chip: str, seed: int | None) -> None:
    a, out = words(3, 1 << 20), zeros(count=GROUPS)
    launch(chip, "group_sum", a, out, seed=seed)
    np.testing.assert_array_equal(out, a.reshape(GROUPS, GROUP).sum(1))


@pytest.mark.parametrize("quantum", [None, 1, 7])
def test_atomics_in_lds(chip: str, quantum: int | None) -> None:
    a, out = words(4), zeros(count=16)
    launch(chip, "histogram", a, out, quantum=quantum)
    np.testing.assert_array_equal(out, np.bincount(a & 15, minlength=16))


def test_atomics_in_global_memory(chip: str) -> None:
    a, w, d, old = words(5), zeros(count=9), zeros(np.uint64, 3), zeros()
    w[[2, 6]] = 0xFFFFFFFF
    w[7] = 0x80000000
    launch(chip, "atomics", w, d, a, old)
    assert w[0] == a.sum(dtype=np.uint32)
    np.testing.assert_array_equal(np.sort(old)[:1], [0])
    assert w[1] == -a.astype(np.int64).sum() % (1 << 32)
    assert w[2] == np.bitwise_and.reduce(a | 0xFF)
    assert w[3] == np.bitwise_or.reduce(a & 0xF0F0)
    assert w[4] == np.bitwise_xor.reduce(a)
    assert w[5] == a.max() and w[6] == a.min() and w[7].view(np.int32) == a.view(np.int32).max()
    assert d[0] == (a.astype(np.uint64) << np.uint64(20)).sum(dtype=np.uint64)
    assert d[1] == np.uint64(a.max()) << np.uint64(9)
    chained = 0
    for _ in range(COUNT):
        chained = (chained * 5 + 3) & 0xFFFFFFFF
    assert w[8] == chained
    assert d[2:].view(np.float64)[0] == COUNT / 2


def test_float_atomics(chip: str) -> None:
    a, f = np.random.default_rng(6).standard_normal(COUNT).astype(np.float32), zeros(np.float32, 1)
    launch(chip, "float_atomics", f, a)
    assert np.isclose(f[0], a.astype(np.float64).sum(), atol=1e-4)


def test_private_arrays(chip: str) -> None:
    a, out = words(7), zeros()
    launch(chip, "private_array", a, out)
    i = np.arange(COUNT, dtype=np.uint32)
    total = np.zeros(COUNT, np.uint32)
    for k in range(5):
        place = (a + np.uint32(k * k)) % 20
        source = np.array([next(n for n in range(20) if n * 7 % 20 == p) for p in place], np.uint32)
        total = total * np.uint32(31) + a + source * i
    np.testing.assert_array_equal(out, total)


def test_constants_of_the_file(chip: str) -> None:
    a, out = words(8), zeros()
    launch(chip, "constant_table", a, out)
    table = np.array([3, 141, 59, 26, 535, 8979, 323846], np.uint32)
    group = np.arange(COUNT) // GROUP
    np.testing.assert_array_equal(out, table[a % 7] + table[group % 7])


def test_calls_of_functions(chip: str) -> None:
    a, out = words(9), zeros()
    launch(chip, "calls", a, out)

    def helper(x: int, n: int) -> int:
        y = x
        for _ in range(n):
            y = (y * 1664525 + 1013904223) & 0xFFFFFFFF
        return y ^ x

    expected = [
        (helper(x, i & 7) + helper((x + 1) & 0xFFFFFFFF, 3)) & 0xFFFFFFFF
        for i, x in enumerate(a.tolist())
    ]
    np.testing.assert_array_equal(out, expected)


def test_three_axes_and_hidden_arguments(chip: str) -> None:
    grid, block = (2, 3, 4), (5, 4, 3)
    out = zeros(count=10 * 12 * 12)
    program("control", chip)["three_axes"].launch(grid, block, [out])
    z, y, x = np.indices((12, 12, 10))
    expected = x % 5 | y % 4 << 4 | z % 3 << 8 | x // 5 << 12 | y // 4 << 16 | z // 3 << 20
    np.testing.assert_array_equal(out.reshape(12, 12, 10), expected)


def test_wide_loads_and_stores(chip: str) -> None:
    a = np.arange(4 * COUNT, dtype=np.uint32)
    out, b, out2 = (
        zeros(count=4 * COUNT),
        words(10).astype(np.uint64) << np.uint64(8),
        zeros(np.uint64),
    )
    launch(chip, "wide", a, out, b, out2)
    np.testing.assert_array_equal(
        out.reshape(COUNT, 4), a.reshape(COUNT, 4)[:, ::-1] + [1, 2, 3, 4]
    )
    np.testing.assert_array_equal(out2, b * np.uint64(3))


def test_wide_accesses_of_lds(chip: str) -> None:
    b, out = words(11).astype(np.uint64), zeros(np.uint64)
    a, out4 = np.arange(4 * COUNT, dtype=np.uint32), zeros(count=4 * COUNT)
    launch(chip, "wide_lds", b, out, a, out4)
    following = np.roll(b.reshape(GROUPS, GROUP), -1, axis=1).ravel()
    np.testing.assert_array_equal(out, following * (following + np.uint64(1)))
    flipped = a.reshape(GROUPS, GROUP, 4)[:, ::-1]
    np.testing.assert_array_equal(out4.reshape(GROUPS, GROUP, 4), flipped)


@pytest.mark.parametrize("seed", [None, 3])
def test_a_barrier_of_the_grid_is_passed(chip: str, seed: int | None) -> None:
    counter, slots, out = zeros(count=1), zeros(count=GROUPS), zeros()
    report = launch(chip, "grid_barrier", counter, slots, out, np.uint32(GROUPS), seed=seed)
    assert (out == sum(g * g + 1 for g in range(GROUPS))).all()
    assert report.most_active_groups == GROUPS


def test_a_barrier_of_a_grid_that_does_not_fit_is_a_deadlock(chip: str) -> None:
    counter, slots, out = zeros(count=1), zeros(count=GROUPS), zeros()
    with pytest.raises(EmulatorFault, match=r"deadlock.*control\.c:\d+"):
        launch(chip, "grid_barrier", counter, slots, out, np.uint32(GROUPS), resident_groups=3)


def test_a_race_in_lds_names_both_places(chip: str) -> None:
    out = zeros(count=GROUP)
    kernel = program("control", chip)["races"]
    with pytest.raises(
        EmulatorFault, match=r"race in LDS at byte .*control\.c:\d+.*control\.c:\d+"
    ):
        kernel.launch(1, GROUP, [out])
    kernel.launch(1, GROUP, [out], races=Races.IGNORE)


def test_tracking_finds_nothing_in_what_clang_compiled(chip: str) -> None:
    a, out = words(12), zeros()
    for name, arguments in (
        ("collatz", (a % np.uint32(1000) + np.uint32(1), out, np.uint32(99))),
        ("nested", (a, out)),
        ("group_sum", (a, out)),
        ("private_array", (a, out)),
        ("calls", (a, out)),
    ):
        launch(chip, name, *arguments, track=True)
    program("control", chip)["three_axes"].launch(
        (2, 3, 4), (5, 4, 3), [zeros(count=1440)], track=True
    )
