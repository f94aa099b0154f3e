"""Loops end with one branch: a function with virtual registers enters.

    block 3 -> 4, 5                           block 3 -> 3, 5
      s_and_b32 exec_lo, exec_lo, %7            s_and_b32 exec_lo, exec_lo, %7
      s_cbranch_execz @5                        %2 = s_add_u32 %2, 4
    block 4 -> 3                          ->    s_cbranch_execnz @3
      %2 = s_add_u32 %2, 4                    block 5
      s_branch @3
    block 5

What stood behind the branch is now done once more than before, when no lane is left: vector
instructions then do nothing (what the exit wants of lanes that left is kept: `Access.BOTH`), and
other results must not be wanted where the loop ends. If the branch asks SCC and the second block
changes it, that block goes in front of the comparison.
"""

from mlrift.backends.amdgcn.allocation.liveness import find_liveness
from mlrift.backends.amdgcn.allocation.units import (
    CONDITION_UNIT,
    FIRST_VIRTUAL_UNIT,
    InstructionUnits,
    Units,
    number_units,
)
from mlrift.backends.amdgcn.branches import INVERTED
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Access, Unit
from mlrift.backends.amdgcn.isa.registers import Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    BlockTarget,
    MachineBlock,
    MachineFunction,
    MachineInstruction,
    Pseudo,
)
from mlrift.backends.amdgcn.operations import facts_of
from mlrift.values import record

_MOVABLE = frozenset({Unit.SALU, Unit.VALU, Unit.TRANSCENDENTAL})
_MOST_INSTRUCTIONS = 16


@record
class _LoopEnd:
    """A block with a conditional way out, and the block behind it that goes back."""

    leaving: MachineBlock
    latch: MachineBlock
    head: int
    exit: int


def merge_loop_ends(function: MachineFunction, generation: Generation) -> None:
    """Merge the last two blocks of loops where that is right."""
    ends = _loop_ends(function)
    if not ends:
        return
    units = number_units(function, generation)
    liveness = find_liveness(function.blocks, units)
    position = {block.number: index for index, block in enumerate(function.blocks)}
    rows = {block.number: units.blocks[index] for block, index in _indexed(function)}
    for end in ends:
        wanted = liveness.live_in[position[end.exit]]
        if not all(_is_movable(made, generation) for made in end.latch.instructions[:-1]):
            continue
        latch = rows[end.latch.number][:-1]
        if _is_wanted(end, latch, units, wanted):
            continue
        place = _place_for(end, latch, rows[end.leaving.number])
        if place >= 0:
            _keep_lanes(end.latch, units, wanted)
            _merge(function, end, place)


def _indexed(function: MachineFunction) -> list[tuple[MachineBlock, int]]:
    return [(block, index) for index, block in enumerate(function.blocks)]


def _loop_ends(function: MachineFunction) -> list[_LoopEnd]:
    entries: dict[int, int] = {}
    for block in function.blocks:
        for number in block.successors:
            entries[number] = entries.get(number, 0) + 1
    found = []
    for index, latch in enumerate(function.blocks[1:], 1):
        leaving = function.blocks[index - 1]
        target = _jump_target(latch)
        if (
            target is None
            or entries.get(latch.number) != 1
            or latch.number not in leaving.successors
        ):
            continue
        way_out = _way_out(leaving)
        if way_out is not None and way_out != latch.number:
            found.append(_LoopEnd(leaving, latch, target, way_out))
    return found


def _jump_target(block: MachineBlock) -> int | None:
    """Return where a block goes that ends with a jump and has no other branch."""
    if not block.instructions or len(block.successors) != 1:
        return None
    last = block.instructions[-1]
    if last.operation != "s_branch" or len(block.instructions) > _MOST_INSTRUCTIONS:
        return None
    return block.successors[0]


