"""Memory that a card and this process see at one address: reserve, allocate, map, view, and back.

Sizes in bytes enter, `Allocation`s leave. What fails half-way is undone; what is freed twice is a
`DeviceError`. Flags: gpu.md 5.4; the ring, code and end-of-pipe buffers have to be executable, or
the card faults without a word.
"""

import ctypes
from enum import Enum, unique

from mlrift.runtime.kfd import abi
from mlrift.runtime.kfd.abi import MemoryFlag
from mlrift.runtime.kfd.driver import Driver
from mlrift.runtime.kfd.errors import DeviceError, KfdError
from mlrift.runtime.kfd.topology import PAGE, align
from mlrift.values import record

LARGE_PAGE = 2 << 20


@unique
class Placement(Enum):
    """What memory is for, and so where it is and who may do what with it."""

    DEVICE = "device memory"
    VISIBLE = "device memory that the host sees"
    HOST = "host memory that the device sees"
    USER = "memory of this process"
    CODE = "code"
    RING = "ring of a queue"
    SIGNALS = "queue descriptors and signals"
    END_OF_PIPE = "end-of-pipe buffer"
    CONTEXT_SAVE = "context save area"

    @property
    def has_view(self) -> bool:
        """Whether the process can read and write it at its address."""
        return self not in (Placement.DEVICE, Placement.END_OF_PIPE)


_BASE = MemoryFlag.WRITABLE | MemoryFlag.NO_SUBSTITUTE
_SEEN = _BASE | MemoryFlag.PUBLIC
_EXACT = MemoryFlag.COHERENT | MemoryFlag.UNCACHED
FLAGS: dict[Placement, MemoryFlag] = {
    Placement.DEVICE: _BASE | MemoryFlag.VRAM,
    Placement.VISIBLE: _SEEN | MemoryFlag.VRAM,
    Placement.HOST: _SEEN | MemoryFlag.GTT,
    Placement.USER: _BASE | MemoryFlag.USERPTR | MemoryFlag.COHERENT,
    Placement.CODE: _SEEN | MemoryFlag.EXECUTABLE | MemoryFlag.GTT,
    Placement.RING: _SEEN | MemoryFlag.EXECUTABLE | _EXACT | MemoryFlag.GTT,
    Placement.SIGNALS: _SEEN | _EXACT | MemoryFlag.GTT,
    Placement.END_OF_PIPE: _BASE | MemoryFlag.EXECUTABLE | MemoryFlag.VRAM,
    Placement.CONTEXT_SAVE: _SEEN | MemoryFlag.EXECUTABLE | MemoryFlag.GTT,
}


@record
class Allocation:
    """A block of memory: `address` is the same for the process and the card."""

    address: int
    size: int
    handle: int
    placement: Placement
    name: str
    asked_bytes: int

    @property
    def end(self) -> int:
        """First address after it."""
        return self.address + self.size

    def bytes(self) -> memoryview:
        """Return the contents as writable bytes; raises DeviceError where the host sees none."""
        if not self.placement.has_view:
            raise DeviceError(f"{self.name} is {self.placement.value}, which the host cannot see")
        whole = (ctypes.c_ubyte * self.size).from_address(self.address)
        return memoryview(whole).cast("B")


