"""Rows of the table for std/kernels/spiking.mlr: f64, bit for bit what numpy computes in order."""

from collections.abc import Iterator, Sequence

import numpy as np

from mlrift.selftest.case import Array, KernelCase, blocks

_RATE, _REST, _J_E, _J_I, _RESET, _THRESHOLD = 0.05, -65.0, 1.5, 2.5, -70.0, -50.0
_REF_STEPS, _USE = 20, 0.2
_A, _W_MAX = -0.01, 0.5


def cases() -> Iterator[KernelCase]:
    """Yield every launch."""
    for n in (1, 100, 300):
        yield from _elements(n)
        yield _lif_step(n)
    for voltage, waits in ((-60.0, 0), (-49.0, 0), (-60.0, 3)):
        yield from _one_neuron(voltage, waits)
    for n in (1, 16):
        yield from _one_group(n)
    for n in (1, 50):
        yield from _deliveries(n)
        yield from _building(n)
    yield from _demonstrations()


def _case(
    kernel: str,
    label: str,
    sizes: tuple[int, int],
    arguments: Sequence[object],
    expected: dict[int, Array],
) -> KernelCase:
    """Return a launch of so many groups of so many items."""
    grid, group = sizes
    return KernelCase("spiking", kernel, label, (grid,), (group,), arguments, expected)


def _numbers(seed: int, n: int, low: float = 0.0, high: float = 1.0) -> Array:
    return np.random.default_rng(seed).uniform(low, high, n)


def _elements(n: int) -> Iterator[KernelCase]:
    x, grid = _numbers(1, n), blocks(n, 256)
    wanted = {0: x - x * 0.3}
    yield _case("decay_step", f"{n}", (grid, 256), [x.copy(), n, 0.3, 256], wanted)
    wanted = {0: x + (2.0 - x) * 0.3}
    yield _case("relax_step", f"{n}", (grid, 256), [x.copy(), n, 2.0, 0.3, 256], wanted)
    wanted = {0: np.full(n, 4.5)}
    yield _case("fill_step", f"{n}", (blocks(n, 64), 64), [x.copy(), n, 4.5, 64], wanted)


def _driven(v: Array, ri: Array, s_e: Array, s_i: Array) -> Array:
    return v + _RATE * (_REST - v + ri + s_e * _J_E - s_i * _J_I)


def _lif_step(n: int) -> KernelCase:
    v, ri = _numbers(2, n, -70, -49), _numbers(3, n, 0, 30)
    s_e, s_i = _numbers(4, n), _numbers(5, n)
    waits = np.random.default_rng(6).integers(0, 3, n).astype(np.uint64)
    spikes, fired = np.arange(n).astype(np.uint64), np.full(n, 9, np.uint8)
    dt, tau = 0.1, 10.0
    moved = v + dt * (_REST - v + ri + s_e * _J_E - s_i * _J_I) / tau
    resting, fires = waits > 0, (waits == 0) & (moved >= _THRESHOLD)
    expected = {
        0: np.where(resting | fires, _RESET, moved),
        1: np.where(resting, waits - np.uint64(1), np.where(fires, _REF_STEPS, waits)),
        5: spikes + fires.astype(np.uint64),
        6: fires.astype(np.uint8),
    }
    expected[1] = expected[1].astype(np.uint64)
    scalars = [n, dt, _REST, _RESET, _THRESHOLD, tau, _J_E, _J_I, _REF_STEPS]
    arguments = [v.copy(), waits.copy(), ri, s_e, s_i, spikes.copy(), fired, *scalars]
    return _case("lif_step", f"{n}", (blocks(n, 256), 256), arguments, expected)


class _Neurons:
    """The state of neurons, before and after a step."""

    def __init__(self, v: Array, waits: Array) -> None:
        n = len(v)
        self.v, self.waits = v, waits.astype(np.uint64)
        self.ri, self.s_e, self.s_i = (_numbers(10 + row, n) for row in range(3))
        self.spikes = np.arange(n).astype(np.uint64)
        self.traces = [_numbers(20 + row, n) for row in range(5)]
        moved = _driven(v, self.ri, self.s_e, self.s_i)
        resting = self.waits > 0
        self.fires = ~resting & (moved >= _THRESHOLD)
        self.moved = np.where(resting, _RESET, moved)
        self.after = [
            np.where(resting | self.fires, _RESET, moved),
            np.where(resting, waits - 1, np.where(self.fires, _REF_STEPS, 0)).astype(np.uint64),
        ]
        self.counts = self.spikes + self.fires.astype(np.uint64)
        x_pre, x_post, u, x, _ = self.traces
        r = u * x
        changed = (x_pre + 1.0, x_post + 1.0, u + _USE * (1.0 - u), x - r, r)
        pairs = zip(changed, self.traces, strict=True)
        self.changed = [np.where(self.fires, new, old) for new, old in pairs]
        self.released = np.where(self.fires, r, 0.0)

    def inputs(self) -> list[Array]:
        """Copies of voltage, waiting steps and what drives the neurons."""
        rows = (self.v, self.waits, self.ri, self.s_e, self.s_i)
        return [row.copy() for row in rows]


