"""What the compiler uses of `typing`, without importing it when it runs.

A type checker sees typing's own names. At run time they mean nothing, so stand-ins do: importing
typing costs more than parsing a small program, at every start of `mlrc`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import (
        Any,
        ClassVar,
        Generic,
        NewType,
        NoReturn,
        TypeVar,
        assert_never,
        cast,
        dataclass_transform,
    )
else:

    class Any:
        """Stands for a type in an annotation."""

        def __class_getitem__(cls, _parameters):
            return cls

    ClassVar = Generic = Any
    NoReturn = None

    def TypeVar(_name, *_constraints, **_bounds):  # noqa: N802
        """Stand in for a type variable."""
        return Any

    def NewType(_name, base):  # noqa: N802
        """Stand in for a type of its own."""
        return base

    def cast(_type, value):
        """Return the value."""
        return value

    def assert_never(value):
        """Refuse a value of a kind that its reader does not know."""
        raise AssertionError(f"unexpected {value!r}")

    def dataclass_transform(**_options):
        """Return a decorator that leaves the decorator as it is."""
        return lambda decorator: decorator


__all__ = [
    "TYPE_CHECKING",
    "Any",
    "ClassVar",
    "Generic",
    "NewType",
    "NoReturn",
    "TypeVar",
    "assert_never",
    "cast",
    "dataclass_transform",
]
