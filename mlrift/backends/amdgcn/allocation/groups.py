"""Registers that are allocated together, and the pairs of places that copies connect."""

from mlrift.backends.amdgcn.allocation.units import (
    FIRST_VECTOR_UNIT,
)
from mlrift.backends.amdgcn.isa.registers import Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    MachineInstruction,
    MachineOperand,
    Part,
    Pseudo,
    VirtualRegister,
)
from mlrift.values import field, record


@record
class Group:
    """Registers allocated together. `masks` has the life of each dword, `members` the offset of
    each register; `preferred` are places (first dword) that would make a copy needless.
    """

    file: RegisterFile
    masks: list[int]
    align: int
    members: list[tuple[VirtualRegister, int]]
    preferred: list[int] = field(default_factory=list)
    place: int = -1


@record
class Grouping:
    """Every virtual register's group and offset in it."""

    home: dict[VirtualRegister, tuple[Group, int]]

    def groups(self) -> list[Group]:
        """Return each group once."""
        return list({id(group): group for group, _ in self.home.values()}.values())


def alignment(register: VirtualRegister) -> int:
    """Return what the number of a register's first dword must be a multiple of."""
    if register.file is RegisterFile.VECTOR or register.count == 1:
        return 1
    return 2 if register.count == 2 else 4


def copies_of(made: MachineInstruction) -> list[tuple[MachineOperand, MachineOperand]]:
    """Return the (target, source) pairs of a pseudo operation that copies."""
    operands = made.operands
    match made.operation:
        case Pseudo.COPY | Pseudo.PARALLEL_COPY:
            return list(zip(operands[::2], operands[1::2], strict=True))
        case Pseudo.ASSEMBLE:
            return _assembled(operands)
        case _:
            return []


def dwords_of(operand: MachineOperand) -> int:
    """Return how many dwords an operand of a copy has; a constant has one."""
    if isinstance(operand, VirtualRegister | Part | Register):
        return operand.count
    return 1


def _assembled(operands: list[MachineOperand]) -> list[tuple[MachineOperand, MachineOperand]]:
    target = operands[0]
    pairs: list[tuple[MachineOperand, MachineOperand]] = []
    position = 0
    for source in operands[1:]:
        count = dwords_of(source)
        pairs.append((_slice(target, position, count), source))
        position += count
    return pairs


def _slice(target: MachineOperand, first: int, count: int) -> MachineOperand:
    if isinstance(target, VirtualRegister):
        return Part(target, first, count)
    if isinstance(target, Part):
        return Part(target.of, target.first + first, count)
    if isinstance(target, Register):
        return Register(target.file, target.first + first, count)
    raise TypeError(f"a tuple is assembled into {target}")


def first_unit(file: RegisterFile) -> int:
    """Return the unit of the first register of a file."""
    return FIRST_VECTOR_UNIT if file is RegisterFile.VECTOR else 0
