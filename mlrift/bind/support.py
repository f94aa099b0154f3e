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
        if not _mlrift.is_in_order(view):
            return False
        letter = (view.format or "B")[-1]
        kind = _builtins.getattr(element, "_type_", None)
        if not _builtins.isinstance(kind, _builtins.str):
            return view.itemsize in (1, _ctypes.sizeof(element))
        if view.itemsize != _ctypes.sizeof(element):
            return False
        return (letter in "fd") == (kind in "fd")

    @staticmethod
    def is_in_order(view: memoryview) -> bool:
        """Return whether the bytes of elements are little-endian, as all of the library's are."""
        return view.itemsize == 1 or (view.format or "B")[0] not in ">!"

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

    @staticmethod
    def tensor(
        value: _Any,
        name: str,
        kind: str,
        shape: tuple[int | str, ...],
        known: dict[str, tuple[int, str]],
    ) -> tuple[int, _Any, _Any]:
        """Return the address of an array's elements and of its layout, and what keeps them there.

        Extents are compared with the numbers of `shape`, and by the names of `known`. The array is
        not copied, whatever its strides; the library does not write to it.
        """
        try:
            view = _builtins.memoryview(value)
        except TypeError:
            found = _builtins.type(value).__name__
            raise TypeError(f"{name}: an array is wanted, not {found}") from None
        letters, size_bytes = _mlrift.FORMATS[kind]
        is_like = (view.format or "B")[-1] in letters and _mlrift.is_in_order(view)
        if not is_like or view.itemsize != size_bytes:
            raise TypeError(f"{name}: elements of {kind} are wanted, not of format '{view.format}'")
        extents, strides = view.shape or (), view.strides or ()
        shown = "x".join(_builtins.map(_builtins.str, extents)) or "no axes"
        if _builtins.len(extents) != _builtins.len(shape):
            raise ValueError(f"{name}: {_builtins.len(shape)} axes are wanted, not {shown}")
        for axis, extent in _builtins.enumerate(extents):
            wanted, first = shape[axis], ""
            if _builtins.isinstance(wanted, _builtins.str) and wanted:
                wanted, first = known.setdefault(wanted, (extent, f" as in {name}"))
            if wanted not in ("", extent):
                raise ValueError(
                    f"{name}: axis {axis} has {extent} elements, not {wanted}{first} ({shown})"
                )
        if _builtins.any(stride % size_bytes for stride in strides):
            raise TypeError(f"{name}: elements of the array are not aligned")
        rows = [*extents, *(stride // size_bytes for stride in strides)]
        layout = (_ctypes.c_int64 * _builtins.max(_builtins.len(rows), 1))(*rows)
        interface = _builtins.getattr(value, "__array_interface__", None)
        if interface is not None:
            address, keeper = interface["data"][0], value
        else:
            address, keeper = _mlrift.address(value, name)
        return address, layout, keeper

    @staticmethod
    def array(release: _Any, tensor: int, kind: str) -> _Any:
        """Return what a library gave as a numpy array; the memory goes with the last view of it."""
        import numpy  # noqa: PLC0415 - with tensors only

        return numpy.asarray(_tensor_of_library(release, tensor, kind))

    FORMATS = {
        "u8": ("B", 1),
        "u16": ("HS", 2),
        "u32": ("IL", 4),
        "u64": ("QLN", 8),
        "i8": ("b", 1),
        "i16": ("h", 2),
        "i32": ("il", 4),
        "i64": ("qln", 8),
        "f16": ("eH", 2),
        "bf16": ("H", 2),
        "f32": ("f", 4),
        "f64": ("d", 8),
        "bool": ("?", 1),
    }


class _tensor_of_library:
    """A tensor that a library gave; numpy sees its memory, which goes when nobody has it."""

    def __init__(self, release: _Any, tensor: int, kind: str) -> None:
        self._release = release
        self._release.argtypes = [_ctypes.c_void_p]
        self._release.restype = None
        self._tensor = tensor
        head = (_ctypes.c_uint64 * 5).from_address(tensor)
        rank = head[4] >> 32
        layout = (_ctypes.c_int64 * (2 * rank)).from_address(tensor + 40)
        size_bytes = _mlrift.FORMATS[kind][1]
        letter = "b" if kind == "bool" else kind[0].replace("b", "u")
        self.__array_interface__ = {
            "version": 3,
            "shape": _builtins.tuple(layout[:rank]),
            "strides": _builtins.tuple(stride * size_bytes for stride in layout[rank:]),
            "data": (head[1] or 0, False),
            "typestr": f"{'|' if size_bytes == 1 else '<'}{letter}{size_bytes}",
        }

    def __del__(self) -> None:
        self._release(self._tensor)
