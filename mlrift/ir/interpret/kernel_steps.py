"""The machine of `kernels.py`: items with places in a kernel, and what each op does to them.

A kernel is cut into segments that end where items may have to wait. An item's place is the number
of its next segment; blocks are in an order in which only loops go back, so the earliest items are
those that others wait for.
"""

import numpy as np

from mlrift.ir.core import Block, Function, Successor, Value
from mlrift.ir.interpret.kernel_arithmetic import evaluate
from mlrift.ir.interpret.kernel_fragments import Tiles
from mlrift.ir.interpret.kernel_lanes import LANES
from mlrift.ir.interpret.kernel_memory import Array, KernelFault, KernelMemory
from mlrift.ir.interpret.kernel_rules import RULES
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops import device
from mlrift.ir.ops.arith import Sdiv, Srem, Udiv, Urem
from mlrift.static_types import Any

_LDS_LIMIT_BYTES = 65536
_WAITS = (device.GroupBarrier, device.GridBarrier)
_DIVISIONS = (Udiv, Sdiv, Urem, Srem)


class Launch:
    """The sizes of a launch. Groups are padded to whole waves."""

    def __init__(
        self, grid: tuple[int, int, int], group: tuple[int, int, int], memory: KernelMemory
    ) -> None:
        self.grid = grid
        self.group = group
        self.memory = memory
        self.items = group[0] * group[1] * group[2]
        self.padded = -(-self.items // LANES) * LANES


class Segments:
    """A kernel in pieces: `pieces` are lists of ops, `starts` the first piece of each block."""

    def __init__(self, kernel: Function) -> None:
        self.kernel = kernel
        self.pieces: list[list[Op]] = []
        self.starts: dict[Block, int] = {}
        self.lds_offsets: dict[int, int] = {}
        self.lds_bytes = 0
        for block in kernel.blocks:
            self.starts[block] = len(self.pieces)
            self.pieces.append([])
            for made in block.ops:
                self.pieces[-1].append(made)
                if isinstance(made, device.LdsArray):
                    self._place(made)
                if isinstance(made, _WAITS):
                    self.pieces.append([])

    def _place(self, made: device.LdsArray) -> None:
        if made.number not in self.lds_offsets:
            self.lds_offsets[made.number] = self.lds_bytes
            self.lds_bytes += -(-made.size_bytes // 16) * 16
            if self.lds_bytes > _LDS_LIMIT_BYTES:
                raise KernelFault(f"{self.lds_bytes} bytes of LDS in a group", made.span)


class Chunk:
    """Groups that run side by side, from number `first` on."""

    def __init__(
        self, segments: Segments, launch: Launch, words: list[Any], first: int, count: int
    ) -> None:
        self.segments = segments
        self.launch = launch
        self.memory = launch.memory
        self.size = count * launch.padded
        self.first = first
        self.numbers = np.arange(self.size)
        self.live = self.numbers % launch.padded < launch.items
        self.waiting = np.zeros(self.size, np.bool_)
        self.place = np.zeros(self.size, np.int64)
        self.values: dict[Value, Any] = {}
        self.tiles: dict[Value, Tiles] = {}
        self.lds = np.full((count, segments.lds_bytes), 0xA5, np.uint8)
        self.at: Array = self.numbers
        for parameter, word in zip(segments.kernel.parameters, words, strict=True):
            self.values[parameter] = np.full(self.size, word)

    # ------------------------------------------------------------------- values

    def get(self, operand: Value) -> Array:
        """Return an operand of the items that are executing."""
        found: Array = self.values[operand]
        return found[self.at]

    def everywhere(self, operand: Value) -> tuple[Array, Array]:
        """Return an operand of all items, and which of them are executing."""
        active = np.zeros(self.size, np.bool_)
        active[self.at] = True
        return self.values[operand], active

    def put(self, target: Value, found: Array) -> None:
        """Give a value to the items that are executing."""
        known = self.values.get(target)
        if known is None:
            shape = (self.size, *found.shape[1:])  # vectors have their lanes side by side
            known = self.values[target] = np.zeros(shape, found.dtype)
        known[self.at] = found

    def put_tiles(self, target: Value, tiles: Tiles) -> None:
        """Give a fragment to the waves that are executing."""
        old = self.tiles.get(target)
        waves = np.unique(self.at // LANES)
        kept = np.zeros_like(tiles) if old is None else old.copy()
        kept[waves] = tiles[waves]
        self.tiles[target] = kept

    # ------------------------------------------------------------------ control

    def go(self, edge: Successor, at: Array) -> None:
        """Send items along an edge."""
        if not len(at):
            return
        outer, self.at = self.at, at
        moved = [
            (parameter, None if argument in self.tiles else self.get(argument), argument)
            for parameter, argument in zip(edge.block.parameters, edge.arguments, strict=True)
        ]
        for parameter, found, argument in moved:
            if found is None:
                self.put_tiles(parameter, self.tiles[argument])
            else:
                self.put(parameter, found)
        self.place[at] = self.segments.starts[edge.block]
        self.at = outer


def run_chunk(chunk: Chunk) -> None:
    """Run groups to their ends."""
    pieces = chunk.segments.pieces
    while True:
        ready = chunk.live & ~chunk.waiting
        if not ready.any():
            if not chunk.live.any():
                return
            _release(chunk)
            continue
        earliest = int(chunk.place[ready].min())
        chunk.at = chunk.numbers[ready & (chunk.place == earliest)]
        chunk.place[chunk.at] = earliest + 1
        for made in pieces[earliest]:
            _execute(chunk, made)


def _release(chunk: Chunk) -> None:
    """Let the items go on that wait at a barrier; those of a group must wait at the same one."""
    padded = chunk.launch.padded
    for row in np.nonzero(chunk.live.reshape(-1, padded).any(axis=1))[0]:
        group = slice(row * padded, (row + 1) * padded)
        places = np.unique(chunk.place[group][chunk.live[group]])
        if len(places) > 1:
            barrier = chunk.segments.pieces[int(places[0]) - 1][-1]
            reason = "a barrier that some items of the group do not reach together with the others"
            raise KernelFault(reason, barrier.span)
    chunk.waiting[:] = False


def _execute(chunk: Chunk, made: Op) -> None:
    rule = RULES.get(type(made))
    if rule is not None:
        rule(chunk, made)
    elif made.EFFECT is Effect.PURE or isinstance(made, _DIVISIONS):
        chunk.put(made, evaluate(made, [chunk.get(row) for row in made.operands()]))
    else:
        raise KernelFault(f"`{made.MNEMONIC}` cannot be in a kernel", made.span)
