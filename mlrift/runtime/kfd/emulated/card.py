"""The driver's side for one process and one card: requests in, answers and queues out.

Neither system calls nor processes are known here: `driver.py` serves this process, the supervisor
of `mlr --device=emulated` another one. Addresses are those of the process that is served; pointers
of requests have to be valid here.
"""

import ctypes
import errno
from collections.abc import Callable

from mlrift.backends.amdgcn.chips import Chip, chip_named
from mlrift.runtime.kfd import abi
from mlrift.runtime.kfd.abi import CreateQueue, EventType, MemoryFlag, QueueType, WaitResult
from mlrift.runtime.kfd.emulated.aql_processor import AqlProcessor
from mlrift.runtime.kfd.emulated.buffers import HANDLE_SHIFT, Buffer, Buffers
from mlrift.runtime.kfd.emulated.execution import CardLaunch, Executor
from mlrift.runtime.kfd.emulated.pm4_processor import Pm4Processor
from mlrift.runtime.kfd.emulated.queue_processor import CLOCK_HERTZ, CardQueue, QueueProcessor
from mlrift.runtime.kfd.emulated.queue_rules import check_queue
from mlrift.runtime.kfd.emulated.rules import RefusedRequest, RuleViolation
from mlrift.runtime.kfd.emulated.sdma_processor import SdmaProcessor
from mlrift.runtime.kfd.errors import DeviceLost
from mlrift.runtime.kfd.topology import PAGE, Node
from mlrift.static_types import Any

VERSION = (1, 14)
DOORBELL_PAGE_BYTES = 2 * PAGE
_DOORBELL_BYTES = 8
_DOORBELL_CARD_SHIFT = 16
_NUMBERS_PER_CARD = 256
_EVENT_SLOT_BYTES = 8
_MASK_BITS = 32
_SLOTS = DOORBELL_PAGE_BYTES // _DOORBELL_BYTES
_GPUVM_LIMIT = (1 << 47) - 1
_LDS_BASE, _SCRATCH_BASE = 0x1_0000_0000_0000, 0x2_0000_0000_0000
_APERTURE_LIMIT = 0xFFFFFFFF


class CardEvent:
    """An event of the driver: set by a signal's mailbox or a fault, taken by who waits.

    `data` is what the driver tells of a fault.
    """

    def __init__(self, kind: int, resets_itself: bool) -> None:
        self.kind = kind
        self.data = b""
        self.resets_itself = resets_itself
        self.is_set = False


class EventPage:
    """The page of events of a process, of all its cards: the driver keeps the first one it gets."""

    def __init__(self) -> None:
        self.handle = self.address = 0


