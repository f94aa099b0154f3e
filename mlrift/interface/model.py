"""The interface of a library: its functions, variables, constants, enums and structs.

The checker makes it of what a program exports; C headers and bindings for other languages are
written from it alone. It travels inside the library as JSON, so a binding needs no source.
"""

from dataclasses import asdict, dataclass
from enum import Enum, unique

from mlrift.static_types import Any

SECTION = ".mlrift.interface"
VERSION = 3
_NAMES = ("name", "type")
_TEXTS = ("doc", "form")
_MEMBER_WORDS = 2


class InterfaceError(Exception):
    """Bytes that are not an interface; the message says why."""


@unique
class Form(Enum):
    """How a parameter or a result travels.

    A SLICE is two words in C: the address of the first element and the number of elements. So is a
    TENSOR as a parameter: the address of the first element, and that of its extents, then strides,
    in elements; as a result it is the address of a descriptor.
    """

    VALUE = "value"
    POINTER = "pointer"
    SLICE = "slice"
    TENSOR = "tensor"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter or result; `type` is a scalar type of the language or a struct's name.

    `shape` has the extents of a tensor: numbers, names, and empty texts for what is not known.
    """

    name: str
    type: str
    form: Form = Form.VALUE
    shape: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function. In C, results after the first are stored where further parameters point."""

    name: str
    parameters: tuple[Parameter, ...]
    results: tuple[Parameter, ...]
    doc: str = ""

    @property
    def release(self) -> str:
        """The name of the function by which C gives a tensor back, empty if it gets none."""
        gives_tensor = any(row.form is Form.TENSOR for row in self.results)
        return release_name(self.name) if gives_tensor else ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct; a struct or a tensor inside a struct lies in place.

    `shape` has the extents of a tensor, whose elements follow each other, the last axis innermost.
    """

    name: str
    type: str
    offset_bytes: int
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct, whose fields follow each other without padding."""

    name: str
    size_bytes: int
    fields: tuple[Field, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A static: a scalar in a word of its own (`count` 0), else a struct or `count` elements."""

    name: str
    type: str
    count: int = 0
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Constant:
    """A named number."""

    name: str
    type: str
    value: int | float
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Enumeration:
    """Named whole numbers, in order."""

    name: str
    members: tuple[tuple[str, int], ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Interface:
    """Everything that a library offers; structs stand after those they contain.

    `doc` is the comment at the beginning of its file.
    """

    functions: tuple[Function, ...] = ()
    variables: tuple[Variable, ...] = ()
    constants: tuple[Constant, ...] = ()
    enums: tuple[Enumeration, ...] = ()
    structs: tuple[Struct, ...] = ()
    doc: str = ""

    def struct(self, name: str) -> Struct | None:
        """Return the struct of that name, None when `name` is a scalar type."""
        return next((row for row in self.structs if row.name == name), None)


def release_name(function: str) -> str:
    """Return the name of the function by which C gives back what `function` gave."""
    return f"{function}_release"


def to_json(interface: Interface) -> bytes:
    """Return the text that a library carries."""
    import json  # noqa: PLC0415 - for libraries only

    tree = {"version": VERSION, **asdict(interface)}
    text = json.dumps(tree, default=_form_text, separators=(",", ":"), sort_keys=True)
    return text.encode("ascii")


def from_json(data: bytes) -> Interface:
    """Return the interface that a library carries; raises InterfaceError."""
    import json  # noqa: PLC0415 - for bindings only

    try:
        tree = json.loads(data)
        if tree["version"] != VERSION:
            raise InterfaceError(f"it has version {tree['version']}, this program reads {VERSION}")
        _require_valid(tree)
        return Interface(
            tuple(map(_function, tree["functions"])),
            tuple(Variable(**row) for row in tree["variables"]),
            tuple(Constant(**row) for row in tree["constants"]),
            tuple(map(_enumeration, tree["enums"])),
            tuple(map(_struct, tree["structs"])),
            tree["doc"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InterfaceError(f"its text is damaged: {error}") from error


def _require_valid(tree: object, key: str = "") -> None:
    """Raise unless every name is a name and every text a text: modules are written from them."""
    if isinstance(tree, dict):
        for inner_key, row in tree.items():
            _require_valid(row, inner_key)
    elif isinstance(tree, list):
        for row in tree:
            if key == "shape" and isinstance(row, str) and (not row or row.isidentifier()):
                continue
            is_member = key == "members" and isinstance(row, list) and len(row) == _MEMBER_WORDS
            _require_valid(row[0] if is_member else row, "name" if is_member else key)
    elif key in _NAMES:
        if not isinstance(tree, str) or not (tree.isascii() and (tree or "_").isidentifier()):
            raise ValueError(f"{tree!r} is no name")
    elif not isinstance(tree, str if key in _TEXTS else int | float):
        raise ValueError(f"{tree!r} is no {key}")


def _form_text(value: object) -> str:
    if isinstance(value, Form):
        return value.value
    raise TypeError(f"{value!r} is not part of an interface")


def _parameter(row: dict[str, Any]) -> Parameter:
    return Parameter(row["name"], row["type"], Form(row["form"]), tuple(row["shape"]))


def _function(row: dict[str, Any]) -> Function:
    parameters = tuple(map(_parameter, row["parameters"]))
    return Function(row["name"], parameters, tuple(map(_parameter, row["results"])), row["doc"])


def _struct(row: dict[str, Any]) -> Struct:
    fields = tuple(map(_field, row["fields"]))
    return Struct(row["name"], row["size_bytes"], fields, row["doc"])


def _field(row: dict[str, Any]) -> Field:
    shape = tuple(map(int, row["shape"]))
    return Field(row["name"], row["type"], row["offset_bytes"], shape)


def _enumeration(row: dict[str, Any]) -> Enumeration:
    members = tuple((str(name), int(value)) for name, value in row["members"])
    return Enumeration(row["name"], members, row["doc"])
