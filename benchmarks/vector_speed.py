"""Speed of the kernels on arrays of f64: `python -m benchmarks.vector_speed`.

Beside numpy where the array fits a cache, and beside plain C compiled for this very processor where
it does not: that is what the memory gives. All three run alternately; each time is the least of
many calls. Prints a table and writes it to benchmarks/results.
"""

import datetime
import tempfile
import timeit
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import commands
from benchmarks.figures import Figure, Verdict, at_most, markdown_table
from benchmarks.measure import Command, run_once
from benchmarks.runner import machine_line

SOURCES = commands.BENCHMARKS / "vectors"
RESULTS = commands.BENCHMARKS / "results"
NUMPY_LIMIT = 1.1
MEMORY_LIMIT = 1.1
REPEATS = 5
_NOTE = (
    "The least of many calls of each; numpy is the peer in the caches, plain C (gcc -O3\n"
    "-march=native) in memory. exp, log, tanh have no aim: numpy's use fused instructions."
)

Times = dict[str, float]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Size:
    """An array to measure with: where it lies, its elements, calls, and how many kernels run."""

    place: str
    elements: int
    rounds: int
    kernels: int


SIZES = (
    Size("L1", 2_000, 2_000, 11),
    Size("L2", 50_000, 200, 11),
    Size("memory", 16_000_000, 8, 6),
)
# What numpy offers for a kernel in one pass; relax takes it two.
NUMPY: dict[str, Callable[[Array, Array], object]] = {
    "decay": lambda x, angles: np.multiply(x, 0.9999999, out=x),
    "decay, fused": lambda x, angles: np.multiply(x, 0.9999999, out=x),
    "relax": lambda x, angles: np.add(np.multiply(x, 0.9999999, out=x), 1e-8, out=x),
    "fill": lambda x, angles: x.fill(0.5),
    "sum": lambda x, angles: x.sum(),
    "total": lambda x, angles: x.sum(),
    "exp": lambda x, angles: np.exp(angles, out=x),
    "log": lambda x, angles: np.log(angles, out=x),
    "sin": lambda x, angles: np.sin(angles, out=x),
    "cos": lambda x, angles: np.cos(angles, out=x),
    "tanh": lambda x, angles: np.tanh(angles, out=x),
}
# Names of the same work in limit.c.
LIMITS = {"decay, fused": "decay", "sum": "total"}


def main() -> None:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory(prefix="mlrift-bench-") as name:
        folder = Path(name)
        ours, limit = folder / "kernels", folder / "limit"
        source = SOURCES / "kernels.mlr"
        run_once(commands.mlrc(source, ours, folder / "cache", "--emit=elfexe"))
        flags = ("-O3", "-march=native", "-ffp-contract=off")
        run_once(Command(("gcc", *flags, "-o", str(limit), str(SOURCES / "limit.c"))))
        figures = [row for size in SIZES for row in _figures(size, ours, limit)]
    table = markdown_table(figures)
    print(table, end="")
    today = datetime.date.today().isoformat()
    head = f"# Kernels on arrays of f64, {today}\n\n`python -m benchmarks.vector_speed`\n\n"
    machine = f"{machine_line()} numpy {np.__version__}.\n\n"
    path = RESULTS / f"{today}-vectors.md"
    path.write_text(f"{head}{machine}{_NOTE}\n\n{table}", encoding="utf-8")


def _figures(size: Size, ours: Path, limit: Path) -> Iterator[Figure]:
    """Measure all kernels at a size."""
    mine: Times = {}
    plain: Times = {}
    others: Times = {}
    words = (str(size.elements), str(size.rounds), str(size.kernels))
    for _ in range(REPEATS):
        _least(mine, _printed((str(ours), *words)))
        _least(plain, _printed((str(limit), *words)))
        _least(others, _numpy_times(size, list(mine)))
    for name, nanoseconds in mine.items():
        label = f"{name}, {size.place}"
        if size.place == "memory":
            peer, aim = plain[LIMITS.get(name, name)], MEMORY_LIMIT
        else:
            peer, aim = others[name], NUMPY_LIMIT
        ratio = nanoseconds / peer
        has_aim = name not in ("exp", "log", "sin", "cos", "tanh", "sum")
        verdict = at_most(ratio, aim) if has_aim else Verdict.NO_AIM
        cells = (_rate(nanoseconds, size), _rate(peer, size), f"{ratio:.2f}")
        yield Figure(label, *cells, f"<= {aim}" if has_aim else "", verdict)


def _rate(nanoseconds: float, size: Size) -> str:
    each = nanoseconds / size.elements
    return f"{each:.3f} ns each, {8 / each:.1f} GB/s"


def _printed(words: tuple[str, ...]) -> Times:
    rows = run_once(Command(words)).stdout.decode().splitlines()
    return {name: float(value) for name, value in (row.rsplit(" ", 1) for row in rows)}


def _numpy_times(size: Size, names: list[str]) -> Times:
    times = {}
    angles = 0.1 + np.arange(size.elements) % 5000 / 500.0
    for name in names:
        array = np.full(size.elements, 0.5)
        work = NUMPY[name]
        call = partial(work, array, angles)
        spent = timeit.repeat(call, number=1, repeat=size.rounds)
        times[name] = min(spent) * 1e9
    return times


def _least(into: Times, found: Times) -> None:
    for name, value in found.items():
        into[name] = min(value, into.get(name, value))


if __name__ == "__main__":
    main()
