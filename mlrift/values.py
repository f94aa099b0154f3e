"""Classes whose body lists their fields: `@value`, compared by contents, `@record`, by identity.

To a type checker they are dataclasses (a value is frozen). At run time they get what the compiler
needs (`__slots__`, `__init__`, `__match_args__`, `__repr__`, comparison) in a twentieth of a
dataclass's time, because every start of `mlrc` makes two hundred of them: constructors are copies
of one compiled template per number of fields, with other names.
"""

from operator import attrgetter
from types import CodeType, FunctionType

from mlrift.static_types import TYPE_CHECKING, Any, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Callable

Class = TypeVar("Class", bound=type[Any])
Instance = TypeVar("Instance")


class Factory:
    """The default of a field that is made anew for every instance."""

    __slots__ = ("make",)

    def __init__(self, make: "Callable[[], Any]") -> None:
        self.make = make


def field(*, default_factory: "Callable[[], Any]") -> Any:
    """Say that a field left out gets `default_factory()`."""
    return Factory(default_factory)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(template: Class) -> Class:
    """Return the class as an immutable value: instances with equal fields are equal."""
    return _build(template, _compare_by_contents)


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def record(template: Class) -> Class:
    """Return the class as a record: an instance equals only itself."""
    return _build(template, _nothing_more)


def replace(instance: Instance, **changes: object) -> Instance:
    """Return a copy of a value or record with the named fields changed."""
    made: Any = instance
    fields = {name: getattr(made, name) for name in made.__slots__}
    unknown = changes.keys() - fields.keys()
    if unknown:
        raise TypeError(f"{type(made).__name__} has no field {', '.join(sorted(unknown))}")
    copy: Instance = type(made)(**{**fields, **changes})
    return copy


def _build(
    template: Class, add_comparison: "Callable[[dict[str, Any], tuple[str, ...]], None]"
) -> Class:
    members: dict[str, Any] = dict(vars(template))
    members.pop("__dict__", None)
    members.pop("__weakref__", None)
    fields = tuple(members.get("__annotations__", ()))
    defaults = tuple(members.pop(name) for name in fields if name in members)
    members["__slots__"] = members["__match_args__"] = fields
    members["__init__"] = constructor(fields, defaults)
    members.setdefault("__repr__", _represent)
    add_comparison(members, fields)
    made: Any = type(template.__name__, template.__bases__, members)
    return made  # type: ignore[no-any-return]  # the same class, rebuilt with slots


def _nothing_more(_members: "dict[str, Any]", _fields: tuple[str, ...]) -> None:
    """Leave the identity comparison of `object`."""


def _compare_by_contents(members: "dict[str, Any]", fields: tuple[str, ...]) -> None:
    members["_contents"] = staticmethod(attrgetter(*fields) if fields else type)
    members.setdefault("__eq__", _equal)
    members.setdefault("__hash__", _hash)


def _equal(self: Any, other: Any) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return self._contents(self) == other._contents(other)


def _hash(self: Any) -> int:
    return hash(self._contents(self))


def _represent(self: Any) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
    return f"{type(self).__name__}({fields})"


_templates: dict[int, CodeType] = {}


def constructor(fields: tuple[str, ...], defaults: tuple[object, ...]) -> FunctionType:
    """Return an `__init__` that stores its parameters, named `fields`; the last have `defaults`."""
    if any(isinstance(row, Factory) for row in defaults):
        return _constructor_with_factories(fields, defaults)
    count = len(fields)
    template = _templates.get(count)
    if template is None:
        template = _compile(tuple(f"f{index}" for index in range(count)), {}).__code__
        _templates[count] = template
    code = template.replace(co_varnames=("self", *fields), co_names=fields)
    return FunctionType(code, {}, "__init__", defaults)


def _constructor_with_factories(
    fields: tuple[str, ...], defaults: tuple[object, ...]
) -> FunctionType:
    first = len(fields) - len(defaults)
    makers: dict[str, object] = {
        name: row.make
        for name, row in zip(fields[first:], defaults, strict=True)
        if isinstance(row, Factory)
    }
    made = _compile(fields, makers)
    made.__defaults__ = tuple(None if isinstance(row, Factory) else row for row in defaults)
    return made


def _compile(fields: tuple[str, ...], makers: dict[str, object]) -> FunctionType:
    lines = [f"def __init__({', '.join(('self', *fields))}):"]
    for name in fields:
        given = f"make_{name}() if {name} is None else {name}" if name in makers else name
        lines.append(f" self.{name} = {given}")
    namespace: dict[str, Any] = {f"make_{name}": make for name, make in makers.items()}
    exec("\n".join([*lines, " return"]), namespace)
    made: FunctionType = namespace["__init__"]
    return made
