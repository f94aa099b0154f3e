"""The networks that are measured, what they must give, and how fast we mean to be.

Spikes and weights are those of MLRift 1.1, Brian2, GeNN and PyTorch, which agree in f64.
"""

from dataclasses import dataclass, replace
from enum import Enum


class Kind(Enum):
    """A model; the value is its name on command lines and of our program."""

    LIF = "lif"
    STDP = "stdp"


class Precision(Enum):
    """What the state consists of."""

    F64 = "f64"
    F32 = "f32"


@dataclass(frozen=True, slots=True)
class Workload:
    """A network and a length; `spikes` and `weight_ppm` are what it gives in f64, if known.

    The aims are how many times faster than Brian2 we mean to be on one thread.
    """

    kind: Kind
    cells: int
    fan_out: int
    steps: int
    spikes: int | None
    weight_ppm: int | None = None
    aim_f64: float | None = None
    aim_f32: float | None = None

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"{self.kind.value} N={self.cells:.0e} K={self.fan_out}".replace("e+0", "e")

    @property
    def neuron_steps(self) -> int:
        """How often a cell is advanced by a step."""
        return self.cells * self.steps

    def aim(self, precision: Precision) -> float | None:
        """Return the aim against Brian2."""
        return self.aim_f64 if precision is Precision.F64 else self.aim_f32

    def shortened(self) -> "Workload":
        """Return a part of the steps, for which no results are known but which have spikes."""
        return replace(self, steps=max(self.steps // 10, 150), spikes=None, weight_ppm=None)


WORKLOADS = (
    Workload(Kind.LIF, 100_000, 4, 2_000, 3_309_236, aim_f64=9.0, aim_f32=20.0),
    Workload(Kind.LIF, 100_000, 100, 1_000, 1_658_623, aim_f64=2.6, aim_f32=2.4),
    Workload(Kind.LIF, 1_000_000, 4, 500, 8_210_318, aim_f64=2.5, aim_f32=5.0),
    Workload(Kind.LIF, 1_000_000, 100, 200, 3_282_902, aim_f64=2.6, aim_f32=3.0),
    Workload(Kind.STDP, 10_000, 100, 2_000, 91_927, 12_677_349_220, aim_f64=2.3),
    Workload(Kind.STDP, 100_000, 100, 500, 207_785, 127_834_566_340, aim_f64=2.3),
)
# Our time in units of the best hand-written C's, and one thread's in units of two threads'.
LARGEST_RATIO_TO_C = 1.05
SMALLEST_SPEED_UP = 1.6
MANY_CELLS = 1_000_000
# How far spikes in f32 may be from those in f64, and sums of weights from each other.
SPIKE_TOLERANCE_F32 = 0.01
WEIGHT_TOLERANCE = 1e-9
