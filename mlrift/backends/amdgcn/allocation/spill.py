"""Registers without a place leave the register files: groups enter, the function keeps their
contents in memory or in lanes, and every use gets a short-lived register of its own.

    v_add_f32 %9, %5, %6        %20 = scratch_load_b32 null, frame0+0; v_add_f32 %9, %20, %6
    s_add_u32 %7, %3, 4         %21 = v_readlane_b32 %30, #5; s_add_u32 %7, %21, 4

Vector registers go to private memory (each lane its own, so EXEC does not matter), scalar ones to
lanes of a vector register that is theirs alone in the whole kernel, because v_writelane ignores
EXEC and could hit a lane of somebody else's that is only waiting.
"""

from mlrift.backends.amdgcn.allocation.groups import Group, copies_of
from mlrift.backends.amdgcn.isa.instruction import Access, Inline
from mlrift.backends.amdgcn.isa.registers import NULL, Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    FrameObject,
    FrameSlot,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    MemoryAccess,
    Part,
    Pseudo,
    VirtualRegister,
)
from mlrift.source import Span
from mlrift.values import field, record, value

LANES = 32
_CHUNKS = (4, 3, 2, 1)


@value
class FrameHome:
    """Dword `dword` of a frame object is dword 0 of the register."""

    slot: int
    dword: int


@value
class LaneHome:
    """Lane `dword` of the spill lanes is dword 0 of the register."""

    dword: int


@record
class SpillState:
    """What the rounds of allocation share: `temporary` registers cannot be spilled, `lanes` are
    vector registers with scalar ones in them; the counts are dwords.
    """

    temporary: set[VirtualRegister] = field(default_factory=set)
    lanes: list[VirtualRegister] = field(default_factory=list)
    scalar_dwords: int = 0
    vector_dwords: int = 0


def spill(function: MachineFunction, groups: list[Group], state: SpillState) -> None:
    """Rewrite a function so that no register of the groups is left."""
    homes: dict[VirtualRegister, FrameHome | LaneHome] = {}
    for group in groups:
        for register, dword in group.members:
            homes[register] = _home(function, group, dword, state)
        _count(function, group, state)
    for block in function.blocks:
        made: list[MachineInstruction] = []
        for row in block.instructions:
            writer = _Writer(function, homes, state, row.span)
            made += writer.instruction(row)
        block.instructions = made
    function.partial.difference_update(homes)


def _home(
    function: MachineFunction, group: Group, dword: int, state: SpillState
) -> FrameHome | LaneHome:
    if group.file is RegisterFile.VECTOR:
        return FrameHome(len(function.frame), dword)
    return LaneHome(state.scalar_dwords + dword)


def _count(function: MachineFunction, group: Group, state: SpillState) -> None:
    dwords = len(group.masks)
    if group.file is RegisterFile.VECTOR:
        function.frame.append(FrameObject(4 * dwords, 16 if dwords > 2 else 4 * dwords))
        state.vector_dwords += dwords
        return
    state.scalar_dwords += dwords
    while len(state.lanes) * LANES < state.scalar_dwords:
        lanes = function.new_register(RegisterFile.VECTOR, 1, "spilled scalars")
        state.lanes.append(lanes)
        undefined = MachineInstruction(Pseudo.UNDEFINED, [lanes], (Access.WRITE,))
        function.blocks[0].instructions.insert(0, undefined)


