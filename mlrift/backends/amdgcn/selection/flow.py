"""Where a wave goes: how the blocks of lanes' control flow become blocks under EXEC masks.

Blocks are laid out so that only back edges of loops lead upwards. A wave runs through them in that
order. Lanes that want to go on at a block further down than the next one are *pending* there. The
plan says of every block how its EXEC is made, and of every branch where the wave goes on.

- A branch with a uniform condition is a branch of the wave.
- The lanes of a block are known without a mask of their own where all lanes of an earlier one are
  back together (`Entry.RESTORE`; `home` saved EXEC), and for the second side of a divergent branch
  (`Entry.REST`). Elsewhere the lanes that come are collected in the block's mask.
- A wave without a lane for a block skips it (`skip`): no block runs with an empty EXEC, unless it
  is so short that selection leaves the skip out.

The way to that is found by running an abstract wave over the blocks until nothing changes. A block
that does nothing but jump on from a branch is *elided*: its copies happen before the branch.
"""

from enum import Enum, unique

from mlrift.ir.analysis.block_order import innermost_loops, loop_order
from mlrift.ir.analysis.control_flow import predecessors
from mlrift.ir.analysis.dominance import Dominators
from mlrift.ir.analysis.loops import Loop, natural_loops
from mlrift.ir.analysis.uses import count_uses
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.ops.control import Branch, Jump, Return
from mlrift.ir.ops.debug import DebugValue
from mlrift.values import field, record


@unique
class Entry(Enum):
    """How EXEC becomes that of a block."""

    KEEP = "it is"
    NOTHING = "it does not matter: the wave ends"
    RESTORE = "as it was at the end of the home block"
    REST = "the lanes of the home block that did not take the other side"
    ADD = "the lanes here and those in the mask"
    TAKE = "those in the mask"


@unique
class Arrival(Enum):
    """What EXEC has when a wave comes to a block."""

    DIRECT = "lanes of the block"
    EMPTY = "no lane"
    STALE = "lanes that go on elsewhere"


@record
class Edge:
    """A way out of a block: where its lanes go on and where the wave goes on.

    `copies` are the parameters that get a value on it, those of elided blocks seen through.
    """

    target: Block
    copies: list[tuple[BlockParameter, Value]]
    next: Block


@record
class BlockPlan:
    """What is known of a block. `home` is of RESTORE and REST; `takes_true` of REST.

    `mask_home` is where the mask is made empty, and the parameters' registers get their lives.
    """

    entry: Entry = Entry.KEEP
    home: Block | None = None
    takes_true: bool = False
    skip: Block | None = None
    mask_home: Block | None = None
    is_linear: bool = False
    """Lanes may come to it at different times."""
    saves: bool = False
    """EXEC at its end is wanted later."""
    edges: list[Edge] = field(default_factory=list)


_State = set[Block]


