"""A measured figure beside its peer and its aim, and tables of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How a figure stands to its aim."""

    MET = "met"
    MISSED = "missed"
    NO_AIM = "-"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of a report; the texts carry their units."""

    name: str
    ours: str
    peer: str
    ratio: str
    aim: str
    verdict: Verdict


HEADINGS = ("what", "ours", "peer", "ratio", "aim", "")


def at_most(value: float, limit: float) -> Verdict:
    """Return whether a value that should be small is small enough."""
    return Verdict.MET if value <= limit else Verdict.MISSED


def at_least(value: float, limit: float) -> Verdict:
    """Return whether a value that should be large is large enough."""
    return Verdict.MET if value >= limit else Verdict.MISSED


def milliseconds(seconds: float) -> str:
    """Write a time in milliseconds."""
    return f"{seconds * 1000:.1f} ms"


def kibibytes(size_bytes: int) -> str:
    """Write a size in KiB."""
    return f"{size_bytes / 1024:.1f} KiB"


def mebibytes(size_bytes: int) -> str:
    """Write a size in MiB."""
    return f"{size_bytes / 1024**2:.1f} MiB"


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean of positive values, of which there is at least one."""
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))


def markdown_table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table that reads well in a terminal too."""
    cells = [HEADINGS]
    cells += [(f.name, f.ours, f.peer, f.ratio, f.aim, f.verdict.value) for f in figures]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    rule = ["-" * width for width in widths]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in [cells[0], rule, *cells[1:]]
    ]
    return "\n".join(lines) + "\n"
