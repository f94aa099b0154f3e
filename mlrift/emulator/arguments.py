"""Python values to the bytes of a kernarg segment, as the kernel's metadata lays them out.

Buffers are mapped and passed as addresses; hidden arguments are filled from the launch.
"""

import struct

import numpy as np

from mlrift.backends.amdgcn.codeobject.model import ArgumentKind, KernelArgument, KernelImage
from mlrift.emulator.errors import EmulatorError
from mlrift.emulator.memory_map import MemoryMap
from mlrift.emulator.special_sources import PRIVATE_APERTURE, SHARED_APERTURE
from mlrift.static_types import Any
from mlrift.values import value

_FLOAT_FORMATS = {2: "<e", 4: "<f", 8: "<d"}
_FLOAT_TYPES = frozenset(("f16", "f32", "f64", "half", "float", "double"))
_POINTER_BYTES = 8
_SEGMENT_ALIGNMENT = 64


@value
class LaunchShape:
    """Groups a grid and work items a group, each (x, y, z); LDS added to the static, in bytes."""

    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    dynamic_lds_bytes: int = 0


def pack_arguments(
    kernel: KernelImage, shape: LaunchShape, arguments: list[Any], memory: MemoryMap
) -> Any:
    """Return the kernarg segment as an array of bytes; raises EmulatorError."""
    explicit = [row for row in kernel.arguments if not row.kind.is_hidden]
    if len(arguments) != len(explicit):
        raise EmulatorError(
            f"kernel `{kernel.name}` takes {len(explicit)} arguments"
            f" ({', '.join(_title(row) for row in explicit) or 'none'}), found {len(arguments)}"
        )
    ends = [row.offset + row.size for row in kernel.arguments]
    size_bytes = max([kernel.kernarg_bytes, *ends, 1])
    # Compilers load whole aligned vectors of arguments, beyond the last one.
    segment = np.full(-(-size_bytes // _SEGMENT_ALIGNMENT) * _SEGMENT_ALIGNMENT, 0x7F, np.uint8)
    segment[:size_bytes] = 0
    for row, given in zip(explicit, arguments, strict=True):
        _put(segment, row, _bytes_of(row, given, memory))
    for row in kernel.arguments:
        if row.kind.is_hidden:
            number = hidden_value(row.kind, shape)
            _put(segment, row, number.to_bytes(8, "little")[: row.size])
    return segment


def _put(segment: Any, row: KernelArgument, data: bytes) -> None:
    segment[row.offset : row.offset + len(data)] = np.frombuffer(data, np.uint8)


def _title(row: KernelArgument) -> str:
    name = row.name or f"at {row.offset}"
    return f"{name}: {row.type_name}" if row.type_name else name


def _bytes_of(row: KernelArgument, given: Any, memory: MemoryMap) -> bytes:
    if isinstance(given, np.ndarray) and given.ndim > 0:
        return _pointer(row, given, memory)
    if isinstance(given, bytes):
        if len(given) != row.size:
            raise EmulatorError(f"{_title(row)}: found {len(given)} bytes, expected {row.size}")
        return given
    if isinstance(given, np.generic):
        return _numpy_scalar(row, given)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise EmulatorError(
            f"{_title(row)}: found {type(given).__name__}, expected an array or a number"
        )
    if isinstance(given, float) or row.type_name in _FLOAT_TYPES:
        return _float(row, float(given))
    return _integer(row, given)


def _pointer(row: KernelArgument, given: Any, memory: MemoryMap) -> bytes:
    if row.size != _POINTER_BYTES:
        raise EmulatorError(
            f"{_title(row)}: found an array, but the argument has {row.size} bytes, not a pointer's"
        )
    name = row.name or f"argument at {row.offset}"
    address = memory.map(given, name, is_writable=not row.is_read_only)
    return address.to_bytes(_POINTER_BYTES, "little")


def _numpy_scalar(row: KernelArgument, given: Any) -> bytes:
    data: bytes = given.tobytes()
    if len(data) == row.size:
        return data
    if isinstance(given, np.integer) and row.type_name not in _FLOAT_TYPES:
        return _integer(row, int(given))
    raise EmulatorError(
        f"{_title(row)}: found {given.dtype.name} of {len(data)} bytes, expected {row.size} bytes"
    )


def _float(row: KernelArgument, given: float) -> bytes:
    form = _FLOAT_FORMATS.get(row.size)
    if form is None:
        raise EmulatorError(f"{_title(row)}: found a float, expected {row.size} bytes")
    try:
        return struct.pack(form, given)
    except OverflowError as error:
        raise EmulatorError(f"{_title(row)}: {given} does not fit {row.size} bytes") from error


def _integer(row: KernelArgument, given: int) -> bytes:
    bits = 8 * row.size
    if not -(1 << bits - 1) <= given < 1 << bits:
        raise EmulatorError(f"{_title(row)}: {given} does not fit {row.size} bytes")
    return (given & (1 << bits) - 1).to_bytes(row.size, "little")


def hidden_value(kind: ArgumentKind, shape: LaunchShape) -> int:
    """Return what the launcher passes for a hidden argument; 0 for what does not exist here."""
    numbers = {
        ArgumentKind.HIDDEN_DYNAMIC_LDS_SIZE: shape.dynamic_lds_bytes,
        ArgumentKind.HIDDEN_GRID_DIMS: 3,
        ArgumentKind.HIDDEN_PRIVATE_BASE: PRIVATE_APERTURE,
        ArgumentKind.HIDDEN_SHARED_BASE: SHARED_APERTURE,
    }
    for axis, letter in enumerate("xyz"):
        numbers[ArgumentKind(f"hidden_block_count_{letter}")] = shape.grid[axis]
        numbers[ArgumentKind(f"hidden_group_size_{letter}")] = shape.block[axis]
    return numbers.get(kind, 0)