class _Writer:
    """Rewrites one instruction."""

    __slots__ = ("after", "before", "function", "homes", "span", "state", "temporaries")

    def __init__(
        self,
        function: MachineFunction,
        homes: dict[VirtualRegister, FrameHome | LaneHome],
        state: SpillState,
        span: Span | None,
    ) -> None:
        self.function, self.homes, self.state, self.span = function, homes, state, span
        self.before: list[MachineInstruction] = []
        self.after: list[MachineInstruction] = []
        self.temporaries: dict[Part, VirtualRegister] = {}

    def instruction(self, row: MachineInstruction) -> list[MachineInstruction]:
        if not any(self._is_spilled(operand) for operand in row.operands):
            return [row]
        if row.operation is Pseudo.UNDEFINED:
            return []
        if row.operation is Pseudo.COPY:
            return self._copy(row)
        if row.operation in (Pseudo.PARALLEL_COPY, Pseudo.ASSEMBLE):
            return self._copies(row)
        operands: list[MachineOperand] = []
        for operand, access in zip(row.operands, row.access, strict=True):
            operands.append(self._operand(operand, access))
        row.operands = operands
        return [*self.before, row, *self.after]

    def _is_spilled(self, operand: MachineOperand) -> bool:
        if isinstance(operand, Part):
            return operand.of in self.homes
        return isinstance(operand, VirtualRegister) and operand in self.homes

    def _operand(self, operand: MachineOperand, access: Access) -> MachineOperand:
        if not self._is_spilled(operand):
            return operand
        part = _as_part(operand)
        temporary = self.temporaries.get(part)
        if temporary is None:
            temporary = self._temporary(part.of.file, part.count)
            self.temporaries[part] = temporary
            if access is not Access.WRITE:
                self.before += self._load(temporary, part)
        if access is not Access.READ:
            self.after += self._store(temporary, part)
        return temporary

    def _temporary(self, file: RegisterFile, count: int) -> VirtualRegister:
        made = self.function.new_register(file, count)
        self.state.temporary.add(made)
        return made

    def _copy(self, row: MachineInstruction) -> list[MachineInstruction]:
        target, source = row.operands
        if self._is_spilled(target) and self._is_spilled(source):
            if self._place(target) == self._place(source):
                return []
            part = _as_part(source)
            temporary = self._temporary(part.of.file, part.count)
            moved = self._moved(temporary, _as_part(target).of.file)
            loads = self._load(temporary, part)
            return [*loads, *moved[1], *self._store(moved[0], _as_part(target))]
        if self._is_spilled(source):
            part = _as_part(source)
            if _file_of(target) is part.of.file and not isinstance(target, Register):
                loads = self._load(target, part)
                for load in loads:
                    load.access = (row.access[0], *load.access[1:])
                return loads
            temporary = self._temporary(part.of.file, part.count)
            row.operands = [target, temporary]
            return [*self._load(temporary, part), row]
        part = _as_part(target)
        if _file_of(source) is part.of.file:
            return self._store(source, part)
        temporary = self._temporary(part.of.file, part.count)
        row.operands, row.access = [temporary, source], (Access.WRITE, Access.READ)
        return [row, *self._store(temporary, part)]

    def _moved(
        self, source: VirtualRegister, file: RegisterFile
    ) -> tuple[VirtualRegister, list[MachineInstruction]]:
        """Return a register of a file with the contents of another, and how it gets them."""
        if source.file is file:
            return source, []
        target = self._temporary(file, source.count)
        return target, [self._made(Pseudo.COPY, [target, source], (Access.WRITE, Access.READ))]

    def _place(self, operand: MachineOperand) -> tuple[FrameHome | LaneHome, int]:
        part = _as_part(operand)
        home = self.homes[part.of]
        if isinstance(home, FrameHome):
            return FrameHome(home.slot, home.dword + part.first), part.count
        return LaneHome(home.dword + part.first), part.count

    def _copies(self, row: MachineInstruction) -> list[MachineInstruction]:
        """Copies at once: what is in registers stays so, what is spilled is loaded first and stored
        last; copies of a place to itself vanish.
        """
        operands: list[MachineOperand] = []
        access: list[Access] = []
        kept = row.access[0] if row.operation is Pseudo.ASSEMBLE else None
        for index, (target, source) in enumerate(copies_of(row)):
            gone, came = self._is_spilled(target), self._is_spilled(source)
            if gone and came and self._place(target) == self._place(source):
                continue
            if gone and not came and _file_of(source) is _as_part(target).of.file:
                self._store_at_once(source, target, row)
                continue
            operands.append(self._operand_once(target, Access.WRITE))
            operands.append(self._operand_once(source, Access.READ))
            written = Access.WRITE if gone else kept or row.access[2 * index]
            access += [written, Access.READ]
        row.operation, row.operands, row.access = Pseudo.PARALLEL_COPY, operands, tuple(access)
        return [*self.before, *([row] if operands else []), *self.after]

    def _store_at_once(
        self, source: MachineOperand, target: MachineOperand, row: MachineInstruction
    ) -> None:
        """Store a register before the other copies, unless one of them loads what was there."""
        place = self._place(target)
        loaded = [other for _, other in copies_of(row) if self._is_spilled(other)]
        part = _as_part(target)
        if any(_overlap(self._place(other), place) for other in loaded):
            temporary = self._temporary(part.of.file, part.count)
            access = (Access.WRITE, Access.READ)
            self.before.append(self._made(Pseudo.COPY, [temporary, source], access))
            self.after += self._store(temporary, part)
        else:
            self.before += self._store(source, part)

    def _operand_once(self, operand: MachineOperand, access: Access) -> MachineOperand:
        """Like `_operand`, but a target and a source never share a temporary."""
        self.temporaries.clear()
        return self._operand(operand, access)

    def _load(self, target: MachineOperand, part: Part) -> list[MachineInstruction]:
        home = self.homes[part.of]
        if isinstance(home, LaneHome):
            return [
                self._made(
                    "v_readlane_b32",
                    [_dword(target, index, 1), *self._lane(home.dword + part.first + index)],
                    (Access.WRITE, Access.READ, Access.READ),
                )
                for index in range(part.count)
            ]
        made = []
        for first, count in _chunks(part.count):
            slot = FrameSlot(home.slot, 4 * (home.dword + part.first + first))
            operands = [_dword(target, first, count), NULL, slot]
            access = (Access.WRITE, Access.READ, Access.READ)
            made.append(self._scratch(f"scratch_load_b{32 * count}", operands, access, count))
        return made

    def _store(self, source: MachineOperand, part: Part) -> list[MachineInstruction]:
        home = self.homes[part.of]
        if isinstance(home, LaneHome):
            made = []
            for index in range(part.count):
                lanes, lane = self._lane(home.dword + part.first + index)
                operands = [lanes, _dword(source, index, 1), lane]
                access = (Access.BOTH, Access.READ, Access.READ)
                made.append(self._made("v_writelane_b32", operands, access))
            return made
        stores = []
        for first, count in _chunks(part.count):
            slot = FrameSlot(home.slot, 4 * (home.dword + part.first + first))
            operands = [NULL, _dword(source, first, count), slot]
            access = (Access.READ, Access.READ, Access.READ)
            stores.append(self._scratch(f"scratch_store_b{32 * count}", operands, access, count))
        return stores

    def _lane(self, number: int) -> tuple[VirtualRegister, MachineOperand]:
        return self.state.lanes[number // LANES], Inline(number % LANES)

    def _scratch(
        self, name: str, operands: list[MachineOperand], access: tuple[Access, ...], dwords: int
    ) -> MachineInstruction:
        made = self._made(name, operands, access)
        made.memory = MemoryAccess("scratch", 4 * dwords)
        return made

    def _made(
        self, operation: str | Pseudo, operands: list[MachineOperand], access: tuple[Access, ...]
    ) -> MachineInstruction:
        return MachineInstruction(operation, operands, access, {}, self.span, None)


def _as_part(operand: MachineOperand) -> Part:
    if isinstance(operand, Part):
        return operand
    if isinstance(operand, VirtualRegister):
        return Part(operand, 0, operand.count)
    raise TypeError(f"{operand} is never spilled")


def _file_of(operand: MachineOperand) -> RegisterFile | None:
    match operand:
        case VirtualRegister() | Register():
            return operand.file
        case Part(of):
            return of.file
        case _:
            return None


def _dword(operand: MachineOperand, first: int, count: int) -> MachineOperand:
    match operand:
        case VirtualRegister():
            return operand if count == operand.count else Part(operand, first, count)
        case Part(of, start):
            return Part(of, start + first, count)
        case Register(file, start):
            return Register(file, start + first, count)
        case _:
            raise TypeError(f"{operand} has no dwords")


def _chunks(dwords: int) -> list[tuple[int, int]]:
    """Return first dword and length of the widest accesses that cover a tuple."""
    found: list[tuple[int, int]] = []
    first = 0
    while first < dwords:
        count = next(row for row in _CHUNKS if row <= dwords - first)
        found.append((first, count))
        first += count
    return found


def _overlap(
    one: tuple[FrameHome | LaneHome, int], other: tuple[FrameHome | LaneHome, int]
) -> bool:
    match one[0], other[0]:
        case FrameHome(slot, first), FrameHome(second_slot, second):
            same = slot == second_slot
        case LaneHome(first), LaneHome(second):
            same = True
        case _:
            return False
    return same and first < second + other[1] and second < first + one[1]