def _one_neuron(voltage: float, waits: int) -> Iterator[KernelCase]:
    label = f"{voltage}-{waits}"
    made = _Neurons(np.array([voltage]), np.array([waits]))
    scalars = [_RATE, _REST, _J_E, _J_I, _RESET]
    wanted = {0: made.moved, 1: np.array([max(waits - 1, 0)], np.uint64)}
    yield _case("lif_integrate", label, (1, 32), [*made.inputs(), *scalars], wanted)
    scalars += [_THRESHOLD, _REF_STEPS]
    expected = {0: made.after[0], 1: made.after[1], 5: made.counts}
    arguments = [*made.inputs(), made.spikes.copy(), *scalars]
    yield _case("lif_spike", label, (1, 1), arguments, expected)
    traces = [row.copy() for row in made.traces]
    expected = expected | {6 + row: made.changed[row] for row in range(5)}
    arguments = [*made.inputs(), made.spikes.copy(), *traces, *scalars, _USE]
    yield _case("lif_stp", label, (1, 32), arguments, expected)
    for kind in (0, 1):
        traces = [row.copy() for row in made.traces]
        arguments = [*made.inputs(), made.spikes.copy(), *traces, *scalars, _USE]
        arguments += [np.array([kind], np.uint64), np.zeros(5), 3]
        delay = np.zeros(5)
        delay[3] = 0.0 if kind else made.released[0]
        yield _case("lif_full", f"{label}-{kind}", (1, 1), arguments, expected | {20: delay})


def _one_group(n: int) -> Iterator[KernelCase]:
    waits = np.random.default_rng(7).integers(0, 2, n)
    made = _Neurons(_numbers(8, n, -60, -45), waits)
    kinds = np.random.default_rng(9).integers(0, 2, n).astype(np.uint64)
    scalars = [_RATE, _REST, _J_E, _J_I, _RESET, _THRESHOLD, _REF_STEPS, _USE]
    traces = [row.copy() for row in made.traces]
    delay = np.zeros(48)
    delay[32 : 32 + n] = np.where(kinds == 0, made.released, 0.0)
    arguments = [*made.inputs(), made.spikes.copy(), *traces, *scalars, kinds, np.zeros(48), 2]
    expected = {0: made.after[0], 1: made.after[1], 5: made.counts, 20: delay}
    expected |= {6 + row: made.changed[row] for row in range(5)}
    yield _case("mt_lif_full", f"{n}", (1, n), arguments, expected)
    v, _, ri, s_e, s_i = made.inputs()
    wanted = {0: _driven(v, ri, s_e, s_i)}
    arguments = [v.copy(), ri, s_e, s_i, _RATE, _REST, _J_E, _J_I]
    yield _case("mt_lif_integrate", f"{n}", (1, n), arguments, wanted)


def _deliveries(n: int) -> Iterator[KernelCase]:
    """Yield deliveries whose sums do not depend on their order: weights are small fractions."""
    generator = np.random.default_rng(30 + n)
    counts = generator.integers(0, 5, n)
    rows = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint64)
    edges = int(rows[-1])
    sources = np.repeat(np.arange(n), counts).astype(np.uint64)
    targets = generator.integers(0, n, edges).astype(np.uint64)
    weights = generator.integers(1, 16, edges) / 16.0
    kinds = generator.integers(0, 2, n).astype(np.uint64)
    release = generator.integers(0, 3, n) / 4.0
    traces = generator.integers(0, 9, n) / 8.0
    is_ee = generator.integers(0, 2, edges).astype(np.uint64)
    label, grid = f"{n}", blocks(n, 64)
    inhibited, excited = np.zeros(n), np.zeros(n)
    given = release[sources]
    np.add.at(inhibited, targets, np.where(kinds[sources] == 1, weights * given, 0.0))
    np.add.at(excited, targets, weights * given)
    learns = (is_ee != 0) & (given != 0.0)
    new = np.where(learns, np.clip(weights + _A * traces[targets], 0.0, _W_MAX), weights)
    events = np.array([learns.sum()], np.uint64)
    arguments = [rows, targets, weights, kinds, release, np.zeros(n), n]
    yield _case("csr_i_deliver", label, (grid, 64), arguments, {5: inhibited})
    edge_grid = max(1, blocks(edges, 32))
    arguments = [targets, weights, sources, kinds, release, np.zeros(n), n, edges, 0]
    yield _case("mt_csr_i_deliver", label, (edge_grid, 32), arguments, {5: inhibited})
    count = np.zeros(1, np.uint64)
    arguments = [rows, targets, weights.copy(), is_ee, traces, release, np.zeros(n), count]
    arguments += [n, _A, _W_MAX]
    wanted = {2: new, 6: excited, 7: events}
    yield _case("csr_e_deliver", label, (grid, 64), arguments, wanted)
    delay = np.concatenate([np.full(7, 99.0), release])
    arguments = [targets, weights.copy(), is_ee, sources, rows, delay, 7, traces, np.zeros(n)]
    arguments += [np.zeros(1, np.uint64), n, _A, _W_MAX, 0]
    wanted = {1: new, 8: excited, 9: events}
    yield _case("mt_csr_e_delayed", label, (grid, 64), arguments, wanted)


