"""What the driver decides about lowering: values only."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, unique


@unique
class RuntimeChecks(Enum):
    """Which checks the program makes while it runs (language.md 16)."""

    NONE = "none"
    DEBUG = "debug"


@unique
class SourceNames(Enum):
    """Whether the names and types of variables are kept for debuggers."""

    DROPPED = "dropped"
    KEPT = "kept"


@unique
class LowerRole(Enum):
    """What the module becomes.

    A PROGRAM gets `program.start`. An OBJECT is started by a C runtime: its `main` is EXPORTED and
    takes what C gives. A LISTING is read by people. Both keep every function. A LIBRARY is merged
    into a program or linked with one and has no start. A FREESTANDING program is entered by what
    loads it, with any stack alignment, and returns there.
    """

    PROGRAM = "program"
    OBJECT = "object"
    LISTING = "listing"
    LIBRARY = "library"
    FREESTANDING = "freestanding"


def plain_name(name: str) -> str:
    """Keep a name: the `symbol_name` of a user's program."""
    return name


@dataclass(frozen=True, slots=True)
class LowerOptions:
    """How to lower a program.

    `symbol_name` maps the name of a function or a static to its symbol (core library files rename
    theirs); `exports` are the functions that get EXPORTED linkage besides those marked `@export`.
    """

    checks: RuntimeChecks = RuntimeChecks.NONE
    source_names: SourceNames = SourceNames.DROPPED
    role: LowerRole = LowerRole.PROGRAM
    symbol_name: Callable[[str], str] = plain_name
    exports: frozenset[str] = frozenset()
