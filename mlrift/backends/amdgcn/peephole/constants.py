"""Constants in scalar registers are made once: a function with virtual registers enters.

    block 1 depth 1                              block 0
      %4 = s_mov_b32 0x76543210                    %4 = s_mov_b32 0x76543210
      %5 = v_permlanex16_b32 %3, %4, %4     ->   block 1 depth 1
                                                   %5 = v_permlanex16_b32 %3, %4, %4

Only literals, as instructions take small constants themselves, that are in a loop or occur twice;
those that are copied or part of a tuple are needed where they are.
"""

from mlrift.backends.amdgcn.isa.instruction import Access, Literal
from mlrift.backends.amdgcn.isa.registers import Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    MachineFunction,
    MachineInstruction,
    Part,
    Pseudo,
    VirtualRegister,
)
from mlrift.values import field, record

_MOST_CONSTANTS = 12
_MOVES = ("s_mov_b32", Pseudo.COPY)


@record
class _Uses:
    """Who writes registers, and which of them are copied or named in parts."""

    writes: dict[VirtualRegister, int] = field(default_factory=dict)
    bound: set[VirtualRegister] = field(default_factory=set)


def share_constants(function: MachineFunction) -> None:
    """Move literals to the first block, each once."""
    uses = _uses(function)
    found: dict[int, list[tuple[VirtualRegister, int]]] = {}
    for block in function.blocks:
        for made in block.instructions:
            register = _constant_target(made, uses)
            if register is not None:
                literal = made.operands[1]
                assert isinstance(literal, Literal)
                found.setdefault(literal.bits, []).append((register, block.loop_depth))
    worth = [
        bits for bits, rows in found.items() if len(rows) > 1 or any(depth for _, depth in rows)
    ]
    chosen = {bits: [register for register, _ in found[bits]] for bits in worth[:_MOST_CONSTANTS]}
    if chosen:
        _hoist(function, chosen)


def _uses(function: MachineFunction) -> _Uses:
    uses = _Uses()
    for made in function.instructions():
        is_copy = isinstance(made.operation, Pseudo)
        for operand, access in zip(made.operands, made.access, strict=True):
            if isinstance(operand, Part):
                uses.bound.add(operand.of)
            elif isinstance(operand, VirtualRegister):
                if access is not Access.READ:
                    uses.writes[operand] = uses.writes.get(operand, 0) + 1
                elif is_copy:
                    uses.bound.add(operand)
    return uses


def _constant_target(made: MachineInstruction, uses: _Uses) -> VirtualRegister | None:
    """Return the register that an instruction sets to a literal for good, or None."""
    if made.operation not in _MOVES or not isinstance(made.operands[1], Literal):
        return None
    target = made.operands[0]
    if not isinstance(target, VirtualRegister) or target.file is not RegisterFile.SCALAR:
        return None
    if target.count != 1 or uses.writes[target] != 1 or target in uses.bound:
        return None
    return target


def _hoist(function: MachineFunction, chosen: dict[int, list[VirtualRegister]]) -> None:
    replaced = {row: rows[0] for rows in chosen.values() for row in rows}
    for block in function.blocks:
        kept = []
        for made in block.instructions:
            if made.operands and _is_write_of(made, replaced):
                continue
            made.operands = [
                replaced.get(row, row) if isinstance(row, VirtualRegister) else row
                for row in made.operands
            ]
            kept.append(made)
        block.instructions = kept
    first = function.blocks[0].instructions
    place = next((index for index, row in enumerate(first) if not _is_arrival(row)), len(first))
    first[place:place] = [
        MachineInstruction("s_mov_b32", [rows[0], Literal(bits)], (Access.WRITE, Access.READ))
        for bits, rows in chosen.items()
    ]


def _is_write_of(
    made: MachineInstruction, registers: dict[VirtualRegister, VirtualRegister]
) -> bool:
    target = made.operands[0]
    return (
        isinstance(target, VirtualRegister)
        and target in registers
        and made.access[0] is not Access.READ
    )


def _is_arrival(made: MachineInstruction) -> bool:
    return made.operation is Pseudo.COPY and type(made.operands[1]) is Register
