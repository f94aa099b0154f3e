"""A driver that answers from a recording: no card, the same answers, the same memory.

The program has to make the recorded calls in the recorded order; a difference is a TraceError that
says what was recorded and what came. Memory is at the recorded addresses.
"""

import ctypes
from pathlib import Path

from mlrift.backends.amdgcn.codeobject.read import LoadedObject
from mlrift.runtime.kfd.abi import REQUEST_OF
from mlrift.runtime.kfd.driver import RealDriver
from mlrift.runtime.kfd.errors import KfdError, failed
from mlrift.runtime.kfd.trace import ARRAYS, TraceError, decode, read_trace, without_pointer
from mlrift.static_types import Any

_TICK_SECONDS = 1e-6
_PAUSE_SECONDS = 1e-4


class ReplayingDriver:
    """Plays a recording back."""

    def __init__(self, path: "str | Path") -> None:
        self._rows = read_trace(Path(path))
        self._next = 0
        self._memory = RealDriver()
        self._seconds = 0.0

    @property
    def remaining(self) -> int:
        """How many recorded calls have not been made, pauses apart."""
        return sum(row["call"] != "pause" for row in self._rows[self._next :])

    def open(self, path: str) -> int:
        """Answer as recorded."""
        row = self._take("open", path=path)
        if "error" in row:
            raise failed(row["error"], row["message"], path)
        return int(row["result"])

    def close(self, descriptor: int) -> None:
        """Answer as recorded."""
        self._take("close", descriptor=descriptor)

    def ioctl(self, descriptor: int, argument: ctypes.Structure) -> None:
        """Answer as recorded, when the request is the same to the byte."""
        name = REQUEST_OF[type(argument)].name
        row = self._take("ioctl", descriptor=descriptor, request=name)
        given = decode(row["given"])
        found = without_pointer(argument)
        if given != found:
            raise TraceError(f"{name}: recorded with {given.hex()}, made with {found.hex()}")
        if "error" in row:
            raise KfdError(row["error"], name, "recorded")
        self._answer(argument, decode(row["answer"]), decode(row["array_answer"]))

    def reserve(self, size: int) -> int:
        """Reserve where it was recorded; raises TraceError when this process has that place."""
        row = self._take("reserve", size=size)
        self._memory.place_new(int(row["result"]), size)
        return int(row["result"])

    def map(self, descriptor: int, address: int, size: int, offset: int) -> int:
        """Put zeroed memory where the mapping was."""
        wanted = {"descriptor": descriptor, "address": address, "size": size, "offset": offset}
        row = self._take("map", **wanted)
        if not address:
            self._memory.place_new(int(row["result"]), size)
        self._memory.place(int(row["result"]), size)
        return int(row["result"])

    def unmap(self, address: int, size: int) -> None:
        """Unmap it."""
        self._take("unmap", address=address, size=size)
        self._memory.unmap(address, size)

    def read_text(self, path: str) -> str:
        """Answer as recorded."""
        return str(self._take("read_text", path=path)["result"])

    def names(self, folder: str) -> list[str]:
        """Answer as recorded."""
        return [str(row) for row in self._take("names", path=folder)["result"]]

    def ring_doorbell(self, address: int, count: int) -> None:
        """Check the value."""
        self._take("doorbell", address=address, count=count)

    def pause(self, waited_seconds: float) -> None:
        """Let the card do what it had done when the next thing was recorded."""
        self._seconds += max(waited_seconds / 10, _PAUSE_SECONDS)
        if self._next < len(self._rows):
            row = self._rows[self._next]
            self._apply(row)
            if row["call"] == "pause":
                self._next += 1

    def note_memory(self, address: int, asked_bytes: int, name: str) -> None:
        """Forget it."""

    def note_code(self, address: int, loaded: LoadedObject) -> None:
        """Forget it."""

    def now(self) -> float:
        """Return a clock that counts calls."""
        self._seconds += _TICK_SECONDS
        return self._seconds

    def _take(self, call: str, **wanted: object) -> dict[str, Any]:
        """Return the next recorded call, which has to be this one; pauses are passed over."""
        while self._next < len(self._rows) and self._rows[self._next]["call"] == "pause":
            self._apply(self._rows[self._next])
            self._next += 1
        if self._next >= len(self._rows):
            raise TraceError(f"the recording has ended; {call}({_text(wanted)}) was not recorded")
        row = self._rows[self._next]
        recorded = {name: row.get(name) for name in wanted}
        if row["call"] != call or recorded != wanted:
            raise TraceError(
                f"call {self._next + 1}: recorded was {row['call']}({_text(recorded)}),"
                f" made was {call}({_text(wanted)})"
            )
        self._next += 1
        self._apply(row)
        return row

    def _apply(self, row: dict[str, Any]) -> None:
        """Make the memory what it was, once."""
        for address, text in row.pop("changes", ()):
            data = decode(text)
            ctypes.memmove(int(address), data, len(data))

    @staticmethod
    def _answer(argument: ctypes.Structure, answer: bytes, array: bytes) -> None:
        if len(answer) != ctypes.sizeof(argument):
            raise TraceError(f"an answer of {len(answer)} bytes does not fit its request")
        row = ARRAYS.get(type(argument))
        pointer = getattr(argument, row[0]) if row else 0
        ctypes.memmove(ctypes.addressof(argument), answer, len(answer))
        if row:
            setattr(argument, row[0], pointer)
            if pointer:
                ctypes.memmove(pointer, array, len(array))


def _text(wanted: dict[str, object]) -> str:
    rows = (
        f"{name}={hex(found) if isinstance(found, int) and found > 4095 else found}"
        for name, found in wanted.items()
    )
    return ", ".join(rows)
