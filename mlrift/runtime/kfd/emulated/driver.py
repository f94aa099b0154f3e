"""The emulated card behind the seam of this process: `Device.open(driver=EmulatedDriver(...))`."""

import ctypes
import errno

from mlrift.backends.amdgcn.codeobject.read import LoadedObject
from mlrift.runtime.kfd import abi
from mlrift.runtime.kfd.driver import KFD_PATH, RealDriver
from mlrift.runtime.kfd.emulated.buffers import Buffer
from mlrift.runtime.kfd.emulated.card import DOORBELL_PAGE_BYTES, EmulatedCard
from mlrift.runtime.kfd.emulated.execution import Executor
from mlrift.runtime.kfd.emulated.machine import EmulatedMachine
from mlrift.runtime.kfd.emulated.rules import RefusedRequest, RuleViolation
from mlrift.runtime.kfd.errors import failed

_FIRST_DESCRIPTOR = 1 << 20
_TICK_SECONDS = 1e-6


class EmulatedDriver:
    """Cards by their gfx names, one after the other; launches go to an executor.

    Work is done when a doorbell is rung. Its clock counts what happens, not seconds: a pause costs
    as long as it asks for.
    """

    def __init__(self, executor: Executor, gfx: tuple[str, ...] = ("gfx1100",)) -> None:
        self._executor = executor
        self._memory = RealDriver()
        self._seconds = 0.0
        self._opened: dict[int, str] = {}
        self._next_descriptor = _FIRST_DESCRIPTOR
        self._doorbells: dict[int, EmulatedCard] = {}
        self.machine = EmulatedMachine(gfx, executor, self.now, self._back, _leave)

    def open(self, path: str) -> int:
        """Open /dev/kfd or a render node."""
        nodes = {row.render_path for row in self.machine.nodes()}
        if path != KFD_PATH and path not in nodes:
            raise failed(errno.ENOENT, "open render node", path)
        self._next_descriptor += 1
        self._opened[self._next_descriptor] = path
        return self._next_descriptor

    def close(self, descriptor: int) -> None:
        """Close; the last one of /dev/kfd has to leave nothing behind."""
        path = self._path(descriptor)
        del self._opened[descriptor]
        if path == KFD_PATH and KFD_PATH not in self._opened.values():
            left = self.machine.end()
            if left:
                raise RuleViolation("at the end: " + "; ".join(left))

    def ioctl(self, descriptor: int, argument: ctypes.Structure) -> None:
        """Answer a request."""
        if self._path(descriptor) != KFD_PATH:
            raise RefusedRequest(errno.ENOTTY, "ioctl", "requests go to /dev/kfd")
        self._tick()
        self.machine.request(argument)

    def reserve(self, size: int) -> int:
        """Reserve address space of this process."""
        return self._memory.reserve(size)

    def map(self, descriptor: int, address: int, size: int, offset: int) -> int:
        """Show a buffer or the doorbells to the process."""
        if self._path(descriptor) == KFD_PATH:
            return self._map_doorbells(size, offset)
        row = self.machine.buffer_at(offset)
        if row is None:
            raise failed(errno.EINVAL, "mmap", f"offset {offset:#x} is no buffer's")
        problem = view_problem(row, address, size)
        if problem:
            raise failed(errno.EINVAL, "mmap", problem)
        row.is_seen_by_host = True
        return address

    def unmap(self, address: int, size: int) -> None:
        """Take pages away."""
        self._doorbells.pop(address, None)
        self._memory.unmap(address, size)

    def read_text(self, path: str) -> str:
        """Read a file of the topology."""
        return self.machine.read_text(path)

    def names(self, folder: str) -> list[str]:
        """List a folder of the topology."""
        return self.machine.names(folder)

    def ring_doorbell(self, address: int, count: int) -> None:
        """Note it, and do the work."""
        self._tick()
        for start, card in self._doorbells.items():
            if start <= address < start + DOORBELL_PAGE_BYTES:
                ctypes.c_uint64.from_address(address).value = count
                card.ring_doorbell(address - start, count)
                self.machine.advance()
                return
        raise RuleViolation(f"a doorbell at {address:#x}, which is in no doorbell page")

    def note_memory(self, address: int, asked_bytes: int, name: str) -> None:
        """Learn what a buffer is called, and how large it really is."""
        for card in self.machine.cards():
            card.buffers.note(address, asked_bytes, name)

    def note_code(self, _address: int, loaded: LoadedObject) -> None:
        """Learn what was loaded."""
        self._executor.note_code(loaded)

    def pause(self, waited_seconds: float) -> None:
        """Let time pass: a tenth of what was waited."""
        self.machine.advance()
        self._seconds += max(waited_seconds / 10, 1e-5)

    def now(self) -> float:
        """Return the seconds that have passed."""
        self._tick()
        return self._seconds

    def _tick(self) -> None:
        self._seconds += _TICK_SECONDS

    def _path(self, descriptor: int) -> str:
        if descriptor not in self._opened:
            raise RuleViolation(f"the descriptor {descriptor} is not open")
        return self._opened[descriptor]

    def _back(self, row: Buffer) -> None:
        """Put zeroed memory where the buffer is to be, unless it is the process's own."""
        row.host = row.address
        if not row.flags & abi.MemoryFlag.USERPTR:
            self._memory.place(row.address, row.size)

    def _map_doorbells(self, size: int, offset: int) -> int:
        if size != DOORBELL_PAGE_BYTES:
            raise failed(errno.EINVAL, "mmap", f"doorbells are {DOORBELL_PAGE_BYTES} bytes")
        address = self._memory.reserve(size)
        self._memory.place(address, size)
        self._doorbells[address] = self.machine.card_of_doorbell(offset)
        return address


def view_problem(row: Buffer, address: int, size: int) -> str:
    """Say what is wrong with mapping a buffer like this; "" when nothing is."""
    if address != row.address or size != row.size:
        return (
            f"the buffer at {row.address:#x} ({row.size} bytes) is mapped whole, at its own address"
        )
    if row.is_vram and not row.flags & abi.MemoryFlag.PUBLIC:
        return f"the buffer at {row.address:#x} is memory of the card that is not PUBLIC"
    return ""


def _leave(_row: Buffer) -> None:
    """Leave the pages: the process unmaps them."""
