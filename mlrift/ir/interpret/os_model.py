"""The operating system that an interpreted program sees, as a protocol and a model in memory.

A model knows bytes and numbers, never the program's memory. Failures are negative errno values.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

_EBADF = 9
_ENOENT = 2
_ENOSYS = 38
_FIRST_FILE = 3


class OsModel(Protocol):
    """What the functions of the OS layer need."""

    target_os: int
    arch_id: int
    environment: Sequence[str]
    program_path: str
    stdout: bytearray
    stderr: bytearray

    def write(self, descriptor: int, data: bytes) -> int:
        """Write bytes; return how many, or a negative errno."""
        ...

    def read(self, descriptor: int, size_bytes: int) -> bytes | int:
        """Return at most that many bytes (none at the end), or a negative errno."""
        ...

    def open(self, path: bytes, mode: int) -> int:
        """Open to read (mode 0) or to write anew (1); return a descriptor or a negative errno."""
        ...

    def close(self, descriptor: int) -> int:
        """Close a descriptor; return 0 or a negative errno."""
        ...

    def file_size(self, descriptor: int) -> int:
        """Return a file's size and go to its start, or a negative errno."""
        ...

    def time_ns(self) -> int:
        """Return monotonic nanoseconds."""
        ...

    def execute(self, path: bytes, arguments: list[bytes], environment: list[bytes]) -> int:
        """Replace the program; return only a negative errno."""
        ...

    def set_executable(self, path: bytes) -> int:
        """Make a file executable; return 0 or a negative errno."""
        ...

    def system_call(self, number: int, arguments: list[int]) -> int:
        """Make a raw system call; return its result or a negative errno."""
        ...


class _OpenFile:
    __slots__ = ("content", "is_writable", "position")

    def __init__(self, content: bytearray, *, is_writable: bool) -> None:
        self.content = content
        self.is_writable = is_writable
        self.position = 0


class RecordingOs:
    """An OS in memory: collects `stdout` and `stderr`; `files` maps paths to contents."""

    def __init__(
        self,
        stdin: bytes = b"",
        files: Mapping[bytes, bytes] | None = None,
        environment: Sequence[str] = (),
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.target_os = 0
        self.arch_id = 1
        self.environment = environment
        self.program_path = "program"
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.files = {path: bytearray(content) for path, content in (files or {}).items()}
        self.executable: set[bytes] = set()
        self._clock = clock
        self._open: dict[int, _OpenFile] = {0: _OpenFile(bytearray(stdin), is_writable=False)}

    def write(self, descriptor: int, data: bytes) -> int:
        """Collect output, or write to an open file."""
        if descriptor == 1:
            self.stdout += data
            return len(data)
        if descriptor == 2:
            self.stderr += data
            return len(data)
        file = self._open.get(descriptor)
        if file is None or not file.is_writable:
            return -_EBADF
        end = file.position + len(data)
        file.content[file.position : end] = data
        file.position = end
        return len(data)

    def read(self, descriptor: int, size_bytes: int) -> bytes | int:
        """Read on from where the last read ended."""
        file = self._open.get(descriptor)
        if file is None or (file.is_writable and descriptor >= _FIRST_FILE):
            return -_EBADF
        data = bytes(file.content[file.position : file.position + size_bytes])
        file.position += len(data)
        return data

    def open(self, path: bytes, mode: int) -> int:
        """Open a file of `files`."""
        if mode:
            self.files[path] = bytearray()
        elif path not in self.files:
            return -_ENOENT
        descriptor = next(n for n in range(_FIRST_FILE, 1 << 20) if n not in self._open)
        self._open[descriptor] = _OpenFile(self.files[path], is_writable=bool(mode))
        return descriptor

    def close(self, descriptor: int) -> int:
        """Forget a descriptor."""
        if descriptor in (1, 2) or self._open.pop(descriptor, None) is not None:
            return 0
        return -_EBADF

    def file_size(self, descriptor: int) -> int:
        """Return the size and rewind."""
        file = self._open.get(descriptor)
        if file is None:
            return -_EBADF
        file.position = 0
        return len(file.content)

    def time_ns(self) -> int:
        """Ask the clock."""
        return self._clock()

    def execute(self, path: bytes, arguments: list[bytes], environment: list[bytes]) -> int:
        """Find nothing to execute."""
        return -_ENOENT

    def set_executable(self, path: bytes) -> int:
        """Remember the path."""
        if path not in self.files:
            return -_ENOENT
        self.executable.add(path)
        return 0

    def system_call(self, number: int, arguments: list[int]) -> int:
        """Know none."""
        return -_ENOSYS
