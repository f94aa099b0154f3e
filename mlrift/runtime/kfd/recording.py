"""A driver around another one that writes down every call, its answer, and what the card changed.

What a card changes in memory that the host sees is found by comparing, at every call, so recording
is slow and what it makes is small.
"""

import ctypes
from pathlib import Path

from mlrift.backends.amdgcn.codeobject.read import LoadedObject
from mlrift.runtime.kfd.abi import REQUEST_OF, CreateQueue
from mlrift.runtime.kfd.driver import Driver
from mlrift.runtime.kfd.errors import KfdError
from mlrift.runtime.kfd.trace import array_of, encode, without_pointer, write_trace
from mlrift.static_types import Any

_CHUNK = 64
_LARGEST_WATCHED = 64 << 20


class RecordingDriver:
    """Passes calls on to `inner`; `save` writes the file. `close` of the last file saves, too."""

    def __init__(self, inner: Driver, path: "str | Path") -> None:
        self._inner = inner
        self._path = Path(path)
        self._rows: list[dict[str, Any]] = []
        self._watched: dict[int, bytes] = {}
        self._unwatched: set[int] = set()
        self._open = 0

    def save(self) -> None:
        """Write what was recorded so far."""
        write_trace(self._path, self._rows)

    def open(self, path: str) -> int:
        """Open and record."""
        try:
            found = self._inner.open(path)
        except KfdError as error:
            self._note("open", path=path, error=error.errno, message=error.call)
            raise
        self._open += 1
        self._note("open", path=path, result=found)
        return found

    def close(self, descriptor: int) -> None:
        """Record and close; the last one saves."""
        self._note("close", descriptor=descriptor)
        self._open -= 1
        try:
            self._inner.close(descriptor)
        finally:
            if self._open == 0:
                self.save()

    def ioctl(self, descriptor: int, argument: ctypes.Structure) -> None:
        """Make a request and record it with its answer."""
        row: dict[str, Any] = {
            "descriptor": descriptor,
            "request": REQUEST_OF[type(argument)].name,
            "given": encode(without_pointer(argument)),
            "array_given": encode(array_of(argument)),
        }
        if isinstance(argument, CreateQueue):
            self._unwatched.add(int(argument.ctx_save_restore_address))
            self._watched.pop(int(argument.ctx_save_restore_address), None)
        try:
            self._inner.ioctl(descriptor, argument)
        except KfdError as error:
            self._note("ioctl", **row, error=error.errno)
            raise
        row["answer"] = encode(without_pointer(argument))
        row["array_answer"] = encode(array_of(argument))
        self._note("ioctl", **row)

    def reserve(self, size: int) -> int:
        """Reserve and record where."""
        found = self._inner.reserve(size)
        self._note("reserve", size=size, result=found)
        return found

    def map(self, descriptor: int, address: int, size: int, offset: int) -> int:
        """Map, record, and watch the memory from now on."""
        found = self._inner.map(descriptor, address, size, offset)
        row = {"descriptor": descriptor, "address": address, "size": size, "offset": offset}
        self._note("map", **row, result=found)
        if address and size <= _LARGEST_WATCHED and address not in self._unwatched:
            self._watched[found] = ctypes.string_at(found, size)
        return found

    def unmap(self, address: int, size: int) -> None:
        """Record and unmap."""
        self._note("unmap", address=address, size=size)
        self._watched.pop(address, None)
        self._inner.unmap(address, size)

    def read_text(self, path: str) -> str:
        """Read and record."""
        found = self._inner.read_text(path)
        self._note("read_text", path=path, result=found)
        return found

    def names(self, folder: str) -> list[str]:
        """List and record."""
        found = self._inner.names(folder)
        self._note("names", path=folder, result=found)
        return found

    def ring_doorbell(self, address: int, count: int) -> None:
        """Record what was written, then ring."""
        self._note("doorbell", address=address, count=count)
        self._inner.ring_doorbell(address, count)

    def pause(self, waited_seconds: float) -> None:
        """Pause, and record what the card did meanwhile."""
        self._inner.pause(waited_seconds)
        self._note("pause")

    def note_memory(self, address: int, asked_bytes: int, name: str) -> None:
        """Pass it on."""
        self._inner.note_memory(address, asked_bytes, name)

    def note_code(self, address: int, loaded: LoadedObject) -> None:
        """Pass it on."""
        self._inner.note_code(address, loaded)

    def now(self) -> float:
        """Return the inner clock; it is not recorded."""
        return self._inner.now()

    def _note(self, call: str, **row: object) -> None:
        changes = self._changes()
        if call == "pause" and not changes:
            return
        if changes:
            row["changes"] = changes
        self._rows.append({"call": call, **row})

    def _changes(self) -> list[list[object]]:
        """Return [address, bytes] of what differs from the last time."""
        found: list[list[object]] = []
        for address, before in self._watched.items():
            now = ctypes.string_at(address, len(before))
            if now == before:
                continue
            self._watched[address] = now
            found += [[address + at, encode(now[at:end])] for at, end in _runs(before, now)]
        return found


def _runs(before: bytes, now: bytes) -> list[tuple[int, int]]:
    """Return the ranges of chunks that differ, joined where they touch."""
    rows: list[tuple[int, int]] = []
    for start in range(0, len(now), _CHUNK):
        end = min(start + _CHUNK, len(now))
        if before[start:end] == now[start:end]:
            continue
        if rows and rows[-1][1] == start:
            rows[-1] = (rows[-1][0], end)
        else:
            rows.append((start, end))
    return rows
