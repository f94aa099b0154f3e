"""Speed of compiled programs: pairs NAME.mlr and NAME.c of one algorithm, ours against gcc -O2.

Both sides must print the same; they run alternately. They have one thread, so processor
time is compared, which other processes disturb least; the mean is given for elapsed time too.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import commands
from benchmarks.figures import Figure, Verdict, at_most, geometric_mean, milliseconds
from benchmarks.measure import (
    Command,
    MeasurementError,
    alternate,
    always,
    median_processor_seconds,
    median_seconds,
    run_once,
)

PROGRAMS = commands.BENCHMARKS / "programs"
MEAN_LIMIT = 1.05


@dataclass(frozen=True, slots=True)
class Pair:
    """Medians of one program, compiled by us and by gcc."""

    name: str
    ours_seconds: float
    gcc_seconds: float
    elapsed_ratio: float

    @property
    def ratio(self) -> float:
        """Our processor time in units of gcc's."""
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
    return Pair(
        name,
        median_processor_seconds(ours_samples),
        median_processor_seconds(gcc_samples),
        median_seconds(ours_samples) / median_seconds(gcc_samples),
    )


def program_figures(names: Iterable[str], folder: Path, runs: int) -> Iterator[Figure]:
    """Yield a row per program, then the geometric means of those that did not fail."""
    pairs: list[Pair] = []
    for name in names:
        try:
            pair = measure_pair(name, folder, runs)
        except MeasurementError as error:
            yield Figure(name, str(error).replace("\n", " ")[:200], "", "", "", Verdict.FAILED)
            continue
        pairs.append(pair)
        yield Figure(
            name,
            milliseconds(pair.ours_seconds),
            milliseconds(pair.gcc_seconds),
            f"{pair.ratio:.3f}",
            "",
            Verdict.NO_AIM,
        )
    if pairs:
        count = len(pairs)
        yield _mean_figure(f"geometric mean of {count}", [pair.ratio for pair in pairs])
        elapsed = [pair.elapsed_ratio for pair in pairs]
        yield _mean_figure(f"geometric mean of {count}, time that passed", elapsed)


def _mean_figure(name: str, ratios: Sequence[float]) -> Figure:
    mean = geometric_mean(ratios)
    aim = f"<= {MEAN_LIMIT}"
    return Figure(name, "", "gcc -O2", f"{mean:.3f}", aim, at_most(mean, MEAN_LIMIT))
