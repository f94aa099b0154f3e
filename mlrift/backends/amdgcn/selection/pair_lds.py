"""Accesses of LDS that have one address register become fewer: wider ones, and pairs.

    ds_load_b32 v1, v0                       ds_load_2addr_b32 v[1:2], v0 offset0:0 offset1:17
    ds_load_b32 v2, v0 offset:68       =>

Four dwords side by side at a multiple of 16 (two at a multiple of 8) are one access. Loads move up
to the first of them and stores down to the last, within a run of instructions that nothing else of
LDS, no barrier and no change of EXEC interrupts.
"""

from collections import Counter

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Access
from mlrift.backends.amdgcn.isa.registers import EXEC, RegisterFile
from mlrift.backends.amdgcn.mir import (
    MachineBlock,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    MemoryAccess,
    Part,
    Pseudo,
    VirtualRegister,
)
from mlrift.backends.amdgcn.selection.accesses import accesses_of
from mlrift.backends.amdgcn.selection.constants import word_operand
from mlrift.values import record

_DWORDS = {"ds_load_b32": 1, "ds_load_b64": 2, "ds_store_b32": 1, "ds_store_b64": 2}
_OFFSETS = 256
_STRIDE = 64
_LEAST_FAR_LOADS = 4


@record
class _Entry:
    """A load or store of a run: its place, address register, offset in bytes and data."""

    position: int
    made: MachineInstruction
    address: VirtualRegister
    offset: int
    data: MachineOperand


