"""What running an image gives: a result, or one of three errors, the same for every engine.

`ImageRefused` is a loader's rule that the file breaks, `RuleBroken` a rule of the operating system
that the running code breaks; both carry the rule as text. A crash of the program is no error here:
it is a status, as a shell would see it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SIGNAL_STATUS_BASE = 128
DEFAULT_ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a finished program left: its output and its exit status (0-255; signal N is 128+N)."""

    stdout: bytes
    stderr: bytes
    status: int


@dataclass(frozen=True, slots=True)
class Invocation:
    """How a program is started: everything an engine needs besides the image."""

    arguments: Sequence[str]
    stdin: bytes
    environment: Mapping[str, str]
    working_folder: Path
    timeout_seconds: float


class ImageRefused(Exception):
    """The loader would not start this file; the message is the rule it breaks."""


class RuleBroken(Exception):
    """The program ran and broke a rule of its operating system that real hardware may forgive."""


class RunTimeout(Exception):
    """The program did not finish in time; its output so far is kept."""

    def __init__(self, seconds: float, stdout: bytes = b"", stderr: bytes = b"") -> None:
        tail = (stdout + stderr)[-400:]
        super().__init__(f"still running after {seconds:g} s; last output {tail!r}")
        self.stdout = stdout
        self.stderr = stderr


def require(holds: bool, rule: str) -> None:
    """Raise `ImageRefused(rule)` unless the rule holds."""
    if not holds:
        raise ImageRefused(rule)
