"""Where things are in the two blocks of memory that translated code works on, in bytes.

A wave's state holds its registers; the launch's context holds what all waves share. The scheduler
writes them through numpy and ctypes, translated code through offsets; only this file knows both.
"""

from enum import IntEnum

from mlrift.emulator.code import LANES

SGPRS = 128
"""Scalar registers as source operands number them: 106 VCC, 108 ttmp, 125 M0, 126 EXEC."""

POISON = 0x7FF57FF5
"""What a register holds before it is written: a NaN as f16, bf16, f32 and f64."""

VGPR_BYTES = 4 * LANES
VECTOR_REGISTERS = 256


class WaveOffset(IntEnum):
    """Fields of a wave's state."""

    SGPR = 0
    SCC = 4 * SGPRS
    NEXT = 516
    """Chunk to run next."""
    QUANTUM = 520
    """i64: instructions left before the wave must yield."""
    TARGET = 528
    """i64: address that a jump goes to."""
    LDS = 536
    """Host address of the group's LDS."""
    SCRATCH = 544
    """Host address of the wave's private memory, lane after lane."""
    EPOCH = 552
    """Barriers passed in this launch, for the race detector."""
    WAVE = 556
    """Number of the wave in its group."""
    FLAT_SCRATCH = 560
    """i64: as s_setreg wrote it on gfx10."""
    LDS_SHADOW = 568
    """Host address of the race detector's table, 0 without one."""
    LDS_BYTES = 576
    SCRATCH_BYTES = 580
    """Of one lane."""
    GROUP = 584
    """Three i32: the group's index."""
    SIGNALLED = 596
    """A `Signal`."""
    SCRATCH_OFFSET = 600
    """i64: what FLAT_SCRATCH must hold on gfx10."""
    LANES_PRESENT = 608
    """EXEC at the start."""
    MODE = 612
    """The float mode when a wave jumps to a computed address."""
    STATE = 616
    """A `WaveState`."""
    SGPR_WRITTEN = 640
    """128 masks of bits that have been written, when tracking, and one for SCC."""
    VGPR_WRITTEN = 640 + 4 * SGPRS + 64
    """256 masks of lanes that have been written."""
    VGPR = 640 + 4 * SGPRS + 64 + 1024 + 64
    BYTES = VGPR + VECTOR_REGISTERS * VGPR_BYTES


class ContextOffset(IntEnum):
    """Fields of a launch's context. The lane arrays pass operands to memory functions."""

    ADDRESS = 0
    """32 i64."""
    DATA = 256
    """32 registers of 32 lanes."""
    FAULT = 256 + 32 * VGPR_BYTES
    FAULT_SITE = FAULT + 4
    FAULT_LANE = FAULT + 8
    FAULT_BYTES = FAULT + 12
    FAULT_ADDRESS = FAULT + 16
    FAULT_DETAIL = FAULT + 24
    RANGES = FAULT + 32
    """Host address of the table of mapped memory, rows of `RangeOffset`."""
    RANGE_COUNT = RANGES + 8
    SITES = RANGES + 16
    """Host address of a row of `SiteOffset` per memory instruction."""
    COUNTERS = RANGES + 24
    """Host address of a row of `CounterOffset` per memory instruction, 0 to count nothing."""
    PROGRESS = RANGES + 32
    """i64: stores and atomics that changed memory."""
    CLOCK = RANGES + 40
    """i64: instructions executed by all waves."""
    COHERENT_COST = RANGES + 48
    """i64: quantum that an atomic or coherent load costs."""
    SEGMENTS = RANGES + 64
    """Host address of a row of `SegmentOffset` per segment; never 0."""
    BYTES = RANGES + 128


class RangeOffset(IntEnum):
    """A row of mapped memory: device addresses [START, END) are host START + DELTA."""

    START = 0
    END = 8
    DELTA = 16
    WRITABLE = 24
    BYTES = 32


class SiteOffset(IntEnum):
    """What a memory instruction remembers of the range it hit last.

    Its access fits at addresses START, START + 1, ... START + COUNT - 1.
    """

    START = 0
    COUNT = 8
    DELTA = 16
    BYTES = 32


class CounterOffset(IntEnum):
    """Sums over the executions of a memory instruction, all i64."""

    BYTES = 0
    LINES = 8
    """Cache lines touched, or extra LDS cycles for bank conflicts."""
    ROW = 16


class SegmentOffset(IntEnum):
    """Sums over the executions of instructions that run together, all i64."""

    EXECUTIONS = 0
    LANES = 8
    ROW = 16


class Status(IntEnum):
    """Why a wave stopped; what translated code returns below zero."""

    FAULT = -1
    END = -2
    BARRIER = -3
    YIELD = -4
    SLEEP = -5
    JUMP = -6
    """The wave goes on at the address in `WaveOffset.TARGET`."""


class Access(IntEnum):
    """What an access does, as the functions that find memory are told."""

    READ = 0
    WRITE = 1
    ATOMIC = 2


class WaveState(IntEnum):
    """Whether a wave can run."""

    RUNNABLE = 0
    WAITING = 1
    ENDED = 2


class Signal(IntEnum):
    """`WaveOffset.SIGNALLED`: a wave has signalled the barrier; all have, before it waited."""

    NONE = 0
    GIVEN = 1
    RELEASED = 2


class FaultCode(IntEnum):
    """What went wrong, in `ContextOffset.FAULT`."""

    NONE = 0
    OUT_OF_BOUNDS = 1
    READ_ONLY = 2
    LDS_OUT_OF_BOUNDS = 3
    SCRATCH_OUT_OF_BOUNDS = 4
    LDS_RACE = 5
    UNWRITTEN_REGISTER = 6
    NO_SEMANTICS = 7
    TRAP = 8
    BAD_JUMP = 9
    SCRATCH_NOT_SET_UP = 10
    CODE_END = 11
    MISALIGNED = 12
    NOT_CODE = 13
    DEADLOCK = 14
