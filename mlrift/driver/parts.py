"""What a program is compiled in: its own modules, and files of the library that are compiled."""

from collections.abc import Callable

from mlrift.ir.core import Module
from mlrift.values import value


@value
class LibraryPart:
    """A file of the bundled library, compiled.

    `units` are the names of its objects, in order; `names` what its functions are called there;
    `needs` are the functions and globals of other files that some object refers to. `objects` has
    those of each CPU.
    """

    units: tuple[str, ...]
    names: dict[str, str]
    needs: frozenset[str]
    objects: dict[str, list[bytes]]


@value
class Parts:
    """A program in parts; its modules are the one with its own code, then those of others."""

    modules: list[Module]
    library: list[LibraryPart]


Library = Callable[[list[str]], dict[str, LibraryPart]]
"""Returns compiled files of the bundled library by their names."""


def no_library(_files: list[str]) -> dict[str, LibraryPart]:
    """Return nothing, so that all files are compiled with the program."""
    return {}
