"""Measure tensor operations: `python -m benchmarks.tensor [NAMES] [--runs N] [--threads N ...]`.

NAMES are operations of tensor_operations.py; without any all are measured, on one thread and on
two, beside PyTorch, which is installed when missing, and beside what the machine allows. Prints
tables and writes them, with plots, to benchmarks/results. Wrong results are a failure.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import commands, peers
from benchmarks.figures import Figure, Verdict, at_least, markdown_table
from benchmarks.result_page import result_path, table, write_page
from benchmarks.tensor_measure import Limits, Times, machine_limits, measure, memory_of_chain
from benchmarks.tensor_operations import OPERATIONS, Limit, Operation, Peer

_NOTE = (
    "Medians of all rounds of {runs} runs; both sides ran alternately. A ratio is our speed in\n"
    "units of the peer's. The limits are those of the same run: f32 multiply-adds in registers, a\n"
    "copy, and the element-wise chain by hand in C (gcc -O3 -march=native).\n"
)


def main() -> None:
    """Measure what the command line names; status 1 if anything failed or was wrong."""
    options = _parse_command_line(sys.argv[1:])
    chosen = [row for row in OPERATIONS if row.name in options.names or not options.names]
    times: list[Times] = []
    limits: list[Limits] = []
    with tempfile.TemporaryDirectory(prefix="mlrift-bench-") as name:
        for threads in options.threads:
            limits.append(machine_limits(threads, Path(name)))
            for operation in chosen:
                found = measure(operation, threads, Path(name), options.runs)
                print(_line(found), file=sys.stderr, flush=True)
                times.append(found)
        memory = "" if options.names else _memory_text(memory_of_chain(Path(name)))
    body = _body(times, limits, options.runs) + memory
    body += "".join(f"\n![{plot.stem}]({plot.name})\n" for plot in _draw(times, options))
    print(f"\n{body}", end="")
    words = ["python", "-m", "benchmarks.tensor", *sys.argv[1:]]
    path = write_page(options.label, words, _versions(), body)
    print(f"written to {path.relative_to(commands.BENCHMARKS.parent)}")
    sys.exit(any(found.mistake for found in times))


def _parse_command_line(arguments: Sequence[str]) -> argparse.Namespace:
    known = [operation.name for operation in OPERATIONS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tensor", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--runs", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="(default 1 2)")
    parser.add_argument("--label", default="tensor", help="the name of the result, after its date")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"unknown name `{unknown[0]}`; known: {', '.join(known)}")
    if options.runs < 1 or min(options.threads) < 1:
        parser.error("--runs and --threads must be at least 1")
    return options


def _line(times: Times) -> str:
    cells = [_milliseconds(times.ours_ns), _milliseconds(times.torch_ns), times.mistake]
    return "  ".join([f"{times.operation.name} T={times.threads}", *cells])


def _body(times: Sequence[Times], limits: Sequence[Limits], runs: int) -> str:
    parts = [_NOTE.format(runs=runs)]
    for limit in limits:
        members = [found for found in times if found.threads == limit.threads]
        parts.append(f"## Threads: {limit.threads}\n\n{_limits_text(limit)}\n\n{_rates(members)}")
        parts.append(markdown_table([_figure(found, limit) for found in members]))
    mistakes = [f"- {found.mistake}\n" for found in times if found.mistake]
    if mistakes:
        parts.append("## Mistakes\n\n" + "".join(mistakes))
    reasons = sorted({f"- {reason}\n" for found in times for reason in found.missing})
    if reasons:
        parts.append("## Not measured\n\n" + "".join(reasons))
    return "\n".join(parts)


def _limits_text(limit: Limits) -> str:
    chain = limit.chain_ns / 1e6
    return (
        f"Limits: {limit.multiply_add_gflops:.0f} GFLOP/s, copy {limit.copy_gigabytes:.1f} GB/s, "
        f"chain {chain:.2f} ms."
    )


def _memory_text(tensors: float) -> str:
    return (
        "\n## Memory\n\nA chain of ten operations on 64 MiB that cannot be one pass needs "
        f"{tensors:.2f} such tensors at its peak, the given one included.\n"
    )


def _rates(times: Sequence[Times]) -> str:
    headings = ("", "unit", "MLRift", "PyTorch")
    rows = [
        (
            found.operation.summary,
            found.operation.limit.value,
            _rate(found.operation, found.ours_ns),
            _rate(found.operation, found.torch_ns),
        )
        for found in times
    ]
    return table(headings, rows)


def _rate(operation: Operation, nanoseconds: float | None) -> str:
    if nanoseconds is None or operation.limit is Limit.NONE:
        return "-"
    return f"{operation.work / nanoseconds:.1f}"


def _figure(times: Times, limit: Limits) -> Figure:
    operation = times.operation
    is_by_hand = operation.peer is Peer.HAND_WRITTEN
    peer_ns = limit.chain_ns if is_by_hand else times.torch_ns
    aim = "" if operation.aim is None else f">= {operation.aim}"
    name = f"{operation.summary} ({operation.peer.value})"
    if times.mistake:
        return Figure(name, "wrong or failed", "", "", aim, Verdict.FAILED)
    if times.ours_ns is None or peer_ns is None:
        return Figure(name, "missing", _milliseconds(peer_ns), "", aim, Verdict.NO_AIM)
    speed = peer_ns / times.ours_ns
    verdict = Verdict.NO_AIM if operation.aim is None else at_least(speed, operation.aim)
    cells = (_milliseconds(times.ours_ns), _milliseconds(peer_ns), f"{speed:.2f}")
    return Figure(name, *cells, aim, verdict)


def _milliseconds(nanoseconds: float | None) -> str:
    return "-" if nanoseconds is None else f"{nanoseconds / 1e6:.3f} ms"


def _draw(times: Sequence[Times], options: argparse.Namespace) -> list[Path]:
    try:
        python = peers.peer_python(peers.MATPLOTLIB)
    except peers.PeerMissing as reason:
        print(f"no plots: {reason}")
        return []
    plots = []
    for threads in options.threads:
        members = [found for found in times if found.threads == threads]
        series = {
            "MLRift": [_plotted(found.ours_ns) for found in members],
            "PyTorch": [_plotted(found.torch_ns) for found in members],
        }
        data = {
            "title": f"Tensor operations, f32, {threads} thread{'s' if threads > 1 else ''}",
            "unit": "ms",
            "groups": [found.operation.name for found in members],
            "series": {name: values for name, values in series.items() if any(values)},
        }
        if data["series"]:
            path = result_path(options.label, f"-t{threads}.svg")
            script = commands.BENCHMARKS / "peer_plot.py"
            words = (str(python), str(script), str(path))
            subprocess.run(words, input=json.dumps(data), text=True, check=True)
            plots.append(path)
    return plots


def _plotted(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e6


def _versions() -> str:
    try:
        return f"{peers.peer_versions(peers.peer_python(peers.TORCH))}."
    except peers.PeerMissing as reason:
        return f"{reason}."


if __name__ == "__main__":
    main()
