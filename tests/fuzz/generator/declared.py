"""What a generated program has declared: types, variables, functions, and what of it is visible."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, unique

from mlrift.typesystem import (
    BOOL,
    CHAR,
    DOUBLE,
    HALF,
    S8,
    S16,
    S32,
    S64,
    SINGLE,
    U8,
    U16,
    U32,
    U64,
    ScalarType,
)

WORDS = (U8, U16, U32, U64, S8, S16, S32, S64)
FLOATS = (SINGLE, DOUBLE)
SCALARS = (*WORDS, *FLOATS, BOOL, CHAR)
STORED = (*SCALARS, HALF)


@dataclass(frozen=True, slots=True, eq=False)
class Struct:
    """A struct; `fields` are names with types."""

    name: str
    fields: "tuple[tuple[str, ScalarType | Struct], ...]"

    @property
    def size_bytes(self) -> int:
        """Bytes of all fields: there is no padding."""
        return sum(row.size_bytes for _, row in self.fields)

    @property
    def is_comparable(self) -> bool:
        """Whether its bytes are the same on every engine: a NaN's are not."""
        return not any(row.is_float for _, row in self.leaves())

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, ScalarType]]:
        """Yield the path and type of every scalar in it."""
        for name, row in self.fields:
            if isinstance(row, Struct):
                yield from row.leaves(f"{prefix}{name}.")
            else:
                yield prefix + name, row

    def inner(self, prefix: str = "") -> "Iterator[tuple[str, Struct]]":
        """Yield the path and type of every struct in it."""
        for name, row in self.fields:
            if isinstance(row, Struct):
                yield prefix + name, row
                yield from row.inner(f"{prefix}{name}.")


@unique
class Shape(Enum):
    """What may be done with a name."""

    SCALAR = "scalar"
    ARRAY = "array of scalars"
    SLICE = "slice"
    STRUCT = "struct"
    STRUCT_ARRAY = "array of structs"
    BYTES = "address of that many bytes"
    HANDLE = "address of a struct"
    CALLABLE = "address of a function"
    TEXT = "address of a text"


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A name. `count` is a number of elements or bytes; a scalar stays below `bound` unless 0."""

    name: str
    shape: Shape
    type: ScalarType | Struct
    count: int = 0
    is_writable: bool = True
    bound: int = 0
    function: "Function | None" = None


@dataclass(slots=True, eq=False)
class Function:
    """A function that may be called; more than one of `results` is a tuple. Cost is in steps."""

    name: str
    parameters: tuple[Variable, ...]
    results: tuple[ScalarType | Struct, ...]
    is_method: bool = False
    is_generic: bool = False
    cost: int = 1

    @property
    def takes_words(self) -> bool:
        """Whether `call_ptr` may call it without seeing the bits of a float."""
        plain = all(
            row.shape is Shape.SCALAR and isinstance(row.type, ScalarType) and not row.type.is_float
            for row in self.parameters
        )
        only = self.results[0] if len(self.results) == 1 else None
        return plain and isinstance(only, ScalarType) and not only.is_float


@dataclass(slots=True)
class Program:
    """The top level: declarations as text, and what expressions may use of them."""

    structs: list[Struct] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)
    counts: dict[int, str] = field(default_factory=dict)
    floats: dict[ScalarType, list[str]] = field(default_factory=dict)
    sizes: list[str] = field(default_factory=list)
    aliases: dict[ScalarType, list[str]] = field(default_factory=dict)
    statics: dict[str, Variable] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)
    declarations: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    is_risky: bool = False
    is_calm: bool = False
    counter: int = 0

    def fresh_name(self, start: str) -> str:
        """Return a name that is used nowhere else."""
        self.counter += 1
        return f"{start}{self.counter}"


@dataclass(slots=True)
class Scope:
    """The visible names: the statics, then the blocks around the current one."""

    program: Program
    blocks: list[dict[str, Variable]] = field(default_factory=lambda: [{}])

    def visible(self) -> list[Variable]:
        """Return what names mean here."""
        found = dict(self.program.statics)
        for block in self.blocks:
            found.update(block)
        return list(found.values())

    def of(self, shape: Shape) -> list[Variable]:
        """Return the visible variables of one shape."""
        return [row for row in self.visible() if row.shape is shape]

    def declare(self, variable: Variable) -> None:
        """Enter a name into the innermost block."""
        self.blocks[-1][variable.name] = variable
