"""The seam under the shim: what it asks of an operating system, and the real answer.

`recording.py` and `replaying.py` have the same methods around and instead of a driver, and
`emulated/` has them for a device that is not there. Addresses are those of this process.
"""

import ctypes
import mmap
import os
import time
from pathlib import Path
from typing import Protocol

from mlrift.backends.amdgcn.codeobject.read import LoadedObject
from mlrift.runtime.kfd.abi import REQUEST_OF
from mlrift.runtime.kfd.errors import failed

KFD_PATH = "/dev/kfd"
TOPOLOGY = "/sys/class/kfd/kfd/topology/nodes"

_MAP_FIXED = 0x10
_MAP_NORESERVE = 0x4000
_MAP_FIXED_NOREPLACE = 0x100000
_FAILED = ctypes.c_void_p(-1).value


class Driver(Protocol):
    """System calls as the shim makes them. Failures are `KfdError`."""

    def open(self, path: str) -> int:
        """Open a device file for reading and writing; return its descriptor."""

    def close(self, descriptor: int) -> None:
        """Close a descriptor."""

    def ioctl(self, descriptor: int, argument: ctypes.Structure) -> None:
        """Make the request whose argument this is; results are in the argument."""

    def reserve(self, size: int) -> int:
        """Return the address of `size` bytes of address space without access."""

    def map(self, descriptor: int, address: int, size: int, offset: int) -> int:
        """Map a device file, at `address` unless that is 0; return where."""

    def unmap(self, address: int, size: int) -> None:
        """Take pages away."""

    def read_text(self, path: str) -> str:
        """Return a small text file's contents."""

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted."""

    def ring_doorbell(self, address: int, count: int) -> None:
        """Store a 64-bit word into a doorbell after all earlier stores."""

    def pause(self, waited_seconds: float) -> None:
        """Give the device time after waiting this long for a signal."""

    def note_memory(self, address: int, asked_bytes: int, name: str) -> None:
        """Learn what memory is for; a card needs not know."""

    def note_code(self, address: int, loaded: LoadedObject) -> None:
        """Learn which code object is where; a card needs not know."""

    def now(self) -> float:
        """Return seconds of a clock that never goes back."""


_KEPT: dict[str, int] = {}
"""Device files of this process. The kernel ties a process's address space on a card to the first
file that acquires it, so they stay open until the process ends, and are opened once."""


def _forget_files() -> None:
    """Close the parent's files in a child: it needs its own."""
    for descriptor in _KEPT.values():
        os.close(descriptor)
    _KEPT.clear()


os.register_at_fork(after_in_child=_forget_files)


class RealDriver:
    """The kernel's own."""

    def __init__(self) -> None:
        self._c = ctypes.CDLL(None, use_errno=True)
        self._c.mmap.restype = ctypes.c_void_p
        self._c.mmap.argtypes = [
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_int64,
        ]
        self._c.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self._c.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p]

    def open(self, path: str) -> int:
        """Open a device file, or return the one that is open."""
        if path not in _KEPT:
            try:
                _KEPT[path] = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except OSError as error:
                name = KFD_PATH if path == KFD_PATH else "render node"
                raise failed(error.errno or 0, f"open {name}", path) from error
        return _KEPT[path]

    def close(self, descriptor: int) -> None:
        """Keep a device file for the next time; the end of the process closes it."""

    def ioctl(self, descriptor: int, argument: ctypes.Structure) -> None:
        """Make a request; an interrupted one is made again."""
        request = REQUEST_OF[type(argument)]
        while self._c.ioctl(descriptor, request.code, ctypes.addressof(argument)) == -1:
            number = ctypes.get_errno()
            if number != 4:  # EINTR
                raise failed(number, request.name, describe(argument))

    def reserve(self, size: int) -> int:
        """Reserve address space."""
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
        return self._map(None, size, 0, flags, -1, 0)

    def place(self, address: int, size: int) -> None:
        """Put zeroed pages of no file at an address, for reading and writing."""
        access = mmap.PROT_READ | mmap.PROT_WRITE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED
        self._map(address, size, access, flags, -1, 0)

    def place_new(self, address: int, size: int) -> None:
        """Reserve this very address; raises KfdError when something is there."""
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE | _MAP_FIXED_NOREPLACE
        self._map(address, size, 0, flags, -1, 0)

    def map(self, descriptor: int, address: int, size: int, offset: int) -> int:
        """Map a device file for reading and writing, shared."""
        access = mmap.PROT_READ | mmap.PROT_WRITE
        flags = mmap.MAP_SHARED | (_MAP_FIXED if address else 0)
        return self._map(address or None, size, access, flags, descriptor, offset)

    def unmap(self, address: int, size: int) -> None:
        """Unmap pages."""
        if self._c.munmap(address, size) == -1:
            raise failed(ctypes.get_errno(), "munmap", f"0x{address:x}, {size}")

    def read_text(self, path: str) -> str:
        """Read a file of /sys."""
        return Path(path).read_text(encoding="utf-8", errors="replace")

    def names(self, folder: str) -> list[str]:
        """List a folder; one that is missing has no names."""
        try:
            return sorted(os.listdir(folder))
        except FileNotFoundError:
            return []

    def ring_doorbell(self, address: int, count: int) -> None:
        """Store the word; CPython's calls in between are a compiler barrier, x86 orders stores."""
        ctypes.c_uint64.from_address(address).value = count

    def pause(self, waited_seconds: float) -> None:
        """Spin for 50 us, then sleep a little."""
        if waited_seconds > 50e-6:
            time.sleep(min(waited_seconds / 10, 1e-3))

    def note_memory(self, address: int, asked_bytes: int, name: str) -> None:
        """Forget it."""

    def note_code(self, address: int, loaded: LoadedObject) -> None:
        """Forget it."""

    def now(self) -> float:
        """Return the monotonic clock."""
        return time.monotonic()

    def _map(  # noqa: PLR0917 - mmap's own
        self, address: int | None, size: int, access: int, flags: int, descriptor: int, offset: int
    ) -> int:
        found = self._c.mmap(address, size, access, flags, descriptor, offset)
        if found == _FAILED or found is None:
            asked = f"0x{address or 0:x}, {size} bytes, descriptor {descriptor}, 0x{offset:x}"
            raise failed(ctypes.get_errno(), "mmap", asked)
        return int(found)


def describe(argument: ctypes.Structure) -> str:
    """Return the fields of a structure as text, numbers from 4096 on in hexadecimal."""
    texts = []
    for row in argument._fields_:
        found = getattr(argument, row[0])
        if isinstance(found, int) and row[0] != "pad":
            texts.append(f"{row[0]}={found if abs(found) < 4096 else hex(found)}")
    return ", ".join(texts)
