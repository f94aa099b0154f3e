"""Speed of compiled programs: pairs NAME.mlr and NAME.c of one algorithm, ours against gcc -O2.

Both sides must print the same; they run alternately.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import commands
from benchmarks.figures import Figure, Verdict, at_most, geometric_mean, milliseconds
from benchmarks.measure import (
    Command,
    MeasurementError,
    alternate,
    always,
    median_seconds,
    run_once,
)

PROGRAMS = commands.BENCHMARKS / "programs"
MEAN_LIMIT = 1.05


@dataclass(frozen=True, slots=True)
class Pair:
    """Median times of one program, compiled by us and by gcc."""

    name: str
    ours_seconds: float
    gcc_seconds: float

    @property
    def ratio(self) -> float:
        """Our time in units of gcc's."""
        return self.ours_seconds / self.gcc_seconds


def program_names() -> list[str]:
    """Return the names of all pairs."""
    return sorted(path.stem for path in PROGRAMS.glob("*.mlr"))


def measure_pair(name: str, folder: Path, runs: int) -> Pair:
    """Compile both sides of a pair, check that they print the same, and time them."""
    ours, theirs = folder / f"{name}.ours", folder / f"{name}.gcc"
    cache = folder / "cache"
    run_once(commands.mlrc(PROGRAMS / f"{name}.mlr", ours, cache, commands.HOST_TARGET))
    run_once(commands.gcc(PROGRAMS / f"{name}.c", theirs))
    sides = [always(Command((str(path),))) for path in (ours, theirs)]
    ours_samples, gcc_samples = alternate(sides, runs)
    if ours_samples[0].stdout != gcc_samples[0].stdout:
        raise MeasurementError(
            f"{name} prints {ours_samples[0].stdout[:200]!r}, "
            f"the C program {gcc_samples[0].stdout[:200]!r}"
        )
    return Pair(name, median_seconds(ours_samples), median_seconds(gcc_samples))


def program_figures(names: Iterable[str], folder: Path, runs: int) -> Iterator[Figure]:
    """Yield a row per program, then the geometric mean of those that did not fail."""
    ratios: list[float] = []
    for name in names:
        try:
            pair = measure_pair(name, folder, runs)
        except MeasurementError as error:
            yield Figure(name, str(error).replace("\n", " ")[:200], "", "", "", Verdict.FAILED)
            continue
        ratios.append(pair.ratio)
        yield Figure(
            name,
            milliseconds(pair.ours_seconds),
            milliseconds(pair.gcc_seconds),
            f"{pair.ratio:.3f}",
            "",
            Verdict.NO_AIM,
        )
    if ratios:
        mean = geometric_mean(ratios)
        aim = f"<= {MEAN_LIMIT}"
        verdict = at_most(mean, MEAN_LIMIT)
        yield Figure(f"geometric mean of {len(ratios)}", "", "gcc -O2", f"{mean:.3f}", aim, verdict)
