"""A card opened by this process: version, address space, events, doorbells, and the way back.

The start-up order is that of gpu.md 5.3. Everything a session makes it also takes away: `close`
is safe to call at any time, and more than once.
"""

import contextlib
import ctypes

from mlrift.runtime.kfd import abi
from mlrift.runtime.kfd.abi import EventType, WaitResult
from mlrift.runtime.kfd.driver import KFD_PATH, Driver
from mlrift.runtime.kfd.errors import DeviceError, DeviceLost, KfdError
from mlrift.runtime.kfd.memory import Memory, Placement
from mlrift.runtime.kfd.signals import SignalPool
from mlrift.runtime.kfd.topology import PAGE, Node

DOORBELL_BYTES = 2 * PAGE
_EVENT_PAGE_BYTES = 8 * abi.SIGNAL_EVENT_LIMIT
_SIGNAL_POOL_BYTES = 16 * PAGE
_RUNTIME_ENABLED = 1
_XNACK_OFF = 0
_POLICY_COHERENT = 0
_POLICY_NOT_COHERENT = 1


class Session:
    """One process on one card. Attributes: `node`, `driver`, `memory`, `signals`, `version`."""

    def __init__(self, driver: Driver, node: Node) -> None:
        self.driver = driver
        self.node = node
        self.lost = ""
        self.apertures: abi.ProcessDeviceApertures | None = None
        self._doorbells = 0
        self._is_closed = False
        self._opened: list[int] = []
        try:
            self.kfd = self._open(KFD_PATH)
            self.version = self._check_version()
            self._render = self._open(node.render_path)
            self._acquire()
            self.memory = Memory(driver, self.kfd, self._render, node.gpu_id)
            pool = self.memory.allocate(_SIGNAL_POOL_BYTES, Placement.SIGNALS, "signals")
            self.signals = SignalPool(pool)
            self._faults = self._create_events()
        except BaseException:
            self._close_files()
            raise

    def ioctl(self, argument: ctypes.Structure) -> None:
        """Make a request on /dev/kfd; raises KfdError."""
        self.driver.ioctl(self.kfd, argument)

    def doorbell(self, offset: int) -> int:
        """Return the address of a queue's doorbell, from the offset that CREATE_QUEUE gave."""
        if not self._doorbells:
            page = offset & ~(DOORBELL_BYTES - 1)
            self._doorbells = self.driver.map(self.kfd, 0, DOORBELL_BYTES, page)
        return self._doorbells + (offset & DOORBELL_BYTES - 1)

    def check_faults(self) -> None:
        """Raise DeviceLost when the card has reported a fault; says the address and what is there.

        Called now and then by everything that waits.
        """
        rows = (abi.EventData * len(self._faults))()
        for row, number in zip(rows, self._faults, strict=True):
            row.event_id = number
        asked = abi.WaitEvents(ctypes.addressof(rows), len(rows), 0, 0, 0)
        self.ioctl(asked)
        if asked.wait_result != WaitResult.COMPLETE:
            return
        memory = rows[0].memory_exception_data
        self.lost = self._fault_text(memory) if memory.gpu_id or memory.va else _reset_text(rows[1])
        raise DeviceLost(self.lost)

    def refuse_when_lost(self) -> None:
        """Raise DeviceLost after an earlier fault; nothing more may be sent to the card."""
        if self.lost:
            raise DeviceLost(f"nothing can be launched after this: {self.lost}")

    def close(self) -> None:
        """Give everything back; queues have to be gone. A lost card's memory goes with the file."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if not self.lost:
                for number in self._faults:
                    self.ioctl(abi.DestroyEvent(number, 0))
                self.memory.free_all()
            if self._doorbells:
                self.driver.unmap(self._doorbells, DOORBELL_BYTES)
        finally:
            self._close_files()

    def _open(self, path: str) -> int:
        descriptor = self.driver.open(path)
        self._opened.append(descriptor)
        return descriptor

    def _close_files(self) -> None:
        while self._opened:
            self.driver.close(self._opened.pop())

    def _check_version(self) -> tuple[int, int]:
        asked = abi.GetVersion()
        self.ioctl(asked)
        found = int(asked.major_version), int(asked.minor_version)
        if found[0] != abi.SUPPORTED_MAJOR_VERSION:
            raise DeviceError(
                f"the driver speaks version {found[0]}.{found[1]} of its interface, we know 1.x"
            )
        return found

    def _acquire(self) -> None:
        apertures = self._apertures()
        try:
            self.ioctl(abi.AcquireVm(self._render, self.node.gpu_id))
        except KfdError as error:
            if error.errno != _ALREADY:
                raise
        if apertures is not None:
            policy = abi.SetMemoryPolicy(
                apertures.scratch_base,
                apertures.scratch_limit - apertures.scratch_base + 1,
                self.node.gpu_id,
                _POLICY_COHERENT,
                _POLICY_NOT_COHERENT,
            )
            self._try(policy)
        self._try(abi.SetXnackMode(_XNACK_OFF))
        self._try(abi.RuntimeEnable(0, _RUNTIME_ENABLED, 0))

    def _apertures(self) -> abi.ProcessDeviceApertures | None:
        """Ask how many there are, then for just as many: kernels refuse to be asked for more."""
        asked = abi.GetProcessAperturesNew(0, 0)
        self.ioctl(asked)
        count = int(asked.num_of_nodes)
        if count == 0:
            return None
        rows = (abi.ProcessDeviceApertures * count)()
        self.ioctl(abi.GetProcessAperturesNew(ctypes.addressof(rows), count))
        for row in rows:
            if row.gpu_id == self.node.gpu_id:
                self.apertures = row
                return row
        return None

    def _try(self, argument: ctypes.Structure) -> None:
        """Make a request that older and newer kernels refuse for reasons that do not matter."""
        with contextlib.suppress(KfdError):
            self.ioctl(argument)

    def _create_events(self) -> tuple[int, int]:
        """Make the events of faults. The driver keeps the first page of events of a process."""
        page = self.memory.allocate(_EVENT_PAGE_BYTES, Placement.SIGNALS, "event page")
        first = abi.CreateEvent(page.handle, 0, EventType.MEMORY, 0, self.node.gpu_id)
        try:
            self.ioctl(first)
            self.memory.leave(page)
        except KfdError as error:
            if error.errno != _HAS_ONE:
                raise
            self.memory.free(page)
            first = abi.CreateEvent(0, 0, EventType.MEMORY, 0, self.node.gpu_id)
            self.ioctl(first)
        second = abi.CreateEvent(0, 0, EventType.HARDWARE_EXCEPTION, 0, self.node.gpu_id)
        self.ioctl(second)
        return int(first.event_id), int(second.event_id)

    def _fault_text(self, found: abi.MemoryExceptionData) -> str:
        kinds = []
        for name, text in _FAILURES:
            if getattr(found.failure, name):
                kinds.append(text)
        where = self.memory.describe(int(found.va))
        return f"memory fault at {where}: {', '.join(kinds) or 'access refused'}"


def _reset_text(row: abi.EventData) -> str:
    reset = row.hw_exception_data
    kept = "lost" if reset.memory_lost else "kept"
    return f"the card was reset (type {reset.reset_type}, cause {reset.reset_cause}), memory {kept}"


_HAS_ONE = 22  # EINVAL: the process has a page of events
_ALREADY = 16  # EBUSY: the process has the card's address space already
_FAILURES = (
    ("NotPresent", "no page there"),
    ("ReadOnly", "a store to read-only memory"),
    ("NoExecute", "code in memory that is not executable"),
)
