"""What was recorded, as arrays: spikes or states over time.

The arrays of a recording are of equal length along time; times and spikes are finite.
"""

from dataclasses import dataclass, replace
from enum import Enum, unique

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class RecordingError(Exception):
    """A file that cannot be drawn; the message says which, why and what to do."""


@unique
class TimeUnit(Enum):
    """What times count."""

    STEP = "steps"
    MILLISECOND = "ms"


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from `start` up to, but without, `end`; None is no limit."""

    start: float | None = None
    end: float | None = None

    def holds(self, numbers: Floats | Integers) -> npt.NDArray[np.bool_]:
        """Return which numbers lie in it."""
        inside = np.ones(numbers.shape, dtype=np.bool_)
        if self.start is not None:
            inside &= numbers >= self.start
        if self.end is not None:
            inside &= numbers < self.end
        return inside


EVERYTHING = Span()


@dataclass(frozen=True, slots=True)
class Spikes:
    """Which neuron spiked when; in no particular order."""

    name: str
    unit: TimeUnit
    times: Floats
    neurons: Integers

    def within(self, neurons: Span, times: Span) -> "Spikes":
        """Return the spikes of some neurons in a span of time."""
        kept = neurons.holds(self.neurons) & times.holds(self.times)
        return replace(self, times=self.times[kept], neurons=self.neurons[kept])


@dataclass(frozen=True, slots=True)
class States:
    """Values of neurons, a row of `values` for each time; `neurons` are the columns' numbers."""

    name: str
    unit: TimeUnit
    times: Floats
    neurons: Integers
    values: Floats
    labels: tuple[str, ...]

    def within(self, neurons: Span, times: Span) -> "States":
        """Return the states of some neurons in a span of time."""
        rows, columns = times.holds(self.times), neurons.holds(self.neurons)
        labels = tuple(np.array(self.labels, dtype=object)[columns])
        return replace(
            self,
            times=self.times[rows],
            neurons=self.neurons[columns],
            values=self.values[rows][:, columns],
            labels=labels,
        )


Recording = Spikes | States
