"""Measure spiking networks: `python -m benchmarks.snn [NAMES] [--runs N] [--quick]`.

NAMES are `lif` and `stdp`, benchmarks/snn's programs beside hand-written C, Brian2 and PyTorch,
which are installed when missing; `classic`, the networks of MLRift 1.1 beside its times; `large`,
the network of 60 million cells; `compile`, what the compiler takes for the examples. Prints tables
and writes them, with plots, to benchmarks/results. Wrong spikes or weights are a failure.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks import commands, peers
from benchmarks.figures import Figure, Verdict, markdown_table
from benchmarks.measure import MeasurementError
from benchmarks.result_page import result_path, write_page
from benchmarks.snn_classic import CLASSIC_NOTE, classic_figures
from benchmarks.snn_compile import compile_figures
from benchmarks.snn_large import large_figures
from benchmarks.snn_limits import measure_limits
from benchmarks.snn_measure import Outcome, measure
from benchmarks.snn_report import draw, report
from benchmarks.snn_sides import Setting
from benchmarks.snn_workloads import MANY_CELLS, WORKLOADS, Kind, Precision, Workload

CLASSIC = "classic"
LARGE = "large"
COMPILE = "compile"
NAMES = (*(kind.value for kind in Kind), CLASSIC, LARGE, COMPILE)
TITLES = {
    CLASSIC: f"Networks of MLRift 1.1 in ordinary loops\n\n{CLASSIC_NOTE}",
    LARGE: "Sixty million cells: ours beside MLRift 1.1",
    COMPILE: "Compiling the examples, cold, for all targets",
}
_NOTE = (
    "Medians of {runs} runs; the sides of a setting ran alternately. The time is that of the\n"
    "simulation loop, without building the network. In f64 all sides give the same spikes.\n"
)


def main() -> None:
    """Measure what the command line names; status 1 if anything failed or was wrong."""
    options = _parse_command_line(sys.argv[1:])
    names = options.names or NAMES
    parts = [_NOTE.format(runs=options.runs)]
    plots: list[Path] = []
    has_failed = False
    with tempfile.TemporaryDirectory(prefix="mlrift-bench-") as name:
        settings = _settings(names, options.quick)
        outcomes = _outcomes(settings, Path(name), options.runs)
        if outcomes:
            parts.append(report(outcomes, measure_limits(Path(name))))
            plots = draw(outcomes, result_path(options.label, ""))
            has_failed = any(outcome.mistakes for outcome in outcomes)
        tables: dict[str, Callable[[], Iterable[Figure]]] = {
            CLASSIC: lambda: classic_figures(Path(name), options.runs),
            LARGE: lambda: large_figures(Path(name), options.most_cells),
            COMPILE: lambda: compile_figures(Path(name), options.runs),
        }
        for title, make in tables.items():
            if title in names:
                figures = list(_shown(make()))
                parts.append(f"## {TITLES[title]}\n\n{markdown_table(figures)}")
                has_failed |= any(figure.verdict is Verdict.FAILED for figure in figures)
    parts += [f"![{plot.stem}]({plot.name})" for plot in plots]
    body = "\n".join(parts) + "\n"
    print(f"\n{body}", end="")
    path = write_page(
        options.label, ["python", "-m", "benchmarks.snn", *sys.argv[1:]], _versions(), body
    )
    print(f"written to {path.relative_to(commands.BENCHMARKS.parent)}")
    sys.exit(has_failed)


def _parse_command_line(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.snn", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--runs", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--quick", action="store_true", help="a part of the steps")
    parser.add_argument(
        "--most-cells", type=int, default=200_000_000, help="the largest size of `large`"
    )
    parser.add_argument("--label", default="snn", help="the name of the result, after its date")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"unknown name `{unknown[0]}`; known: {', '.join(NAMES)}")
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    return options


def _settings(names: Sequence[str], is_quick: bool) -> list[Setting]:
    """Return the workloads in f64 and where meant in f32; then the large ones on two threads."""
    chosen: list[Workload] = [work for work in WORKLOADS if work.kind.value in names]
    if is_quick:
        chosen = [work.shortened() for work in chosen]
    settings = [
        Setting(work, precision, 1)
        for kind in Kind
        for precision in Precision
        for work in chosen
        if work.kind is kind and work.aim(precision) is not None
    ]
    large = [work for work in chosen if work.cells >= MANY_CELLS]
    return settings + [Setting(work, Precision.F64, 2) for work in large]


def _outcomes(settings: Sequence[Setting], folder: Path, runs: int) -> list[Outcome]:
    outcomes = []
    for setting in settings:
        print(setting.name, file=sys.stderr, flush=True)
        try:
            outcome = measure(setting, folder, runs)
        except MeasurementError as error:
            outcome = Outcome(setting, (), (f"{setting.name}: {error}",))
        for result in outcome.results:
            text = result.missing or f"{result.simulated_ns / 1e6:.1f} ms, {result.spikes} spikes"
            print(f"  {result.side}: {text}", file=sys.stderr, flush=True)
        outcomes.append(outcome)
    return outcomes


def _shown(figures: Iterable[Figure]) -> Iterator[Figure]:
    for figure in figures:
        print(figure.name, figure.ours, figure.ratio, sep="  ", file=sys.stderr, flush=True)
        yield figure


def _versions() -> str:
    try:
        return f"{peers.peer_versions(peers.peer_python(peers.BRIAN))}."
    except peers.PeerMissing as reason:
        return f"{reason}."


if __name__ == "__main__":
    main()