def _way_out(block: MachineBlock) -> int | None:
    """Return where the only branch of a block goes, its last instruction."""
    if not block.instructions:
        return None
    last = block.instructions[-1]
    if not isinstance(last.operation, str) or last.operation not in INVERTED:
        return None
    target = last.operands[0]
    branches = [row for row in block.instructions if _names_block(row)]
    return target.number if isinstance(target, BlockTarget) and len(branches) == 1 else None


def _names_block(made: MachineInstruction) -> bool:
    return bool(made.operands) and isinstance(made.operands[-1], BlockTarget)


def _is_wanted(end: _LoopEnd, latch: list[InstructionUnits], units: Units, wanted: int) -> bool:
    """Whether the exit wants (a bit a unit) something that the latch writes for lanes that left."""
    leaves_without_lanes = "exec" in str(end.leaving.instructions[-1].operation)
    return any(
        wanted >> unit & 1 and not (leaves_without_lanes and _is_vector(unit, units))
        for row in latch
        for unit in row.writes
    )


def _keep_lanes(latch: MachineBlock, units: Units, wanted: int) -> None:
    """Say of the writes of what the exit wants that they keep the lanes which have left: from now
    on the code of all lanes goes through them.
    """
    for made in latch.instructions:
        made.access = tuple(
            Access.BOTH
            if access is Access.WRITE and any(wanted >> unit & 1 for unit in units.of(operand))
            else access
            for operand, access in zip(made.operands, made.access, strict=True)
        )


def _place_for(
    end: _LoopEnd, latch: list[InstructionUnits], leaving: list[InstructionUnits]
) -> int:
    """Return where in the leaving block the latch can stand: before the branch or, if the branch
    asks SCC and the latch writes it, before what computes SCC; -1 if nowhere.
    """
    last = len(leaving) - 1
    writes = {unit for row in latch for unit in row.writes}
    if "scc" not in str(end.leaving.instructions[-1].operation) or CONDITION_UNIT not in writes:
        return last
    place = _condition_start(leaving)
    if place < 0:
        return -1
    reads = {unit for row in latch for unit in row.reads}
    for row in leaving[place:last]:
        if not writes.isdisjoint(set(row.reads) - {CONDITION_UNIT}):
            return -1
        later = set(row.writes) - {CONDITION_UNIT}
        if not writes.isdisjoint(later) or not reads.isdisjoint(later):
            return -1
    return place


def _condition_start(leaving: list[InstructionUnits]) -> int:
    """Return the position of the first of the instructions that compute the branch's SCC."""
    for index in range(len(leaving) - 2, -1, -1):
        row = leaving[index]
        if CONDITION_UNIT in row.writes and CONDITION_UNIT not in row.reads:
            return index
    return -1


def _is_movable(made: MachineInstruction, generation: Generation) -> bool:
    for operand, access in zip(made.operands, made.access, strict=True):
        if access is not Access.READ and type(operand) is Register:
            return False
    if isinstance(made.operation, Pseudo):
        return made.operation is not Pseudo.DRAIN
    facts = facts_of(made.operation, generation)
    return facts.unit in _MOVABLE and not facts.writes_exec


def _is_vector(unit: int, units: Units) -> bool:
    if unit < FIRST_VIRTUAL_UNIT:
        return False
    return units.owners[unit - FIRST_VIRTUAL_UNIT][0].file is RegisterFile.VECTOR


def _merge(function: MachineFunction, end: _LoopEnd, place: int) -> None:
    leaving, latch = end.leaving, end.latch
    leaving.instructions[place:place] = latch.instructions[:-1]
    branch = leaving.instructions[-1]
    branch.operation = INVERTED[str(branch.operation)]
    branch.operands = [BlockTarget(end.head)]
    leaving.successors = [end.head, end.exit]
    index = function.blocks.index(latch)
    following = function.blocks[index + 1 : index + 2]
    if following and following[0].number == end.exit:
        del function.blocks[index]
        return
    latch.instructions = [latch.instructions[-1]]
    latch.instructions[0].operands = [BlockTarget(end.exit)]
    latch.successors = [end.exit]
    leaving.successors = [end.head, latch.number]
