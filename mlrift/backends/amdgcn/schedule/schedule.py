"""Schedule a function: each run of instructions between fixed points gets a new order.

Fixed points are branches, barriers, cache control, DRAIN, whatever changes EXEC or the program's
flow, and the copies from the registers that arrive. Enters a function with virtual registers,
leaves the same with another order inside its blocks.
"""

from collections.abc import Iterable

from mlrift.backends.amdgcn.allocation.liveness import Liveness, bits_of, find_liveness
from mlrift.backends.amdgcn.allocation.units import (
    CONDITION_UNIT,
    FIRST_VIRTUAL_UNIT,
    InstructionUnits,
    Units,
    number_units,
)
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Access, Unit
from mlrift.backends.amdgcn.isa.registers import EXEC, EXEC_PAIR, Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    MachineBlock,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    Pseudo,
)
from mlrift.backends.amdgcn.operations import facts_of
from mlrift.backends.amdgcn.schedule.graph import build_graph
from mlrift.backends.amdgcn.schedule.order import Pressure, order_run

_LONGEST_RUN = 400
"""Longer runs are cut: choices far apart do not matter to each other."""
_FIXED_UNITS = frozenset({Unit.BARRIER, Unit.CACHE, Unit.BRANCH, Unit.MESSAGE, Unit.END, Unit.WAIT})
_SHORTEST_RUN = 3
_SCALAR_LIMIT = 64


def schedule(function: MachineFunction, generation: Generation, vector_limit: int) -> None:
    """Reorder the instructions of a function; runs keep below `vector_limit` vector registers
    where they can.
    """
    units = number_units(function, generation)
    liveness = find_liveness(function.blocks, units)
    files = [row.file for row, _ in units.owners]
    limits = {RegisterFile.VECTOR: vector_limit, RegisterFile.SCALAR: _SCALAR_LIMIT}
    for index, block in enumerate(function.blocks):
        scheduler = _BlockScheduler(units, generation, files, limits)
        scheduler.block(block, units.blocks[index], _live_out(function, liveness, block))


def _live_out(function: MachineFunction, liveness: Liveness, block: MachineBlock) -> set[int]:
    position = {row.number: index for index, row in enumerate(function.blocks)}
    alive = 0
    for number in block.successors:
        alive |= liveness.live_in[position[number]]
    return set(bits_of(alive))


class _BlockScheduler:
    """Schedules the runs of a block, the last one first, as liveness is known from behind."""

    __slots__ = ("files", "generation", "limits", "units")

    def __init__(
        self,
        units: Units,
        generation: Generation,
        files: list[RegisterFile],
        limits: dict[RegisterFile, int],
    ) -> None:
        self.units, self.generation = units, generation
        self.files, self.limits = files, limits

    def block(
        self, block: MachineBlock, accesses: list[InstructionUnits], live_out: set[int]
    ) -> None:
        alive = set(live_out)
        end = len(block.instructions)
        for start, stop in reversed(self._runs(block.instructions)):
            for index in range(end - 1, stop - 1, -1):
                _step_back(alive, accesses[index])
            self._run(block, accesses, start, stop, alive)
            end = stop
            for index in range(end - 1, start - 1, -1):
                _step_back(alive, accesses[index])
            end = start

    def _runs(self, instructions: list[MachineInstruction]) -> list[tuple[int, int]]:
        runs = []
        start = 0
        for index, row in enumerate(instructions):
            if self._is_fixed(row) or index - start >= _LONGEST_RUN:
                runs.append((start, index))
                start = index if not self._is_fixed(row) else index + 1
        runs.append((start, len(instructions)))
        return [row for row in runs if row[1] - row[0] >= _SHORTEST_RUN]

    def _is_fixed(self, row: MachineInstruction) -> bool:
        if isinstance(row.operation, Pseudo):
            return row.operation is Pseudo.DRAIN or _copies_arrival(row)
        facts = facts_of(row.operation, self.generation)
        if facts.unit in _FIXED_UNITS or facts.writes_exec:
            return True
        return any(
            access is not Access.READ and _is_exec(operand)
            for operand, access in zip(row.operands, row.access, strict=True)
        ) or any(_is_exec(register) for register in facts.writes)

    def _run(
        self,
        block: MachineBlock,
        accesses: list[InstructionUnits],
        start: int,
        stop: int,
        alive_after: set[int],
    ) -> None:
        run, rows = block.instructions[start:stop], accesses[start:stop]
        scc_after = CONDITION_UNIT in alive_after
        graph = build_graph(run, rows, self.units, self.generation, scc_after)
        if not any(graph.is_load) and not _has_latency(graph.latency):
            return
        pressures = [self._pressure(rows, alive_after, file) for file in self.limits]
        order = order_run(graph, pressures)
        block.instructions[start:stop] = [run[index] for index in order]
        accesses[start:stop] = [rows[index] for index in order]

    def _pressure(
        self, rows: list[InstructionUnits], alive_after: set[int], file: RegisterFile
    ) -> Pressure:
        reads = [self._counted(row.reads, file) for row in rows]
        writes = [self._counted(row.writes, file) for row in rows]
        lasting = set(self._counted(alive_after, file))
        alive = set(lasting)
        uses: dict[int, int] = {}
        for read, written in zip(reversed(reads), reversed(writes), strict=True):
            alive.difference_update(written)
            alive.update(read)
            for unit in read:
                uses[unit] = uses.get(unit, 0) + 1
        return Pressure(reads, writes, uses, lasting, alive, self.limits[file])

    def _counted(self, found: Iterable[int], file: RegisterFile) -> list[int]:
        files = self.files
        first = FIRST_VIRTUAL_UNIT
        return [unit for unit in set(found) if unit >= first and files[unit - first] is file]


def _step_back(alive: set[int], row: InstructionUnits) -> None:
    alive.difference_update(row.writes)
    alive.update(row.reads)


def _copies_arrival(row: MachineInstruction) -> bool:
    return row.operation is Pseudo.COPY and type(row.operands[1]) is Register


def _is_exec(operand: MachineOperand | Register) -> bool:
    return operand in (EXEC, EXEC_PAIR)


def _has_latency(latency: list[int]) -> bool:
    return any(row > 1 for row in latency)
