"""What every generated module contains: how values and buffers of Python go to a library.

The text of this file is copied into the modules, so it uses nothing of mlrift, and its names begin
with an underscore: the others belong to the library.
"""

# ruff: noqa: N801 - names that no library has
import builtins as _builtins
import ctypes as _ctypes
import enum as _enum  # noqa: F401 - for the enums of the modules
import os as _os
from typing import Any as _Any

_Buffer = _Any  # numpy arrays, array.array, bytes, bytearray, ctypes objects, lists of numbers
_POINTERS = (_ctypes._CFuncPtr, _ctypes._Pointer, _ctypes.c_void_p, _ctypes.c_char_p)  # type: ignore[attr-defined]


class _mlrift:
    """Conversions of arguments; what cannot be converted is a TypeError or an OverflowError."""

    @staticmethod
    def load(file_name: str) -> _ctypes.CDLL:
        """Load the library beside this module, or else where the system finds it."""
        folder = _os.path.dirname(_os.path.abspath(__file__))
        beside = _os.path.join(folder, file_name)
        return _ctypes.CDLL(beside if _os.path.exists(beside) else file_name)

    @staticmethod
    def integer(value: _Any, name: str, low: int, high: int) -> int:
        """Return a whole number that a parameter can hold."""
        try:
            number: int = value.__index__()
        except AttributeError:
            kind = _builtins.type(value).__name__
            raise TypeError(f"{name}: a whole number is wanted, not {kind}") from None
        if not low <= number <= high:
            raise OverflowError(f"{name}: {number} is not between {low} and {high}")
        return number

    @staticmethod
    def word(value: _Any, name: str) -> tuple[int, _Any]:
        """Return a word: a number, or the address of a buffer and what keeps it there."""
        if _builtins.hasattr(value, "__index__"):
            return _mlrift.integer(value, name, 0, (1 << 64) - 1), None
        if value is None:
            return 0, None
        if _builtins.isinstance(value, _POINTERS):
            return _ctypes.cast(value, _ctypes.c_void_p).value or 0, value
        return _mlrift.address(value, name)

    @staticmethod
    def slice(value: _Any, name: str, element: _Any) -> tuple[int, int, _Any]:
        """Return address and number of elements of a buffer, and what keeps it there."""
        if _builtins.isinstance(value, (_builtins.list, _builtins.tuple)):
            value = (element * _builtins.len(value))(*value)
        try:
            view = _builtins.memoryview(value)
        except TypeError:
            kind = _builtins.type(value).__name__
            raise TypeError(f"{name}: a buffer is wanted, not {kind}") from None
        size_bytes = _ctypes.sizeof(element)
        if not _mlrift.is_like(view, element):
            wanted = element.__name__.removeprefix("c_")
            raise TypeError(
                f"{name}: elements of {size_bytes} bytes ({wanted}) are wanted, "
                f"not {view.itemsize} bytes in format '{view.format}'"
            )
        address, keeper = _mlrift.address(value, name)
        return address, view.nbytes // size_bytes if size_bytes else 0, keeper

    @staticmethod
    def is_like(view: memoryview, element: _Any) -> bool:
        """Return whether the elements of a buffer can be what a library expects."""
        letter = (view.format or "B")[-1]
        kind = _builtins.getattr(element, "_type_", None)
        if not _builtins.isinstance(kind, _builtins.str):
            return view.itemsize in (1, _ctypes.sizeof(element))
        if view.itemsize != _ctypes.sizeof(element):
            return False
        return (letter in "fd") == (kind in "fd")

    @staticmethod
    def address(value: _Any, name: str) -> tuple[int, _Any]:
        """Return the address of a buffer, and what keeps it there."""
        try:
            view = _builtins.memoryview(value)
        except TypeError:
            kind = _builtins.type(value).__name__
            raise TypeError(f"{name}: a number or a buffer is wanted, not {kind}") from None
        if not view.c_contiguous:
            raise TypeError(f"{name}: the buffer is not contiguous")
        if not view.nbytes:
            return 0, value
        if _builtins.isinstance(value, _builtins.bytes):
            return _ctypes.cast(_ctypes.c_char_p(value), _ctypes.c_void_p).value or 0, value
        if view.readonly:
            raise TypeError(f"{name}: the buffer cannot be written to")
        keeper = (_ctypes.c_char * view.nbytes).from_buffer(view)
        return _ctypes.addressof(keeper), keeper

    @staticmethod
    def contents(pointer: _Any) -> _Any:
        """Return the struct that a result points to, None for the null pointer."""
        return pointer.contents if pointer else None
