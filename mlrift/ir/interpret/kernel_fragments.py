"""Matrix fragments of interpreted kernels: one 16 x 16 tile of f32 for each wave.

Addresses and distances are those of the first item of a wave that is executing: they are the same
in all of them. Products are summed in double precision and rounded once.
"""

from collections.abc import Callable

import numpy as np

from mlrift.ir.interpret.kernel_lanes import LANES, tile_addresses
from mlrift.ir.interpret.kernel_memory import Array
from mlrift.ir.op import Op
from mlrift.ir.ops import device
from mlrift.ir.ops.device import FragmentRole
from mlrift.static_types import TYPE_CHECKING, Any
from mlrift.typesystem import F16, F32, I16

if TYPE_CHECKING:
    from mlrift.ir.interpret.kernel_steps import Chunk

Tiles = Array
_TILE = 16
_BF16_SHIFT = 16


def _waves(chunk: "Chunk") -> tuple[Array, Array]:
    """Return the waves that are executing and the position of their first items in `at`."""
    waves, firsts = np.unique(chunk.at // LANES, return_index=True)
    return waves, firsts


def _new(chunk: "Chunk") -> Tiles:
    return np.zeros((chunk.size // LANES, _TILE, _TILE), np.float32)


def _each(chunk: "Chunk", made: Any) -> list[tuple[int, Array, int]]:
    """Return wave, position and first address of each tile that an op accesses."""
    waves, firsts = _waves(chunk)
    addresses, strides = chunk.get(made.address), chunk.get(made.stride_bytes)
    size = 4 if isinstance(made, (device.FragmentLoadSum, device.FragmentStore)) else 2
    return [
        (int(wave), tile_addresses(addresses[first], strides[first], size), size)
        for wave, first in zip(waves, firsts, strict=True)
    ]


def _load(chunk: "Chunk", made: device.FragmentLoad) -> None:
    tiles = _new(chunk)
    for wave, addresses, _ in _each(chunk, made):
        raw = chunk.memory.load(addresses, I16, made.span)
        if made.element is F16:
            found = raw.view(np.float16).astype(np.float32)
        else:
            found = (raw.astype(np.uint32) << _BF16_SHIFT).view(np.float32)
        tile = found.reshape(_TILE, _TILE)
        tiles[wave] = tile.T if made.role is FragmentRole.B else tile
    chunk.tiles[made] = tiles


def _zero(chunk: "Chunk", made: Op) -> None:
    chunk.tiles[made] = _new(chunk)


def _product(chunk: "Chunk", made: device.FragmentProduct) -> None:
    wide = chunk.tiles[made.lhs].astype(np.float64) @ chunk.tiles[made.rhs].astype(np.float64)
    chunk.tiles[made] = (wide + chunk.tiles[made.addend]).astype(np.float32)


def _load_sum(chunk: "Chunk", made: device.FragmentLoadSum) -> None:
    tiles = _new(chunk)
    for wave, addresses, _ in _each(chunk, made):
        tiles[wave] = chunk.memory.load(addresses, F32, made.span).reshape(_TILE, _TILE)
    chunk.tiles[made] = tiles


def _store(chunk: "Chunk", made: device.FragmentStore) -> None:
    tiles = chunk.tiles[made.fragment]
    for wave, addresses, _ in _each(chunk, made):
        chunk.memory.store(addresses, tiles[wave].reshape(-1), F32, made.span)


FRAGMENT_RULES: dict[type[Op], Callable[["Chunk", Any], None]] = {
    device.FragmentLoad: _load,
    device.FragmentZero: _zero,
    device.FragmentProduct: _product,
    device.FragmentLoadSum: _load_sum,
    device.FragmentStore: _store,
}