class FlowPlan:
    """The plan of one function: `order` is the layout, without elided blocks."""

    def __init__(self, function: Function, divergent_branches: set[Block]) -> None:
        self.layout = loop_order(function)
        self.divergent = divergent_branches
        self.position = {block: number for number, block in enumerate(self.layout)}
        self.dominators = Dominators(function)
        loops = natural_loops(function, self.dominators)
        self.loops = loops
        self.innermost = innermost_loops(loops)
        self.depth = {block: sum(block in loop.blocks for loop in loops) for block in self.layout}
        self.before = predecessors(self.layout)
        self._uses = count_uses(function)
        self._exits = {loop.header: _exit_count(loop) for loop in loops}
        self.elided: set[Block] = set()
        self._elide()
        self.order = [block for block in self.layout if block not in self.elided]
        self.plans = {block: BlockPlan(edges=self._edges(block)) for block in self.order}
        self._homes: dict[Block, Block] = {}
        self._find_homes()
        self._pending: dict[Block, _State] = {}
        self._arrivals: dict[Block, set[Arrival]] = {}
        self._doubtful: set[Block] = set()
        self._was_pending: set[Block] = set()
        self._simulate()
        self._decide()

    def is_divergent(self, block: Block) -> bool:
        """Whether the block ends in a branch that lanes may take differently."""
        return block in self.divergent and isinstance(block.ops[-1], Branch)

    # elided blocks

    def _elide(self) -> None:
        headers = {loop.header for loop in self.loops}
        for block in self.layout[1:]:
            end = block.ops[-1]
            if not isinstance(end, Jump) or end.target.block in headers:
                continue
            if all(isinstance(row, DebugValue) for row in block.ops[:-1]) and self._may_go(
                block, end.target
            ):
                self.elided.add(block)

    def _may_go(self, block: Block, onwards: Successor) -> bool:
        if len(self.before[block]) != 1 or len(self.before[onwards.block]) < 2:
            return False
        source = self.before[block][0]
        end = source.ops[-1]
        if not isinstance(end, Branch) or source in self.elided:
            return False
        other = end.if_false if end.if_true.block is block else end.if_true
        if other.block in self.elided and _only_target(other.block) is onwards.block:
            return False
        own = sum(value in block.parameters for value in onwards.arguments)
        if any(self._uses.get(row, 0) > own for row in block.parameters if own):
            return False
        if own and sum(self._uses.get(row, 0) for row in block.parameters) != own:
            return False
        if not own and any(self._uses.get(row, 0) for row in block.parameters):
            return False
        return self._is_cheap_there(block, source, onwards)

    def _is_cheap_there(self, block: Block, source: Block, onwards: Successor) -> bool:
        """Whether copies may happen in the source although control may go another way."""
        if not any(self._uses.get(row, 0) for row in onwards.block.parameters):
            return True
        inside = self.innermost.get(source)
        if inside is None or block in inside.blocks:
            return True
        return self.is_divergent(source) and self._exits[inside.header] > 1

    def _edges(self, block: Block) -> list[Edge]:
        found = []
        for way in block.successors():
            copies = list(zip(way.block.parameters, way.arguments, strict=True))
            target = way.block
            if target in self.elided:
                values: dict[Value, Value] = dict(copies)
                onwards = target.successors()[0]
                target = onwards.block
                copies = [
                    (row, values.get(value, value))
                    for row, value in zip(target.parameters, onwards.arguments, strict=True)
                ]
            wanted = [(row, value) for row, value in copies if self._uses.get(row, 0)]
            found.append(Edge(target, wanted, target))
        return found

    # where all lanes are together again

    def _find_homes(self) -> None:
        for block in self.order:
            if self.is_divergent(block):
                targets = [edge.target for edge in self.plans[block].edges]
                self._set_home(block, self._meet(targets, self.innermost.get(block)))
        for loop in self.loops:
            outside = [row for row in self.before[loop.header] if row not in loop.blocks]
            exits = self._exit_targets(loop)
            if exits and len(outside) == 1:
                inside = self.innermost.get(outside[0])
                self._set_home(outside[0], self._meet(exits, inside))

    def _exit_targets(self, loop: Loop) -> list[Block]:
        return [
            edge.target
            for block in self.order
            if block in loop.blocks
            for edge in self.plans[block].edges
            if edge.target not in loop.blocks
        ]

    def _set_home(self, block: Block, meeting: Block | None) -> None:
        if meeting is None or meeting in self._homes:
            return
        if self.dominators.dominates(block, meeting) and not _only_returns(meeting):
            self._homes[meeting] = block

    def _meet(self, starts: list[Block], loop: Loop | None) -> Block | None:
        """Return the first block that all lanes come to, or None when some leave before."""
        frontier = set(starts)
        if loop is not None and any(
            row is loop.header or row not in loop.blocks for row in frontier
        ):
            return None
        while len(frontier) > 1:
            block = min(frontier, key=self.position.__getitem__)
            frontier.remove(block)
            if not self.plans[block].edges:
                return None
            for edge in self.plans[block].edges:
                target = edge.target
                if loop is not None and (target is loop.header or target not in loop.blocks):
                    return None
                if self.position[target] > self.position[block]:
                    frontier.add(target)
        return next(iter(frontier))

    # the abstract wave

    def _simulate(self) -> None:
        changed = True
        self._pending[self.order[0]] = set()
        while changed:
            self._arrivals = {block: set() for block in self.order}
            before = {block: len(row) for block, row in self._pending.items()}
            for block in self.order:
                if block in self._pending:
                    self._leave(block)
            changed = before != {block: len(row) for block, row in self._pending.items()}

    def _leave(self, block: Block) -> None:
        pending = self._pending[block]
        plan = self.plans[block]
        if block in self._doubtful and pending and not _only_returns(block):
            plan.skip = self._first(pending)
            self._arrive(plan.skip, Arrival.EMPTY, pending - {plan.skip}, pending)
        if self.is_divergent(block) and plan.edges[0].target is not plan.edges[1].target:
            targets = {edge.target for edge in plan.edges}
            following = self._first(pending | targets)
            for edge in plan.edges:
                edge.next = following
            kind = Arrival.DIRECT if following in targets else Arrival.STALE
            if following not in self._homes:
                self._doubtful.add(following)
            self._arrive(following, kind, (pending | targets) - {following}, pending)
            return
        for edge in plan.edges:
            self._move(block, edge, pending)

    def _move(self, block: Block, edge: Edge, pending: _State) -> None:
        target = edge.target
        if self.position[target] <= self.position[block]:
            edge.next = target
            self._arrive(target, Arrival.DIRECT, pending, set())
            return
        edge.next = self._first(pending | {target})
        kind = Arrival.DIRECT if edge.next is target else Arrival.STALE
        self._arrive(edge.next, kind, (pending | {target}) - {edge.next}, pending)

    def _arrive(self, block: Block, kind: Arrival, pending: _State, before: _State) -> None:
        self._arrivals[block].add(kind)
        if block in before:
            self._was_pending.add(block)
            if block not in self._homes:
                self._doubtful.add(block)
        self._pending.setdefault(block, set()).update(pending)

    def _first(self, blocks: _State) -> Block:
        return min(blocks, key=self.position.__getitem__)

    # what follows from it

    def _decide(self) -> None:
        for block in self.order:
            plan = self.plans[block]
            arrivals = self._arrivals[block]
            plan.mask_home = self._mask_home(block)
            plan.is_linear = block in self._was_pending or bool(arrivals - {Arrival.DIRECT})
            if _only_returns(block):
                plan.entry = Entry.NOTHING
            elif not plan.is_linear:
                plan.entry = Entry.KEEP
            elif block in self._homes:
                plan.entry, plan.home = Entry.RESTORE, self._homes[block]
            elif self._is_side(block):
                plan.entry, plan.home = Entry.REST, self.before[block][0]
                plan.takes_true = self.plans[plan.home].edges[0].target is block
            else:
                plan.entry = Entry.TAKE if Arrival.STALE in arrivals else Entry.ADD
            if plan.home is not None:
                self.plans[plan.home].saves = True

    def _is_side(self, block: Block) -> bool:
        """Whether a block is one side of a divergent branch and in the same loop."""
        if len(self.before[block]) != 1:
            return False
        source = self.before[block][0]
        if source in self.elided or not self.is_divergent(source):
            return False
        return self.innermost.get(source) is self.innermost.get(block)

    def _mask_home(self, block: Block) -> Block | None:
        """Return where all lanes for a block have to pass, outside of loops that it is not in."""
        home = self.dominators.parent(block)
        for loop in self.loops:
            if home is not None and home in loop.blocks and block not in loop.blocks:
                home = self.dominators.parent(loop.header)
                break
        while home is not None and home in self.elided:
            home = self.dominators.parent(home)
        return home


def _only_returns(block: Block) -> bool:
    return isinstance(block.ops[0], Return)


def _only_target(block: Block) -> Block:
    return block.successors()[0].block


def _exit_count(loop: Loop) -> int:
    return sum(
        edge.block not in loop.blocks for block in loop.blocks for edge in block.successors()
    )
