"""Pipes and children of emulated processes.

A child runs to its end when somebody waits for it or for its output, but not before its input is
complete: the programs of emulated systems cannot run beside each other. Waiting is `WouldBlock`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.results import RunResult
from tests.support.scheduler import WouldBlock

STREAM_COUNT = 3


class BrokenGuestPipe(Exception):
    """A write to a pipe that nobody reads."""


@dataclass(slots=True, eq=False)
class Pipe:
    """Bytes on their way; `writer` is the child that writes here when it runs."""

    data: bytearray = field(default_factory=bytearray)
    open_ends: dict[str, int] = field(default_factory=lambda: {"read": 0, "write": 0})
    writer: "Child | None" = None


@dataclass(frozen=True, slots=True, eq=False)
class PipeEnd:
    """A descriptor or handle of one end, "read" or "write"."""

    pipe: Pipe
    kind: str

    def open(self) -> "PipeEnd":
        """Count one more holder of this end."""
        self.pipe.open_ends[self.kind] += 1
        return self

    def close(self) -> None:
        """Count one holder less."""
        self.pipe.open_ends[self.kind] -= 1

    def read(self, size: int) -> bytes:
        """Return what is there, b"" when nobody will write any more."""
        pipe = self.pipe
        if not pipe.data and pipe.writer is not None:
            pipe.writer.finish()
        if not pipe.data and pipe.open_ends["write"]:
            raise WouldBlock(lambda: bool(pipe.data) or not pipe.open_ends["write"])
        data = bytes(pipe.data[:size])
        del pipe.data[: len(data)]
        return data

    def write(self, data: bytes) -> None:
        """Put bytes in; there is always room."""
        if not self.pipe.open_ends["read"]:
            raise BrokenGuestPipe
        self.pipe.data += data


def new_pipe() -> tuple[PipeEnd, PipeEnd]:
    """Return the ends to read and to write of a new pipe, both open once."""
    pipe = Pipe()
    return PipeEnd(pipe, "read").open(), PipeEnd(pipe, "write").open()


class Child:
    """A started program; `run` takes its input (None: this process's) and runs it to the end."""

    def __init__(
        self,
        run: Callable[[bytes | None], RunResult],
        ends: tuple[PipeEnd | None, ...],
        keep_output: Callable[[bytes, bytes], None],
    ) -> None:
        self.status: int | None = None
        self._run = run
        self._ends = tuple(end.open() if end is not None else None for end in ends)
        self._keep_output = keep_output
        for end in self._ends[1:]:
            if end is not None:
                end.pipe.writer = self

    def finish(self) -> None:
        """Run the program if it has not run; its input must be complete."""
        if self.status is not None:
            return
        source = self._ends[0]
        if source is not None and source.pipe.open_ends["write"]:
            pipe = source.pipe
            raise WouldBlock(lambda: not pipe.open_ends["write"] or self.status is not None)
        result = self._run(None if source is None else bytes(source.pipe.data))
        _, output, errors = self._ends
        if output is not None:
            output.pipe.data += result.stdout
        if errors is not None:
            errors.pipe.data += result.stderr
        self._keep_output(
            b"" if output is not None else result.stdout,
            b"" if errors is not None else result.stderr,
        )
        self._end(result.status)

    def kill(self, status: int) -> None:
        """End the program before it has run; afterwards that changes nothing."""
        if self.status is None:
            self._end(status)

    def _end(self, status: int) -> None:
        self.status = status
        for end in self._ends:
            if end is not None:
                end.close()
                end.pipe.writer = None
