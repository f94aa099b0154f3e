"""The reference interpreter: what a module means, and every test's oracle.

    run_program(module, ["argument"], RecordingOs(stdin=b"...")) -> stdout, stderr, exit status
    run_function(module, "f", [1, 2.5]) -> its result

Functions become Python source when first called (translate.py); memory is bounds-checked
(memory.py); the operating system is a model behind `OsModel`. Traps end a program as signals do:
136 for divisions, 139 for memory and runaway recursion, 132 for code that cannot be reached, 124
when all threads wait for each other.
"""

import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mlrift.ir.core import Module
from mlrift.ir.interpret.memory import MemoryFault, StackFill
from mlrift.ir.interpret.os_functions import ProgramExit
from mlrift.ir.interpret.os_model import OsModel, RecordingOs
from mlrift.ir.interpret.program import Program, ProgramLimits, UnresolvedSymbol
from mlrift.ir.interpret.threads import DeadlockError
from mlrift.static_types import Any
from mlrift.values import value

__all__ = [
    "OsModel",
    "ProgramLimits",
    "ProgramResult",
    "ProgramTrap",
    "RecordingOs",
    "StackFill",
    "UnresolvedSymbol",
    "run_function",
    "run_program",
]

PROGRAM_START = "program.start"
MAIN = "main"

_STATUS_DIVISION = 136
_STATUS_FAULT = 139
_STATUS_DEADLOCK = 124
_SPARE_FRAMES = 1000
_DEFAULT_LIMITS = ProgramLimits()


@value
class ProgramResult:
    """What a program wrote and how it ended; `note` tells why it was ended."""

    stdout: bytes
    stderr: bytes
    status: int
    note: str = ""


class ProgramTrap(Exception):
    """A function called by `run_function` ended the program."""

    def __init__(self, status: int, note: str) -> None:
        super().__init__(f"status {status}" + (f": {note}" if note else ""))
        self.status = status
        self.note = note


def run_program(
    module: Module,
    arguments: Sequence[str] = (),
    os_model: OsModel | None = None,
    limits: ProgramLimits = _DEFAULT_LIMITS,
) -> ProgramResult:
    """Run a program from `program.start` (or `main`, when it has no start) to its end."""
    model = os_model if os_model is not None else RecordingOs()
    program = Program(module, model, limits)
    words: list[int] = []
    name = MAIN
    if PROGRAM_START in module.functions:
        name = PROGRAM_START
        texts = [text.encode("utf-8", "surrogateescape") for text in arguments]
        texts.insert(0, model.program_path.encode("utf-8", "surrogateescape"))
        environment = [text.encode("utf-8", "surrogateescape") for text in model.environment]
        words = [len(texts), program.place_texts(texts), program.place_texts(environment)]
    note = ""
    try:
        found = _call(program, program.function(name), words, limits)
        status = found & 0xFF if isinstance(found, int) else 0
    except ProgramTrap as trap:
        status, note = trap.status, trap.note
    return ProgramResult(bytes(model.stdout), bytes(model.stderr), status, note)


def run_function(
    module: Module,
    name: str,
    arguments: Sequence[int | float] = (),
    os_model: OsModel | None = None,
    limits: ProgramLimits = _DEFAULT_LIMITS,
) -> int | float | tuple[int | float, ...] | None:
    """Call one function; return its result, a tuple of several, or None. Traps raise."""
    program = Program(module, os_model if os_model is not None else RecordingOs(), limits)
    found = _call(program, program.function(name), arguments, limits)
    if isinstance(found, tuple):
        return tuple(int(row) if isinstance(row, bool) else row for row in found)
    result: int | float | None = int(found) if isinstance(found, bool) else found
    return result


def _call(
    program: Program,
    function: Callable[..., Any],
    arguments: Sequence[int | float],
    limits: ProgramLimits,
) -> Any:
    with _deep_recursion(limits.call_depth):
        try:
            return function(*arguments)
        except ProgramExit as end:
            raise ProgramTrap(end.status, "") from None
        except ZeroDivisionError as error:
            raise _trap(program, error, _STATUS_DIVISION, "division") from error
        except RecursionError as error:
            raise ProgramTrap(_STATUS_FAULT, "the stack is used up") from error
        except MemoryFault as error:
            raise _trap(program, error, _STATUS_FAULT, str(error)) from error
        except (KeyError, IndexError, struct.error) as error:
            if not program.origin(error.__traceback__)[0]:
                raise
            raise _trap(program, error, _STATUS_FAULT, "memory fault") from error
        except DeadlockError as error:
            raise ProgramTrap(_STATUS_DEADLOCK, str(error)) from error
        finally:
            program.threads.stop()


def _trap(program: Program, error: Exception, status: int, what: str) -> ProgramTrap:
    name, made = program.origin(error.__traceback__)
    place = f" in @{name}" if name else ""
    return ProgramTrap(status, what + place + (f" at {made.MNEMONIC}" if made else ""))


@contextmanager
def _deep_recursion(call_depth: int) -> Iterator[None]:
    """Let generated functions call each other that deep: they use no C stack."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, call_depth + _SPARE_FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
