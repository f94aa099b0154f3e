"""The order of a run: a `Graph` enters, a permutation leaves.

Loads go as early as their addresses allow, their users as late as useful work is left, everything
else keeps the order it had. Where the registers alive reach a limit, what frees registers goes
first.
"""

from heapq import heappop, heappush

from mlrift.backends.amdgcn.schedule.graph import Graph
from mlrift.values import record

_CHOICES = 12
"""How many of those that are ready are compared when registers are short."""


@record
class Pressure:
    """Registers of a file that are alive: `uses[unit]` is how often the run still reads a unit,
    `lasting` are those alive after it, `reads` and `writes` the counted units of each instruction.
    """

    reads: list[list[int]]
    writes: list[list[int]]
    uses: dict[int, int]
    lasting: set[int]
    alive: set[int]
    limit: int

    def change(self, index: int) -> int:
        """Return how many more units would be alive after an instruction."""
        change = 0
        for unit in self.writes[index]:
            if unit not in self.alive and (self.uses.get(unit) or unit in self.lasting):
                change += 1
        for unit in self.reads[index]:
            if self._dies(index, unit):
                change -= 1
        return change

    @property
    def is_high(self) -> bool:
        """Whether no more registers should become alive."""
        return len(self.alive) >= self.limit

    def _dies(self, index: int, unit: int) -> bool:
        if unit in self.lasting or unit not in self.alive or unit in self.writes[index]:
            return False
        return self.uses.get(unit, 0) == 1

    def take(self, index: int) -> None:
        """An instruction is placed."""
        for unit in self.reads[index]:
            left = self.uses.get(unit, 0) - 1
            self.uses[unit] = left
            if left <= 0 and unit not in self.lasting:
                self.alive.discard(unit)
        for unit in self.writes[index]:
            if self.uses.get(unit) or unit in self.lasting:
                self.alive.add(unit)


def order_run(graph: Graph, pressures: list[Pressure]) -> list[int]:
    """Return the positions of a run's instructions in their new order."""
    lister = _Lister(graph, pressures)
    order: list[int] = []
    while len(order) < len(graph.later):
        index = lister.choose()
        lister.place(index)
        order.append(index)
    return order


class _Lister:
    """The state of list scheduling; time is counted in instructions."""

    __slots__ = ("graph", "loads", "others", "pressures", "ready_at", "time", "urgent", "waiting")

    def __init__(self, graph: Graph, pressures: list[Pressure]) -> None:
        self.graph, self.pressures = graph, pressures
        self.waiting = list(graph.waiting)
        self.ready_at = [0] * len(graph.later)
        self.time = 0
        self.urgent = _leads_to_load(graph)
        self.loads: list[int] = []
        self.others: list[int] = []
        for index, count in enumerate(self.waiting):
            if not count:
                self._push(index)

    def choose(self) -> int:
        for pressure in self.pressures:
            if pressure.is_high:
                return self._least_pressure(pressure)
        for heap in (self.loads, self.others):
            index = self._first_without_stall(heap)
            if index >= 0:
                return index
        return self._earliest()

    def place(self, index: int) -> None:
        self.time = max(self.time + 1, self.ready_at[index] + 1)
        for pressure in self.pressures:
            pressure.take(index)
        arrival = self.time + self.graph.latency[index] - 1
        for later in self.graph.later[index]:
            self.ready_at[later] = max(self.ready_at[later], arrival)
            self.waiting[later] -= 1
            if not self.waiting[later]:
                self._push(later)

    def _push(self, index: int) -> None:
        heappush(self.loads if self.urgent[index] else self.others, index)

    def _first_without_stall(self, heap: list[int]) -> int:
        """Take the first in the old order whose operands are there."""
        stalled: list[int] = []
        found = -1
        while heap and len(stalled) < _CHOICES:
            index = heappop(heap)
            if self.ready_at[index] <= self.time:
                found = index
                break
            stalled.append(index)
        for index in stalled:
            heappush(heap, index)
        return found

    def _candidates(self) -> list[int]:
        return sorted([*self.loads[:_CHOICES], *self.others[:_CHOICES]])

    def _least_pressure(self, pressure: Pressure) -> int:
        best = min(self._candidates(), key=lambda row: (pressure.change(row), row))
        return self._remove(best)

    def _earliest(self) -> int:
        best = min(self._candidates(), key=lambda row: (self.ready_at[row], row))
        return self._remove(best)

    def _remove(self, index: int) -> int:
        for heap in (self.loads, self.others):
            if index in heap:
                heap.remove(index)
                heap.sort()
        return index


def _leads_to_load(graph: Graph) -> list[bool]:
    """Mark loads and what only computes their addresses, a few steps back."""
    count = len(graph.later)
    distance = [99] * count
    order = _topological(graph)
    for index in reversed(order):
        if graph.is_load[index]:
            distance[index] = 0
            continue
        nearest = min((distance[row] for row in graph.later[index]), default=99)
        distance[index] = nearest + 1
    return [row <= _ADDRESS_STEPS for row in distance]


_ADDRESS_STEPS = 3


def _topological(graph: Graph) -> list[int]:
    waiting = list(graph.waiting)
    stack = [index for index, row in enumerate(waiting) if not row]
    order = []
    while stack:
        index = stack.pop()
        order.append(index)
        for row in graph.later[index]:
            waiting[row] -= 1
            if not waiting[row]:
                stack.append(row)
    return order
