"""What memory allows: two threads beside one on this machine, and the floor of a simulation.

A step reads and writes the state once, and each spike adds to places that lie anywhere in the
conductances. Nothing else is counted, so the floor is one that no program reaches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import snn_sides
from benchmarks.figures import Figure, Verdict
from benchmarks.measure import Command, MeasurementError, run_once
from benchmarks.result_page import table
from benchmarks.snn_measure import Outcome
from benchmarks.snn_workloads import MANY_CELLS, Kind, Precision

# Of a cell: potential and two conductances read and written, the drive, the count of rest steps.
_STATE_BYTES = 3 * 16 + 8 + 2
_THREADS = (1, 2)


@dataclass(frozen=True, slots=True)
class Limits:
    """Rates by number of threads: G operations/s, GB/s, G additions/s."""

    flops: dict[int, float]
    update: dict[int, float]
    adds: dict[int, float]

    def floor_ns(self, outcome: Outcome) -> float | None:
        """Return the least time of a setting in f64 whose state no cache of a core holds."""
        setting = outcome.setting
        work = setting.workload
        is_meant = work.kind is Kind.LIF and work.cells >= MANY_CELLS
        if not is_meant or setting.precision is not Precision.F64:
            return None
        spikes = next((row.spikes for row in outcome.results if row.spikes), 0)
        update, adds = self.update[setting.threads], self.adds[setting.threads]
        return work.neuron_steps * _STATE_BYTES / update + spikes * work.fan_out / adds


def measure_limits(folder: Path) -> Limits | None:
    """Compile and run limits.c; None where it cannot (it needs AVX-512)."""
    program = folder / "limits"
    source = snn_sides.SOURCES / "limits.c"
    flags = ("-O3", "-march=native", "-pthread")
    try:
        run_once(Command(("gcc", *flags, "-o", str(program), str(source))))
        sample = run_once(Command((str(program),)))
    except MeasurementError as error:
        print(f"no limits: {str(error).splitlines()[0]}")
        return None
    values = dict(line.split("=") for line in sample.stdout.decode().splitlines())
    rates = [
        {threads: float(values[f"{name}_{threads}"]) / 1e3 for threads in _THREADS}
        for name in ("flops", "update", "adds")
    ]
    return Limits(*rates)


def limits_section(limits: Limits, outcomes: Sequence[Outcome]) -> str:
    """Return the part of the page: rates, and what they allow two threads to gain."""
    rows = [
        ["multiply-adds in registers, f64, G operations/s", *_cells(limits.flops)],
        ["reading and writing 33 MiB, GB/s", *_cells(limits.update)],
        ["adding to random places of 8 MiB, G/s", *_cells(limits.adds)],
    ]
    headings = ["", "one thread", "two threads", "ratio"]
    parts = [f"## What this machine gives one and two threads\n\n{table(headings, rows)}"]
    floors = {
        (outcome.setting.workload.name, outcome.setting.threads): limits.floor_ns(outcome)
        for outcome in outcomes
    }
    for (name, threads), floor in floors.items():
        other = floors.get((name, 1))
        if threads > 1 and floor and other:
            parts.append(f"The floor of {name} is {other / floor:.2f}x as fast by {threads}.\n")
    return "\n".join(parts)


def floor_figures(limits: Limits, outcomes: Sequence[Outcome]) -> list[Figure]:
    """Return our times beside the floors."""
    figures = []
    for outcome in outcomes:
        ours, floor = outcome.time_ns(snn_sides.OURS), limits.floor_ns(outcome)
        if ours is not None and floor:
            cells = (f"{ours / 1e6:.1f} ms", f"{floor / 1e6:.1f} ms", f"{ours / floor:.2f}", "")
            name = f"{outcome.setting.name}: time beside the floor"
            figures.append(Figure(name, *cells, Verdict.NO_AIM))
    return figures


def _cells(rates: dict[int, float]) -> list[str]:
    return [*(f"{rates[threads]:.3g}" for threads in _THREADS), f"{rates[2] / rates[1]:.2f}"]
