"""A file in, a recording out: tables and arrays of .npy, and .csv with a line of names.

What a file holds is told by its columns, else guessed from elements, shape and name; what cannot
be told is a `RecordingError`. Nothing is ever unpickled.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlrift.plot.recording import (
    Floats,
    Integers,
    Recording,
    RecordingError,
    Spikes,
    States,
    TimeUnit,
)

Column = npt.NDArray[Any]

# Names of a time column, its unit, and how many of the unit one is.
_TIMES = {
    "step": (TimeUnit.STEP, 1.0),
    "time_ms": (TimeUnit.MILLISECOND, 1.0),
    "t_ms": (TimeUnit.MILLISECOND, 1.0),
    "time_s": (TimeUnit.MILLISECOND, 1000.0),
    "t_s": (TimeUnit.MILLISECOND, 1000.0),
}
_NEURONS = ("neuron", "i", "index")
_SPIKE_WORDS = ("spike", "raster", "event")
_NEURON_LABEL = re.compile(r"n(\d{1,18})")


@dataclass(frozen=True, slots=True)
class TimeScale:
    """What a step is: `dt_ms` milliseconds if that is known; a row of an array is `every` steps."""

    dt_ms: float | None = None
    every: int = 1


def read_recording(path: Path, scale: TimeScale) -> Recording:
    """Return what a file holds; raises RecordingError, and OSError where it cannot be read."""
    with np.errstate(over="ignore"):  # infinities are refused where they matter
        return _read(path, scale)


def _read(path: Path, scale: TimeScale) -> Recording:
    match path.suffix.lower():
        case ".npy":
            return _of_array(path, _load(path), scale)
        case ".csv":
            return _of_columns(path, _csv_columns(path), scale)
        case suffix:
            raise RecordingError(f"'{path}': '{suffix}' is no kind of recording; give .npy or .csv")


def _load(path: Path) -> Column:
    with path.open("rb") as file:
        try:
            array: Column = np.lib.format.read_array(file, allow_pickle=False)
        except OSError:
            raise
        except Exception as error:  # of a malformed header NumPy raises whatever it runs into
            reason = str(error).partition("\n")[0].rstrip(".")
            raise RecordingError(f"'{path}' is no .npy file that can be read: {reason}") from error
        if array.size == 0 and file.read(1):
            raise RecordingError(
                f"'{path}' has data, but no rows in its header: the program that wrote it did not "
                "close it (record_close, npy_close)"
            )
    return array


def _of_array(path: Path, array: Column, scale: TimeScale) -> Recording:
    names = array.dtype.names
    if names is not None:
        if array.ndim != 1:
            raise RecordingError(f"'{path}': a table of shape {array.shape}; one axis is needed")
        columns: dict[str, Column] = {name: array[name] for name in names}
        return _of_columns(path, columns, scale)
    if array.dtype.kind not in "biuf":
        raise RecordingError(f"'{path}': elements of type {array.dtype} are no numbers")
    if array.ndim not in (1, 2):
        raise RecordingError(
            f"'{path}': an array of shape {array.shape}; spikes and states have one or two axes"
        )
    if array.ndim == 2 and array.dtype.kind == "b":  # who spiked, a row a step
        steps, neurons = np.nonzero(array)
        unit, times = _in_unit(_steps(steps, scale), scale)
        return Spikes(path.stem, unit, _finite(path, times), neurons.astype(np.int64))
    if _is_spike_list(path, array):
        unit, times = _in_unit(_floats(path, array[:, 0]), scale)
        if array.dtype.kind == "f":
            unit, times = TimeUnit.MILLISECOND, _floats(path, array[:, 0])
        return Spikes(path.stem, unit, _finite(path, times), _neurons(path, array[:, 1]))
    values = _floats(path, array.reshape(len(array), -1))
    unit, times = _in_unit(_steps(np.arange(len(values)), scale), scale)
    labels = tuple(f"neuron {index}" for index in range(values.shape[1]))
    if array.ndim == 1:
        labels = (path.stem,)
    return States(path.stem, unit, times, np.arange(values.shape[1]), values, labels)


def _is_spike_list(path: Path, array: Column) -> bool:
    """Return whether the rows are (step, neuron), or (time in ms, neuron) by the file's name."""
    if array.ndim != 2 or array.shape[1] != 2:
        return False
    return array.dtype.kind in "iu" or any(word in path.stem.lower() for word in _SPIKE_WORDS)


