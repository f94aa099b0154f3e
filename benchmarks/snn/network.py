"""The networks of the benchmark as arrays, for the peers: sizes in, targets and drives out.

Both networks have the same graph: cell i reaches K others, target k being number `i*K + k` of a
splitmix64 sequence modulo N, or the cell after i if that is i itself. The first 80 % excite.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEED = 0xDEADBEEF12345678
STEP_MS = 0.1
V_REST, V_RESET, V_THRESHOLD = -65.0, -70.0, -50.0
TAU_M_MS, TAU_E_MS, TAU_I_MS, TAU_TRACE_MS = 10.0, 10.0, 5.0, 20.0
RESTING_STEPS = 20

_CHUNK_SYNAPSES = 4_000_000


@dataclass(frozen=True, slots=True)
class Weights:
    """Initial weights from exciting (e) and inhibiting (i) cells, and the learning rule's."""

    ee: float
    ei: float
    ie: float
    potentiation: float = 0.0
    depression: float = 0.0
    most: float = 0.0


def lif_weights(fan_out: int) -> Weights:
    """Return the weights of the network that does not learn."""
    scale = 4.0 / fan_out
    return Weights(0.2 * scale, 0.3 * scale, 0.3 * scale)


def stdp_weights(fan_out: int) -> Weights:
    """Return the weights of the network that learns."""
    k = fan_out
    return Weights(2 / k, 3 / k, 3 / k, 0.06 / k, -0.063 / k, 6 / k)


def exciting_cells(cells: int) -> int:
    """Return how many cells excite: the first ones."""
    return cells * 8 // 10


def lif_drive(cells: int) -> NDArray[np.float64]:
    """Return the drive of each cell of the network that does not learn."""
    return 45.0 + np.arange(cells, dtype=np.float64) * (20.0 / cells)


def stdp_drive(cells: int) -> NDArray[np.float64]:
    """Return the drive of each cell of the network that learns."""
    return 16.0 + np.arange(cells, dtype=np.float64) * (4.0 / cells)


def targets(cells: int, fan_out: int) -> NDArray[np.int32]:
    """Return the targets of all cells, a row for each."""
    table = np.empty((cells, fan_out), np.int32)
    rows = max(1, _CHUNK_SYNAPSES // fan_out)
    for first in range(0, cells, rows):
        end = min(cells, first + rows)
        drawn = _splitmix64(first * fan_out, end * fan_out) % np.uint64(cells)
        block = drawn.astype(np.int64).reshape(end - first, fan_out)
        own = np.arange(first, end)[:, None]
        table[first:end] = np.where(block == own, (block + 1) % cells, block)
    return table


def _splitmix64(first: int, end: int) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        z = np.uint64(SEED) + np.arange(first, end, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
