"""What `-g` knows of functions and globals: their names and types in the language.

Lowering fills it in, code generation writes it as DWARF, and passes carry it along. It is not
part of the text form, and nothing that the program does depends on it.
"""

from mlrift.source import Span
from mlrift.typesystem import Type
from mlrift.values import value


@value
class Visibility:
    """The characters of the function's file in which a variable is visible."""

    start: int
    end: int


@value
class SourceVariable:
    """A variable, a parameter (`argument` counts from 1) or a static.

    `span` is that of its name. `visible` is None where the whole function or program sees it. A
    static struct that may name other storage keeps the difference (exclusive or) of the addresses
    `distance_bytes` behind its own.
    """

    name: str
    type: Type
    span: Span
    argument: int = 0
    visible: Visibility | None = None
    distance_bytes: int | None = None


class SourceFunction:
    """A function. `variables` are by the names of their slots, which `debug.value` uses too."""

    __slots__ = ("name", "result", "variables")

    def __init__(self, name: str, result: Type) -> None:
        self.name = name
        self.result = result
        self.variables: dict[str, SourceVariable] = {}