class Memory:
    """The allocations of one card."""

    def __init__(self, driver: Driver, kfd: int, render: int, gpu_id: int) -> None:
        self._driver = driver
        self._kfd = kfd
        self._render = render
        self._gpu_id = gpu_id
        self._live: dict[int, Allocation] = {}
        self._ids = (ctypes.c_uint32 * 1)(gpu_id)

    def allocate(self, size: int, placement: Placement, name: str) -> Allocation:
        """Return zeroed memory of at least `size` bytes; raises KfdError or DeviceError."""
        if size <= 0:
            raise DeviceError(f"{name}: {size} bytes cannot be allocated")
        unit = LARGE_PAGE if size >= LARGE_PAGE and placement in _IN_LARGE_PAGES else PAGE
        bytes_ = align(size, unit)
        reserved = self._driver.reserve(bytes_ + (unit if unit > PAGE else 0))
        address = align(reserved, unit)
        if unit > PAGE:
            self._trim(reserved, bytes_ + unit, address, bytes_)
        try:
            return self._place(address, bytes_, placement, name, 0, size)
        except KfdError:
            self._driver.unmap(address, bytes_)
            raise

    def share(self, address: int, size: int, name: str) -> Allocation:
        """Let the card see pages of this process; `address` is that of a page."""
        if address % PAGE or size <= 0:
            raise DeviceError(f"{name}: memory to share begins at a page of {PAGE} bytes")
        return self._place(address, align(size, PAGE), Placement.USER, name, address, size)

    def free(self, allocation: Allocation) -> None:
        """Give memory back; raises DeviceError when that was done before."""
        if self._live.pop(allocation.handle, None) is not allocation:
            raise DeviceError(f"{allocation.name} at 0x{allocation.address:x} was freed before")
        self._unmap_from_device(allocation.handle)
        self._driver.ioctl(self._kfd, abi.FreeMemoryOfGpu(allocation.handle))
        if allocation.placement is not Placement.USER:
            self._driver.unmap(allocation.address, allocation.size)

    def leave(self, allocation: Allocation) -> None:
        """Let the driver have it until the process ends."""
        del self._live[allocation.handle]

    def free_all(self) -> None:
        """Give everything back, newest first."""
        for row in reversed(list(self._live.values())):
            self.free(row)

    def available_bytes(self) -> int:
        """Return how much device memory the driver would still give."""
        asked = abi.GetAvailableMemory(0, self._gpu_id)
        self._driver.ioctl(self._kfd, asked)
        return int(asked.available)

    def live(self) -> list[Allocation]:
        """Return what has not been freed, by address."""
        return sorted(self._live.values(), key=lambda row: row.address)

    def describe(self, address: int) -> str:
        """Say which allocation an address is in, or how far it is behind the nearest before it."""
        before = [row for row in self.live() if row.address <= address]
        if not before:
            return f"0x{address:x}, below every allocation"
        row = before[-1]
        inside = address - row.address
        if inside < row.asked_bytes:
            return f"0x{address:x}, byte {inside} of {row.name} ({row.asked_bytes} bytes)"
        behind = inside - row.asked_bytes
        return f"0x{address:x}, {behind} bytes behind {row.name} ({row.asked_bytes} bytes)"

    def _place(  # noqa: PLR0917 - what there is to say of a block
        self, address: int, size: int, placement: Placement, name: str, user: int, asked: int
    ) -> Allocation:
        made = abi.AllocMemoryOfGpu(address, size, 0, user, self._gpu_id, int(FLAGS[placement]))
        self._driver.ioctl(self._kfd, made)
        handle = int(made.handle)
        try:
            self._map_to_device(handle, name)
            if placement.has_view and placement is not Placement.USER:
                self._driver.map(self._render, address, size, int(made.mmap_offset))
        except (KfdError, DeviceError):
            self._driver.ioctl(self._kfd, abi.FreeMemoryOfGpu(handle))
            raise
        found = Allocation(address, size, handle, placement, name, asked)
        self._live[handle] = found
        self._driver.note_memory(address, asked, name)
        return found

    def _map_to_device(self, handle: int, name: str) -> None:
        mapped = abi.MapMemoryToGpu(handle, ctypes.addressof(self._ids), 1, 0)
        self._driver.ioctl(self._kfd, mapped)
        if mapped.n_success != 1:
            raise DeviceError(f"{name} was mapped to {mapped.n_success} of 1 devices")

    def _unmap_from_device(self, handle: int) -> None:
        asked = abi.UnmapMemoryFromGpu(handle, ctypes.addressof(self._ids), 1, 0)
        self._driver.ioctl(self._kfd, asked)

    def _trim(self, start: int, size: int, address: int, kept: int) -> None:
        """Give back what an aligned address left over on both sides."""
        if address > start:
            self._driver.unmap(start, address - start)
        after = start + size - (address + kept)
        if after:
            self._driver.unmap(address + kept, after)


_IN_LARGE_PAGES = (Placement.DEVICE, Placement.VISIBLE, Placement.HOST)