class EmulatedCard:
    """One card for one process. `back` gives a buffer memory and its `host`, `drop` takes it."""

    def __init__(
        self,
        node: Node,
        executor: Executor,
        clock: Callable[[], float],
        back: Callable[[Buffer], None],
        drop: Callable[[Buffer], None],
        *,
        page: EventPage,
    ) -> None:
        self.node = node
        self._page = page
        self.chip = _chip_of(node)
        self.buffers = Buffers(node.memory_bytes, node.gpu_id << HANDLE_SHIFT)
        self._executor = executor
        self._clock = clock
        self._back = back
        self._drop = drop
        self._queues: dict[int, tuple[CardQueue, QueueProcessor, int]] = {}
        self._events: dict[int, CardEvent] = {}
        self._is_acquired = False
        self._next_queue = self._first_event = 1 + node.number * _NUMBERS_PER_CARD
        self.has_faulted = False

    def request(self, argument: ctypes.Structure) -> None:
        """Answer a request in place; raises RefusedRequest."""
        handler = _HANDLERS.get(type(argument))
        if handler is None:
            raise RefusedRequest(errno.ENOTTY, type(argument).__name__, "the request is not known")
        handler(self, argument)

    def ring_doorbell(self, offset: int, value: int) -> None:
        """Take note of a store into the doorbell page; raises RuleViolation."""
        for _, processor, place in self._queues.values():
            if place == offset:
                processor.ring(value)
                return
        raise RuleViolation(f"a doorbell at {offset:#x} of the page, which belongs to no queue")

    def advance(self) -> bool:
        """Let all queues do what they can; return whether anything was done."""
        has_moved = False
        while any([processor.advance() for _, processor, _ in list(self._queues.values())]):
            has_moved = True
        return has_moved

    def has_queue(self, number: int) -> bool:
        """Whether a queue is this card's."""
        return number in self._queues

    def has_event(self, number: int) -> bool:
        """Whether an event is this card's."""
        return number in self._events

    def report_fault(self, address: int, failure: abi.MemoryExceptionFailure) -> None:
        """Tell the process of an access that went wrong, as the driver does; the card is lost."""
        told = abi.MemoryExceptionData(failure=failure, va=address, gpu_id=self.node.gpu_id)
        self._report(EventType.MEMORY, bytes(told))

    def report_reset(self) -> None:
        """Tell the process that the card was reset; it is lost for the process."""
        told = abi.HardwareExceptionData(memory_lost=1, gpu_id=self.node.gpu_id)
        self._report(EventType.HARDWARE_EXCEPTION, bytes(told))

    def _report(self, kind: EventType, data: bytes) -> None:
        self.has_faulted = True
        for event in self._events.values():
            if event.kind == kind:
                event.is_set, event.data = True, data

    @property
    def is_idle(self) -> bool:
        """Whether all work has been done."""
        return all(processor.is_idle for _, processor, _ in self._queues.values())

    def check_end(self) -> list[str]:
        """Return what a process has left behind; after a fault it cannot do better."""
        if self.has_faulted:
            return []
        left = [f"{queue.name} was not destroyed" for queue, _, _ in self._queues.values()]
        for row in self.buffers.live():
            if row.handle == self._page.handle:
                continue
            left.append(f"the buffer at {row.address:#x} ({row.size} bytes) was not freed")
        return left

    def _version(self, argument: abi.GetVersion) -> None:
        argument.major_version, argument.minor_version = VERSION

    def _acquire(self, argument: abi.AcquireVm) -> None:
        if self._is_acquired:
            raise RefusedRequest(errno.EBUSY, "ACQUIRE_VM", "the process has done it before")
        self._is_acquired = True
        del argument

    def _allocate(self, argument: abi.AllocMemoryOfGpu) -> None:
        if not self._is_acquired:
            rule = "ACQUIRE_VM comes first"
            raise RefusedRequest(errno.EINVAL, "ALLOC_MEMORY_OF_GPU", rule)
        flags = MemoryFlag(argument.flags)
        made = self.buffers.allocate(argument.va_addr, argument.size, flags)
        if flags & MemoryFlag.USERPTR and argument.mmap_offset != argument.va_addr:
            self.buffers.free(made.handle)
            rule = "mmap_offset of a USERPTR buffer is its address"
            raise RefusedRequest(errno.EINVAL, "ALLOC_MEMORY_OF_GPU", rule)
        if made.address:
            try:
                self._back(made)
            except OSError:
                self.buffers.free(made.handle)
                raise
        argument.handle = made.handle
        argument.mmap_offset = made.map_offset

    def _free(self, argument: abi.FreeMemoryOfGpu) -> None:
        row = self.buffers.get(argument.handle, "FREE_MEMORY_OF_GPU")
        if row.handle == self._page.handle:
            rule = "it is the page of events, which the driver keeps"
            raise RefusedRequest(errno.EPERM, "FREE_MEMORY_OF_GPU", rule)
        for queue, _, _ in self._queues.values():
            if row.address == queue.asked.ring_base_address:
                rule = f"it is the ring of {queue.name}, which was not destroyed"
                raise RefusedRequest(errno.EBUSY, "FREE_MEMORY_OF_GPU", rule)
        self._drop(self.buffers.free(argument.handle))

    def _map(self, argument: abi.MapMemoryToGpu) -> None:
        self._check_devices(argument, "MAP_MEMORY_TO_GPU")
        self.buffers.map(argument.handle)
        argument.n_success = argument.n_devices

    def _unmap(self, argument: abi.UnmapMemoryFromGpu) -> None:
        self._check_devices(argument, "UNMAP_MEMORY_FROM_GPU")
        self.buffers.unmap(argument.handle)
        argument.n_success = argument.n_devices

    def _check_devices(self, argument: Any, call: str) -> None:  # two structures, the same fields
        if argument.n_devices != 1:
            raise RefusedRequest(errno.EINVAL, call, f"{argument.n_devices} devices, there is 1")
        found = ctypes.c_uint32.from_address(argument.device_ids_array_ptr).value
        if found != self.node.gpu_id:
            raise RefusedRequest(errno.EINVAL, call, f"there is no gpu_id {found:#x}")

    def _create_queue(self, argument: CreateQueue) -> None:
        check_queue(argument, self.buffers, self.node)
        if len(self._queues) >= _SLOTS:
            raise RefusedRequest(errno.ENOMEM, "CREATE_QUEUE", "no doorbell is left")
        number = self._next_queue
        self._next_queue += 1
        place = number % _SLOTS * _DOORBELL_BYTES
        argument.queue_id = number
        card = self.node.gpu_id << _DOORBELL_CARD_SHIFT
        argument.doorbell_offset = card | place
        kept = CreateQueue.from_buffer_copy(argument)
        kind = QueueType(argument.queue_type)
        queue = CardQueue(
            number, kind, kept, self.buffers, self._launch, self._ticks, self._set_event
        )
        self._queues[number] = (queue, self._processor(queue), place)

    def _processor(self, queue: CardQueue) -> QueueProcessor:
        if queue.kind is QueueType.COMPUTE_AQL:
            return AqlProcessor(queue, self.chip)
        if queue.kind is QueueType.COMPUTE:
            return Pm4Processor(queue, self.chip)
        return SdmaProcessor(queue)

    def _destroy_queue(self, argument: abi.DestroyQueue) -> None:
        found = self._queues.get(argument.queue_id)
        if found is None:
            rule = f"there is no queue {argument.queue_id}"
            raise RefusedRequest(errno.EINVAL, "DESTROY_QUEUE", rule)
        if not found[1].is_idle:
            raise RuleViolation(f"{found[0].name} is destroyed with work that is not done")
        del self._queues[argument.queue_id]

    def _create_event(self, argument: abi.CreateEvent) -> None:
        if argument.event_page_offset:
            row = self.buffers.get(argument.event_page_offset, "CREATE_EVENT")
            if self._page.handle:
                rule = "the process has given a page of events before"
                raise RefusedRequest(errno.EINVAL, "CREATE_EVENT", rule)
            self._page.handle, self._page.address = row.handle, row.address
        number = self._first_event
        while number in self._events:
            number += 1
        if number >= self._first_event + _NUMBERS_PER_CARD:
            raise RefusedRequest(errno.ENOSPC, "CREATE_EVENT", "no event is left")
        self._events[number] = CardEvent(argument.event_type, bool(argument.auto_reset))
        argument.event_id = argument.event_slot_index = argument.event_trigger_data = number

    def _destroy_event(self, argument: abi.DestroyEvent) -> None:
        self._event(argument.event_id, "DESTROY_EVENT")
        del self._events[argument.event_id]

    def _set(self, argument: abi.SetEvent) -> None:
        self._event(argument.event_id, "SET_EVENT").is_set = True

    def _reset(self, argument: abi.ResetEvent) -> None:
        self._event(argument.event_id, "RESET_EVENT").is_set = False

    def _mask_units(self, argument: abi.SetCuMask) -> None:
        """Accept a mask of compute units: which of them work is not to be seen here."""
        if argument.queue_id not in self._queues:
            rule = f"there is no queue {argument.queue_id}"
            raise RefusedRequest(errno.EINVAL, "SET_CU_MASK", rule)
        if argument.num_cu_mask == 0 or argument.num_cu_mask % _MASK_BITS:
            rule = f"{argument.num_cu_mask} bits of a mask: a multiple of {_MASK_BITS} is needed"
            raise RefusedRequest(errno.EINVAL, "SET_CU_MASK", rule)

    def _wait_events(self, argument: abi.WaitEvents) -> None:
        rows = (abi.EventData * argument.num_events).from_address(argument.events_ptr)
        events = [self._event(row.event_id, "WAIT_EVENTS") for row in rows]
        self.advance()
        states = [event.is_set for event in events]
        is_done = all(states) if argument.wait_for_all else any(states)
        argument.wait_result = WaitResult.COMPLETE if is_done else WaitResult.TIMEOUT
        for row, event in zip(rows, events, strict=True):
            if event.is_set:
                ctypes.memmove(ctypes.addressof(row), event.data, len(event.data))
        for event in events:
            if is_done and event.resets_itself:
                event.is_set = False

    def _event(self, number: int, call: str) -> CardEvent:
        found = self._events.get(number)
        if found is None:
            raise RefusedRequest(errno.EINVAL, call, f"there is no event {number}")
        return found

    def _set_event(self, number: int, mailbox: int) -> None:
        place = self._page.address + number * _EVENT_SLOT_BYTES
        if mailbox != place:
            raise RuleViolation(
                f"the mailbox of event {number} is {mailbox:#x}, its place in the page of events is"
                f" {place:#x}"
            )
        if number in self._events:
            self._events[number].is_set = True

    def _apertures(self, argument: abi.GetProcessAperturesNew) -> None:
        if argument.num_of_nodes > 1:
            rule = "more nodes are asked for than there are"
            raise RefusedRequest(errno.EINVAL, "GET_PROCESS_APERTURES_NEW", rule)
        if argument.num_of_nodes == 1:
            address = argument.kfd_process_device_apertures_ptr
            row = abi.ProcessDeviceApertures.from_address(address)
            row.lds_base, row.lds_limit = _LDS_BASE, _LDS_BASE + _APERTURE_LIMIT
            row.scratch_base, row.scratch_limit = _SCRATCH_BASE, _SCRATCH_BASE + _APERTURE_LIMIT
            row.gpuvm_base, row.gpuvm_limit = PAGE, _GPUVM_LIMIT
            row.gpu_id = self.node.gpu_id
        argument.num_of_nodes = 1

    def _available(self, argument: abi.GetAvailableMemory) -> None:
        argument.available = self.buffers.free_bytes

    def _clocks(self, argument: abi.GetClockCounters) -> None:
        ticks = self._ticks()
        argument.gpu_clock_counter = ticks
        argument.cpu_clock_counter = argument.system_clock_counter = ticks
        argument.system_clock_freq = CLOCK_HERTZ

    def _accept(self, argument: ctypes.Structure) -> None:
        """Answer a request that changes nothing here."""

    def _launch(self, launch: CardLaunch) -> None:
        try:
            self._executor.run(launch)
        except DeviceLost:
            self.has_faulted = True
            raise

    def _ticks(self) -> int:
        return int(self._clock() * CLOCK_HERTZ)


