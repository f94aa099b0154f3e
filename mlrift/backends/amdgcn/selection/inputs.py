"""What a kernel starts with: its arguments, the ids of its group and item, and sizes of the grid.

Registers that nobody asks for are not delivered (but for local ids below one that is asked for).
Arguments that stand side by side are loaded together, once, at the start of the kernel.
"""

from mlrift.backends.amdgcn.codeobject.model import ArgumentKind
from mlrift.backends.amdgcn.isa.instruction import Inline, Literal
from mlrift.backends.amdgcn.isa.registers import NULL, Register, sgpr, vgpr
from mlrift.backends.amdgcn.kernarg import ArgumentLayout, argument_layout
from mlrift.backends.amdgcn.mir import MachineOperand, MemoryAccess, Part, VirtualRegister
from mlrift.backends.amdgcn.selection.constants import word_operand
from mlrift.backends.amdgcn.selection.emitter import part_of
from mlrift.backends.amdgcn.selection.generation import GroupIds, LocalIds
from mlrift.ir.core import Function, Value
from mlrift.ir.ops.device import AssumeGroupSize, Axis
from mlrift.static_types import TYPE_CHECKING

if TYPE_CHECKING:
    from mlrift.backends.amdgcn.selection.selector import Selector

_AXES = (Axis.X, Axis.Y, Axis.Z)
_COUNTS = (
    ArgumentKind.HIDDEN_BLOCK_COUNT_X,
    ArgumentKind.HIDDEN_BLOCK_COUNT_Y,
    ArgumentKind.HIDDEN_BLOCK_COUNT_Z,
)
_SIZES = (
    ArgumentKind.HIDDEN_GROUP_SIZE_X,
    ArgumentKind.HIDDEN_GROUP_SIZE_Y,
    ArgumentKind.HIDDEN_GROUP_SIZE_Z,
)
_ID_BITS = 10
_ID_MASK = (1 << _ID_BITS) - 1
_HALF_MASK = 0xFFFF
_TTMP7, _TTMP9 = sgpr(115), sgpr(117)
_LEAST_SGPRS = 16
_POINTER_SGPRS = 2
_LOAD_DWORDS = (8, 4, 2)


