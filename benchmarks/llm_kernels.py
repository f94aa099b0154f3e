"""Speed of products of weights and activations: `python -m benchmarks.llm_kernels`.

Every type of weights at the shapes of Qwen3-0.6B, one row of activations (decoding, limited by
memory) and many (a prompt, limited by the instruction), beside what reading memory and what the
instructions give in the same program. Prints a table and writes it to benchmarks/results. On a
machine that has other work `--processor-time` counts the processors' time.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import commands
from benchmarks.measure import Command, run_once
from benchmarks.result_page import table, write_page

SOURCE = commands.BENCHMARKS / "llm" / "kernels.mlr"
_INSTRUCTION = {"BF16": "bf16", "F16": "f32", "F32": "f32"}
_HEADINGS = ("type", "decode GB/s", "of memory", "prefill GOP/s", "of peak")
_NOTE = """\
{threads} threads; a prompt of {count} tokens; the best of seven rounds. Reading memory gives
{memory:.1f} GB/s, the instructions int8 {i8:.0f}, bf16 {bf16:.0f} and f32 {f32:.0f} GOP/s. A
product of two numbers is two operations."""

Rates = dict[str, dict[str, float]]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="benchmarks.llm_kernels")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--count", type=int, default=512, help="tokens of the prompt")
    parser.add_argument("--mebibytes", type=int, default=400, help="weights of each type")
    parser.add_argument("--processor-time", action="store_true")
    chosen = parser.parse_args()
    rates = _measured(chosen.threads, chosen.count, chosen.mebibytes, int(chosen.processor_time))
    peaks = rates["peak"]
    rows = [_row(name, rates) for name in rates["decode"]]
    note = _NOTE.format(threads=chosen.threads, count=chosen.count, **peaks)
    body = f"{note}\n\n{table(_HEADINGS, rows)}"
    print(body, end="")
    words = ["python", "-m", "benchmarks.llm_kernels", *sys.argv[1:]]
    print(write_page("llm-kernels", words, "", body))


def _measured(*words: int) -> Rates:
    """Return rates by what was measured and its name."""
    with tempfile.TemporaryDirectory(prefix="mlrift-bench-") as name:
        program = Path(name) / "kernels"
        run_once(commands.mlrc(SOURCE, program, Path(name) / "cache", "--emit=elfexe"))
        printed = run_once(Command((str(program), *map(str, words)))).stdout.decode()
    rates: Rates = {}
    for line in printed.splitlines():
        what, name, rate = line.split()
        rates.setdefault(what, {})[name] = float(rate)
    return rates


def _row(name: str, rates: Rates) -> tuple[str, ...]:
    """Return a row of the table."""
    peaks, decode, prefill = rates["peak"], rates["decode"][name], rates["prefill"][name]
    peak = peaks[_INSTRUCTION.get(name, "i8")]
    return (
        name,
        f"{decode:.1f}",
        f"{decode / peaks['memory']:.0%}",
        f"{prefill:.0f}",
        f"{prefill / peak:.0%}",
    )


if __name__ == "__main__":
    main()
