"""The waves of a group: their registers when they start, their LDS and private memory.

A wave's state is a run of bytes that translated code works on (`WaveOffset`). What the descriptor
asks for is put where the hardware puts it (gpu.md 3.5); every other register holds poison.
"""

import numpy as np

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.codeobject.descriptor import Descriptor
from mlrift.backends.amdgcn.isa.registers import EXEC, FIRST_TRAP_TEMPORARY, VCC
from mlrift.emulator.arguments import LaunchShape
from mlrift.emulator.code import LANES
from mlrift.emulator.layout import POISON, VECTOR_REGISTERS, VGPR_BYTES, WaveOffset
from mlrift.static_types import Any
from mlrift.values import record

_ALIGNMENT = 64
_POISON_BYTE = 0x7F
_ALL_LANES = 0xFFFFFFFF
_GROUP_X_TRAP, _GROUP_YZ_TRAP, _WAVE_TRAP = 9, 7, 8
_LDS_SHADOW_ROW_BYTES = 16
FLAT_SCRATCH_BASE = 0x5C00_0000_0000
"""What gfx10 must put into FLAT_SCRATCH to reach private memory."""


@record
class Group:
    """One group of the grid, on one set of memory."""

    index: tuple[int, int, int]
    wave_count: int
    memory: "GroupMemory"

    def states(self) -> list[int]:
        """Return the `WaveState` of each wave."""
        found: list[int] = self.memory.words[:, WaveOffset.STATE // 4].tolist()
        return found

    def word(self, wave: int, offset: int) -> int:
        """Return a 32-bit field of a wave's state."""
        return int(self.memory.words[wave, offset // 4])

    def set_word(self, wave: int, offset: int, number: int) -> None:
        """Write a 32-bit field of a wave's state."""
        self.memory.words[wave, offset // 4] = number

    def address(self, wave: int) -> int:
        """Return the host address of a wave's state."""
        return self.memory.states_address + wave * WaveOffset.BYTES


class GroupMemory:
    """Host memory for a group: states, LDS, race table, private memory. Used group after group."""

    def __init__(self, waves: int, lds_bytes: int, scratch_bytes: int) -> None:
        self.states = _aligned(waves * WaveOffset.BYTES)
        self.states_address = int(self.states.ctypes.data)
        self.words = self.states.view(np.uint32).reshape(waves, WaveOffset.BYTES // 4)
        self.lds = np.zeros(lds_bytes + _ALIGNMENT, np.uint8)
        words = (lds_bytes + 3) // 4 if waves > 1 else 0
        self.shadow = np.zeros(words * _LDS_SHADOW_ROW_BYTES, np.uint8)
        self.template: Any = None
        """What the states hold when a group starts, as far as the kernel uses them."""
        self.scratch = np.zeros(waves * LANES * scratch_bytes + _ALIGNMENT, np.uint8)
        self.lds_address = int(self.lds.ctypes.data)
        self.scratch_address = int(self.scratch.ctypes.data)
        self.shadow_address = int(self.shadow.ctypes.data)


def _aligned(size_bytes: int) -> Any:
    whole = np.zeros(size_bytes + _ALIGNMENT, np.uint8)
    start = -int(whole.ctypes.data) % _ALIGNMENT
    return whole[start : start + size_bytes]


class WaveStarter:
    """Makes groups ready to run."""

    def __init__(
        self,
        descriptor: Descriptor,
        generation: Generation,
        shape: LaunchShape,
        pointers: dict[str, int],
    ) -> None:
        self.descriptor = descriptor
        self.generation = generation
        self.shape = shape
        items = shape.block[0] * shape.block[1] * shape.block[2]
        self.items = items
        self.wave_count = (items + LANES - 1) // LANES
        self.lds_bytes = descriptor.lds_bytes + shape.dynamic_lds_bytes
        self.finds_races = True
        used = min(descriptor.vector_registers, VECTOR_REGISTERS)
        self._used_words = (WaveOffset.VGPR + VGPR_BYTES * used) // 4
        self._template = np.concatenate(
            [self._make_state(pointers, number) for number in range(self.wave_count)]
        )

    def set_user_registers(self, numbers: tuple[int, ...]) -> None:
        """Let the first scalar registers hold these dwords, as a launch by registers does."""
        words = self._template.view(np.uint32).reshape(self.wave_count, -1)
        words[:, : len(numbers)] = numbers
        first = WaveOffset.SGPR_WRITTEN // 4
        words[:, first : first + len(numbers)] = _ALL_LANES

    def new_memory(self) -> GroupMemory:
        """Return memory for one group."""
        return GroupMemory(self.wave_count, self.lds_bytes, self.descriptor.scratch_bytes)

    def start(self, index: tuple[int, int, int], memory: GroupMemory, chunk: int) -> Group:
        """Return a group whose waves begin at a chunk."""
        if self.lds_bytes:
            memory.lds.fill(_POISON_BYTE)
            memory.shadow.fill(0)
        if self.descriptor.scratch_bytes:
            memory.scratch.fill(_POISON_BYTE)
        if memory.template is None:
            self._prepare(memory, chunk)
        words = memory.words
        words[:, : self._used_words] = memory.template
        words[:, WaveOffset.GROUP // 4 : WaveOffset.GROUP // 4 + 3] = index
        self._fill_group_ids(words, index)
        return Group(index, self.wave_count, memory)

    def _prepare(self, memory: GroupMemory, chunk: int) -> None:
        """Put together what all groups on this memory start with."""
        words = self._template.view(np.uint32).reshape(self.wave_count, -1).copy()
        longs = words.view(np.uint64)
        words[:, WaveOffset.NEXT // 4] = chunk
        longs[:, WaveOffset.LDS // 8] = memory.lds_address
        scratch = LANES * self.descriptor.scratch_bytes
        first = memory.scratch_address
        longs[:, WaveOffset.SCRATCH // 8] = [
            first + number * scratch for number in range(self.wave_count)
        ]
        if self.finds_races and len(memory.shadow):
            longs[:, WaveOffset.LDS_SHADOW // 8] = memory.shadow_address
        memory.words[:] = words
        memory.template = np.ascontiguousarray(words[:, : self._used_words])

    def _make_state(self, pointers: dict[str, int], number: int) -> Any:
        """Return what a wave's state is in every group."""
        state = np.zeros(WaveOffset.BYTES, np.uint8)
        words = state.view(np.uint32)
        words[: WaveOffset.SCC // 4] = POISON
        words[WaveOffset.VGPR // 4 :] = POISON
        words[VCC.first + 1] = words[EXEC.first + 1] = 0
        for row in self.descriptor.user_registers():
            pointer = pointers.get(row.what, 0)
            for place in range(row.count):
                words[row.first + place] = pointer >> 32 * place & 0xFFFFFFFF
        words[WaveOffset.SCRATCH_BYTES // 4] = self.descriptor.scratch_bytes
        words[WaveOffset.LDS_BYTES // 4] = self.lds_bytes
        if self.generation is Generation.GFX10 and self.descriptor.has_scratch:
            state.view(np.uint64)[WaveOffset.SCRATCH_OFFSET // 8] = FLAT_SCRATCH_BASE
        lanes, registers = self._local_ids(number)
        words[EXEC.first] = words[WaveOffset.LANES_PRESENT // 4] = lanes
        for place, ids in enumerate(registers):
            start = (WaveOffset.VGPR + VGPR_BYTES * place) // 4
            words[start : start + LANES] = ids
            words[WaveOffset.VGPR_WRITTEN // 4 + place] = _ALL_LANES
        for place in self._delivered():
            words[WaveOffset.SGPR_WRITTEN // 4 + place] = _ALL_LANES
        words[WaveOffset.EPOCH // 4] = 1
        words[WaveOffset.WAVE // 4] = number
        if self.generation is Generation.GFX12:
            words[FIRST_TRAP_TEMPORARY + _WAVE_TRAP] = number << 25
        return state

    def _delivered(self) -> list[int]:
        """Return the numbers of the scalar registers that hold something at the start."""
        found = [
            row.first + place
            for row in self.descriptor.user_registers()
            for place in range(row.count)
        ]
        if self.generation is Generation.GFX12:
            return found
        place = self.descriptor.user_sgprs
        wanted = [*self.descriptor.group_ids, self.descriptor.resources2 >> 10 & 1]
        count = sum(bool(each) for each in wanted) + self.descriptor.has_scratch
        return [*found, *range(place, place + count)]

    def _local_ids(self, number: int) -> tuple[int, list[Any]]:
        """Return the lanes present in a wave, and what its first vector registers hold."""
        first = number * LANES
        flat = np.arange(first, first + LANES, dtype=np.uint32)
        x_size, y_size, _ = self.shape.block
        ids: list[Any] = [flat % x_size, flat // x_size % y_size, flat // (x_size * y_size)]
        present = min(LANES, self.items - first)
        if self.generation is Generation.GFX10:
            registers: list[Any] = ids[: self.descriptor.local_ids]
        else:
            registers = [ids[0] | ids[1] << 10 | ids[2] << 20]
        return (1 << present) - 1, registers

    def _fill_group_ids(self, words: Any, index: tuple[int, int, int]) -> None:
        if self.generation is Generation.GFX12:
            words[:, FIRST_TRAP_TEMPORARY + _GROUP_X_TRAP] = index[0]
            words[:, FIRST_TRAP_TEMPORARY + _GROUP_YZ_TRAP] = index[1] | index[2] << 16
            return
        place = self.descriptor.user_sgprs
        for axis, is_wanted in enumerate(self.descriptor.group_ids):
            if is_wanted:
                words[:, place] = index[axis]
                place += 1
        if self.descriptor.resources2 >> 10 & 1:
            words[:, place] = self.wave_count
            place += 1
        if self.descriptor.has_scratch:
            words[:, place] = 0
