"""One launch of a kernel: tables for translated code, the scheduler, and what comes of a fault."""

import ctypes
import time

import numpy as np

from mlrift.emulator.arguments import LaunchShape
from mlrift.emulator.code import LANES
from mlrift.emulator.errors import BudgetExceeded, EmulatorFault, FaultReport, Place
from mlrift.emulator.float_mode import FloatMode
from mlrift.emulator.kernel_code import KernelCode
from mlrift.emulator.layout import (
    ContextOffset,
    CounterOffset,
    FaultCode,
    SegmentOffset,
    SiteOffset,
    Status,
    WaveOffset,
)
from mlrift.emulator.memory_map import MemoryMap
from mlrift.emulator.report import LaunchReport, counts_of
from mlrift.emulator.scheduler import Deadlock, OutOfBudget, Schedule, Scheduler
from mlrift.emulator.waves import Group, GroupMemory, WaveStarter
from mlrift.static_types import Any

_TURN_TYPE = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int64,
)
_GROUP_TYPE = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int64,
)
_DETAILS = {
    FaultCode.LDS_OUT_OF_BOUNDS: "{access} outside the group's LDS: byte {address} of {lds}",
    FaultCode.SCRATCH_OUT_OF_BOUNDS: (
        "{access} outside the lane's private memory: byte {address} of {scratch}"
    ),
    FaultCode.MISALIGNED: "atomic at an address that is not a multiple of its size: {address:#x}",
    FaultCode.TRAP: "trap",
    FaultCode.CODE_END: "the wave ran past the end of the kernel's code",
    FaultCode.SCRATCH_NOT_SET_UP: (
        "private memory is used before FLAT_SCRATCH is set to flat_scratch_init + wave offset"
    ),
}
_ACCESSES = {0: "load", 1: "store", 2: "atomic"}
_GROWTH = 256


