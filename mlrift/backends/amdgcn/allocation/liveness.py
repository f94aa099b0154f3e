"""Where the dwords of registers are alive: `Units` enter, `Liveness` leaves.

A function with n instructions has 2n points: instruction i reads at 2i and writes at 2i + 1. The
life of a unit is an integer with a bit per point, so whether two may share a register is one `&`.
The graph is the wave's. What may not have been written yet on any path is not alive, so a register
whose writes keep other lanes (`partial`) lives from its first write on.
"""

from mlrift.backends.amdgcn.allocation.units import FIRST_VIRTUAL_UNIT, InstructionUnits, Units
from mlrift.backends.amdgcn.mir import MachineBlock
from mlrift.values import record


@record
class Liveness:
    """`lives`: unit -> points. `starts`: index of the first instruction of each block."""

    lives: dict[int, int]
    starts: list[int]
    live_in: list[int]
    """Per block, in the order of the code: a bit per unit."""
    points: int


def find_liveness(blocks: list[MachineBlock], units: Units) -> Liveness:
    """Compute the lives of all units."""
    position = {block.number: index for index, block in enumerate(blocks)}
    successors = [[position[row] for row in block.successors] for block in blocks]
    uses, definitions = _summaries(units.blocks)
    live_in = _solve_backward(successors, uses, definitions)
    written = _solve_forward(successors, definitions)
    starts, total = [], 0
    for row in units.blocks:
        starts.append(total)
        total += len(row)
    painter = _Painter()
    for index, accesses in enumerate(units.blocks):
        live_out = 0
        for successor in successors[index]:
            live_out |= live_in[successor]
        painter.block(starts[index], accesses, live_out, written[index])
    entered = [row & written[index] for index, row in enumerate(live_in)]
    return Liveness(painter.lives, starts, entered, 2 * total)


def bits_of(number: int) -> list[int]:
    """Return the positions of the bits that are set."""
    found = []
    while number:
        lowest = number & -number
        found.append(lowest.bit_length() - 1)
        number ^= lowest
    return found


def _summaries(blocks: list[list[InstructionUnits]]) -> tuple[list[int], list[int]]:
    uses, definitions = [], []
    for accesses in blocks:
        seen_uses: set[int] = set()
        seen_definitions: set[int] = set()
        for row in accesses:
            seen_uses.update(unit for unit in row.reads if unit not in seen_definitions)
            seen_definitions.update(row.writes)
        uses.append(_bit_set(seen_uses))
        definitions.append(_bit_set(seen_definitions))
    return uses, definitions


def _bit_set(members: set[int]) -> int:
    if not members:
        return 0
    made = bytearray(max(members) // 8 + 1)
    for row in members:
        made[row >> 3] |= 1 << (row & 7)
    return int.from_bytes(made, "little")


def _solve_backward(
    successors: list[list[int]], uses: list[int], definitions: list[int]
) -> list[int]:
    live_in = list(uses)
    changed = True
    while changed:
        changed = False
        for index in range(len(successors) - 1, -1, -1):
            live_out = 0
            for row in successors[index]:
                live_out |= live_in[row]
            found = uses[index] | (live_out & ~definitions[index])
            if found != live_in[index]:
                live_in[index] = found
                changed = True
    return live_in


def _solve_forward(successors: list[list[int]], definitions: list[int]) -> list[int]:
    """Return, per block, the units that some path to it has written (physical ones: all)."""
    everything = (1 << FIRST_VIRTUAL_UNIT) - 1
    written = [everything] * len(successors)
    changed = True
    while changed:
        changed = False
        for index, targets in enumerate(successors):
            after = written[index] | definitions[index]
            for row in targets:
                if after & ~written[row]:
                    written[row] |= after
                    changed = True
    return written


class _Painter:
    """Collects the lives of units, a block at a time, backwards."""

    __slots__ = ("lives",)

    def __init__(self) -> None:
        self.lives: dict[int, int] = {}

    def block(
        self, start: int, accesses: list[InstructionUnits], live_out: int, written: int
    ) -> None:
        end = 2 * (start + len(accesses))
        alive_until = dict.fromkeys(bits_of(live_out), end)
        earliest_write: dict[int, int] = {}
        lives = self.lives
        for index in range(len(accesses) - 1, -1, -1):
            row = accesses[index]
            point = 2 * (start + index)
            for unit in row.writes:
                until = alive_until.pop(unit, point + 2)
                _add(lives, unit, point + 1, until)
                earliest_write[unit] = point + 1
            for unit in row.reads:
                alive_until.setdefault(unit, point + 1)
            for unit in row.lasting:
                if alive_until[unit] <= point + 1:
                    alive_until[unit] = point + 2
        for unit, until in alive_until.items():
            if written >> unit & 1:
                _add(lives, unit, 2 * start, until)
            elif unit in earliest_write:
                _add(lives, unit, earliest_write[unit], until)


def _add(lives: dict[int, int], unit: int, start: int, until: int) -> None:
    segment = ((1 << (until - start)) - 1) << start
    lives[unit] = lives.get(unit, 0) | segment