def _chip_of(node: Node) -> Chip:
    found = chip_named(node.gfx)
    if found is None:
        raise RuleViolation(f"{node.gfx} cannot be emulated")
    return found


_HANDLERS: dict[type[ctypes.Structure], Callable[[EmulatedCard, Any], None]] = {
    abi.GetVersion: EmulatedCard._version,
    abi.AcquireVm: EmulatedCard._acquire,
    abi.AllocMemoryOfGpu: EmulatedCard._allocate,
    abi.FreeMemoryOfGpu: EmulatedCard._free,
    abi.MapMemoryToGpu: EmulatedCard._map,
    abi.UnmapMemoryFromGpu: EmulatedCard._unmap,
    abi.CreateQueue: EmulatedCard._create_queue,
    abi.DestroyQueue: EmulatedCard._destroy_queue,
    abi.CreateEvent: EmulatedCard._create_event,
    abi.DestroyEvent: EmulatedCard._destroy_event,
    abi.SetEvent: EmulatedCard._set,
    abi.ResetEvent: EmulatedCard._reset,
    abi.SetCuMask: EmulatedCard._mask_units,
    abi.WaitEvents: EmulatedCard._wait_events,
    abi.GetProcessAperturesNew: EmulatedCard._apertures,
    abi.GetAvailableMemory: EmulatedCard._available,
    abi.GetClockCounters: EmulatedCard._clocks,
    abi.SetMemoryPolicy: EmulatedCard._accept,
    abi.SetXnackMode: EmulatedCard._accept,
    abi.SetScratchBackingVa: EmulatedCard._accept,
    abi.RuntimeEnable: EmulatedCard._accept,
}
