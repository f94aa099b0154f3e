"""Measuring one setting: its sides in, their times and what is wrong with their results out."""

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import snn_sides
from benchmarks.measure import MeasurementError, Sample, run_once
from benchmarks.snn_sides import Prepared, Setting, Side, SideMissing
from benchmarks.snn_workloads import SPIKE_TOLERANCE_F32, WEIGHT_TOLERANCE, Precision

# Whose spikes are right where none are known.
_TRUSTED = (snn_sides.C_PLAIN.name, snn_sides.C_FUSED.name, snn_sides.BRIAN.name)


@dataclass(frozen=True, slots=True)
class Result:
    """What a side did: medians of its runs, or `missing`, the reason why there are none."""

    side: str
    missing: str = ""
    simulated_ns: float = 0.0
    peak_memory_bytes: float = 0.0
    compile_seconds: float | None = None
    spikes: int = 0
    weight_ppm: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A setting, the results of its sides and the mistakes in them."""

    setting: Setting
    results: tuple[Result, ...]
    mistakes: tuple[str, ...]

    def time_ns(self, side: Side) -> float | None:
        """Return the time of a side, if it has one."""
        for result in self.results:
            if result.side == side.name and not result.missing:
                return result.simulated_ns
        return None


def measure(setting: Setting, folder: Path, runs: int) -> Outcome:
    """Compile all sides, run them alternately, compare what they give."""
    findings = _Findings(setting)
    # What the peers write is large, so it does not outlive the setting.
    with tempfile.TemporaryDirectory(dir=folder) as name:
        prepared = findings.prepare(Path(name))
        findings.run(prepared, runs)
    mistakes = (*findings.mistakes, *mistakes_in(setting, findings.results))
    return Outcome(setting, tuple(findings.results), mistakes)


class _Findings:
    """Results and mistakes as they come; a side that fails takes no further part."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.results: list[Result] = []
        self.mistakes: list[str] = []

    def prepare(self, folder: Path) -> list[tuple[Side, Prepared]]:
        """Compile the sides that can be compiled."""
        prepared = []
        for side in snn_sides.sides_for(self.setting):
            try:
                prepared.append((side, side.prepare(self.setting, folder)))
            except SideMissing as reason:
                self.results.append(Result(side.name, missing=str(reason)))
            except MeasurementError as error:
                self._fail(side, "it cannot be compiled", error)
        return prepared

    def run(self, prepared: Sequence[tuple[Side, Prepared]], runs: int) -> None:
        """Run the sides in turns; what they print becomes results."""
        samples: dict[str, list[Sample]] = {side.name: [] for side, _ in prepared}
        for side, ready in [*prepared] * runs:
            if side.name in samples:
                try:
                    samples[side.name].append(run_once(ready.command))
                except MeasurementError as error:
                    del samples[side.name]
                    self._fail(side, "it failed", error)
        for side, ready in prepared:
            if side.name in samples:
                try:
                    self.results.append(_result(side, ready, samples[side.name]))
                except MeasurementError as error:
                    self._fail(side, "its output is unreadable", error)

    def _fail(self, side: Side, what: str, error: MeasurementError) -> None:
        self.results.append(Result(side.name, missing=what))
        self.mistakes.append(f"{self.setting.name}: {side.name}: {error}")


def _result(side: Side, ready: Prepared, samples: Sequence[Sample]) -> Result:
    printed = [_printed(sample) for sample in samples]
    return Result(
        side.name,
        simulated_ns=statistics.median(values["sim_ns"] for values in printed),
        peak_memory_bytes=statistics.median(sample.peak_memory_bytes for sample in samples),
        compile_seconds=ready.compile_seconds,
        spikes=printed[0]["spikes"],
        weight_ppm=printed[0].get("sum_w_ppm"),
    )


def _printed(sample: Sample) -> dict[str, int]:
    lines = sample.stdout.decode(errors="replace").splitlines()
    pairs = [line.split("=", 1) for line in lines if "=" in line]
    values = {name: int(text) for name, text in pairs if text.lstrip("-").isdigit()}
    for name in ("spikes", "sim_ns"):
        if name not in values:
            raise MeasurementError(f"a line `{name}=` is missing in the output:\n{lines[:20]}")
    return values


def mistakes_in(setting: Setting, results: Sequence[Result]) -> list[str]:
    """Return what is wrong with spikes and weights, a line each."""
    there = {result.side: result for result in results if not result.missing}
    trusted = next((there[name] for name in _TRUSTED if name in there), None)
    work = setting.workload
    spikes, weight = work.spikes, work.weight_ppm
    if spikes is None and trusted is not None:
        spikes, weight = trusted.spikes, trusted.weight_ppm
    is_exact = setting.precision is Precision.F64
    tolerance = 0.0 if is_exact else SPIKE_TOLERANCE_F32
    found = []
    for result in there.values():
        if spikes is not None and abs(result.spikes - spikes) > tolerance * spikes:
            found.append(f"{setting.name}: {result.side}: {result.spikes} spikes, not {spikes}")
        if weight is None or not is_exact:
            continue
        if result.weight_ppm is None:
            found.append(f"{setting.name}: {result.side}: no line `sum_w_ppm=`")
        elif abs(result.weight_ppm - weight) > WEIGHT_TOLERANCE * weight:
            text = f"weights sum to {result.weight_ppm} ppm, not {weight}"
            found.append(f"{setting.name}: {result.side}: {text}")
    return found