class Launch:
    """The state of one launch."""

    def __init__(
        self, code: KernelCode, memory: MemoryMap, shape: LaunchShape, starter: WaveStarter
    ) -> None:
        self.code = code
        self.memory = memory
        self.shape = shape
        self.starter = starter
        self.context = np.zeros(ContextOffset.BYTES + 64, np.uint8)
        start = -int(self.context.ctypes.data) % 64
        self.context = self.context[start : start + ContextOffset.BYTES]
        self.context_address = int(self.context.ctypes.data)
        self.longs = self.context[: ContextOffset.BYTES // 8 * 8].view(np.int64)
        self.ranges = memory.table()
        self.longs[ContextOffset.RANGES // 8] = self.ranges.ctypes.data
        self.longs[ContextOffset.RANGE_COUNT // 8] = len(memory.ranges)
        self.counts = True
        self.compile_seconds = 0.0
        self.table = np.zeros(0, np.uint64)
        self.sites = np.zeros((0, SiteOffset.BYTES // 8), np.int64)
        self.segments = np.zeros((0, SegmentOffset.ROW // 8), np.int64)
        self.counters = np.zeros((0, CounterOffset.ROW // 8), np.int64)
        self.table_address = 0
        self._turn = _TURN_TYPE(code.machine.turn_address)
        self._run_group = _GROUP_TYPE(code.machine.run_group_address)
        self._stopped = ctypes.c_int32(0)
        self._free: list[GroupMemory] = []

    def execute(self, schedule: Schedule, *, counts: bool) -> LaunchReport:
        """Run the grid; raises EmulatorFault or BudgetExceeded."""
        self.counts = counts
        self._translate()
        began = time.perf_counter()
        before = self.compile_seconds
        scheduler = Scheduler(schedule, self)
        self.longs[ContextOffset.COHERENT_COST // 8] = scheduler.coherent_cost
        try:
            scheduler.run(self._groups(), lambda group: self._free.append(group.memory))
        except Deadlock as error:
            raise self._deadlock(error) from error
        except OutOfBudget as error:
            raise BudgetExceeded(
                f"kernel `{self.code.name}`: more than {schedule.budget} wave-instructions"
            ) from error
        seconds = time.perf_counter() - began - (self.compile_seconds - before)
        return self._report(seconds, scheduler.most_active)

    def _groups(self) -> Any:
        x_count, y_count, z_count = self.shape.grid
        for z in range(z_count):
            for y in range(y_count):
                for x in range(x_count):
                    memory = self._free.pop() if self._free else self.starter.new_memory()
                    yield self.starter.start((x, y, z), memory, self.code.entry_chunk)

    # -- translated code and its tables --

    def _translate(self) -> None:
        """Compile new chunks and make the tables as long as needed."""
        began = time.perf_counter()
        code = self.code
        code.translate()
        translator = code.translator
        if len(self.table) < len(translator.chunks):
            self.table = np.zeros(len(translator.chunks) + _GROWTH, np.uint64)
        for number, address in code.addresses.items():
            self.table[number] = address
        self.table_address = int(self.table.ctypes.data)
        self.sites = _grown(self.sites, len(translator.sites))
        self.segments = _grown(self.segments, len(translator.segments))
        self.counters = _grown(self.counters, len(translator.sites))
        self.longs[ContextOffset.SITES // 8] = self.sites.ctypes.data
        self.longs[ContextOffset.SEGMENTS // 8] = self.segments.ctypes.data
        counters = int(self.counters.ctypes.data) if self.counts else 0
        self.longs[ContextOffset.COUNTERS // 8] = counters
        self.compile_seconds += time.perf_counter() - began

    def memory_changes(self) -> int:
        """Return how many stores and atomics have changed memory."""
        return int(self.longs[ContextOffset.PROGRESS // 8])

    def instructions(self) -> int:
        """Return how many wave-instructions were executed."""
        return int(self.longs[ContextOffset.CLOCK // 8])

    def run_group(self, group: Group, quantum: int) -> Status:
        """Run a group until its waves have ended (END) or those left only yield (YIELD)."""
        stopped = ctypes.addressof(self._stopped)
        while True:
            found = self._run_group(
                group.memory.states_address,
                group.wave_count,
                stopped,
                self.context_address,
                self.table_address,
                quantum,
            )
            if found in (Status.END, Status.YIELD):
                return Status(found)
            self._resolve(group, self._stopped.value, Status(found))

    def turn(self, group: Group, wave: int, quantum: int) -> bool:
        """Give one wave a turn; return whether it ended or came to a barrier."""
        while True:
            found = self._turn(
                group.memory.states_address,
                group.wave_count,
                wave,
                self.context_address,
                self.table_address,
                quantum,
            )
            if found >= 0:
                return bool(found)
            self._resolve(group, wave, Status(found))

    def _resolve(self, group: Group, wave: int, status: Status) -> None:
        """Find where a jump goes to; anything else is a fault."""
        if status is Status.JUMP:
            self._jump(group, wave)
        else:
            raise self._fault(group, wave)

    def _jump(self, group: Group, wave: int) -> None:
        low, high = (group.word(wave, WaveOffset.TARGET + 4 * half) for half in (0, 1))
        target = high << 32 | low
        offset = target - self.code.image.address
        if offset % 4 or not 0 <= offset < len(self.code.image.data):
            place = self.code.place(self._chunk_offset(group, wave))
            detail = f"jump to {target:#x}, where there is no code"
            raise EmulatorFault(FaultReport(FaultCode.BAD_JUMP, place, group.index, None, detail))
        mode = FloatMode(group.word(wave, WaveOffset.MODE), self.code.mode.quiets_extremes)
        number = self.code.translator.enter(offset, mode)
        if number not in self.code.addresses:
            self._translate()
        group.set_word(wave, WaveOffset.NEXT, number)

    def _chunk_offset(self, group: Group, wave: int) -> int:
        return self.code.translator.chunks[group.word(wave, WaveOffset.NEXT)][0]

    # -- what went wrong --

    def _field(self, offset: int) -> int:
        return int(self.context[offset : offset + 4].view(np.int32)[0])

    def _fault(self, group: Group, wave: int) -> EmulatorFault:
        code = FaultCode(self._field(ContextOffset.FAULT))
        site = self.code.translator.sites[self._field(ContextOffset.FAULT_SITE)]
        lane = self._field(ContextOffset.FAULT_LANE)
        size_bytes = self._field(ContextOffset.FAULT_BYTES)
        address = int(self.longs[ContextOffset.FAULT_ADDRESS // 8]) & (1 << 64) - 1
        detail = self._detail(code, site.note, size_bytes, address)
        is_of_lane = size_bytes or code is FaultCode.UNWRITTEN_REGISTER
        item = self._item(wave, lane) if is_of_lane and lane >= 0 else None
        where = address if size_bytes else None
        place = self.code.place(site.offset)
        return EmulatorFault(FaultReport(code, place, group.index, item, detail, where))

    def _detail(self, code: FaultCode, note: str, size_bytes: int, address: int) -> str:
        extra = self._field(ContextOffset.FAULT_DETAIL)
        access = f"{_ACCESSES.get(extra, 'access')} of {size_bytes} bytes"
        if code in (FaultCode.OUT_OF_BOUNDS, FaultCode.READ_ONLY):
            where = self.memory.describe(address, size_bytes)
            if code is FaultCode.READ_ONLY:
                return f"{_ACCESSES.get(extra, 'access')} to memory that is read-only: {where}"
            return f"{_ACCESSES.get(extra, 'access')} outside every buffer: {where}"
        if code is FaultCode.LDS_RACE:
            other = self.code.place(self.code.translator.sites[extra].offset)
            return (
                f"race in LDS at byte {address}: another wave's {other} touched it"
                " with no barrier between"
            )
        if code in _DETAILS:
            return _DETAILS[code].format(
                access=access,
                address=address,
                lds=self.starter.lds_bytes,
                scratch=self.starter.descriptor.scratch_bytes,
            )
        return note or code.name.lower().replace("_", " ")

    def _item(self, wave: int, lane: int) -> tuple[int, int, int]:
        flat = wave * LANES + lane
        x_size, y_size, _ = self.shape.block
        return flat % x_size, flat // x_size % y_size, flat // (x_size * y_size)

    def _deadlock(self, error: Deadlock) -> EmulatorFault:
        place: Place = self.code.place(self._chunk_offset(error.group, error.wave))
        detail = "deadlock: no wave can make progress"
        if self.shape.grid != (1, 1, 1):
            detail += " (a barrier of the grid needs all groups resident at once)"
        return EmulatorFault(
            FaultReport(FaultCode.DEADLOCK, place, error.group.index, None, detail)
        )

    def _report(self, seconds: float, most_active: int) -> LaunchReport:
        x_count, y_count, z_count = self.shape.grid
        groups = x_count * y_count * z_count
        counters = self.counters if self.counts else None
        counts = counts_of(self.code.image, self.code.translator, self.segments, counters)
        for row in counts:
            place = self.code.place(row.offset)
            row.text, row.path, row.source_line = place.text, place.path, place.line
            row.offset = place.offset
        return LaunchReport(
            self.code.name,
            groups,
            groups * self.starter.wave_count,
            int(self.longs[ContextOffset.CLOCK // 8]),
            seconds,
            self.compile_seconds,
            most_active,
            counts,
        )


def _grown(table: Any, rows: int) -> Any:
    """Return a table with at least that many rows, and what it had."""
    if len(table) >= rows and len(table):
        return table
    made = np.zeros((rows + _GROWTH, table.shape[1]), np.int64)
    made[: len(table)] = table
    return made
