"""PM4 packets of an emulated queue: registers are set, dispatches executed, memory written."""

import ctypes

from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.codeobject.descriptor import Descriptor
from mlrift.runtime.kfd.abi import MemoryFlag
from mlrift.runtime.kfd.emulated.aql_processor import ranges_of
from mlrift.runtime.kfd.emulated.execution import CardLaunch
from mlrift.runtime.kfd.emulated.queue_processor import CardQueue
from mlrift.runtime.kfd.emulated.rules import RuleViolation
from mlrift.runtime.kfd.pm4_packets import DATA_64, DATA_CLOCK, Opcode, Register

_TYPE_3 = 3
_LDS_SHIFT, _LDS_MASK, _LDS_GRANULE = 15, 0x1FF, 512
_GFX10_RING_UNIT, _GFX11_RING_UNIT = 1024, 256
_RING_SIZE_SHIFT = 12
_LANES = 32
_WAVE32 = 1 << 15
_COMPUTE_ENABLED = 1
_START_AT_ZERO_ITEMS = 1 << 5
_FUNCTION_MASK = 7
_MEMORY_SPACE = 1 << 4
_DATA_SHIFT = 29
_KERNARG_AND_WAVE32 = 0x408
_USER_SGPRS_SHIFT, _USER_SGPRS_MASK = 1, 0x1F
_USER_DATA_REGISTERS = 16
_ADDRESS_SHIFT = 8


