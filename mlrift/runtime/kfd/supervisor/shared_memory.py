"""One memory file for all buffers: the supervised process maps parts of it, and so do we."""

import contextlib
import ctypes
import errno
import mmap
import os

from mlrift.runtime.kfd.emulated.buffers import Buffer
from mlrift.runtime.kfd.topology import PAGE

_FILE_BYTES = 1 << 42
_DOORBELL_FILE_BYTES = 1 << 36
_NEVER = b"\xff" * 8
DOORBELL_FILE, MEMORY_FILE = "mlrift-emulated-kfd-", "mlrift-emulated-memory-"
"""What the names of the files begin with; the number of a client follows."""
_FALLOC_KEEP_SIZE, _FALLOC_PUNCH_HOLE = 1, 2


class SharedMemory:
    """Backs buffers. `descriptor` is the file that stands for the render node."""

    def __init__(self, number: int) -> None:
        self.descriptor = os.memfd_create(f"{MEMORY_FILE}{number}", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, _FILE_BYTES)
        self._next = PAGE
        self._views: dict[int, tuple[int, mmap.mmap]] = {}
        self._library = ctypes.CDLL(None, use_errno=True)

    def back(self, row: Buffer) -> None:
        """Give a buffer a place in the file, and map it here."""
        offset = self._next
        if offset + row.size > _FILE_BYTES:
            raise OSError(errno.ENOMEM, "the emulated card has no addresses left")
        self._next += row.size
        view = mmap.mmap(self.descriptor, row.size, offset=offset)
        row.host = ctypes.addressof(ctypes.c_ubyte.from_buffer(view))
        row.map_offset = offset
        self._views[row.handle] = (offset, view)

    def drop(self, row: Buffer) -> None:
        """Take it away again; the process may keep a mapping of zeros."""
        offset, view = self._views.pop(row.handle)
        flags = _FALLOC_KEEP_SIZE | _FALLOC_PUNCH_HOLE
        wide = ctypes.c_int64
        self._library.fallocate(self.descriptor, flags, wide(offset), wide(row.size))
        with contextlib.suppress(BufferError):
            view.close()

    def close(self) -> None:
        """Take everything away."""
        views, self._views = self._views, {}
        for _, view in views.values():
            with contextlib.suppress(BufferError):
                view.close()
        os.close(self.descriptor)


class Doorbells:
    """The page of doorbells of a card. `descriptor` is the file that stands for /dev/kfd."""

    def __init__(self, number: int, place: int, size: int, others: "Doorbells | None") -> None:
        self._is_owner = others is None
        if others is None:
            self.descriptor = os.memfd_create(f"{DOORBELL_FILE}{number}", os.MFD_CLOEXEC)
            os.ftruncate(self.descriptor, _DOORBELL_FILE_BYTES)
        else:
            self.descriptor = others.descriptor
        self._view = mmap.mmap(self.descriptor, size, offset=place)
        self._seen: dict[int, int] = {}

    def close(self) -> None:
        """Take the page away, and the file if it is its own."""
        self._view.close()
        if self._is_owner:
            os.close(self.descriptor)

    def watch(self, place: int) -> None:
        """Begin to look at a doorbell."""
        self._view[place : place + 8] = _NEVER
        self._seen[place] = int.from_bytes(_NEVER, "little")

    def rung(self) -> list[tuple[int, int]]:
        """Return the doorbells with a new value since the last time: place and value."""
        found = []
        for place, before in self._seen.items():
            value = int.from_bytes(self._view[place : place + 8], "little")
            if value != before:
                self._seen[place] = value
                found.append((place, value))
        return found
