"""Pages of results: tables in, `benchmarks/results/DATE-NAME.md` out, with command and machine."""

import datetime
import shlex
from collections.abc import Sequence
from pathlib import Path

from benchmarks import commands
from benchmarks.runner import machine_line

RESULTS = commands.BENCHMARKS / "results"


def result_path(name: str, suffix: str) -> Path:
    """Return where a result of today goes."""
    RESULTS.mkdir(exist_ok=True)
    return RESULTS / f"{datetime.date.today().isoformat()}-{name}{suffix}"


def write_page(name: str, words: Sequence[str], versions: str, body: str) -> Path:
    """Write a page; `words` are the command, `versions` those of the peers."""
    path = result_path(name, ".md")
    head = f"# {name}, {datetime.date.today().isoformat()}\n\n`{shlex.join(words)}`\n\n"
    path.write_text(f"{head}{machine_line()} {versions}\n\n{body}", encoding="utf-8")
    return path


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table that reads well in a terminal too; the first column is text."""
    cells = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = []
    for row in [cells[0], rule, *cells[1:]]:
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("| " + " | ".join([first, *rest]) + " |")
    return "\n".join(lines) + "\n"