class Pm4Processor:
    """The command processor of one PM4 queue."""

    def __init__(self, queue: CardQueue, chip: Chip) -> None:
        self._queue = queue
        self._chip = chip
        self._dwords = queue.asked.ring_size // 4
        self._ring = queue.host(queue.asked.ring_base_address, queue.asked.ring_size, "ring")
        self._taken = 0
        self._announced = 0
        self._registers: dict[int, int] = {}

    @property
    def is_idle(self) -> bool:
        """Whether all announced packets have been done."""
        return self._taken == self._announced

    def ring(self, value: int) -> None:
        """A doorbell holds the new write pointer in dwords; another process may be ahead of it."""
        written = self._queue.write_pointer
        if not self._announced <= value <= written:
            raise RuleViolation(
                f"{self._queue.name}: the doorbell says {value} dwords, the write pointer {written}"
            )
        if value - self._taken > self._dwords:
            raise RuleViolation(f"{self._queue.name}: packets overwrite others not yet read")
        self._announced = value

    def advance(self) -> bool:
        """Do packets until one has to wait."""
        begun = self._taken
        while self._taken < self._announced:
            header = self._dword(self._taken)
            size = (header >> 16 & 0x3FFF) + 2
            if header >> 30 != _TYPE_3 or self._taken + size > self._announced:
                raise RuleViolation(
                    f"{self._queue.name}: {header:#010x} at dword {self._taken} is no whole packet"
                )
            body = [self._dword(self._taken + 1 + place) for place in range(size - 1)]
            if not self._do(header >> 8 & 0xFF, body):
                break
            self._taken += size
            self._queue.set_read_pointer(self._taken)
        return self._taken != begun

    def _dword(self, place: int) -> int:
        return ctypes.c_uint32.from_address(self._ring + 4 * (place % self._dwords)).value

    def _do(self, opcode: int, body: list[int]) -> bool:
        """Do one packet; return whether it has been done."""
        if opcode == Opcode.SET_SH_REG:
            for place, number in enumerate(body[1:]):
                self._registers[body[0] + place] = number
        elif opcode == Opcode.DISPATCH_DIRECT:
            self._dispatch(body)
        elif opcode == Opcode.RELEASE_MEM:
            self._release(body)
        elif opcode == Opcode.WAIT_REG_MEM:
            return self._is_reached(body)
        elif opcode not in {Opcode.NOP, Opcode.ACQUIRE_MEM, Opcode.EVENT_WRITE}:
            raise RuleViolation(f"{self._queue.name}: the packet {opcode:#x} is not known")
        return True

    def _register(self, register: int) -> int:
        found = self._registers.get(register)
        if found is None:
            name = Register(register).name if register in set(Register) else hex(register)
            raise RuleViolation(f"{self._queue.name}: a dispatch without COMPUTE_{name}")
        return found

    def _wide(self, register: int) -> int:
        return self._register(register) | self._register(register + 1) << 32

    def _dispatch(self, body: list[int]) -> None:
        queue = self._queue
        initiator = body[3]
        if not initiator & _COMPUTE_ENABLED or not initiator & _WAVE32:
            raise RuleViolation(
                f"{queue.name}: dispatch initiator {initiator:#x}; bits 0 (compute) and 15 (wave32)"
                " have to be set"
            )
        entry = self._wide(Register.PGM_LO) << _ADDRESS_SHIFT
        code = queue.buffers.find(entry, 4)
        if code is None or not code.flags & MemoryFlag.EXECUTABLE:
            raise RuleViolation(f"{queue.name}: no EXECUTABLE memory at the entry {entry:#x}")
        second = self._register(Register.PGM_RSRC2)
        group = self._three(Register.NUM_THREAD_X)
        blocks = (body[0], body[1], body[2])
        if initiator & _START_AT_ZERO_ITEMS:
            blocks = _groups_of(blocks, group)
        count = min(second >> _USER_SGPRS_SHIFT & _USER_SGPRS_MASK, _USER_DATA_REGISTERS)
        users = tuple(self._registers.get(Register.USER_DATA_0 + row, 0) for row in range(count))
        descriptor = Descriptor(
            lds_bytes=(second >> _LDS_SHIFT & _LDS_MASK) * _LDS_GRANULE,
            scratch_bytes=self._scratch_bytes() if second & 1 else 0,
            kernarg_bytes=0,
            entry_offset=0,
            resources1=self._register(Register.PGM_RSRC1),
            resources2=second,
            resources3=self._register(Register.PGM_RSRC3),
            properties=_KERNARG_AND_WAVE32,
        )
        queue.launch(
            CardLaunch(
                chip=self._chip,
                code=ctypes.string_at(code.host, code.size),
                code_address=code.address,
                entry_address=entry,
                descriptor=descriptor,
                user_data=(),
                blocks=blocks,
                group=group,
                ranges=ranges_of(queue),
                user_registers=users,
            )
        )

    def _scratch_bytes(self) -> int:
        unit = _GFX10_RING_UNIT if self._chip.name.startswith("gfx10") else _GFX11_RING_UNIT
        size = self._registers.get(Register.TMPRING_SIZE, 0) >> _RING_SIZE_SHIFT
        return size * unit // _LANES

    def _three(self, register: int) -> tuple[int, int, int]:
        return (
            self._register(register),
            self._register(register + 1),
            self._register(register + 2),
        )

    def _release(self, body: list[int]) -> None:
        address = self._queue.host(body[2] | body[3] << 32, 8, "memory of RELEASE_MEM")
        selection = body[1] >> _DATA_SHIFT
        if selection == DATA_64:
            ctypes.c_uint64.from_address(address).value = body[4] | body[5] << 32
        elif selection == DATA_CLOCK:
            ctypes.c_uint64.from_address(address).value = self._queue.clock()
        else:
            raise RuleViolation(f"{self._queue.name}: RELEASE_MEM with data selection {selection}")

    def _is_reached(self, body: list[int]) -> bool:
        if not body[0] & _MEMORY_SPACE:
            raise RuleViolation(f"{self._queue.name}: WAIT_REG_MEM for a register")
        address = self._queue.host(body[1] | body[2] << 32, 4, "memory of WAIT_REG_MEM")
        found = ctypes.c_uint32.from_address(address).value & body[4]
        return _COMPARISONS[body[0] & _FUNCTION_MASK](found, body[3])


def _groups_of(items: tuple[int, int, int], group: tuple[int, int, int]) -> tuple[int, int, int]:
    return (
        -(-items[0] // group[0]),
        -(-items[1] // group[1]),
        -(-items[2] // group[2]),
    )


_COMPARISONS = (
    lambda found, wanted: True,
    lambda found, wanted: found < wanted,
    lambda found, wanted: found <= wanted,
    lambda found, wanted: found == wanted,
    lambda found, wanted: found != wanted,
    lambda found, wanted: found >= wanted,
    lambda found, wanted: found > wanted,
    lambda found, wanted: False,
)
