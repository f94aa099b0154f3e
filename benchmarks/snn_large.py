"""The network of 60 million cells: time and memory of growing sizes, up to what fits 20 GB.

Both programs called noesis_60m, in ordinary loops and in the words for networks, take CELLS and
STEPS and print `spikes: N`; the whole run is timed. 1.1 took 153 s of processor time for 100 steps
of 60 million cells, 80 bytes a cell and 24 a synapse.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import commands
from benchmarks.figures import Figure, Verdict, at_least, at_most, mebibytes
from benchmarks.measure import Command, MeasurementError, Sample, run_once

SNN = commands.BENCHMARKS.parent / "examples" / "snn"
PROGRAMS = {
    "words": SNN / "noesis_60m.mlr",
    "loops": SNN / "classic" / "noesis_60m.mlr",
}
STEPS = 100
CELLS = (1_000_000, 10_000_000, 60_000_000, 200_000_000)
KNOWN_SPIKES = {1_000_000: 1_724_703, 60_000_000: 103_492_390}
FAN_OUT = 4
LARGEST_BYTES = 20_000_000_000
# Of MLRift 1.1: what a cell takes with its synapses, and ns a cell and step at 60 million.
BYTES_1_1 = 80 + FAN_OUT * 24
CELLS_1_1 = 60_000_000
NANOSECONDS_1_1 = 153e9 / (CELLS_1_1 * STEPS)
# 1.1's time over ours, and our time a cell and step over that of ten million cells.
SMALLEST_GAINS = {"words": 12.0, "loops": 2.0}
LINEAR_FROM_CELLS = 10_000_000
LARGEST_GROWTH = 1.2


@dataclass(frozen=True, slots=True)
class Run:
    """One size of one program."""

    cells: int
    sample: Sample

    @property
    def nanoseconds(self) -> float:
        """Processor time a cell and step, building included."""
        return self.sample.processor_seconds * 1e9 / (self.cells * STEPS)

    @property
    def bytes_each(self) -> float:
        """Memory of a cell and its synapses."""
        return self.sample.peak_memory_bytes / self.cells


def large_figures(folder: Path, most_cells: int) -> Iterator[Figure]:
    """Yield rows for each program that exists and each size that there is memory for."""
    for name, source in PROGRAMS.items():
        if not source.exists():
            yield Figure(f"noesis_60m, {name}", "missing", "", "", "", Verdict.NO_AIM)
            continue
        program = folder / f"large_{name}"
        try:
            compiler = commands.mlrc(source, program, folder / "cache", commands.HOST_TARGET)
            run_once(compiler)
            yield from _program_figures(name, program, most_cells)
        except MeasurementError as error:
            text = str(error).replace("\n", " ")[:200]
            yield Figure(f"noesis_60m, {name}", text, "", "", "", Verdict.FAILED)


def _program_figures(name: str, program: Path, most_cells: int) -> Iterator[Figure]:
    linear: Run | None = None
    for cells in CELLS:
        if cells > most_cells:
            continue
        row = f"noesis_60m, {name}, N={cells:.0e}".replace("e+0", "e")
        if cells * BYTES_1_1 / 2 > min(LARGEST_BYTES, _available_bytes()):
            yield Figure(row, "too little memory", "", "", "", Verdict.NO_AIM)
            continue
        run = Run(cells, run_once(Command((str(program), str(cells), str(STEPS)))))
        spikes = KNOWN_SPIKES.get(cells)
        if spikes is not None and f"spikes: {spikes}\n" not in run.sample.stdout.decode():
            yield Figure(row, "its spikes are wrong", "", "", "", Verdict.FAILED)
            continue
        if cells == LINEAR_FROM_CELLS:
            linear = run
        yield from _run_figures(row, name, run, linear)


def _run_figures(row: str, name: str, run: Run, linear: Run | None) -> Iterator[Figure]:
    ours = f"{run.nanoseconds:.2f} ns"
    row_time = f"{row}: a cell and step"
    if run.cells == CELLS_1_1:
        gain, least = NANOSECONDS_1_1 / run.nanoseconds, SMALLEST_GAINS[name]
        cells = (ours, f"{NANOSECONDS_1_1:.2f} ns", f"{gain:.1f}", f">= {least}")
        yield Figure(row_time, *cells, at_least(gain, least))
    else:
        yield Figure(row_time, ours, "", "", "", Verdict.NO_AIM)
    memory = mebibytes(run.sample.peak_memory_bytes)
    yield Figure(
        f"{row}: bytes a cell with synapses",
        f"{run.bytes_each:.0f} ({memory})",
        str(BYTES_1_1),
        f"{run.bytes_each / BYTES_1_1:.2f}",
        "<= 1",
        at_most(run.bytes_each, BYTES_1_1),
    )
    if linear is not None and run.cells > linear.cells:
        growth = run.nanoseconds / linear.nanoseconds
        aim = f"<= {LARGEST_GROWTH}"
        yield Figure(
            f"{row}: time a cell, beside N={linear.cells:.0e}".replace("e+0", "e"),
            ours,
            f"{linear.nanoseconds:.2f} ns",
            f"{growth:.2f}",
            aim,
            at_most(growth, LARGEST_GROWTH),
        )


def _available_bytes() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise MeasurementError("/proc/meminfo has no MemAvailable")
