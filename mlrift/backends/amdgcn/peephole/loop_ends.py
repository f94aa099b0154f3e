"""Loops end with one branch: a function with virtual registers enters.

    block 3 -> 4, 5                           block 3 -> 3, 5
      s_and_b32 exec_lo, exec_lo, %7            s_and_b32 exec_lo, exec_lo, %7
      s_cbranch_execz @5                        %2 = s_add_u32 %2, 4
    block 4 -> 3                          ->    s_cbranch_execnz @3
      %2 = s_add_u32 %2, 4                    block 5
      s_branch @3
    block 5

What stood behind the branch is now done once more than before, when no lane is left: vector
instructions then do nothing, and scalar results must not be wanted where the loop ends.
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
from mlrift.backends.amdgcn.isa.instruction import Access, Effects, Unit
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
        if _can_be_done_again(end, rows[end.latch.number], units, wanted):
            _merge(function, end)


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


def _can_be_done_again(
    end: _LoopEnd, rows: list[InstructionUnits], units: Units, wanted: int
) -> bool:
    """Whether the branch and the exit (a bit a unit) want nothing that the latch writes."""
    branch = str(end.leaving.instructions[-1].operation)
    for row in rows[:-1]:
        for unit in row.writes:
            if unit == CONDITION_UNIT:
                if "scc" in branch or wanted >> unit & 1:
                    return False
            elif wanted >> unit & 1 and not ("exec" in branch and _is_vector(unit, units)):
                return False
    return True


def _is_movable(made: MachineInstruction, generation: Generation) -> bool:
    for operand, access in zip(made.operands, made.access, strict=True):
        if access is not Access.READ and type(operand) is Register:
            return False
    if isinstance(made.operation, Pseudo):
        return made.operation is not Pseudo.DRAIN
    facts = facts_of(made.operation, generation)
    return facts.unit in _MOVABLE and not facts.effects & Effects.WRITES_EXEC


def _is_vector(unit: int, units: Units) -> bool:
    if unit < FIRST_VIRTUAL_UNIT:
        return False
    return units.owners[unit - FIRST_VIRTUAL_UNIT][0].file is RegisterFile.VECTOR


def _merge(function: MachineFunction, end: _LoopEnd) -> None:
    leaving, latch = end.leaving, end.latch
    branch = leaving.instructions.pop()
    leaving.instructions += latch.instructions[:-1]
    branch.operation = INVERTED[str(branch.operation)]
    branch.operands = [BlockTarget(end.head)]
    leaving.instructions.append(branch)
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
