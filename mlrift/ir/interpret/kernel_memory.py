"""The memory that interpreted kernels see: numpy arrays and bytearrays at made-up addresses.

Every buffer has 2**36 addresses for itself, so an address says which buffer it belongs to, and an
access outside its bytes is found and reported.
"""

from collections.abc import Sequence

import numpy as np

from mlrift.source import Span
from mlrift.static_types import Any
from mlrift.typesystem import F32, F64, I8, I16, I32, I64, MachineType
from mlrift.values import record

Array = np.ndarray[Any, np.dtype[Any]]

_REGION_BITS = 36
_REGION_MASK = (1 << _REGION_BITS) - 1
ACCESS_TYPES: dict[MachineType, np.dtype[Any]] = {
    I8: np.dtype("<u1"),
    I16: np.dtype("<u2"),
    I32: np.dtype("<u4"),
    I64: np.dtype("<u8"),
    F32: np.dtype("<f4"),
    F64: np.dtype("<f8"),
}


class KernelFault(Exception):
    """A kernel did what it must not: an access outside its buffers, a barrier not all reach."""

    def __init__(self, reason: str, span: Span | None) -> None:
        where = "" if span is None else f" ({span.file.path}:{span.line})"
        super().__init__(reason + where)
        self.reason = reason
        self.span = span


@record
class _Buffer:
    name: str
    data: Array  # of bytes


class KernelMemory:
    """Buffers and their addresses."""

    def __init__(self) -> None:
        self._buffers: list[_Buffer] = []

    def place(self, data: Any, name: str) -> int:
        """Return the address of a contiguous array, a bytearray or anything with its bytes."""
        if isinstance(data, np.ndarray):
            if not data.flags.c_contiguous:
                raise ValueError(f"`{name}` is not contiguous")
            view = data.reshape(-1).view(np.uint8)
        else:
            view = np.frombuffer(data, np.uint8)
        self._buffers.append(_Buffer(name, view))
        return len(self._buffers) << _REGION_BITS

    def load(self, addresses: Array, access: MachineType, span: Span | None) -> Array:
        """Return what is at addresses."""
        found = ACCESS_TYPES[access]
        buffer, offsets = self._find(addresses, found.itemsize, span, "reads")
        if buffer is None:
            return self._load_mixed(addresses, access, span)
        if found.itemsize == 1:
            return np.take(buffer.data, offsets)
        columns = offsets[:, None] + np.arange(found.itemsize)
        if not (offsets % found.itemsize).any():
            usable = len(buffer.data) // found.itemsize * found.itemsize
            return np.take(buffer.data[:usable].view(found), offsets // found.itemsize)
        return np.ascontiguousarray(buffer.data[columns]).view(found)[:, 0]

    def store(
        self, addresses: Array, values: Array, access: MachineType, span: Span | None
    ) -> None:
        """Store values, those of later items last."""
        found = ACCESS_TYPES[access]
        raw = values.astype(found)
        buffer, offsets = self._find(addresses, found.itemsize, span, "writes")
        if buffer is None:
            for address, value in zip(addresses, raw, strict=True):
                one = np.array([address], np.uint64)
                self.store(one, np.array([value]), access, span)
            return
        if not buffer.data.flags.writeable:
            raise KernelFault(f"writes to `{buffer.name}`, which is read-only", span)
        columns = offsets[:, None] + np.arange(found.itemsize)
        buffer.data[columns] = raw.view(np.uint8).reshape(-1, found.itemsize)

    def _load_mixed(self, addresses: Array, access: MachineType, span: Span | None) -> Array:
        rows = [self.load(np.array([row], np.uint64), access, span) for row in addresses]
        return np.concatenate(rows)

    def _find(
        self, addresses: Array, size_bytes: int, span: Span | None, verb: str
    ) -> tuple[_Buffer | None, Array]:
        """Return the one buffer of all addresses and the offsets; None if there are several."""
        numbers = addresses >> np.uint64(_REGION_BITS)
        if not len(addresses):
            return _Buffer("", np.zeros(0, np.uint8)), np.zeros(0, np.int64)
        first = int(numbers[0])
        offsets = (addresses & np.uint64(_REGION_MASK)).astype(np.int64)
        if not 1 <= first <= len(self._buffers):
            raise KernelFault(
                f"{verb} {size_bytes} bytes at address {int(addresses[0]):#x}, "
                "which belongs to no buffer",
                span,
            )
        if (numbers != first).any():
            return None, offsets
        buffer = self._buffers[first - 1]
        outside = offsets + size_bytes > len(buffer.data)
        if outside.any():
            offset = int(offsets[outside][0])
            raise KernelFault(
                f"{verb} {size_bytes} bytes at offset {offset} of `{buffer.name}`, "
                f"which has {len(buffer.data)}",
                span,
            )
        return buffer, offsets


def words(values: Sequence[int]) -> Array:
    """Return words as an array."""
    return np.array([value & 0xFFFFFFFFFFFFFFFF for value in values], np.uint64)
