"""The operating system that an interpreted program sees, as a protocol and a model in memory.

A model knows bytes and numbers, never the program's memory. Failures are negative errno values.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from mlrift.ir.interpret.file_system import FileSystem, normal_path

_ENOENT = 2
_ENOSYS = 38


class OsModel(Protocol):
    """What the functions of the OS layer need."""

    target_os: int
    arch_id: int
    environment: Sequence[str]
    program_path: str
    stdout: bytearray
    stderr: bytearray
    file_system: FileSystem

    def write(self, descriptor: int, data: bytes) -> int:
        """Write bytes; return how many, or a negative errno."""
        ...

    def read(self, descriptor: int, size_bytes: int) -> bytes | int:
        """Return at most that many bytes (none at the end), or a negative errno."""
        ...

    def open(self, path: bytes, mode: int) -> int:
        """Open in a mode of `FileSystem.open`; return a descriptor or a negative errno."""
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

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970."""
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
        self.file_system = FileSystem(stdin, files or {})
        self.files = self.file_system.files
        self.executable: set[bytes] = set()
        self._clock = clock

    def write(self, descriptor: int, data: bytes) -> int:
        """Collect output, or write to an open file."""
        if descriptor == 1:
            self.stdout += data
            return len(data)
        if descriptor == 2:
            self.stderr += data
            return len(data)
        return self.file_system.write(descriptor, data)

    def read(self, descriptor: int, size_bytes: int) -> bytes | int:
        """Read on from where the last read ended."""
        return self.file_system.read(descriptor, size_bytes)

    def open(self, path: bytes, mode: int) -> int:
        """Open a file of `files`."""
        return self.file_system.open(path, mode)

    def close(self, descriptor: int) -> int:
        """Forget a descriptor."""
        return 0 if descriptor in (1, 2) else self.file_system.close(descriptor)

    def file_size(self, descriptor: int) -> int:
        """Return the size and rewind."""
        return self.file_system.size(descriptor)

    def time_ns(self) -> int:
        """Ask the clock."""
        return self._clock()

    def wall_ns(self) -> int:
        """Ask the host."""
        return time.time_ns()

    def execute(self, path: bytes, arguments: list[bytes], environment: list[bytes]) -> int:
        """Find nothing to execute."""
        return -_ENOENT

    def set_executable(self, path: bytes) -> int:
        """Remember the path."""
        if normal_path(path) not in self.files:
            return -_ENOENT
        self.executable.add(path)
        return 0

    def system_call(self, number: int, arguments: list[int]) -> int:
        """Know none."""
        return -_ENOSYS
