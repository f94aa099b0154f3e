"""The `@node` decorator: plain slotted classes for syntax trees.

To a type checker it is a dataclass without comparison. At run time it does the little that trees
need (`__slots__`, `__init__`, `__match_args__`, `__repr__`) in a fifth of the time, which matters
because every start of the compiler makes all the classes.
"""

from typing import Any, TypeVar, dataclass_transform

Class = TypeVar("Class", bound=type[Any])


@dataclass_transform(eq_default=False)
def node(template: Class) -> Class:
    """Return the class with one slot and one parameter of `__init__` per annotation, in order."""
    fields = tuple(template.__annotations__)
    members = {
        name: value
        for name, value in vars(template).items()
        if name not in ("__dict__", "__weakref__")
    }
    defaults = {name: members.pop(name) for name in fields if name in members}
    parameters = ", ".join(f"{n}=defaults[{n!r}]" if n in defaults else n for n in fields)
    body = "".join(f"\n    self.{name} = {name}" for name in fields) or "\n    pass"
    namespace: dict[str, Any] = {"defaults": defaults}
    exec(f"def __init__(self, {parameters}) -> None:{body}", namespace)
    members["__init__"] = namespace["__init__"]
    members["__slots__"] = fields
    members["__match_args__"] = fields
    members.setdefault("__repr__", _represent)
    made: Any = type(template.__name__, (), members)
    return made  # type: ignore[no-any-return]  # the same class, rebuilt with slots


def _represent(self: Any) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
    return f"{type(self).__name__}({fields})"
