"""Buffer objects of the emulated card: what was allocated where, for whom, with which rights."""

import errno

from mlrift.runtime.kfd.abi import MemoryFlag
from mlrift.runtime.kfd.emulated.rules import RefusedRequest
from mlrift.runtime.kfd.topology import PAGE
from mlrift.values import record

_DOMAINS = (
    MemoryFlag.VRAM
    | MemoryFlag.GTT
    | MemoryFlag.USERPTR
    | MemoryFlag.DOORBELL
    | MemoryFlag.MMIO_REMAP
)
_OFFSET_SHIFT = 12
HANDLE_SHIFT = 32
"""A handle is the card's number, and below it the buffer's, as the driver makes them."""
_ALLOC = "ALLOC_MEMORY_OF_GPU"


@record
class Buffer:
    """A buffer object. `is_mapped` says whether the card may use it.

    Its contents are in this process at `host`, the render node maps it by `map_offset`. `name` and
    `asked_bytes` are more exact where the process has told them.
    """

    handle: int
    address: int
    size: int
    flags: MemoryFlag
    name: str
    asked_bytes: int
    map_offset: int = 0
    host: int = 0
    is_mapped: bool = False
    is_seen_by_host: bool = False

    @property
    def end(self) -> int:
        """First address after it."""
        return self.address + self.size

    @property
    def is_vram(self) -> bool:
        """Whether it takes memory of the card."""
        return bool(self.flags & MemoryFlag.VRAM)


class Buffers:
    """All buffer objects of a card."""

    def __init__(self, memory_bytes: int, first_handle: int) -> None:
        self._free_bytes = memory_bytes
        self._next_handle = first_handle
        self._rows: dict[int, Buffer] = {}

    def live(self) -> list[Buffer]:
        """Return all of them."""
        return list(self._rows.values())

    @property
    def free_bytes(self) -> int:
        """Card memory that is left."""
        return self._free_bytes

    def allocate(self, address: int, size: int, flags: MemoryFlag) -> Buffer:
        """Make a buffer object; raises RefusedRequest."""
        domain = flags & _DOMAINS
        if domain == 0 or int(domain).bit_count() != 1:
            raise RefusedRequest(errno.EINVAL, _ALLOC, f"flags {flags:#x} name no one domain")
        if size == 0 or size % PAGE or address % PAGE:
            rule = f"address {address:#x} and size {size} have to be multiples of {PAGE}"
            raise RefusedRequest(errno.EINVAL, _ALLOC, rule)
        if flags & MemoryFlag.AQL_QUEUE_MEM:
            rule = "AQL_QUEUE_MEM is for gfx7 and gfx8: it would halve the ring"
            raise RefusedRequest(errno.EINVAL, _ALLOC, rule)
        for row in self._rows.values():
            if address and row.address < address + size and address < row.end:
                rule = f"{address:#x}, {size} bytes overlap a buffer at {row.address:#x}"
                raise RefusedRequest(errno.EINVAL, _ALLOC, rule)
        if flags & MemoryFlag.VRAM:
            if size > self._free_bytes:
                rule = f"{size} bytes wanted, {self._free_bytes} left"
                raise RefusedRequest(errno.ENOMEM, _ALLOC, rule)
            self._free_bytes -= size
        name = f"the buffer at {address:#x}"
        made = Buffer(self._next_handle, address, size, flags, name, size)
        made.map_offset = made.handle << _OFFSET_SHIFT
        self._next_handle += 1
        self._rows[made.handle] = made
        return made

    def get(self, handle: int, call: str) -> Buffer:
        """Return a live buffer; raises RefusedRequest."""
        found = self._rows.get(handle)
        if found is None:
            raise RefusedRequest(errno.EINVAL, call, f"there is no buffer {handle:#x}")
        return found

    def note(self, address: int, asked_bytes: int, name: str) -> None:
        """Give a buffer a name and the size that was wanted, before it was rounded up."""
        for row in self._rows.values():
            if row.address == address:
                row.name, row.asked_bytes = name, asked_bytes

    def map(self, handle: int) -> None:
        """Let the card use a buffer."""
        row = self.get(handle, "MAP_MEMORY_TO_GPU")
        if row.address == 0:
            rule = "the buffer was allocated at address 0"
            raise RefusedRequest(errno.EINVAL, "MAP_MEMORY_TO_GPU", rule)
        row.is_mapped = True

    def unmap(self, handle: int) -> None:
        """Take a buffer from the card."""
        self.get(handle, "UNMAP_MEMORY_FROM_GPU").is_mapped = False

    def free(self, handle: int) -> Buffer:
        """Remove a buffer; raises RefusedRequest while it is mapped."""
        row = self.get(handle, "FREE_MEMORY_OF_GPU")
        if row.is_mapped:
            rule = "the buffer is still mapped: UNMAP_MEMORY_FROM_GPU comes first"
            raise RefusedRequest(errno.EBUSY, "FREE_MEMORY_OF_GPU", rule)
        if row.is_vram:
            self._free_bytes += row.size
        return self._rows.pop(handle)

    def find(self, address: int, size: int = 1) -> Buffer | None:
        """Return the mapped buffer in which all these bytes are."""
        for row in self._rows.values():
            if row.is_mapped and row.address <= address and address + size <= row.end:
                return row
        return None

    def host_of(self, address: int, size: int = 1) -> int | None:
        """Return where in this process bytes of mapped buffers are."""
        row = self.find(address, size)
        return None if row is None else row.host + address - row.address

    def describe(self, address: int) -> str:
        """Say how far an address is behind the nearest buffer before it."""
        before = [row for row in self._rows.values() if row.address <= address]
        nearest = max(before, key=lambda row: row.address, default=None)
        if nearest is None:
            return f"{address:#x} is in no buffer"
        return f"{address:#x} is {address - nearest.end} bytes behind the buffer at" + (
            f" {nearest.address:#x} ({nearest.size} bytes)"
        )