def _of_columns(path: Path, columns: Mapping[str, Column], scale: TimeScale) -> Recording:
    time_name = next((name for name in columns if name in _TIMES), None)
    if time_name is None:
        known = ", ".join(_TIMES)
        found = ", ".join(columns)
        raise RecordingError(f"'{path}': none of the columns ({found}) is a time ({known})")
    unit, factor = _TIMES[time_name]
    times = _floats(path, columns[time_name]) * factor
    if unit is TimeUnit.STEP:
        unit, times = _in_unit(times, scale)
    times = _finite(path, times)
    neuron_name = next((name for name in columns if name in _NEURONS), None)
    if neuron_name is not None:
        return Spikes(path.stem, unit, times, _neurons(path, columns[neuron_name]))
    return _states(path, unit, times, {n: c for n, c in columns.items() if n != time_name})


def _states(path: Path, unit: TimeUnit, times: Floats, columns: Mapping[str, Column]) -> States:
    if not columns:
        raise RecordingError(f"'{path}' has times, but neither neurons nor states")
    values = np.stack([_floats(path, column) for column in columns.values()], axis=1)
    matches = [_NEURON_LABEL.fullmatch(name) for name in columns]
    numbers = [int(match[1]) if match else index for index, match in enumerate(matches)]
    labels = [
        f"neuron {match[1]}" if match else name
        for name, match in zip(columns, matches, strict=True)
    ]
    return States(path.stem, unit, times, np.array(numbers, np.int64), values, tuple(labels))


def _steps(rows: Integers, scale: TimeScale) -> Floats:
    return rows.astype(np.float64) * scale.every


def _in_unit(steps: Floats, scale: TimeScale) -> tuple[TimeUnit, Floats]:
    if scale.dt_ms is None:
        return TimeUnit.STEP, steps
    return TimeUnit.MILLISECOND, steps * scale.dt_ms


def _floats(path: Path, column: Column) -> Floats:
    if column.dtype.kind not in "biuf" or column.ndim > 2:
        raise RecordingError(f"'{path}': a column of type {column.dtype} has no numbers")
    return column.astype(np.float64)


def _finite(path: Path, times: Floats) -> Floats:
    if not np.isfinite(times).all():
        raise RecordingError(f"'{path}': a time is not a finite number")
    return times


def _neurons(path: Path, column: Column) -> Integers:
    numbers = _floats(path, column)
    if numbers.size and not (np.isfinite(numbers).all() and numbers.min() >= 0):
        raise RecordingError(f"'{path}': a neuron's number is negative or not finite")
    if numbers.size and (numbers.max() >= 2**62 or (numbers != np.floor(numbers)).any()):
        raise RecordingError(f"'{path}': a neuron's number is not a whole number below 2^62")
    return numbers.astype(np.int64)


def _csv_columns(path: Path) -> dict[str, Column]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            names = [name.strip().strip('"') for name in file.readline().split(",")]
            if names == [""]:
                raise RecordingError(f"'{path}' is empty; a line of names is needed")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that there are no rows
                rows = np.loadtxt(file, delimiter=",", ndmin=2, dtype=np.float64)
    except UnicodeDecodeError as error:
        raise RecordingError(f"'{path}' is no text") from error
    except ValueError as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise RecordingError(f"'{path}': {reason} (behind the line of names)") from error
    if rows.size == 0:
        rows = np.empty((0, len(names)))
    if len(set(names)) != len(names) or rows.shape[1] != len(names):
        raise RecordingError(
            f"'{path}': the first line has to name each of the {rows.shape[1]} columns once"
        )
    return {name: rows[:, index] for index, name in enumerate(names)}
