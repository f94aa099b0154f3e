"""Remove instructions whose results nobody reads: a function with virtual registers enters.

%5 = v_mov_b32 0       (no use)   ->  nothing
"""

from mlrift.backends.amdgcn.allocation.liveness import bits_of, find_liveness
from mlrift.backends.amdgcn.allocation.units import InstructionUnits, number_units
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Access, Unit
from mlrift.backends.amdgcn.isa.registers import Register
from mlrift.backends.amdgcn.mir import MachineFunction, MachineInstruction, Pseudo
from mlrift.backends.amdgcn.operations import facts_of

_PURE_UNITS = frozenset({Unit.SALU, Unit.VALU, Unit.TRANSCENDENTAL, Unit.MATRIX})
_LOADING_UNITS = frozenset({Unit.SMEM, Unit.GLOBAL, Unit.LDS, Unit.SCRATCH})


def remove_dead_code(function: MachineFunction, generation: Generation) -> None:
    """Remove instructions without effect, and those that only they needed."""
    removed = True
    while removed:
        removed = False
        units = number_units(function, generation)
        liveness = find_liveness(function.blocks, units)
        position = {block.number: index for index, block in enumerate(function.blocks)}
        for index, block in enumerate(function.blocks):
            alive_bits = 0
            for number in block.successors:
                alive_bits |= liveness.live_in[position[number]]
            kept = _kept(
                block.instructions, units.blocks[index], set(bits_of(alive_bits)), generation
            )
            if len(kept) < len(block.instructions):
                block.instructions = kept
                removed = bool(block.successors) or removed


def _kept(
    instructions: list[MachineInstruction],
    accesses: list[InstructionUnits],
    alive: set[int],
    generation: Generation,
) -> list[MachineInstruction]:
    kept: list[MachineInstruction] = []
    for made, row in zip(reversed(instructions), reversed(accesses), strict=True):
        if row.writes and alive.isdisjoint(row.writes) and _is_removable(made, generation):
            continue
        kept.append(made)
        alive.difference_update(row.writes)
        alive.update(row.reads)
    kept.reverse()
    return kept


def _is_removable(made: MachineInstruction, generation: Generation) -> bool:
    for operand, access in zip(made.operands, made.access, strict=True):
        if access is not Access.READ and type(operand) is Register:
            return False
    if isinstance(made.operation, Pseudo):
        return made.operation is not Pseudo.DRAIN
    facts = facts_of(made.operation, generation)
    if facts.writes_exec or facts.stores:
        return False
    if facts.unit in _LOADING_UNITS:
        return made.memory is not None and not made.memory.ordered
    return facts.unit in _PURE_UNITS
