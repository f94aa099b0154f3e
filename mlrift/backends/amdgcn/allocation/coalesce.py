"""Which registers become one: copies and tuples whose members can share a place are merged.

    %3 = copy %1            %1 and %3 are one register if they are never alive together, or only
                            while both hold the same (see `equality`)
    %9 = assemble %4, %5    %4 is dword 0 of %9, %5 dword 1, under the same condition

Registers and their lives enter, `Group`s leave: registers with fixed places relative to each other.
Copies in inner loops go first.
"""

from collections.abc import Set as AbstractSet
from enum import Enum, unique

from mlrift.backends.amdgcn.allocation.equality import CopyPlace, equal_points
from mlrift.backends.amdgcn.allocation.groups import Group, Grouping, alignment, copies_of
from mlrift.backends.amdgcn.allocation.liveness import Liveness
from mlrift.backends.amdgcn.allocation.units import Units, physical_units
from mlrift.backends.amdgcn.isa.registers import VCC, Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    MachineFunction,
    MachineOperand,
    Part,
    Pseudo,
    VirtualRegister,
)
from mlrift.values import value


@unique
class MaskPlace(Enum):
    """Where lane masks go: short comparisons and selections only know VCC."""

    CONDITION = "VCC where it is free"
    ANYWHERE = "any scalar register"


@value
class _Connection:
    """Two places that should be one."""

    depth: int
    is_copy: bool
    target: MachineOperand
    source: MachineOperand


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


def make_groups(
    function: MachineFunction,
    units: Units,
    liveness: Liveness,
    alone: AbstractSet[VirtualRegister],
    masks_go: MaskPlace,
) -> Grouping:
    """Give each register a group and merge what copies connect, except for those `alone`."""
    lives = liveness.lives
    home: dict[VirtualRegister, tuple[Group, int]] = {}
    for register, first in units.first.items():
        lives_of = [lives.get(first + dword, 0) for dword in range(register.count)]
        group = Group(register.file, lives_of, alignment(register), [(register, 0)])
        home[register] = (group, 0)
    merger = _Merger(Grouping(home), units, lives, _equal_dwords(function, units, liveness))
    for row in _connections(function):
        if _owner(row.target) not in alone and _owner(row.source) not in alone:
            merger.connect(row)
    if masks_go is MaskPlace.CONDITION:
        _prefer_condition_mask(function, merger.grouping)
    return merger.grouping


def _connections(function: MachineFunction) -> list[_Connection]:
    """Return what should be one register: first what is deep in loops, copies before addends."""
    found: list[_Connection] = []
    for block in function.blocks:
        depth = -block.loop_depth
        for made in block.instructions:
            if isinstance(made.operation, Pseudo):
                found += [_Connection(depth, True, *pair) for pair in copies_of(made)]
            elif made.operation in ACCUMULATING:
                position, addend = ACCUMULATING[made.operation]
                pair = made.operands[position], made.operands[addend]
                found.append(_Connection(depth, False, *pair))
    found.sort(key=lambda row: (row.depth, not row.is_copy))
    return found


def _equal_dwords(
    function: MachineFunction, units: Units, liveness: Liveness
) -> dict[tuple[int, int], int]:
    """Return the points at which dwords that copies connect hold the same; smaller unit first."""
    copies = [
        CopyPlace(number, index, units.of(target), units.of(source))
        for number, block in enumerate(function.blocks)
        for index, made in enumerate(block.instructions)
        if isinstance(made.operation, Pseudo)
        for target, source in copies_of(made)
    ]
    found: dict[tuple[int, int], int] = {}
    equal = equal_points(copies, function.blocks, units.blocks, liveness)
    for copy, points in zip(copies, equal, strict=True):
        for one, two in zip(copy.targets, copy.sources, strict=False):
            key = (one, two) if one < two else (two, one)
            found[key] = found.get(key, 0) | points
    return found


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


class _Merger:
    """The groups as they grow together."""

    __slots__ = ("equal", "grouping", "lives", "units")

    def __init__(
        self,
        grouping: Grouping,
        units: Units,
        lives: dict[int, int],
        equal: dict[tuple[int, int], int],
    ) -> None:
        self.grouping, self.units, self.lives, self.equal = grouping, units, lives, equal

    def connect(self, row: _Connection) -> None:
        target, source = row.target, row.source
        if isinstance(target, Register) and isinstance(source, VirtualRegister | Part):
            self._prefer(source, target)
        elif isinstance(source, Register) and isinstance(target, VirtualRegister | Part):
            self._prefer(target, source)
        elif not isinstance(target, VirtualRegister | Part):
            return
        elif isinstance(source, VirtualRegister | Part):
            self._merge(target, source)

    def _located(self, operand: VirtualRegister | Part) -> tuple[Group, int]:
        if isinstance(operand, Part):
            group, offset = self.grouping.home[operand.of]
            return group, offset + operand.first
        return self.grouping.home[operand]

    def _prefer(self, operand: VirtualRegister | Part, register: Register) -> None:
        group, offset = self._located(operand)
        if group.file is register.file and physical_units(register):
            group.preferred.append(register.first - offset)

    def _merge(self, target: VirtualRegister | Part, source: VirtualRegister | Part) -> None:
        group, offset = self._located(target)
        other, other_offset = self._located(source)
        if group is other or group.file is not other.file:
            return
        at = offset - other_offset
        pair = list(zip(self.units.of(target), self.units.of(source), strict=False))
        if len(other.masks) > len(group.masks):
            group, other, at, offset = other, group, -at, other_offset
        if not 0 <= at <= len(group.masks) - len(other.masks):
            return
        if at % other.align or other.align > group.align:
            return
        same = {offset + dword: self._same(*row) for dword, row in enumerate(pair)}
        for dword, mask in enumerate(other.masks, at):
            if group.masks[dword] & mask & ~same.get(dword, 0):
                return
        self._unite(group, other, at)

    def _same(self, one: int, two: int) -> int:
        """Return the points at which two dwords are alive and hold the same."""
        points = self.equal.get((one, two) if one < two else (two, one), 0)
        return points & self.lives.get(one, 0) & self.lives.get(two, 0)

    def _unite(self, group: Group, other: Group, at: int) -> None:
        for dword, mask in enumerate(other.masks, at):
            group.masks[dword] |= mask
        for register, inside in other.members:
            group.members.append((register, at + inside))
            self.grouping.home[register] = (group, at + inside)
        group.preferred += [place - at for place in other.preferred]
