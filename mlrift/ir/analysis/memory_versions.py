"""What the memory is when an op runs: two ops with one *version* see the same contents.

A version is the op that wrote last, or the block where ways with several versions meet. There are
versions for each *space*: memory of the device (private storage included) and LDS. Barriers,
and fences make new versions of both. Nothing is known of aliases here: any
store makes a new version of its space.
"""

from enum import Enum, unique

from mlrift.ir.analysis.control_flow import incoming_edges, reverse_postorder
from mlrift.ir.core import Block, Function
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.device import (
    AssumeGroupSize,
    AtomicAdd,
    AtomicExchangeIf,
    Ballot,
    GroupReduce,
    LdsAdd,
    LdsLoad,
    LdsStore,
    Shuffle,
    ShuffleXor,
    WaveReduce,
)

Version = Op | Block


@unique
class Space(Enum):
    """A memory that no address of the other one reaches."""

    DEVICE = "device"
    LDS = "lds"


_LDS_ONLY: frozenset[type[Op]] = frozenset({LdsStore, LdsAdd})
_NO_MEMORY: frozenset[type[Op]] = frozenset(
    {AssumeGroupSize, Ballot, Shuffle, ShuffleXor, WaveReduce}
)
_RELAXED: frozenset[type[Op]] = frozenset({AtomicAdd, AtomicExchangeIf})
_BOTH = frozenset(Space)
_DEVICE_ONLY = frozenset({Space.DEVICE})
_LDS = frozenset({Space.LDS})
_NONE: frozenset[Space] = frozenset()


def changed_spaces(made: Op) -> frozenset[Space]:
    """Return the memories that may be different after an op."""
    effect = made.EFFECT
    if effect is not Effect.WRITE and effect is not Effect.ANY:
        return _NONE
    kind = type(made)
    if kind in _NO_MEMORY:
        return _NONE
    if kind in _LDS_ONLY or kind is GroupReduce:
        return _LDS
    return _DEVICE_ONLY if effect is Effect.WRITE or kind in _RELAXED else _BOTH


def read_space(made: Op) -> Space:
    """Return the memory that an op with the effect READ reads."""
    return Space.LDS if type(made) is LdsLoad else Space.DEVICE


class MemoryVersions:
    """Versions of a memory where blocks begin and end."""

    def __init__(self, function: Function, space: Space) -> None:
        self._space = space
        order = reverse_postorder(function)
        incoming = incoming_edges(order)
        last = {block: _last_change(block, space) for block in order}
        self._at_start: dict[Block, Version] = {order[0]: order[0]}
        at_end: dict[Block, Version] = {}
        changed = True
        while changed:
            changed = False
            for block in order:
                if block is not order[0]:
                    before = self._at_start.get(block)
                    found = self._meet(block, [row for row, _ in incoming[block]], at_end)
                    if found is not before and before is not block:
                        self._at_start[block] = found
                        changed = True
                at_end[block] = last[block] or self._at_start[block]
        self._at_end = at_end

    def at_start(self, block: Block) -> Version:
        """Return the version where a block begins."""
        return self._at_start[block]

    def at_end(self, block: Block) -> Version:
        """Return the version where a block ends."""
        return self._at_end[block]

    def _meet(self, block: Block, sources: list[Block], at_end: dict[Block, Version]) -> Version:
        versions = {at_end[row] for row in sources if row in at_end}
        return versions.pop() if len(versions) == 1 else block


def _last_change(block: Block, space: Space) -> Op | None:
    for made in reversed(block.ops):
        if space in changed_spaces(made):
            return made
    return None
