"""Measure language models: `python -m benchmarks.llm [MODELS] [--kinds K,...] [--runs N]`.

MODELS are `qwen3-0.6b` and `llama-3.2-1b`: random weights at those shapes, in bf16, f16, Q8_0,
Q6_K, Q4_K_M and Q4_0. Each file is run by ours, by llama.cpp built for this processor, and in bf16
by PyTorch, two threads each: 512 tokens of prompt, then 128 tokens decoded one by one. The limits
are measured in the same run: what memory gives, and what the instructions for products can do. How
long ours and llama.cpp load is measured, too. Prints tables and writes them with plots to
benchmarks/results.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import commands, peers
from benchmarks.llm_limits import (
    Limits,
    attention_seconds,
    measured_limits,
    product_seconds,
)
from benchmarks.llm_models import SHAPES, ModelShape, model_files
from benchmarks.llm_sides import (
    DECODED_TOKENS,
    PROMPT_TOKENS,
    THREADS,
    Loads,
    Rates,
    llama_tools,
    load_times,
    our_program,
    run_llama,
    run_ours,
    run_torch,
)
from benchmarks.result_page import result_path, table, write_page

KINDS = ("bf16", "f16", "q8_0", "q6_k", "q4_k_m", "q4_0")
_HEADINGS = (
    "model",
    "decode tok/s",
    "llama.cpp",
    "torch",
    "ratio",
    "GB/s",
    "of bandwidth",
    "prefill tok/s",
    "llama.cpp",
    "torch",
    "ratio",
    "of peak",
    "weights alone",
)
_LOAD_HEADINGS = (
    "model",
    "load",
    "llama.cpp",
    "ratio",
    "first load",
    "llama.cpp",
    "over the file",
)
_NOTE = """\
Medians of {runs} runs, {threads} threads, ours and llama.cpp in turns. Prefill is of {pp} tokens,
decoding of {tg} tokens after one. Of bandwidth: bytes of weights and cache read for a token times
the rate, over the GB/s that reading memory gave, which is measured before each turn.

Of peak: how long the operations of a prefill take at least, over how long it took. Each operation
counts at the peak of the instruction that it uses, measured here: two operations for every weight
and token at bf16 {bf16:.0f}, int8 {int8:.0f} (quantised weights) or f32 {f32:.0f} GOP/s (f16), the
two products of attention at f32, in which they are computed. "Weights alone" has only the former
in the limit, although attention takes its part of the time. Not in either limit are the scales of
quantised blocks: beside eight int8 instructions two of f32, three with minima and in Q6_K, which
leaves such products 80 % or 73 % of the peak.
"""
_LOAD_NOTE = """\

Loading is until a prompt could be given: the file is open, its vocabulary read, its weights lie
where products read them. Medians of {loads} processes, the sides in turns, the file in the page
cache, into which it was read from its start. Both use weights where they are in the mapped file
(ours f16 and bf16, if the page cache has them in large pages), or copy them to the order of their
products (ours all quantised ones; llama.cpp the Q4 ones here). That takes new memory, which in a
virtual machine whose host takes back what is idle is slow the first time: the first load of each
side stands beside the others. Over the file: peak resident memory of all of a run at a context of
{pp} tokens less the file's size, in MB.

"""
_LOADS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured on one file."""

    shape: ModelShape
    kind: str
    file_bytes: int
    ours: Rates
    llama: Rates
    torch: Rates
    loads: tuple[Loads, Loads]
    bandwidth: float


def main() -> None:
    """Measure what the command line names."""
    options = _parse_command_line(sys.argv[1:])
    tools = llama_tools()
    limits = measured_limits()
    rows = []
    with tempfile.TemporaryDirectory(prefix="mlrift-bench-") as name:
        program = our_program(Path(name))
        for shape in [row for row in SHAPES if not options.names or row.name in options.names]:
            kinds = options.kinds.split(",")
            quantise = tools / "llama-quantize"
            files = model_files(shape, tuple(row for row in kinds if row != "bf16"), quantise)
            for kind in kinds:
                print(f"{shape.name} {kind}", file=sys.stderr)
                rates = _measured(files, kind, (program, tools), options.runs)
                rows.append(Row(shape, kind, files[kind].stat().st_size, *rates))
    tokens = {"pp": PROMPT_TOKENS, "tg": DECODED_TOKENS}
    note = _NOTE.format(runs=options.runs, threads=THREADS, **tokens, **limits)
    body = note + "\n" + table(_HEADINGS, [_cells(row, limits) for row in rows])
    body += _LOAD_NOTE.format(loads=_LOADS, **tokens)
    body += table(_LOAD_HEADINGS, [_load_cells(row) for row in rows])
    plots = [_draw(rows, what, limits) for what in ("decode", "prefill")]
    body += "".join(f"\n![{plot.stem}]({plot.name})\n" for plot in plots)
    print(f"\n{body}", end="")
    words = ["python", "-m", "benchmarks.llm", *sys.argv[1:]]
    versions = peers.peer_versions(peers.peer_python(peers.TRANSFORMERS))
    path = write_page("llm", words, versions, body)
    print(f"written to {path.relative_to(commands.BENCHMARKS.parent)}")


