"""Which registers become one: copies and tuples whose members can share a place are merged.

    %3 = copy %1            %1 and %3 are one register if they are never alive together
    %9 = assemble %4, %5    %4 is dword 0 of %9, %5 dword 1, under the same condition

Registers and their lives enter, `Group`s leave: registers with fixed places relative to each other.
Copies in inner loops go first.
"""

from collections.abc import Set as AbstractSet
from enum import Enum, unique

from mlrift.backends.amdgcn.allocation.units import (
    FIRST_VECTOR_UNIT,
    Units,
    physical_units,
)
from mlrift.backends.amdgcn.isa.registers import VCC, Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    Part,
    Pseudo,
    VirtualRegister,
)
from mlrift.values import field, record


@unique
class MaskPlace(Enum):
    """Where lane masks go: short comparisons and selections only know VCC."""

    CONDITION = "VCC where it is free"
    ANYWHERE = "any scalar register"


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


def make_groups(
    function: MachineFunction,
    units: Units,
    lives: dict[int, int],
    alone: AbstractSet[VirtualRegister],
    masks_go: MaskPlace,
) -> Grouping:
    """Give each register a group and merge what copies connect, except for those `alone`."""
    home: dict[VirtualRegister, tuple[Group, int]] = {}
    for register, first in units.first.items():
        lives_of = [lives.get(first + dword, 0) for dword in range(register.count)]
        group = Group(register.file, lives_of, alignment(register), [(register, 0)])
        home[register] = (group, 0)
    grouping = Grouping(home)
    for target, source in _connections(function):
        if _owner(target) not in alone and _owner(source) not in alone:
            _connect(grouping, target, source)
    if masks_go is MaskPlace.CONDITION:
        _prefer_condition_mask(function, grouping)
    return grouping


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


def _connections(function: MachineFunction) -> list[tuple[MachineOperand, MachineOperand]]:
    found: list[tuple[int, MachineOperand, MachineOperand]] = []
    for block in function.blocks:
        for made in block.instructions:
            if isinstance(made.operation, Pseudo):
                found += [(block.loop_depth, *pair) for pair in copies_of(made)]
            elif made.operation in ACCUMULATING:
                target, addend = ACCUMULATING[made.operation]
                depth = block.loop_depth
                found.append((depth, made.operands[target], made.operands[addend]))
    found.sort(key=lambda row: -row[0])
    return [(target, source) for _, target, source in found]


ACCUMULATING = {
    "v_fma_f32": (0, 3),
    "v_fma_f16": (0, 3),
    "v_dot2_f32_f16": (0, 3),
    "v_wmma_f32_16x16x16_f16": (0, 3),
    "v_wmma_f32_16x16x16_bf16": (0, 3),
    "v_wmma_f16_16x16x16_f16": (0, 3),
    "v_wmma_i32_16x16x16_iu8": (0, 3),
}
"""Target and addend of operations that are shorter, or only right, when both are one register."""


MASK_POSITIONS = {"v_cndmask_b32": 3, "v_add_co_ci_u32": 1, "v_add_co_u32": 1, "v_sub_co_u32": 1}
"""Which operand is a mask that the short form of an operation expects in VCC."""


def _prefer_condition_mask(function: MachineFunction, grouping: Grouping) -> None:
    for made in function.instructions():
        operation = made.operation
        if isinstance(operation, Pseudo):
            continue
        position = 0 if operation.startswith("v_cmp_") else MASK_POSITIONS.get(operation, -1)
        if position < 0:
            continue
        mask = made.operands[position]
        if isinstance(mask, VirtualRegister) and mask.file is RegisterFile.SCALAR:
            group, _ = grouping.home[mask]
            if len(group.masks) == 1 and VCC.first not in group.preferred:
                group.preferred.append(VCC.first)


def _owner(operand: MachineOperand) -> MachineOperand:
    return operand.of if isinstance(operand, Part) else operand


def _connect(grouping: Grouping, target: MachineOperand, source: MachineOperand) -> None:
    if isinstance(target, Register) and isinstance(source, VirtualRegister | Part):
        _prefer(grouping, source, target)
    elif isinstance(source, Register) and isinstance(target, VirtualRegister | Part):
        _prefer(grouping, target, source)
    elif isinstance(target, VirtualRegister | Part) and isinstance(source, VirtualRegister | Part):
        _merge(grouping, target, source)


def _located(grouping: Grouping, operand: VirtualRegister | Part) -> tuple[Group, int]:
    if isinstance(operand, Part):
        group, offset = grouping.home[operand.of]
        return group, offset + operand.first
    return grouping.home[operand]


def _prefer(grouping: Grouping, operand: VirtualRegister | Part, register: Register) -> None:
    group, offset = _located(grouping, operand)
    if group.file is register.file and physical_units(register):
        group.preferred.append(register.first - offset)


def _merge(
    grouping: Grouping, target: VirtualRegister | Part, source: VirtualRegister | Part
) -> None:
    group, offset = _located(grouping, target)
    other, other_offset = _located(grouping, source)
    if group is other or group.file is not other.file:
        return
    at = offset - other_offset
    if len(other.masks) > len(group.masks):
        group, other, at = other, group, -at
    if not 0 <= at <= len(group.masks) - len(other.masks):
        return
    if at % other.align or other.align > group.align:
        return
    if any(group.masks[at + dword] & mask for dword, mask in enumerate(other.masks)):
        return
    for dword, mask in enumerate(other.masks):
        group.masks[at + dword] |= mask
    for register, inside in other.members:
        group.members.append((register, at + inside))
        grouping.home[register] = (group, at + inside)
    group.preferred += [place - at for place in other.preferred]


def first_unit(file: RegisterFile) -> int:
    """Return the unit of the first register of a file."""
    return FIRST_VECTOR_UNIT if file is RegisterFile.VECTOR else 0
