"""What is wrong with machine IR: a function enters, messages leave (none: it is well formed).

Every register is written before it is read on all paths, parts are inside their registers, blocks
and successors agree with the branches, SCC never crosses the edge of a block, operands fit the
tables; after allocation nothing virtual is left.
"""

from enum import Enum, unique

from mlrift.backends.amdgcn.allocation.units import (
    CONDITION_UNIT,
    FIRST_VIRTUAL_UNIT,
    Units,
    number_units,
)
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Access
from mlrift.backends.amdgcn.mir import (
    BlockTarget,
    MachineBlock,
    MachineFunction,
    MachineInstruction,
    Part,
    Pseudo,
    VirtualRegister,
)


@unique
class Stage(Enum):
    """How far a function is."""

    SELECTED = "virtual registers"
    ALLOCATED = "physical registers"


def verify_mir(function: MachineFunction, generation: Generation, stage: Stage) -> list[str]:
    """Return what is wrong with a function."""
    found = _block_errors(function)
    for block in function.blocks:
        for made in block.instructions:
            for message in _instruction_errors(made, stage):
                found.append(f"block {block.number}: {_name(made)}: {message}")
    if not found:
        found += _flow_errors(function, number_units(function, generation))
    return found


def _name(made: MachineInstruction) -> str:
    return made.operation.value if isinstance(made.operation, Pseudo) else made.operation


def _block_errors(function: MachineFunction) -> list[str]:
    numbers = [block.number for block in function.blocks]
    if len(set(numbers)) != len(numbers):
        return ["two blocks have one number"]
    found = []
    for index, block in enumerate(function.blocks):
        following = numbers[index + 1] if index + 1 < len(numbers) else None
        expected = _targets(block, following)
        if set(block.successors) != expected:
            found.append(
                f"block {block.number}: goes to {sorted(expected)}, says {sorted(block.successors)}"
            )
    return found


def _targets(block: MachineBlock, following: int | None) -> set[int]:
    """Return where a block can go, by its branches."""
    targets: set[int] = set()
    falls = True
    for made in block.instructions:
        if made.operation == "s_endpgm":
            falls = False
        for operand in made.operands:
            if isinstance(operand, BlockTarget):
                targets.add(operand.number)
                falls = made.operation != "s_branch"
    if falls and following is not None:
        targets.add(following)
    return targets


def _instruction_errors(made: MachineInstruction, stage: Stage) -> list[str]:
    found = []
    if len(made.access) != len(made.operands):
        found.append(f"{len(made.operands)} operands, {len(made.access)} accesses")
    for operand in made.operands:
        if isinstance(operand, Part) and operand.first + operand.count > operand.of.count:
            found.append(f"part {operand.first} of {operand.of.count} dwords")
        if stage is Stage.ALLOCATED and isinstance(operand, Part | VirtualRegister):
            found.append("a virtual register")
    is_pseudo = isinstance(made.operation, Pseudo) and made.operation is not Pseudo.DRAIN
    if stage is Stage.ALLOCATED and is_pseudo:
        found.append("a pseudo operation after allocation")
    if made.operation in (Pseudo.COPY, Pseudo.PARALLEL_COPY):
        found += _copy_errors(made)
    return found


def _copy_errors(made: MachineInstruction) -> list[str]:
    if len(made.operands) % 2:
        return ["a target without a source"]
    if any(row is Access.READ for row in made.access[::2]):
        return ["a target that is not written"]
    return []


def _flow_errors(function: MachineFunction, units: Units) -> list[str]:
    written = _written_at_entry(function, units)
    found = []
    for index, block in enumerate(function.blocks):
        known = set(written[index])
        known.discard(CONDITION_UNIT)
        for made, row in zip(block.instructions, units.blocks[index], strict=True):
            missing = [unit for unit in row.reads if unit not in known and _matters(unit)]
            for unit in missing:
                found.append(f"block {block.number}: {_name(made)}: {_unit_name(unit, units)}")
            known.update(row.writes, missing)
    return found


def _matters(unit: int) -> bool:
    return unit >= CONDITION_UNIT


def _unit_name(unit: int, units: Units) -> str:
    if unit == CONDITION_UNIT:
        return "SCC is read before it is written in the block"
    register, dword = units.owners[unit - FIRST_VIRTUAL_UNIT]
    return f"%{register.number}[{dword}] is read before it is written"


def _written_at_entry(function: MachineFunction, units: Units) -> list[set[int]]:
    """Return what every path to a block has written."""
    position = {block.number: index for index, block in enumerate(function.blocks)}
    everything = set(range(CONDITION_UNIT, FIRST_VIRTUAL_UNIT + len(units.owners)))
    entries = [set(everything) for _ in function.blocks]
    if entries:
        entries[0] = set()
    definitions = [{unit for row in rows for unit in row.writes} for rows in units.blocks]
    changed = True
    while changed:
        changed = False
        for index, block in enumerate(function.blocks):
            after = entries[index] | definitions[index]
            for number in block.successors:
                target = entries[position[number]]
                if not target <= after:
                    target &= after
                    changed = True
    return entries
