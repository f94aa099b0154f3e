"""Measure the compiler and what it makes: `python -m benchmarks.runner [NAMES] [--runs N]`.

NAMES are programs of benchmarks/programs, `compile` for the cost of compiling and starting, or
`library` for the standard library; without NAMES everything is measured. Prints a table and writes
it, with the command and the machine, to benchmarks/results.
"""

import argparse
import datetime
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.commands import BENCHMARKS
from benchmarks.compiler_cost import compiler_figures
from benchmarks.figures import Figure, Verdict, markdown_table
from benchmarks.library_speed import library_figures
from benchmarks.measure import MeasurementError
from benchmarks.program_speed import program_figures, program_names

COMPILE = "compile"
LIBRARY = "library"
RESULTS = BENCHMARKS / "results"
_LONGEST_LABEL_NAMES = 3
_NOTE = (
    "Medians; both sides of a row ran alternately. A ratio is ours divided by the peer's. Rows of\n"
    "programs and of the library are processor time, all others the time that passed."
)


def main() -> None:
    """Measure what the command line names; status 1 if anything failed."""
    options = _parse_command_line(sys.argv[1:])
    names = options.names or [*program_names(), LIBRARY, COMPILE]
    programs = [name for name in names if name not in (COMPILE, LIBRARY)]
    with tempfile.TemporaryDirectory(prefix="mlrift-bench-") as folder:
        figures = list(_shown(program_figures(programs, Path(folder), options.runs)))
        if LIBRARY in names:
            figures += _shown(library_figures(Path(folder), options.runs))
        if COMPILE in names:
            figures += _compiler_figures(Path(folder), options.runs)
    table = markdown_table(figures)
    print(f"\n{table}", end="")
    what = options.label or _default_label(options.names)
    path = _write_result(what, table)
    print(f"written to {path.relative_to(BENCHMARKS.parent)}")
    sys.exit(any(figure.verdict is Verdict.FAILED for figure in figures))


def _parse_command_line(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runner", description=__doc__)
    known = [*program_names(), LIBRARY, COMPILE]
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--runs", type=int, default=5, help="runs of each side (default 5)")
    parser.add_argument("--label", help="the name of the result, after its date")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"unknown name `{unknown[0]}`; known: {', '.join(known)}")
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    return options


def _default_label(names: Sequence[str]) -> str:
    if not names:
        return "all"
    return "-".join(names) if len(names) <= _LONGEST_LABEL_NAMES else "selection"


def _compiler_figures(folder: Path, runs: int) -> list[Figure]:
    figures: list[Figure] = []
    try:
        for figure in _shown(compiler_figures(folder, runs)):
            figures.append(figure)
    except MeasurementError as error:
        print(error, file=sys.stderr)
        figures.append(Figure(COMPILE, "see the messages", "", "", "", Verdict.FAILED))
    return figures


def _shown(figures: Iterable[Figure]) -> Iterator[Figure]:
    for figure in figures:
        print(figure.name, figure.ours, figure.peer, figure.ratio, sep="  ", flush=True)
        yield figure


def _write_result(what: str, table: str) -> Path:
    today = datetime.date.today().isoformat()
    command = shlex.join(["python", "-m", "benchmarks.runner", *sys.argv[1:]])
    text = f"# {what}, {today}\n\n`{command}`\n\n{machine_line()}\n\n{_NOTE}\n\n{table}"
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{today}-{what}.md"
    path.write_text(text, encoding="utf-8")
    return path


def machine_line() -> str:
    """Return the machine and the versions in a line."""
    words = ["gcc", "-dumpfullversion"]
    version = subprocess.run(words, check=True, capture_output=True, text=True)
    return (
        f"{_processor()}, {os.cpu_count()} threads, {platform.system()}; "
        f"gcc {version.stdout.strip()}; Python {platform.python_version()}."
    )


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    models = (line for line in text.splitlines() if line.startswith("model name"))
    return next(models, platform.machine()).partition(":")[2].strip() or platform.machine()


if __name__ == "__main__":
    main()
