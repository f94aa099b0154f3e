"""Dwords of registers as small numbers, and which of them each instruction reads and writes.

Physical registers are units 0 to 383 (scalar, then vector), SCC follows; every dword of a virtual
register is a unit after them. Enters a `MachineFunction`, leaves `Units`; NULL and EXEC are no
units, as nothing is allocated to them.
"""

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Access
from mlrift.backends.amdgcn.isa.registers import Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    Part,
    Pseudo,
    VirtualRegister,
)
from mlrift.backends.amdgcn.operations import OperationFacts, facts_of
from mlrift.values import record

FIRST_VECTOR_UNIT = 128
CONDITION_UNIT = FIRST_VECTOR_UNIT + 256
FIRST_VIRTUAL_UNIT = CONDITION_UNIT + 1

_NULL_UNIT = 124
_EXEC_UNITS = (126, 127)
_NOTHING = range(0)


@record
class InstructionUnits:
    """Units that an instruction reads and writes; `lasting` are read until after the writes."""

    reads: list[int]
    writes: list[int]
    lasting: list[int]


@record
class Units:
    """The numbering of a function; `first` is the unit of dword 0 of a virtual register."""

    first: dict[VirtualRegister, int]
    owners: list[tuple[VirtualRegister, int]]
    """Register and dword of each virtual unit, from FIRST_VIRTUAL_UNIT on."""
    blocks: list[list[InstructionUnits]]

    def of(self, operand: MachineOperand) -> range:
        """Return the units of an operand; none when it is no register."""
        return units_of(operand, self.first)


def number_units(function: MachineFunction, generation: Generation) -> Units:
    """Number the dwords of a function's registers and list what each instruction accesses."""
    first: dict[VirtualRegister, int] = {}
    owners: list[tuple[VirtualRegister, int]] = []
    for register in registers_of(function):
        first[register] = FIRST_VIRTUAL_UNIT + len(owners)
        owners.extend((register, dword) for dword in range(register.count))
    partial = {
        first[row] + dword for row in function.partial if row in first for dword in range(row.count)
    }
    blocks = [
        [_accesses(row, first, partial, generation) for row in block.instructions]
        for block in function.blocks
    ]
    return Units(first, owners, blocks)


def registers_of(function: MachineFunction) -> list[VirtualRegister]:
    """Return the virtual registers that occur, in the order of the code."""
    found: dict[VirtualRegister, None] = {}
    for instruction in function.instructions():
        for operand in instruction.operands:
            if type(operand) is VirtualRegister:
                found[operand] = None
            elif type(operand) is Part:
                found[operand.of] = None
    return list(found)


def units_of(operand: MachineOperand, first: dict[VirtualRegister, int]) -> range:
    """Return the units of an operand; none when it is no register that is allocated."""
    if type(operand) is VirtualRegister:
        start = first[operand]
        return range(start, start + operand.count)
    if type(operand) is Part:
        start = first[operand.of] + operand.first
        return range(start, start + operand.count)
    if type(operand) is Register:
        return physical_units(operand)
    return _NOTHING


def physical_units(register: Register) -> range:
    """Return the units of a physical register; none of NULL and EXEC."""
    match register.file:
        case RegisterFile.VECTOR:
            start = FIRST_VECTOR_UNIT + register.first
        case RegisterFile.CONDITION:
            start = CONDITION_UNIT
        case RegisterFile.SCALAR:
            start = register.first
            if start == _NULL_UNIT or start in _EXEC_UNITS:
                return _NOTHING
    return range(start, start + register.count)


def _accesses(
    made: MachineInstruction,
    first: dict[VirtualRegister, int],
    partial: set[int],
    generation: Generation,
) -> InstructionUnits:
    reads: list[int] = []
    writes: list[int] = []
    lasting: list[int] = []
    facts = facts_of(made.operation, generation)
    for index, (operand, access) in enumerate(zip(made.operands, made.access, strict=True)):
        units = units_of(operand, first)
        if not units:
            continue
        if access is not Access.READ:
            writes += units
        if access is not Access.WRITE:
            reads += units
            if index in facts.lasting:
                lasting += units
    for register in facts.reads:
        reads += physical_units(register)
    for register in facts.writes:
        writes += physical_units(register)
    if partial and made.operation is not Pseudo.UNDEFINED:
        reads += [unit for unit in writes if unit in partial]
    return InstructionUnits(reads, writes, lasting)


def physical_accesses(
    made: MachineInstruction, facts: OperationFacts
) -> tuple[list[int], list[int]]:
    """Return the units that an instruction without virtual registers reads and writes."""
    reads: list[int] = []
    writes: list[int] = []
    for operand, access in zip(made.operands, made.access, strict=True):
        if type(operand) is Register:
            units = physical_units(operand)
            if access is not Access.WRITE:
                reads += units
            if access is not Access.READ:
                writes += units
    for register in facts.reads:
        reads += physical_units(register)
    for register in facts.writes:
        writes += physical_units(register)
    return reads, writes


def named_writes(made: MachineInstruction) -> list[int]:
    """Return the units of the registers that an instruction names and writes."""
    return [
        unit
        for operand, access in zip(made.operands, made.access, strict=True)
        if access is not Access.READ and type(operand) is Register
        for unit in physical_units(operand)
    ]
