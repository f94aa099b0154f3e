"""Runs an image in a child process and keeps what it prints: for tests, not for programs."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, unique

from mlrift.values import value


@unique
class Ending(Enum):
    """How a child process ended."""

    EXITED = "exited"
    KILLED = "killed"
    TIMED_OUT = "timed out"


@value
class Captured:
    """The end of a child: `number` is its exit status, or the signal that killed it."""

    ending: Ending
    number: int
    output: bytes

    def describe(self) -> str:
        """Return the end in words."""
        match self.ending:
            case Ending.EXITED:
                return f"exit status {self.number}"
            case Ending.KILLED:
                return f"killed by {_signal_name(self.number)}"
            case Ending.TIMED_OUT:
                return f"still running after {self.number} s"


@contextmanager
def executable_file(image: bytes, suffix: str) -> Iterator[str]:
    """Write the image to a private file that is removed afterwards; yields its path."""
    with tempfile.TemporaryDirectory(prefix="mlrc-test-") as folder:
        path = os.path.join(folder, f"program{suffix}")
        with open(path, "wb") as file:
            file.write(image)
        os.chmod(path, 0o700)
        yield path


def capture(command: list[str], timeout_seconds: int) -> Captured:
    """Run a command without input; standard output and error are kept together."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return Captured(Ending.TIMED_OUT, timeout_seconds, error.stdout or b"")
    if done.returncode < 0:
        return Captured(Ending.KILLED, -done.returncode, done.stdout)
    return Captured(Ending.EXITED, done.returncode, done.stdout)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
