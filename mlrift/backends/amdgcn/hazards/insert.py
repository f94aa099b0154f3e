"""Insert what hazards ask for: a function with physical registers and a chip enter.

v1 = v_rcp_f32 v0          v1 = v_rcp_f32 v0
v2 = v_mul_f32 v1, v3  ->  s_waitcnt_depctr va_vdst(0)        (gfx1100)
                           v2 = v_mul_f32 v1, v3
"""

from collections.abc import Callable

from mlrift.backends.amdgcn.allocation.units import physical_accesses, physical_units
from mlrift.backends.amdgcn.chips import Chip, Generation
from mlrift.backends.amdgcn.hazards.rules import (
    CompareThenPermute,
    HazardRule,
    HazardStep,
    MatrixOverlap,
    ScalarForwarding,
    TranscendentalUse,
)
from mlrift.backends.amdgcn.isa.instruction import Unit
from mlrift.backends.amdgcn.isa.registers import Register
from mlrift.backends.amdgcn.mir import MachineFunction, MachineInstruction, Pseudo
from mlrift.backends.amdgcn.operations import facts_of

_TRANSCENDENTAL_CHIPS = frozenset({"gfx1100", "gfx1101", "gfx1102", "gfx1103"})
_BY_GENERATION: dict[Generation, tuple[Callable[[], HazardRule], ...]] = {
    Generation.GFX10: (),
    Generation.GFX11: (CompareThenPermute, MatrixOverlap),
    Generation.GFX12: (CompareThenPermute, MatrixOverlap, ScalarForwarding),
}
_MATRIX_SOURCES = (1, 2)


def insert_hazard_fixes(function: MachineFunction, chip: Chip) -> None:
    """Add the instructions that a chip's hazards need."""
    rules = list(_BY_GENERATION[chip.generation])
    if chip.name in _TRANSCENDENTAL_CHIPS:
        rules.append(TranscendentalUse)
    if not rules:
        return
    steps = [
        [_step(row, chip.generation) for row in block.instructions] for block in function.blocks
    ]
    entries = _entry_states(function, steps, rules)
    for block, rows, states in zip(function.blocks, steps, entries, strict=True):
        made: list[MachineInstruction] = []
        for instruction, step in zip(block.instructions, rows, strict=True):
            for fix in _advance(states, step):
                fix.span = instruction.span
                made.append(fix)
            made.append(instruction)
        block.instructions = made


def _entry_states(
    function: MachineFunction,
    steps: list[list[HazardStep]],
    rules: list[Callable[[], HazardRule]],
) -> list[list[HazardRule]]:
    position = {block.number: index for index, block in enumerate(function.blocks)}
    entries = [[rule() for rule in rules] for _ in function.blocks]
    waiting = list(range(len(function.blocks)))[::-1]
    while waiting:
        index = waiting.pop()
        states = [state.copy() for state in entries[index]]
        for step in steps[index]:
            _advance(states, step)
        for number in function.blocks[index].successors:
            target = position[number]
            pairs = zip(entries[target], states, strict=True)
            if any([entry.join(state) for entry, state in pairs]) and target not in waiting:
                waiting.append(target)
    return entries


def _advance(states: list[HazardRule], step: HazardStep) -> list[MachineInstruction]:
    fixes = [row for state in states for row in state.fix(step)]
    for state in states:
        state.note(step)
    return fixes


def _step(made: MachineInstruction, generation: Generation) -> HazardStep:
    operation = made.operation
    if isinstance(operation, Pseudo):
        raise TypeError(f"{operation.value} is still there when hazards are looked for")
    facts = facts_of(operation, generation)
    reads, writes = physical_accesses(made, facts)
    matrix: list[int] = []
    if facts.unit is Unit.MATRIX:
        for index in _MATRIX_SOURCES:
            operand = made.operands[index]
            if type(operand) is Register:
                matrix += physical_units(operand)
    assert facts.unit is not None
    return HazardStep(operation, facts.unit, reads, writes, matrix)
