"""PM4 packets of compute queues as lists of dwords (gpu.md 5.7, numbers of gfx10 to gfx12).

Every function returns one packet. Addresses and sizes are in bytes.
"""

from enum import IntEnum, unique

from mlrift.static_types import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_TYPE_3 = 3 << 30
_COUNT_SHIFT = 16
_OPCODE_SHIFT = 8


@unique
class Opcode(IntEnum):
    """Packets we write and read."""

    NOP = 0x10
    DISPATCH_DIRECT = 0x15
    WAIT_REG_MEM = 0x3C
    EVENT_WRITE = 0x46
    RELEASE_MEM = 0x49
    ACQUIRE_MEM = 0x58
    SET_SH_REG = 0x76


@unique
class Register(IntEnum):
    """Compute registers, as SET_SH_REG counts them."""

    START_X = 0x204
    NUM_THREAD_X = 0x207
    PGM_LO = 0x20C
    DISPATCH_SCRATCH_BASE_LO = 0x210
    PGM_RSRC1 = 0x212
    PGM_RSRC2 = 0x213
    TMPRING_SIZE = 0x218
    PGM_RSRC3 = 0x228
    USER_DATA_0 = 0x240


INITIATOR_GROUPS = 0x8005
"""Compute, count from START, wave32."""
EVENT_CS_PARTIAL_FLUSH = 0x407
_GCR_WRITE_BACK = 1 << 15
_GCR_INVALIDATE = 1 << 14 | 1 << 9 | 1 << 8 | 1 << 7 | 1 << 5 | 1
_CACHE_FLUSH_AND_TIMESTAMP = 0x14
_EVENT_INDEX_END_OF_PIPE = 5 << 8
_RELEASE_WRITE_BACK = 1 << 21 | 1 << 20 | 1 << 14 | 1 << 15
RELEASE_DATA_PLACE = 5
"""Which dword of RELEASE_MEM begins the number."""
DATA_64 = 2
DATA_CLOCK = 3
_MEMORY_SPACE = 1 << 4
_EQUAL = 3
_ALL_BITS = 0xFFFFFFFF
_POLL_CLOCKS = 4


def packet(opcode: Opcode, body: "Sequence[int]") -> list[int]:
    """Return a type-3 packet."""
    return [_TYPE_3 | len(body) - 1 << _COUNT_SHIFT | opcode << _OPCODE_SHIFT, *body]


def set_registers(first: Register, numbers: "Sequence[int]") -> list[int]:
    """Write consecutive registers."""
    return packet(Opcode.SET_SH_REG, [first, *numbers])


def acquire_memory() -> list[int]:
    """Write back and invalidate the caches before a dispatch."""
    control = _GCR_WRITE_BACK | _GCR_INVALIDATE
    return packet(Opcode.ACQUIRE_MEM, [0, _ALL_BITS, 0xFF, 0, 0, 0, control])


def dispatch(blocks: "Sequence[int]") -> list[int]:
    """Start groups."""
    return packet(Opcode.DISPATCH_DIRECT, [*blocks, INITIATOR_GROUPS])


def wait_for_kernels() -> list[int]:
    """Let what follows begin when all kernels before have ended."""
    return packet(Opcode.EVENT_WRITE, [EVENT_CS_PARTIAL_FLUSH])


def release_memory(address: int, data: int, selection: int) -> list[int]:
    """Flush the caches, then write `data` or the clock to memory."""
    event = _CACHE_FLUSH_AND_TIMESTAMP | _EVENT_INDEX_END_OF_PIPE | _RELEASE_WRITE_BACK
    return packet(Opcode.RELEASE_MEM, [event, selection << 29, *halves(address), *halves(data), 0])


def wait_for_memory(address: int, number: int) -> list[int]:
    """Let what follows begin when a dword of memory is `number`."""
    control = _EQUAL | _MEMORY_SPACE
    words = [control, *halves(address), number, _ALL_BITS, _POLL_CLOCKS]
    return packet(Opcode.WAIT_REG_MEM, words)


def halves(number: int) -> tuple[int, int]:
    """Return the low and the high dword."""
    return number & _ALL_BITS, number >> 32
