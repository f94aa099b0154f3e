"""What was measured of spiking networks, as tables and bars."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import commands, peers, snn_sides
from benchmarks.figures import Figure, Verdict, at_least, at_most, markdown_table
from benchmarks.result_page import table
from benchmarks.snn_limits import Limits, floor_figures, limits_section
from benchmarks.snn_measure import Outcome, Result
from benchmarks.snn_workloads import (
    LARGEST_RATIO_TO_C,
    MANY_CELLS,
    SMALLEST_SPEED_UP,
    Kind,
    Precision,
)

Group = tuple[Kind, Precision, int]
_UNITS = {Kind.LIF: "ns a cell and step", Kind.STDP: "us a step"}


def report(outcomes: Sequence[Outcome], limits: Limits | None) -> str:
    """Return all tables."""
    parts = []
    for group in _groups(outcomes):
        members = _members(outcomes, group)
        parts.append(f"## {_title(group)}, {_UNITS[group[0]]}\n\n{_times(members)}")
    figures = aims(outcomes)
    if limits is not None:
        parts.append(limits_section(limits, outcomes))
        figures += floor_figures(limits, outcomes)
    parts.append(f"## Aims\n\n{markdown_table(figures)}")
    single = [outcome for outcome in outcomes if outcome.setting.threads == 1]
    parts.append(f"## From source to program, s\n\n{_cells(single, _compile_text)}")
    parts.append(f"## Peak memory, MiB\n\n{_cells(single, _memory_text)}")
    mistakes = [mistake for outcome in outcomes for mistake in outcome.mistakes]
    if mistakes:
        parts.append("## Mistakes\n\n" + "\n".join(f"- {line}" for line in mistakes) + "\n")
    reasons = {
        f"- {result.side}: {result.missing}"
        for outcome in outcomes
        for result in outcome.results
        if result.missing
    }
    reasons.add("- GeNN: pygenn is neither on PyPI nor in Debian")
    parts.append("## Not measured\n\n" + "\n".join(sorted(reasons)) + "\n")
    return "\n".join(parts)


def aims(outcomes: Sequence[Outcome]) -> list[Figure]:
    """Return our time beside Brian2's and the best C's, and two threads beside one."""
    figures: list[Figure] = []
    for outcome in outcomes:
        setting = outcome.setting
        aim = setting.workload.aim(setting.precision)
        if setting.threads == 1 and aim is not None:
            figures.append(_faster(outcome, aim))
        if setting.threads == 1:
            figures.append(_beside_c(outcome))
        elif setting.workload.cells >= MANY_CELLS:
            figures.append(_speed_up(outcome, outcomes))
    return figures


def draw(outcomes: Sequence[Outcome], stem: Path) -> list[Path]:
    """Write bars for each group that has any times, as SVG beside `stem`."""
    try:
        python = peers.peer_python(peers.MATPLOTLIB)
    except peers.PeerMissing as reason:
        print(f"no plots: {reason}")
        return []
    written = []
    for kind, precision, threads in _groups(outcomes):
        group = (kind, precision, threads)
        members = _members(outcomes, group)
        series = {
            side.name: [_time(outcome, side) for outcome in members] for side in snn_sides.SIDES
        }
        data = {
            "title": _title(group),
            "unit": _UNITS[kind],
            "groups": [outcome.setting.workload.name for outcome in members],
            "series": {name: times for name, times in series.items() if any(times)},
        }
        if not data["series"]:
            continue
        path = stem.with_name(f"{stem.name}-{kind.value}-{precision.value}-t{threads}.svg")
        script = commands.BENCHMARKS / "peer_plot.py"
        words = (str(python), str(script), str(path))
        subprocess.run(words, input=json.dumps(data), text=True, check=True)
        written.append(path)
    return written


def _groups(outcomes: Sequence[Outcome]) -> list[Group]:
    settings = [outcome.setting for outcome in outcomes]
    return list(dict.fromkeys((s.workload.kind, s.precision, s.threads) for s in settings))


def _members(outcomes: Sequence[Outcome], group: Group) -> list[Outcome]:
    kind, precision, threads = group
    return [
        outcome
        for outcome in outcomes
        if outcome.setting.workload.kind is kind
        and outcome.setting.precision is precision
        and outcome.setting.threads == threads
    ]


def _title(group: Group) -> str:
    kind, precision, threads = group
    number = "one thread" if threads == 1 else f"{threads} threads"
    return f"{kind.value.upper()}, {precision.value}, {number}"


def _time(outcome: Outcome, side: snn_sides.Side) -> float | None:
    simulated = outcome.time_ns(side)
    if simulated is None:
        return None
    work = outcome.setting.workload
    return simulated / (work.neuron_steps if work.kind is Kind.LIF else work.steps * 1000)


def _times(outcomes: Sequence[Outcome]) -> str:
    headings = ["", *(outcome.setting.workload.name for outcome in outcomes)]
    rows = []
    for side in snn_sides.SIDES:
        times = [_time(outcome, side) for outcome in outcomes]
        rows.append([side.name, *(_short(time) for time in times)])
    return table(headings, rows)


def _short(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _cells(outcomes: Sequence[Outcome], text: Callable[[Result], str]) -> str:
    names = [f"{o.setting.workload.name} {o.setting.precision.value}" for o in outcomes]
    rows = []
    for side in snn_sides.SIDES:
        found = [next((r for r in o.results if r.side == side.name), None) for o in outcomes]
        rows.append([side.name, *("-" if r is None or r.missing else text(r) for r in found)])
    return table(["", *names], rows)


def _compile_text(result: Result) -> str:
    return "-" if result.compile_seconds is None else f"{result.compile_seconds:.2f}"


def _memory_text(result: Result) -> str:
    return f"{result.peak_memory_bytes / 2**20:.0f}"


def _faster(outcome: Outcome, aim: float) -> Figure:
    name = f"{outcome.setting.name}: times as fast as Brian2"
    ours, theirs = outcome.time_ns(snn_sides.OURS), outcome.time_ns(snn_sides.BRIAN)
    if ours is None or theirs is None:
        return _no_figure(name, f">= {aim}")
    factor = theirs / ours
    cells = (_milliseconds(ours), _milliseconds(theirs), f"{factor:.2f}", f">= {aim}")
    return Figure(name, *cells, at_least(factor, aim))


def _beside_c(outcome: Outcome) -> Figure:
    name = f"{outcome.setting.name}: time beside the best C"
    ours = outcome.time_ns(snn_sides.OURS)
    written = [outcome.time_ns(side) for side in snn_sides.HAND_WRITTEN]
    best = min((time for time in written if time is not None), default=None)
    aim = f"<= {LARGEST_RATIO_TO_C}"
    if ours is None or best is None:
        return _no_figure(name, aim)
    ratio = ours / best
    cells = (_milliseconds(ours), _milliseconds(best), f"{ratio:.3f}", aim)
    return Figure(name, *cells, at_most(ratio, LARGEST_RATIO_TO_C))


def _speed_up(outcome: Outcome, outcomes: Sequence[Outcome]) -> Figure:
    setting = outcome.setting
    name = f"{setting.name}: times as fast as one thread"
    aim = f">= {SMALLEST_SPEED_UP}"
    single = [
        other.time_ns(snn_sides.OURS)
        for other in outcomes
        if other.setting.workload is setting.workload
        and other.setting.precision is setting.precision
        and other.setting.threads == 1
    ]
    ours = outcome.time_ns(snn_sides.OURS)
    if ours is None or not single or single[0] is None:
        return _no_figure(name, aim)
    factor = single[0] / ours
    cells = (_milliseconds(ours), _milliseconds(single[0]), f"{factor:.2f}", aim)
    return Figure(name, *cells, at_least(factor, SMALLEST_SPEED_UP))


def _no_figure(name: str, aim: str) -> Figure:
    return Figure(name, "missing", "", "", aim, Verdict.NO_AIM)


def _milliseconds(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.1f} ms"
