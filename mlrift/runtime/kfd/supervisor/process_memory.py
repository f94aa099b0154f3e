"""Memory of the supervised process, by process_vm_readv(2): it stays the right one after execve."""

import ctypes
import os

_STRING_BYTES = 4096


class _Part(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class ProcessMemory:
    """Reads and writes by the process's addresses; raises OSError where it has none."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        library = ctypes.CDLL(None, use_errno=True)
        self._read = library.process_vm_readv
        self._write = library.process_vm_writev
        for call in (self._read, self._write):
            call.restype = ctypes.c_ssize_t
            part = ctypes.POINTER(_Part)
            unsigned = ctypes.c_ulong
            call.argtypes = [ctypes.c_int, part, unsigned, part, unsigned, unsigned]

    def read(self, address: int, size: int) -> bytes:
        """Return bytes."""
        made = ctypes.create_string_buffer(size)
        self._transfer(self._read, ctypes.addressof(made), address, size)
        return made.raw

    def write(self, address: int, data: bytes) -> None:
        """Store bytes."""
        made = ctypes.create_string_buffer(data, len(data))
        self._transfer(self._write, ctypes.addressof(made), address, len(data))

    def read_string(self, address: int) -> bytes:
        """Return the bytes before a NUL, at most 4,096, page by page."""
        found = b""
        while b"\0" not in found and len(found) < _STRING_BYTES:
            room = _STRING_BYTES - address % _STRING_BYTES
            found += self.read(address, room)
            address += room
        return found.split(b"\0", 1)[0]

    def _transfer(self, call: "ctypes._NamedFuncPointer", here: int, there: int, size: int) -> None:
        ours, theirs = _Part(here, size), _Part(there, size)
        moved = call(self._pid, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)
        if moved != size:
            number = ctypes.get_errno() or 14
            raise OSError(number, f"{size} bytes at {there:#x}: {os.strerror(number)}")


def process_of(thread: int) -> int:
    """Return the process that a thread belongs to; raises OSError when it has gone."""
    with open(f"/proc/{thread}/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("Tgid:"):
                return int(line.split()[1])
    return thread