def _parse_command_line(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.llm", description=__doc__)
    names = ", ".join(shape.name for shape in SHAPES)
    parser.add_argument("names", nargs="*", metavar="MODEL", help=names)
    parser.add_argument("--kinds", default=",".join(KINDS), help="types of weights")
    parser.add_argument("--runs", type=int, default=3, help="runs of each side (default 3)")
    return parser.parse_args(arguments)


def _measured(
    files: dict[str, Path], kind: str, programs: tuple[Path, Path], runs: int
) -> tuple[Rates, Rates, Rates, tuple[Loads, Loads], float]:
    """Return the rates of ours, llama.cpp and PyTorch, how long the first two load, and GB/s.

    Ours and llama.cpp run in turns, and before each turn memory is read: what it gives changes.
    """
    ours, tools = programs
    torch = run_torch(files["folder"], runs) if kind == "bf16" else Rates()
    _read_anew(files[kind])
    loads = load_times(ours, tools, files[kind], _LOADS)
    sides = Rates(), Rates()
    bandwidths = []
    for _ in range(runs):
        bandwidths.append(measured_limits(1)["bandwidth"])
        turn = run_ours(ours, files[kind]), run_llama(tools, files[kind])
        sides = sides[0].followed_by(turn[0]), sides[1].followed_by(turn[1])
    return *sides, torch, loads, statistics.median(bandwidths)


def _read_anew(path: Path) -> None:
    """Bring a file to the page cache as readers find it, not as its writer left it there."""
    with path.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while opened.read(1 << 26):
            pass


def _cells(row: Row, limits: Limits) -> list[str]:
    ours, llama, torch = row.ours, row.llama, row.torch
    decode, prefill = statistics.median(ours.decode), statistics.median(ours.prefill)
    bytes_per_token = ours.bytes_per_token or row.file_bytes
    products = product_seconds(row.shape, row.kind, PROMPT_TOKENS, limits)
    least = products + attention_seconds(row.shape, PROMPT_TOKENS, limits)
    rate = prefill / PROMPT_TOKENS
    return [
        f"{row.shape.name} {row.kind}",
        f"{decode:.1f}",
        _middle(llama.decode),
        _middle(torch.decode),
        f"{decode / statistics.median(llama.decode):.2f}",
        f"{row.bandwidth:.1f}",
        f"{bytes_per_token * decode / row.bandwidth / 1e9:.0%}",
        f"{prefill:.0f}",
        _middle(llama.prefill),
        _middle(torch.prefill),
        f"{prefill / statistics.median(llama.prefill):.2f}",
        f"{least * rate:.0%}",
        f"{products * rate:.0%}",
    ]


def _load_cells(row: Row) -> list[str]:
    ours, llama = (statistics.median(side.others) for side in row.loads)
    over = "-"
    if row.ours.peak_bytes is not None:
        over = f"{(row.ours.peak_bytes - row.file_bytes) / 1e6:.0f}"
    return [
        f"{row.shape.name} {row.kind}",
        f"{ours:.3f} s",
        f"{llama:.3f} s",
        f"{ours / llama:.2f}",
        *(f"{side.first:.3f} s" for side in row.loads),
        over,
    ]


def _middle(rates: tuple[float, ...]) -> str:
    return f"{statistics.median(rates):.1f}" if rates else "-"


def _draw(rows: list[Row], what: str, limits: Limits) -> Path:
    """Draw the rates of all sides by type, with the limit of each beside them."""

    def rate(side: Rates) -> float | None:
        found = side.decode if what == "decode" else side.prefill
        return statistics.median(found) if found else None

    series = {
        "limit": [_limit(row, what, limits) for row in rows],
        "MLRift": [rate(row.ours) for row in rows],
        "llama.cpp": [rate(row.llama) for row in rows],
        "PyTorch": [rate(row.torch) for row in rows],
    }
    data = {
        "title": f"{what}, {THREADS} threads",
        "unit": "tokens a second",
        "groups": [f"{row.shape.name}\n{row.kind}" for row in rows],
        "series": series,
    }
    path = result_path(f"llm-{what}", ".svg")
    python = peers.peer_python(peers.MATPLOTLIB)
    script = commands.BENCHMARKS / "peer_plot.py"
    subprocess.run(
        (str(python), str(script), str(path)), input=json.dumps(data).encode(), check=True
    )
    return path


def _limit(row: Row, what: str, limits: Limits) -> float:
    if what == "decode":
        return row.bandwidth * 1e9 / (row.ours.bytes_per_token or row.file_bytes)
    seconds = product_seconds(row.shape, row.kind, PROMPT_TOKENS, limits)
    return PROMPT_TOKENS / (seconds + attention_seconds(row.shape, PROMPT_TOKENS, limits))


if __name__ == "__main__":
    main()
