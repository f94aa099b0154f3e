"""What the driver decides about lowering: values only."""

from collections.abc import Callable
from enum import Enum, unique

from mlrift.values import value


@unique
class RuntimeChecks(Enum):
    """Which checks the program makes while it runs (reference.md 16).

    With GUARD_PAGES accesses to the heap are checked by the system, not by the program.
    """

    NONE = "none"
    DEBUG = "debug"
    GUARD_PAGES = "guard pages"


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
    loads it, with any stack alignment, and returns there. A C_LIBRARY is called by other programs:
    its exported functions have entries for C, and it has no start.
    """

    PROGRAM = "program"
    OBJECT = "object"
    LISTING = "listing"
    LIBRARY = "library"
    FREESTANDING = "freestanding"
    C_LIBRARY = "library for C"


@unique
class ExportedStatics(Enum):
    """How a program reaches statics that it exports.

    A program that links with an ELF library may have its own copy of a variable, which the dynamic
    linker then makes the only one: the library must reach it BY_SLOT.
    """

    DIRECT = "direct"
    BY_SLOT = "by slot"


def plain_name(name: str) -> str:
    """Keep a name: the `symbol_name` of a user's program."""
    return name


@value
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
    exported_statics: ExportedStatics = ExportedStatics.DIRECT
