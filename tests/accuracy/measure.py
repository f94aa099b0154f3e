"""Measure the elementary functions of std against mpmath: `python -m tests.accuracy.measure`.

Enters: the functions of functions.py, the number of points (a million) and the names wanted.
Leaves: the largest error of each, in units in the last place of the true value, as the table of
docs/std/math_float.md. The functions run natively, compiled by us; both roads are judged exactly.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mpmath import libmp

from tests.accuracy.functions import DOUBLE, FUNCTIONS, SINGLE, Doubles, Exact, Format, Function

PAGE = Path(__file__).resolve().parents[2] / "docs" / "std" / "math_float.md"
_TABLE = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- end -->)", re.DOTALL)
_SEED = 20261121
_PROGRAM = """import "{module}"

static u64 cli_argv

fn word(u64 bits) -> u64 {{ return bits }}

fn main() -> u64 {{
    u64 input = file_open(load64(cli_argv + 8), 0)
    u64 size = file_size(input)
    u64 words = alloc(size)
    u64 done = 0
    while done < size {{ done += file_read(input, words + done, size - done) }}
    u64 count = size / {stride}
    for i in 0..count {{
        {type} x = word(load64(words + i * {stride}))
{second}        {type} value = {name}({arguments})
        u64 bits = value
        store64(words + i * 8, bits)
    }}
    u64 output = file_open(load64(cli_argv + 16), 1)
    done = 0
    while done < count * 8 {{ done += file_write(output, words + done, count * 8 - done) }}
    return 0
}}
"""
_SECOND = "        {type} y = word(load64(words + i * 16 + 8))\n"


@dataclass(frozen=True, slots=True)
class Measured:
    """The largest error found, and where."""

    function: str
    points: int
    error_ulps: float
    worst: tuple[float, ...]


def measure(function: Function, form: Format, count: int) -> Measured:
    """Return the largest error of a function in a format over `count` points or a few less."""
    points = _points(function, form, count)
    results = _run(function, form, points)
    worst, error = points[0], -1.0
    for arguments, result in zip(points.tolist(), results.tolist(), strict=True):
        numbers = arguments if isinstance(arguments, list) else [arguments]
        found = error_ulps(function.true(*numbers), result, form)
        if found > error:
            worst, error = numbers, found
    return Measured(f"{function.name}_{form.name}", len(points), error, tuple(np.ravel(worst)))


def error_ulps(true: Exact, result: float, form: Format) -> float:
    """Return |result - true| in units in the last place of `true`; beyond the format all is well.

    An infinite result counts as the first number that the format does not have.
    """
    sign, mantissa, exponent, bit_count = true
    largest = -form.lowest_exponent - form.mantissa_bits + 2
    if abs(result) == float("inf"):
        right = libmp.mpf_shift(libmp.fone, largest)
        given = libmp.mpf_neg(right) if result < 0 else right
    else:
        given = libmp.from_float(result)
    if (
        exponent + bit_count > largest
        and abs(result) == float("inf")
        and (result < 0) == bool(sign)
    ):
        return 0.0
    unit = form.lowest_exponent
    if mantissa:
        unit = max(unit, exponent + bit_count - form.mantissa_bits)
    difference = libmp.mpf_sub(given, true, 40, "n")
    return abs(float(libmp.to_float(libmp.mpf_shift(difference, -unit))))


def _points(function: Function, form: Format, count: int) -> Doubles:
    """Return `count` arguments that the format has, as doubles."""
    random = np.random.default_rng(_SEED)
    with np.errstate(all="ignore"):
        # Many of the candidates are too large for the smaller format.
        points = function.points(random, 2 * count).astype(form.numpy_type).astype(np.float64)
    usable = np.isfinite(points)
    if points.ndim == 2:
        usable = usable.all(axis=1) & (points[:, 1] != 0.0)
        usable &= (points[:, 0] != 0.0) | (points[:, 1] > 0.0)
    elif function.name in ("log", "log2", "log10", "rsqrt"):
        usable &= points > 0.0
    return random.permutation(points[usable])[:count]


def _run(function: Function, form: Format, points: Doubles) -> Doubles:
    """Apply the function, compiled, to all points."""
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "apply.mlr"), Path(folder, "apply")
        stride = 8 * function.arity
        text = _PROGRAM.format(
            module=function.module or form.module,
            type=form.name,
            stride=stride,
            second=_SECOND.format(type=form.name) if function.arity == 2 else "",
            name=f"{function.name}_{form.name}",
            arguments=", ".join("xy"[: function.arity]),
        )
        source.write_text(text, encoding="utf-8")
        compiler = [sys.executable, "-m", "mlrift.cli.mlrc", "--emit=elfexe"]
        subprocess.run([*compiler, source, "-o", program], check=True, stdout=subprocess.DEVNULL)
        words = np.ravel(points).astype(form.numpy_type).view(form.word_type).astype("<u8")
        Path(folder, "in").write_bytes(words.tobytes())
        subprocess.run([program, f"{folder}/in", f"{folder}/out"], check=True)
        read = np.frombuffer(Path(folder, "out").read_bytes(), dtype="<u8")
    return read.astype(form.word_type).view(form.numpy_type).astype(np.float64)


def table(rows: list[Measured]) -> str:
    """Return the table of a page."""
    lines = ["| function | points | largest error in ulps | at |", "|---|---|---|---|"]
    for row in rows:
        place = ", ".join(f"{value!r}" for value in map(float, row.worst))
        lines.append(f"| `{row.function}` | {row.points} | {row.error_ulps:.4f} | {place} |")
    return "\n".join(lines) + "\n"


def measured_names() -> list[str]:
    """Return the names that the page's table has."""
    return [f"{function.name}_{form.name}" for function, form in _wanted([])]


def _wanted(names: list[str]) -> Iterator[tuple[Function, Format]]:
    for form in (DOUBLE, SINGLE):
        for function in FUNCTIONS:
            if form is SINGLE and function.module:
                continue
            if not names or f"{function.name}_{form.name}" in names:
                yield function, form


def main() -> None:
    """Measure and print; with `--write`, put the table into the page."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    rows = []
    for function, form in _wanted(options.names):
        rows.append(measure(function, form, options.points))
        print(table(rows[-1:]).splitlines()[-1], flush=True)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_TABLE.sub(lambda _: table(rows), page), encoding="utf-8")


if __name__ == "__main__":
    main()
