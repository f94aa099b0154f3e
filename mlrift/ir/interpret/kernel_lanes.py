"""Ops by which work items know of each other: shuffles, ballots, reductions, matrix fragments.

Items stand in rows of 32, the waves; `active` says which of them execute the op. What an item that
does not execute it would give counts as nothing.
"""

import numpy as np

from mlrift.ir.interpret.kernel_memory import Array
from mlrift.ir.ops.device import Reduction

LANES = 32
_TILE = 16
_TREE = (16, 8, 4, 2, 1)
_LEAST = {np.dtype(np.float32): -np.inf, np.dtype(np.float64): -np.inf}
_GREATEST = {np.dtype(np.float32): np.inf, np.dtype(np.float64): np.inf}


def neutral(reduction: Reduction, kind: "np.dtype[np.generic]") -> float | int:
    """Return what changes no result of a reduction."""
    if reduction is Reduction.SUM:
        return 0
    if reduction is Reduction.MAXIMUM:
        return _LEAST.get(kind, 0)
    return _GREATEST.get(kind, 0xFFFFFFFFFFFFFFFF)


def reduce_waves(reduction: Reduction, values: Array, active: Array) -> Array:
    """Return the combination over the lanes of each wave, in all of them: an xor tree."""
    rows = np.where(active, values, values.dtype.type(neutral(reduction, values.dtype)))
    rows = rows.reshape(-1, LANES)
    lanes = np.arange(LANES)
    for distance in _TREE:
        rows = _combine(reduction, rows, rows[:, lanes ^ distance])
    return rows.reshape(-1)


def reduce_groups(reduction: Reduction, values: Array, active: Array, padded: int) -> Array:
    """Return the combination over each group of `padded` items: of its waves, then of these."""
    waves = padded // LANES
    inside = reduce_waves(reduction, values, active).reshape(-1, waves, LANES)[:, :, 0]
    rows = np.full((len(inside), LANES), neutral(reduction, values.dtype), values.dtype)
    rows[:, :waves] = inside
    everywhere = np.ones(rows.size, np.bool_)
    found = reduce_waves(reduction, rows.reshape(-1), everywhere).reshape(-1, LANES)[:, 0]
    return np.repeat(found, padded)


def shuffle(values: Array, lanes: Array, active: Array) -> Array:
    """Return for each item the value of a lane of its wave; of one that is not here, zero."""
    shown = np.where(active, values, values.dtype.type(0)).reshape(-1, LANES)
    wanted = (lanes & np.uint64(LANES - 1)).astype(np.int64).reshape(-1, LANES)
    return np.take_along_axis(shown, wanted, axis=1).reshape(-1)


def ballot(condition: Array, active: Array) -> Array:
    """Return for each item the bits of the lanes whose condition holds."""
    rows = (condition & active).reshape(-1, LANES).astype(np.uint64)
    bits = (rows << np.arange(LANES, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    return np.repeat(bits, LANES)


def tile_addresses(address: int, stride_bytes: int, element_bytes: int) -> Array:
    """Return the addresses of a 16 x 16 tile by row."""
    rows = address + stride_bytes * np.arange(_TILE, dtype=np.uint64)[:, None]
    columns = element_bytes * np.arange(_TILE, dtype=np.uint64)[None, :]
    return (rows + columns).reshape(-1)


def _combine(reduction: Reduction, lhs: Array, rhs: Array) -> Array:
    match reduction:
        case Reduction.SUM:
            return lhs + rhs
        case Reduction.MAXIMUM:
            return np.fmax(lhs, rhs)
        case Reduction.MINIMUM:
            return np.fmin(lhs, rhs)
