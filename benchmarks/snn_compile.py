"""How long the compiler takes for each network and tensor program among the examples.

To a fat file for all targets, with an empty cache each time.
"""

import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks import commands
from benchmarks.figures import Figure, Verdict, at_most
from benchmarks.measure import MeasurementError, fresh_folder, run_once

EXAMPLES = commands.BENCHMARKS.parent / "examples"
FOLDERS = ("snn", "tensor")
LARGEST_SECONDS = 1.5


def compile_figures(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield a row per example."""
    aim = f"<= {LARGEST_SECONDS} s"
    for source in _programs():
        name = source.relative_to(EXAMPLES).as_posix()
        try:
            seconds = statistics.median(_cold_seconds(source, folder) for _ in range(runs))
        except MeasurementError as error:
            text = str(error).replace("\n", " ")[:200]
            yield Figure(name, text, "", "", aim, Verdict.FAILED)
            continue
        yield Figure(name, f"{seconds:.2f} s", "", "", aim, at_most(seconds, LARGEST_SECONDS))


def _programs() -> list[Path]:
    found = (path for name in FOLDERS for path in (EXAMPLES / name).rglob("*.mlr"))
    return sorted(path for path in found if "parts" not in path.parts)


def _cold_seconds(source: Path, folder: Path) -> float:
    place = fresh_folder(folder)
    return run_once(commands.mlrc(source, place / "program.mlrbo", place / "cache")).seconds