class LdsPairing:
    """Pairs the accesses of a function. `alignment` is that of what address registers hold."""

    def __init__(
        self,
        function: MachineFunction,
        generation: Generation,
        alignment: dict[VirtualRegister, int],
    ) -> None:
        self.function = function
        self.generation = generation
        self.alignment = alignment
        self.writes = _written(function)
        self.replaced: dict[VirtualRegister, Part] = {}
        self._made: dict[int, list[MachineInstruction]] = {}
        self._gone: set[int] = set()

    def run(self) -> None:
        """Pair what can be, in all blocks."""
        for block in self.function.blocks:
            if sum(row.operation in _DWORDS for row in block.instructions) > 1:
                self._run_block(block)
        if self.replaced:
            for made in self.function.instructions():
                made.operands = [self._renamed(row) for row in made.operands]

    def _run_block(self, block: MachineBlock) -> None:
        self._made, self._gone = {}, set()
        loads: list[_Entry] = []
        stores: list[_Entry] = []
        for position, made in enumerate(block.instructions):
            entry = self._entry(position, made)
            if entry is not None and made.operation in ("ds_load_b32", "ds_load_b64"):
                self._flush(stores)
                loads.append(entry)
            elif entry is not None:
                self._flush(loads)
                stores.append(entry)
            elif _interrupts(made):
                self._flush(loads)
                self._flush(stores)
        self._flush(loads)
        self._flush(stores)
        if self._gone:
            block.instructions = [
                row
                for position, made in enumerate(block.instructions)
                for row in (
                    *self._made.get(position, ()),
                    *(() if position in self._gone else (made,)),
                )
            ]

    def _entry(self, position: int, made: MachineInstruction) -> _Entry | None:
        """Return a load or store that may be paired."""
        if made.operation not in _DWORDS:
            return None
        is_load = str(made.operation).startswith("ds_load")
        data, address = made.operands if is_load else reversed(made.operands)
        if not isinstance(address, VirtualRegister) or self.writes[address] != 1:
            return None
        if is_load and not (isinstance(data, VirtualRegister) and self.writes[data] == 1):
            return None
        return _Entry(position, made, address, made.modifiers.get("offset", 0), data)

    def _flush(self, entries: list[_Entry]) -> None:
        groups: dict[tuple[VirtualRegister, str], list[_Entry]] = {}
        for row in entries:
            groups.setdefault((row.address, str(row.made.operation)), []).append(row)
        for (_, operation), group in groups.items():
            if len(group) > 1 and len({row.offset for row in group}) == len(group):
                self._join(operation, sorted(group, key=lambda row: row.offset))
        entries.clear()

    def _join(self, operation: str, group: list[_Entry]) -> None:
        if operation == "ds_load_b32":
            group = self._widen(group, 4)
            group = self._widen(group, 2)
        elif operation == "ds_load_b64":
            group = self._widen(group, 2)
        unit = 4 * _DWORDS[operation]
        near = [row for row in group if row.offset % unit == 0 and row.offset < unit * _OFFSETS]
        far = [row for row in group if row not in near]
        self._pair(operation, near, 0, None)
        far = self._pair_strided(operation, far + near[len(near) // 2 * 2 :])
        if len(far) >= _LEAST_FAR_LOADS and operation.startswith("ds_load"):
            self._rebase(operation, far)

    def _widen(self, group: list[_Entry], count: int) -> list[_Entry]:
        """Make one access of `count` loads side by side where the address allows it."""
        left: list[_Entry] = []
        position = 0
        while position < len(group):
            rows = group[position : position + count]
            dwords = _DWORDS[str(rows[0].made.operation)]
            size = 4 * dwords
            is_run = len(rows) == count and all(
                row.offset == rows[0].offset + number * size for number, row in enumerate(rows)
            )
            align = self.alignment.get(rows[0].address, 1)
            if is_run and align % (size * count) == 0 and rows[0].offset % (size * count) == 0:
                offset = rows[0].offset
                modifiers = {"offset": offset} if offset else {}
                self._replace(f"ds_load_b{8 * size * count}", rows, modifiers, rows[0].address)
                position += count
            else:
                left.append(rows[0])
                position += 1
        return left

    def _pair(
        self, operation: str, group: list[_Entry], base: int, address: VirtualRegister | None
    ) -> None:
        """Make pairs of accesses whose offsets from `base` are small."""
        unit = 4 * _DWORDS[operation]
        for first, second in zip(group[::2], group[1::2], strict=False):
            modifiers = {
                "offset0": (first.offset - base) // unit,
                "offset1": (second.offset - base) // unit,
            }
            name = operation.replace("_b", "_2addr_b")
            register = first.address if address is None else address
            self._replace(name, [first, second], _non_zero(modifiers), register)

    def _pair_strided(self, operation: str, group: list[_Entry]) -> list[_Entry]:
        """Make pairs of accesses whose offsets are multiples of 64 elements; return the others."""
        unit = 4 * _DWORDS[operation] * _STRIDE
        group = sorted(group, key=lambda row: row.offset)
        fitting = [row for row in group if row.offset % unit == 0 and row.offset < unit * _OFFSETS]
        for first, second in zip(fitting[::2], fitting[1::2], strict=False):
            modifiers = {"offset0": first.offset // unit, "offset1": second.offset // unit}
            name = operation.replace("_b", "_2addr_stride64_b")
            self._replace(name, [first, second], _non_zero(modifiers), first.address)
        paired = fitting[: len(fitting) // 2 * 2]
        return [row for row in group if row not in paired]

    def _rebase(self, operation: str, group: list[_Entry]) -> None:
        """Pair loads with far offsets by a register of their own."""
        base = group[0].offset
        unit = 4 * _DWORDS[operation]
        near = [
            row
            for row in group
            if (row.offset - base) % unit == 0 and row.offset - base < unit * _OFFSETS
        ]
        if len(near) < _LEAST_FAR_LOADS:
            return
        first = min(near, key=lambda row: row.position)
        moved = self.function.new_register(RegisterFile.VECTOR)
        operands: list[MachineOperand] = [word_operand(base), group[0].address]
        access = accesses_of("v_add_nc_u32", self.generation, 3)
        made = MachineInstruction("v_add_nc_u32", [moved, *operands], access, {}, first.made.span)
        self._made.setdefault(first.position, []).append(made)
        self._pair(operation, near, base, moved)

    def _replace(
        self,
        operation: str,
        rows: list[_Entry],
        modifiers: dict[str, int],
        address: VirtualRegister,
    ) -> None:
        """Put one instruction in the place of several."""
        is_load = operation.startswith("ds_load")
        places = [row.position for row in rows]
        position = min(places) if is_load else max(places)
        model = next(row.made for row in rows if row.position == position)
        operands: list[MachineOperand] = [address, *(row.data for row in rows)]
        if is_load:
            operands = [self._tuple(rows), address]
        access = accesses_of(operation, self.generation, len(operands))
        bytes_per_lane = sum(4 * _DWORDS[str(row.made.operation)] for row in rows)
        memory = MemoryAccess("lds", bytes_per_lane)
        made = MachineInstruction(operation, operands, access, modifiers, model.span, memory)
        self._made.setdefault(position, []).append(made)
        self._gone.update(places)

    def _tuple(self, rows: list[_Entry]) -> VirtualRegister:
        """Return the registers side by side that several loads together fill."""
        sizes = [_DWORDS[str(row.made.operation)] for row in rows]
        joined = self.function.new_register(RegisterFile.VECTOR, sum(sizes))
        first = 0
        for row, size in zip(rows, sizes, strict=True):
            assert isinstance(row.data, VirtualRegister)
            self.replaced[row.data] = Part(joined, first, size)
            first += size
        return joined

    def _renamed(self, operand: MachineOperand) -> MachineOperand:
        if isinstance(operand, VirtualRegister):
            return self.replaced.get(operand, operand)
        if isinstance(operand, Part) and operand.of in self.replaced:
            whole = self.replaced[operand.of]
            return Part(whole.of, whole.first + operand.first, operand.count)
        return operand


def _written(function: MachineFunction) -> Counter[VirtualRegister]:
    """Return how often each register is written, as a whole or in part."""
    found: Counter[VirtualRegister] = Counter()
    for made in function.instructions():
        for operand, access in zip(made.operands, made.access, strict=True):
            if access is not Access.READ:
                if isinstance(operand, VirtualRegister):
                    found[operand] += 1
                elif isinstance(operand, Part):
                    found[operand.of] += 2
    return found


def _interrupts(made: MachineInstruction) -> bool:
    """Whether no access of LDS may move over an instruction."""
    if isinstance(made.operation, Pseudo):
        return made.operation is Pseudo.DRAIN
    if made.operation.startswith(("ds_", "s_barrier", "buffer_gl", "global_inv")):
        return not made.operation.startswith(("ds_bpermute", "ds_permute", "ds_swizzle"))
    return "saveexec" in made.operation or (
        bool(made.operands) and made.operands[0] == EXEC and made.access[0] is not Access.READ
    )


def _non_zero(modifiers: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in modifiers.items() if number}
