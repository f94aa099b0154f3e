"""Decoded instructions with what they read and write as sets of dwords.

A set of dwords is an int: bit n is s[n] (as `registers.py` numbers them), bit 128 SCC, bit 256 + n
v[n]. The bits from 600 on are no registers but kinds of memory access that may be outstanding, so
that one set says all that an unfinished operation holds.
"""

from mlrift.backends.amdgcn.isa.instruction import (
    Access,
    Effects,
    Immediate,
    Instruction,
    OperandKind,
)
from mlrift.backends.amdgcn.isa.registers import NULL, Register, RegisterFile
from mlrift.values import record

CONDITION_BIT = 128
FIRST_VECTOR_BIT = 256
ALL_SCALARS = (1 << CONDITION_BIT) - 1
ALL_VECTORS = ((1 << 256) - 1) << FIRST_VECTOR_BIT
NULL_MASK = 1 << NULL.first

LDS_ACCESS = 1 << 600
GLOBAL_LOAD = 1 << 601
GLOBAL_STORE = 1 << 602
ATOMIC_WITHOUT_RESULT = 1 << 603
WRITE_BACK = 1 << 604
ACCESSES = LDS_ACCESS | GLOBAL_LOAD | GLOBAL_STORE | ATOMIC_WITHOUT_RESULT
ACCESS_KINDS = ACCESSES | WRITE_BACK

_FIRST_BIT = {
    RegisterFile.SCALAR: 0,
    RegisterFile.VECTOR: FIRST_VECTOR_BIT,
    RegisterFile.CONDITION: CONDITION_BIT,
}


@record
class Step:
    """An instruction at its place. `reads` and `writes` are sets of dwords.

    `target` is the offset that a direct branch goes to, -1 for other instructions.
    """

    offset: int
    size: int
    instruction: Instruction
    reads: int
    writes: int
    target: int

    @property
    def next_offset(self) -> int:
        """Where the next instruction starts."""
        return self.offset + self.size


def mask_of(register: Register) -> int:
    """Return the dwords of a register as a set."""
    return ((1 << register.count) - 1) << (_FIRST_BIT[register.file] + register.first)


def step_of(instruction: Instruction, offset: int, size: int) -> Step:
    """Return a decoded instruction with its accesses.

    A load of 16 bits keeps the other half of its destination. That is no read: the halves are put
    together when the data arrives, in the order of the loads.
    """
    row = instruction.row
    reads = writes = 0
    target = -1
    is_load = bool(Effects.LOADS & row.effects)
    for spec, operand in zip(row.operands, instruction.operands, strict=True):
        if isinstance(operand, Register):
            mask = mask_of(operand)
            if spec.access is Access.READ or (spec.access is Access.BOTH and not is_load):
                reads |= mask
            if spec.access is not Access.READ:
                writes |= mask
        elif spec.kind is OperandKind.BRANCH_TARGET and isinstance(operand, Immediate):
            target = offset + size + 4 * operand.number
    for register in row.reads:
        reads |= mask_of(register)
    for register in row.writes:
        writes |= mask_of(register)
    return Step(offset, size, instruction, reads & ~NULL_MASK, writes & ~NULL_MASK, target)


def names_of(mask: int) -> str:
    """Return the registers of a set for a message, the first few of many."""
    names = [_name(bit) for bit in range(FIRST_VECTOR_BIT + 256) if mask >> bit & 1]
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown


def _name(bit: int) -> str:
    if bit >= FIRST_VECTOR_BIT:
        return f"v{bit - FIRST_VECTOR_BIT}"
    special = {106: "vcc_lo", 107: "vcc_hi", 125: "m0", 126: "exec_lo", 127: "exec_hi", 128: "scc"}
    if bit in special:
        return special[bit]
    return f"ttmp{bit - 108}" if 108 <= bit < 124 else f"s{bit}"