class Inputs:
    """The inputs of one kernel that are asked for."""

    def __init__(self, selector: "Selector", function: Function) -> None:
        self.selector = selector
        self.layout: ArgumentLayout = argument_layout(function)
        self.required = _required_group(function)
        self.hidden: set[ArgumentKind] = set()
        self.pointer: VirtualRegister | None = None
        self.packed: VirtualRegister | None = None
        self.ids: dict[Axis, VirtualRegister] = {}
        self.groups: dict[Axis, VirtualRegister] = {}
        self._words: dict[int, VirtualRegister] = {}
        self._tuples: list[tuple[VirtualRegister, int]] = []

    # arguments

    def place_arguments(self, function: Function) -> None:
        """Give the parameters that are used their places in the tuples that are loaded."""
        dwords: list[int] = []
        for row in self.layout.explicit:
            if self.selector.uses.get(row.parameter):
                first = row.offset // 4
                dwords += range(first, first + self._wanted(row.parameter, row.size))
        pieces = {number: place for number, place in self._cover(dwords)}
        for row in self.layout.explicit:
            if self.selector.uses.get(row.parameter):
                register, first = pieces[row.offset // 4]
                count = self.selector.size_of(row.parameter)
                place = part_of(register, first, count)
                assert isinstance(place, VirtualRegister | Part)
                self.selector.places[row.parameter] = place

    def _wanted(self, parameter: Value, size: int) -> int:
        return min(size // 4, self.selector.size_of(parameter))

    def _cover(self, dwords: list[int]) -> list[tuple[int, tuple[VirtualRegister, int]]]:
        """Load dwords by as few tuples as possible; neighbours that nobody wants may come along."""
        found: list[tuple[int, tuple[VirtualRegister, int]]] = []
        left = sorted(set(dwords))
        while left:
            first, count = self._piece(left)
            register = self.selector.scalar(count)
            self._tuples.append((register, first * 4))
            found += [(row, (register, row - first)) for row in left if row < first + count]
            left = [row for row in left if row >= first + count]
        return found

    def _piece(self, wanted: list[int]) -> tuple[int, int]:
        """Return start and length of the load that begins with the first wanted dword."""
        start = wanted[0] - wanted[0] % 2
        for size in _LOAD_DWORDS:
            found = sum(row < start + size for row in wanted)
            if 2 * found > size and start + size <= self.layout.end // 4:
                return start, size
        return wanted[0], 1

    def kernarg_pointer(self) -> VirtualRegister:
        """Return the pair that has the address of the arguments."""
        if self.pointer is None:
            self.pointer = self.selector.scalar(2)
        return self.pointer

    # ids and sizes

    def local_id(self, axis: Axis, target: MachineOperand) -> None:
        """Append what gives an item's index in its group."""
        selector = self.selector
        if self._extent(axis) == 1:
            selector.copy(target, Inline(0))
            return
        if selector.rules.local_ids is LocalIds.SEPARATE:
            selector.copy(target, self._id(axis))
            return
        position = _AXES.index(axis)
        if position == 0 and self.is_flat:
            selector.copy(target, self.packed_ids())
        elif position == 0:
            selector.valu("v_and_b32", target, Literal(_ID_MASK), self.packed_ids())
        else:
            first = Inline(_ID_BITS * position)
            selector.valu("v_bfe_u32", target, self.packed_ids(), first, Inline(_ID_BITS))

    def all_ids(self) -> list[MachineOperand]:
        """Return registers that are all zero in the first item of a group only."""
        if self.selector.rules.local_ids is LocalIds.PACKED:
            return [self.packed_ids()]
        return [self._id(axis) for axis in _AXES if self._extent(axis) != 1]

    @property
    def is_flat(self) -> bool:
        """Whether groups are known to have one dimension."""
        return self.required is not None and self.required[1:] == (1, 1)

    def packed_ids(self) -> VirtualRegister:
        """Return the register with all local ids."""
        if self.packed is None:
            self.packed = self.selector.vector()
        return self.packed

    def _id(self, axis: Axis) -> VirtualRegister:
        if axis not in self.ids:
            self.ids[axis] = self.selector.vector()
        return self.ids[axis]

    def _extent(self, axis: Axis) -> int | None:
        return None if self.required is None else self.required[_AXES.index(axis)]

    def group_id(self, axis: Axis) -> VirtualRegister:
        """Return the register with the index of the group."""
        if axis not in self.groups:
            self.groups[axis] = self.selector.scalar()
        return self.groups[axis]

    def group_size(self, axis: Axis, target: MachineOperand) -> None:
        """Append what gives the size of a group."""
        extent = self._extent(axis)
        if extent is not None:
            self.selector.copy(target, word_operand(extent))
            return
        kind = _SIZES[_AXES.index(axis)]
        self.hidden.add(kind)
        offset = self.layout.offset_of(kind)
        pair = self._word(offset - offset % 4)
        if offset % 4:
            self.selector.emit("s_lshr_b32", target, pair, Inline(16))
        else:
            self.selector.emit("s_and_b32", target, pair, Literal(_HALF_MASK))

    def group_count(self, axis: Axis, target: MachineOperand) -> None:
        """Append what gives the number of groups."""
        kind = _COUNTS[_AXES.index(axis)]
        self.hidden.add(kind)
        self.selector.copy(target, self._word(self.layout.offset_of(kind)))

    def _word(self, offset: int) -> VirtualRegister:
        """Return the register that a dword of the arguments is loaded into at the start."""
        if offset not in self._words:
            self._words[offset] = self.selector.scalar()
        return self._words[offset]

    def _load(self, target: MachineOperand, offset: int) -> None:
        count = getattr(target, "count", 1)
        self.selector.emit(
            f"s_load_b{32 * count}",
            target,
            self.kernarg_pointer(),
            NULL,
            modifiers={"offset": offset} if offset else {},
            memory=MemoryAccess("constant", 4 * count),
        )

    # the start of the kernel

    def begin(self) -> None:
        """Append the copies from what arrives, and the loads of the arguments."""
        if self._tuples or self._words:
            self.kernarg_pointer()
        arrivals = self._arrivals()
        self.selector.function.arrives = arrivals
        for register, source in arrivals:
            self.selector.copy(register, source)
        if self.selector.rules.group_ids is GroupIds.TRAP_TEMPORARIES:
            self._split_group_ids()
        for register, offset in self._tuples:
            self._load(register, offset)
        for offset, word in sorted(self._words.items()):
            self._load(word, offset)

    @property
    def user_sgprs(self) -> int:
        """How many user registers the descriptor asks for, padding included."""
        user = _POINTER_SGPRS if self.has_arguments else 0
        if not self.selector.chip.pads_user_sgprs:
            return user
        return max(user, _LEAST_SGPRS - len(self.groups))

    @property
    def has_arguments(self) -> bool:
        """Whether there is a segment of arguments."""
        return bool(self.layout.explicit or self.hidden)

    @property
    def group_axes(self) -> tuple[bool, bool, bool]:
        """Which group ids are asked for."""
        x, y, z = (axis in self.groups for axis in _AXES)
        return x, y, z

    @property
    def local_axes(self) -> int:
        """How many local ids are delivered."""
        if self.packed is not None:
            return 1 if self.is_flat else 3
        return max([1, *(_AXES.index(axis) + 1 for axis in self.ids)])

    def _arrivals(self) -> list[tuple[VirtualRegister, Register]]:
        found: list[tuple[VirtualRegister, Register]] = []
        if self.pointer is not None:
            found.append((self.pointer, sgpr(0, 2)))
        if self.selector.rules.group_ids is GroupIds.AFTER_USER_SGPRS:
            axes = [axis for axis in _AXES if axis in self.groups]
            for number, axis in enumerate(axes):
                found.append((self.groups[axis], sgpr(self.user_sgprs + number)))
        if self.packed is not None:
            found.append((self.packed, vgpr(0)))
        for number, axis in enumerate(_AXES):
            if axis in self.ids:
                found.append((self.ids[axis], vgpr(number)))
        return found

    def _split_group_ids(self) -> None:
        selector = self.selector
        if Axis.X in self.groups:
            selector.copy(self.groups[Axis.X], _TTMP9)
        if Axis.Y in self.groups:
            selector.emit("s_and_b32", self.groups[Axis.Y], _TTMP7, Literal(_HALF_MASK))
        if Axis.Z in self.groups:
            selector.emit("s_lshr_b32", self.groups[Axis.Z], _TTMP7, Inline(16))


def _required_group(function: Function) -> tuple[int, int, int] | None:
    for made in function.ops():
        if isinstance(made, AssumeGroupSize):
            return made.x, made.y, made.z
    return None
