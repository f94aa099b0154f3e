"""Which instructions of a run must stay behind which: a run of instructions enters, edges leave.

Edges are for registers (read after write, write after read, write after write), for memory that may
be the same, and one kind that nothing demands: who reads the old value of a variable of a loop
comes before who computes the new one, so that both can have one register and need no copy.
"""

from mlrift.backends.amdgcn.allocation.groups import copies_of
from mlrift.backends.amdgcn.allocation.units import CONDITION_UNIT, InstructionUnits, Units
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Unit
from mlrift.backends.amdgcn.mir import MachineInstruction, MemoryAccess, Pseudo
from mlrift.backends.amdgcn.operations import facts_of
from mlrift.values import record

LATENCIES = {
    Unit.GLOBAL: 120,
    Unit.FLAT: 120,
    Unit.SCRATCH: 100,
    Unit.BUFFER: 120,
    Unit.SMEM: 40,
    Unit.LDS: 30,
    Unit.MATRIX: 16,
    Unit.TRANSCENDENTAL: 6,
}
"""Instructions that may be issued until a result is there, roughly; 1 for the others."""

_COPIES = frozenset({Pseudo.COPY, Pseudo.PARALLEL_COPY})


@record
class Graph:
    """A run. `later[i]` has who depends on i, `waiting[i]` how many i depends on; `latency[i]` the
    instructions until its result is there, `is_load[i]` whether it reads memory into a register.
    """

    later: list[list[int]]
    waiting: list[int]
    latency: list[int]
    is_load: list[bool]


def build_graph(
    run: list[MachineInstruction],
    accesses: list[InstructionUnits],
    units: Units,
    generation: Generation,
    scc_is_read_after: bool,
) -> Graph:
    """Return the edges of a run of instructions."""
    count = len(run)
    facts = [facts_of(row.operation, generation) for row in run]
    is_load = [
        row.loads and bool(access.writes) for row, access in zip(facts, accesses, strict=True)
    ]
    latency = [LATENCIES.get(row.unit, 1) if row.unit is not None else 1 for row in facts]
    builder = _Builder(count)
    builder.registers(accesses)
    builder.condition(accesses, scc_is_read_after)
    builder.memory(run, [row.loads or row.stores for row in facts], is_load)
    builder.loop_variables(run, accesses, units)
    waiting = [0] * count
    for row in builder.later:
        for target in row:
            waiting[target] += 1
    return Graph([sorted(row) for row in builder.later], waiting, latency, is_load)


class _Builder:
    """Edges so far."""

    __slots__ = ("later",)

    def __init__(self, count: int) -> None:
        self.later: list[set[int]] = [set() for _ in range(count)]

    def registers(self, accesses: list[InstructionUnits]) -> None:
        writer: dict[int, int] = {}
        readers: dict[int, list[int]] = {}
        later = self.later
        for index, row in enumerate(accesses):
            for unit in row.reads:
                if unit == CONDITION_UNIT:
                    continue
                known = writer.get(unit)
                if known is not None:
                    later[known].add(index)
                readers.setdefault(unit, []).append(index)
            for unit in row.writes:
                if unit == CONDITION_UNIT:
                    continue
                known = writer.get(unit)
                if known is not None and known != index:
                    later[known].add(index)
                for reader in readers.pop(unit, ()):
                    if reader != index:
                        later[reader].add(index)
                writer[unit] = index

    def condition(self, accesses: list[InstructionUnits], is_read_after: bool) -> None:
        """SCC: nothing is written between a value that is read and its readers; what nobody reads
        stays between the same two such values, in any order.
        """
        members: list[int] = []
        unread: list[int] = []
        values = _condition_values(accesses)
        for position, (writer, readers) in enumerate(values):
            is_live = bool(readers) or (is_read_after and position == len(values) - 1)
            if writer >= 0:
                self._behind(members, writer)
            if not is_live:
                unread.append(writer)
                continue
            if writer >= 0:
                self._behind(unread, writer)
                for reader in readers:
                    self._behind([writer], reader)
            unread = []
            members = [*readers, *([writer] if writer >= 0 else [])]

    def _behind(self, sources: list[int], target: int) -> None:
        for source in sources:
            if source != target:
                self.later[source].add(target)

    def memory(
        self, run: list[MachineInstruction], touches: list[bool], is_load: list[bool]
    ) -> None:
        loads: list[tuple[int, MemoryAccess | None]] = []
        stores: list[tuple[int, MemoryAccess | None]] = []
        for index, row in enumerate(run):
            if not touches[index]:
                continue
            access = row.memory
            is_ordered = access is None or access.ordered
            only_reads = is_load[index] and not is_ordered
            for earlier, other in stores:
                if _may_meet(other, access):
                    self.later[earlier].add(index)
            if not only_reads:
                for earlier, other in loads:
                    if _may_meet(other, access):
                        self.later[earlier].add(index)
            (loads if only_reads else stores).append((index, access))

    def loop_variables(
        self, run: list[MachineInstruction], accesses: list[InstructionUnits], units: Units
    ) -> None:
        writers: dict[int, int] = {}
        readers: dict[int, list[int]] = {}
        for index, row in enumerate(accesses):
            if run[index].operation in _COPIES:
                self._order_loop_copies(run[index], writers, readers, units)
            for unit in row.reads:
                readers.setdefault(unit, []).append(index)
            for unit in row.writes:
                writers[unit] = index

    def _order_loop_copies(
        self,
        copy: MachineInstruction,
        writers: dict[int, int],
        readers: dict[int, list[int]],
        units: Units,
    ) -> None:
        for target, source in copies_of(copy):
            sources, targets = units.of(source), units.of(target)
            if len(sources) != len(targets) or not targets:
                continue
            for old, new in zip(targets, sources, strict=True):
                writer = writers.get(new)
                if writer is None or old in writers:
                    continue
                found = [row for row in readers.get(old, ()) if row != writer]
                late = [row for row in found if writer not in self.later[row]]
                reached = self._reached(writer, max(late, default=-1))
                for reader in late:
                    if reader not in reached:
                        self.later[reader].add(writer)

    def _reached(self, start: int, limit: int) -> set[int]:
        """Return what depends on an instruction; nothing when nobody asks (`limit` negative)."""
        if limit < 0:
            return set()
        found: set[int] = set()
        stack = [start]
        while stack:
            for row in self.later[stack.pop()]:
                if row not in found:
                    found.add(row)
                    stack.append(row)
        return found


def _condition_values(accesses: list[InstructionUnits]) -> list[tuple[int, list[int]]]:
    """Return the values of SCC: who writes (-1: somebody before) and who reads each."""
    values: list[tuple[int, list[int]]] = [(-1, [])]
    for index, row in enumerate(accesses):
        if CONDITION_UNIT in row.reads:
            values[-1][1].append(index)
        if CONDITION_UNIT in row.writes:
            values.append((index, []))
    return values if values[0][1] else values[1:]


def _may_meet(one: MemoryAccess | None, other: MemoryAccess | None) -> bool:
    if one is None or other is None:
        return True
    if one.ordered and other.ordered:
        return True
    if one.space != other.space:
        return False
    if one.space == "constant":
        return False
    return one.alias_class == other.alias_class or -1 in (one.alias_class, other.alias_class)
