"""Speed of the standard library: NAME.mlr of benchmarks/library against NAME.cpp (and NAME.py).

The C++ programs use the C++ library at -O2 and must print the same; the Python programs do the same
work with what Python has. All get the path of a file of lines as their argument. Sides run
alternately; processor time is compared, which other processes disturb least.
"""

import random
import sys
from collections.abc import Iterator
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
    run_once,
)

LIBRARY = commands.BENCHMARKS / "library"
LARGEST_RATIO = 2.0
LARGEST_MEAN = 1.2
FILE_BYTES = 100_000_000
_ALLOCATION = "allocation"
_REPEATED = 20


@dataclass(frozen=True, slots=True)
class Contest:
    """Medians of the processor times of one program; Python may have none."""

    name: str
    ours_seconds: float
    cpp_seconds: float
    python_seconds: float | None

    @property
    def ratio(self) -> float:
        """Our time in units of the C++ program's."""
        return self.ours_seconds / self.cpp_seconds


def contest_names() -> list[str]:
    """Return the names of all programs."""
    return sorted(path.stem for path in LIBRARY.glob("*.mlr"))


def library_figures(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield a row per program and peer, then the mean of the ratios to C++."""
    lines = folder / "lines.txt"
    _write_lines(lines)
    ratios: list[float] = []
    for name in contest_names():
        try:
            contest = _measure(name, lines, folder, runs)
        except MeasurementError as error:
            yield Figure(name, str(error).replace("\n", " ")[:200], "", "", "", Verdict.FAILED)
            continue
        ratios.append(contest.ratio)
        yield from _rows(contest)
    if ratios:
        mean = geometric_mean(ratios)
        verdict = at_most(mean, LARGEST_MEAN)
        aim = f"<= {LARGEST_MEAN}"
        yield Figure(f"geometric mean of {len(ratios)}", "", "C++", f"{mean:.3f}", aim, verdict)


def _measure(name: str, lines: Path, folder: Path, runs: int) -> Contest:
    ours, theirs = folder / f"{name}.ours", folder / f"{name}.cpp"
    cache = folder / "cache"
    run_once(commands.mlrc(LIBRARY / f"{name}.mlr", ours, cache, commands.HOST_TARGET))
    run_once(commands.gxx(LIBRARY / f"{name}.cpp", theirs))
    sides = [always(Command((str(path), str(lines)))) for path in (ours, theirs)]
    python = LIBRARY / f"{name}.py"
    if python.exists():
        sides.append(always(Command((sys.executable, str(python), str(lines)))))
    ours_samples, cpp_samples, *rest = alternate(sides, runs)
    if ours_samples[0].stdout.split() != cpp_samples[0].stdout.split():
        raise MeasurementError(f"{name} and the C++ program print different things")
    return Contest(
        name,
        median_processor_seconds(ours_samples),
        median_processor_seconds(cpp_samples),
        median_processor_seconds(rest[0]) if rest else None,
    )


def _rows(contest: Contest) -> Iterator[Figure]:
    largest = LARGEST_MEAN if contest.name == _ALLOCATION else LARGEST_RATIO
    ours = milliseconds(contest.ours_seconds)
    yield Figure(
        f"{contest.name} (peer: C++)",
        ours,
        milliseconds(contest.cpp_seconds),
        f"{contest.ratio:.3f}",
        f"<= {largest}",
        at_most(contest.ratio, largest),
    )
    if contest.python_seconds is not None:
        ratio = contest.ours_seconds / contest.python_seconds
        peer = milliseconds(contest.python_seconds)
        name = f"{contest.name} (peer: Python)"
        yield Figure(name, ours, peer, f"{ratio:.3f}", "", Verdict.NO_AIM)


def _write_lines(path: Path) -> None:
    """Write the file of lines: 10 to 200 bytes each, the same for every run."""
    numbers = random.Random(1)
    left = FILE_BYTES
    with path.open("wb") as file:
        while left > 0:
            words = (b"%d word " % numbers.randrange(10**9) for _ in range(numbers.randint(1, 11)))
            text = (b"".join(words) + b"\n") * _REPEATED
            file.write(text)
            left -= len(text)
