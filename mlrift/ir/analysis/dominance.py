"""Which block is on every way to another (Cooper, Harvey, Kennedy: a simple, fast algorithm)."""

from mlrift.ir.analysis.control_flow import predecessors, reverse_postorder
from mlrift.ir.core import Block, Function


class Dominators:
    """The dominator tree of the reachable blocks; `order` is their reverse postorder."""

    __slots__ = ("_begin", "_end", "_parent", "order")

    def __init__(self, function: Function) -> None:
        self.order = reverse_postorder(function)
        parents = _immediate_dominators(self.order)
        self._parent = {
            block: self.order[parents[number]] for number, block in enumerate(self.order)
        }
        self._begin: dict[Block, int] = {}
        self._end: dict[Block, int] = {}
        self._number_tree(parents)

    def is_reachable(self, block: Block) -> bool:
        """Whether control can get to the block."""
        return block in self._begin

    def parent(self, block: Block) -> Block | None:
        """Return the immediate dominator; the entry has none."""
        found = self._parent[block]
        return None if found is block else found

    def dominates(self, upper: Block, lower: Block) -> bool:
        """Whether every way to `lower` leads through `upper` (a block dominates itself)."""
        begin = self._begin
        return begin[upper] <= begin[lower] and self._end[lower] <= self._end[upper]

    def _number_tree(self, parents: list[int]) -> None:
        """Give every block the interval that holds the numbers of what it dominates."""
        children: list[list[int]] = [[] for _ in self.order]
        for number in range(1, len(parents)):
            children[parents[number]].append(number)
        clock = 0
        stack = [0]
        while stack:
            number = stack.pop()
            if number < 0:
                self._end[self.order[~number]] = clock
                continue
            self._begin[self.order[number]] = clock
            clock += 1
            stack.append(~number)
            stack.extend(children[number])


def _immediate_dominators(order: list[Block]) -> list[int]:
    """Return for every block's number in the order the number of its immediate dominator."""
    numbers = {block: number for number, block in enumerate(order)}
    before = predecessors(order)
    entering = [[numbers[block] for block in before[target]] for target in order]
    parents = [-1] * len(order)
    parents[0] = 0
    changed = True
    while changed:
        changed = False
        for number in range(1, len(order)):
            best = -1
            for other in entering[number]:
                if parents[other] >= 0:
                    best = other if best < 0 else _meet(parents, best, other)
            if parents[number] != best:
                parents[number] = best
                changed = True
    return parents


def _meet(parents: list[int], one: int, other: int) -> int:
    while one != other:
        if one > other:
            one = parents[one]
        else:
            other = parents[other]
    return one
