"""Which values may differ between the items of a wave, or of a workgroup, that run side by side.

A value is *divergent* when it is made of one that is (an item's own number, what an atomic gave),
or when it depends on the way control came: a parameter of a block where the ways from a divergent
branch meet, and, as items leave such a loop in different iterations, everything that leaves a loop
by its exits when one of them is divergent. All others are *uniform*: where several items execute
the op together, they get the same value.

The function has the form of `passes/device_shape.py`.
"""

from enum import Enum, unique
from heapq import heapify, heappop, heappush

from mlrift.ir.analysis.block_order import innermost_loops, loop_order, surrounding_loops
from mlrift.ir.analysis.control_flow import incoming_edges
from mlrift.ir.analysis.loops import Loop, natural_loops
from mlrift.ir.analysis.uses import users
from mlrift.ir.core import Block, Function, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.atomic import AtomicCompareExchange, AtomicUpdate
from mlrift.ir.ops.control import Branch
from mlrift.ir.ops.device import (
    AtomicAdd,
    AtomicExchangeIf,
    Ballot,
    FragmentLoad,
    FragmentLoadSum,
    FragmentProduct,
    FragmentZero,
    GroupReduce,
    Lane,
    LdsAdd,
    LocalId,
    Shuffle,
    WaveReduce,
)
from mlrift.ir.ops.memory import Fresh, Stack


@unique
class Together(Enum):
    """Whose items are compared."""

    WAVE = "wave"
    GROUP = "group"


_OWN: frozenset[type[Op]] = frozenset(
    {
        AtomicAdd,
        AtomicCompareExchange,
        AtomicExchangeIf,
        AtomicUpdate,
        FragmentLoad,
        FragmentLoadSum,
        FragmentProduct,
        FragmentZero,
        Fresh,
        Lane,
        LdsAdd,
        LocalId,
        Stack,
    }
)
_OF_THE_WAVE: frozenset[type[Op]] = frozenset({Ballot, WaveReduce})
_SHARED: dict[Together, frozenset[type[Op]]] = {
    Together.WAVE: _OF_THE_WAVE | {GroupReduce},
    Together.GROUP: frozenset({GroupReduce}),
}
_SOURCES: dict[Together, frozenset[type[Op]]] = {
    Together.WAVE: _OWN,
    Together.GROUP: _OWN | _OF_THE_WAVE | {Shuffle},
}


class Divergence:
    """The answer for one function: `values` and the blocks whose `branches` are divergent."""

    def __init__(self, function: Function, together: Together = Together.WAVE) -> None:
        self.values: set[Value] = set()
        self.branches: set[Block] = set()
        self._shared = _SHARED[together]
        self._shuffle_is_shared = together is Together.WAVE
        self._blocks = loop_order(function)
        self._order = {block: number for number, block in enumerate(self._blocks)}
        self._incoming = incoming_edges(self._blocks)
        loops = natural_loops(function)
        self._innermost = innermost_loops(loops)
        self._around = surrounding_loops(loops)
        self._left: set[Block] = set()
        self._users = users(function)
        self._homes: dict[Value, Block] = {
            made: block for block in self._blocks for made in (*block.parameters, *block.ops)
        }
        self._work: list[Value] = []
        sources = _SOURCES[together]
        for made in function.ops():
            if type(made) in sources:
                self._mark(made)
        self._run()

    def is_divergent(self, value: Value) -> bool:
        """Whether items may have different values."""
        return value in self.values

    def _mark(self, value: Value) -> None:
        if value not in self.values:
            self.values.add(value)
            self._work.append(value)

    def _run(self) -> None:
        while self._work:
            value = self._work.pop()
            for user in self._users.get(value, ()):
                if user.IS_TERMINATOR:
                    self._pass_on(user, value)
                elif type(user) not in self._shared and not self._is_broadcast(user):
                    self._mark(user)

    def _is_broadcast(self, user: Op) -> bool:
        return (
            self._shuffle_is_shared and isinstance(user, Shuffle) and user.lane not in self.values
        )

    def _pass_on(self, user: Op, value: Value) -> None:
        for edge in user.successors():
            for parameter, argument in zip(edge.block.parameters, edge.arguments, strict=True):
                if argument is value:
                    self._mark(parameter)
        if isinstance(user, Branch) and user.condition is value:
            block = self._homes[user]
            if block not in self.branches:
                self.branches.add(block)
                self._split(block, [edge.block for edge in user.successors()])

    def _split(self, block: Block, targets: list[Block]) -> None:
        """Note what items that take different ways from a block do to values."""
        loop = self._innermost.get(block)
        while not self._follow(targets, loop):
            if loop is None or loop.header in self._left:
                return
            self._left.add(loop.header)
            targets = self._leave(loop)
            loop = self._around.get(loop.header)

    def _follow(self, targets: list[Block], loop: Loop | None) -> bool:
        """Follow the ways from targets forwards, within a loop; whether all meet in one block.

        Parameters of blocks where two ways meet are marked.
        """
        arriving: dict[Block, set[Block]] = {row: {row} for row in targets}
        pending = [self._order[row] for row in arriving]
        heapify(pending)
        all_stay = loop is None or all(row in loop.blocks for row in targets)
        while pending:
            block = self._blocks[heappop(pending)]
            labels = arriving[block]
            if len(labels) > 1:
                self._join(block)
            if not pending and all_stay:
                return True
            label = block if len(labels) > 1 else next(iter(labels))
            for edge in block.successors():
                target = edge.block
                if loop is not None and (target is loop.header or target not in loop.blocks):
                    all_stay = False
                elif self._order[target] > self._order[block]:
                    if target not in arriving:
                        arriving[target] = set()
                        heappush(pending, self._order[target])
                    arriving[target].add(label)
        return False

    def _join(self, block: Block) -> None:
        for position, parameter in enumerate(block.parameters):
            found = {edge.arguments[position] for _, edge in self._incoming[block]}
            if len(found) > 1:
                self._mark(parameter)

    def _leave(self, loop: Loop) -> list[Block]:
        """Mark what leaves a loop if the loop makes it; return the blocks that are entered."""
        exits: list[Block] = []
        for block in sorted(loop.blocks, key=lambda row: self._order[row]):
            for edge in block.successors():
                if edge.block in loop.blocks:
                    continue
                exits.append(edge.block)
                for parameter, argument in zip(edge.block.parameters, edge.arguments, strict=True):
                    if self._homes[argument] in loop.blocks:
                        self._mark(parameter)
        return exits