def _mixed(word: int) -> int:
    mask = (1 << 64) - 1
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & mask
    word = (word ^ word >> 27) * 0x94D049BB133111EB & mask
    return word ^ word >> 31


def _building(n: int) -> Iterator[KernelCase]:
    per, seed, golden = 3, 42, 0x9E3779B97F4A7C15
    mask = (1 << 64) - 1
    kinds = np.random.default_rng(50).integers(0, 2, n).astype(np.uint64)
    sources = np.repeat(np.arange(n), per)
    found = [_mixed(seed + (edge + 1) * golden & mask) % n for edge in range(n * per)]
    targets = np.array(
        [(row + 1) % n if row == sources[edge] else row for edge, row in enumerate(found)],
        np.uint64,
    )
    inhibitory = kinds[sources]
    weights = np.where(inhibitory != 0, -1.5, np.where(kinds[targets] != 0, 0.75, 0.25))
    empty = np.zeros(n * per, np.uint64)
    arguments = [empty.copy(), np.zeros(n * per), empty.copy(), kinds, n, per, seed]
    arguments += [0.25, 0.75, -1.5]
    grid = blocks(n * per, 64)
    wanted = {0: targets, 1: weights, 2: inhibitory}
    yield _case("csr_build", f"{n}", (grid, 64), arguments, wanted)
    fired = np.random.default_rng(51).integers(0, 2, n).astype(np.uint8)
    sums = [np.zeros(n), np.zeros(n)]
    for edge in np.nonzero(fired[sources])[0]:
        sums[int(inhibitory[edge])][targets[edge]] += weights[edge]
    arguments = [fired, targets, weights, inhibitory, np.zeros(n), np.zeros(n), n, per]
    yield _case("delivery_step", f"{n}", (grid, 64), arguments, {4: sums[0], 5: sums[1]})
    total = np.array([5 + int(fired.sum())], np.uint64)
    arguments = [fired, np.array([5], np.uint64), n]
    yield _case("spike_reduce", f"{n}", (blocks(n, 32), 32), arguments, {1: total})


def _demonstrations() -> Iterator[KernelCase]:
    yield _case("nop", "once", (1, 1), [], {})
    one = np.zeros(1, np.uint64)
    yield _case("sentinel", "2", (2, 32), [one.copy()], {0: one + np.uint64(0xC0FFEE)})
    yield _case("loop_demo", "10", (1, 32), [one.copy(), 10], {0: one + np.uint64(45)})
    totals = np.array([(4 + row) * (3 + row) // 2 for row in range(40)], np.uint64)
    yield _case("per_lane_loop", "4", (1, 40), [np.zeros(40, np.uint64), 4], {0: totals})
    yield _case("atomic_cas_demo", "100", (2, 50), [one.copy()], {0: one + np.uint64(100)})
    wanted = {0: np.array([1.0 + 0.25 * 64])}
    yield _case("f64_atomic_add_demo", "64", (1, 64), [np.ones(1), 0.25], wanted)
    targets = np.random.default_rng(60).integers(0, 5, 33).astype(np.uint64)
    weights, values = np.arange(33) / 8.0, np.arange(33)[::-1] / 4.0
    sums = np.zeros(5)
    np.add.at(sums, targets, weights * values)
    arguments = [targets, weights, values.copy(), np.zeros(5)]
    yield _case("csr_scatter_demo", "33", (1, 33), arguments, {3: sums})
