"""Recordings for the tests, the command on them, and what a drawn SVG holds."""

import contextlib
import io
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlrift.plot.command import run

SPIKE_TIMES = np.array([0.0, 10.0, 25.5, 40.0, 99.9])
SPIKE_NEURONS = np.array([0, 3, 3, 19, 7])
_SVG = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def draw(*words: str | Path) -> tuple[int, str, str]:
    """Run the command; return status, output and messages."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = run([str(word) for word in words])
        except SystemExit as ended:  # argparse
            status = int(ended.code or 0)
    return status, out.getvalue(), err.getvalue()


def save_table(path: Path, **columns: npt.ArrayLike) -> Path:
    """Write a structured array as std/record.mlr does."""
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    table = np.zeros(
        len(next(iter(arrays.values()))), [(name, row.dtype) for name, row in arrays.items()]
    )
    for name, row in arrays.items():
        table[name] = row
    np.save(path, table)
    return path


def save_spikes(path: Path) -> Path:
    """Write five spikes of 20 neurons with times."""
    return save_table(path, time_ms=SPIKE_TIMES, neuron=SPIKE_NEURONS.astype(np.uint32))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture: its texts, and the points of what has an id."""

    texts: tuple[str, ...]
    points: dict[str, npt.NDArray[np.float64]]


def drawn(path: Path) -> Drawn:
    """Read an SVG."""
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    texts = tuple("".join(node.itertext()).strip() for node in root.iter(f"{_SVG}text"))
    points = {}
    for group in root.iter(f"{_SVG}g"):
        name = group.get("id", "")
        if name in ("spikes", "rate") or name.startswith("trace"):
            points[name] = _points(group)
    return Drawn(texts, points)


def _points(group: ET.Element) -> npt.NDArray[np.float64]:
    marks = [
        (float(use.get("x", "nan")), float(use.get("y", "nan"))) for use in group.iter(f"{_SVG}use")
    ]
    if marks:
        return np.array(marks)
    paths = [path.get("d", "") for path in group.iter(f"{_SVG}path")]
    numbers = [float(number) for number in _NUMBER.findall(" ".join(paths[:1]))]
    return np.array(numbers).reshape(-1, 2)


def assert_on_a_line(positions: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Check that positions in a picture are linear in the values; return the slope."""
    found, wanted = np.asarray(positions, np.float64), np.asarray(values, np.float64)
    slope, offset = np.polyfit(wanted, found, 1)
    np.testing.assert_allclose(found, wanted * slope + offset, atol=0.01)
    return float(slope)
