"""Writes GGUF version 3 (spec 3.1): keys with their types, tensors, data at multiples of 32.

`gguf_head` is what stands before the data, for those that write data piece by piece.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ALIGNMENT_BYTES = 32
_U32, _I32, _F32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9

Value = int | float | bool | str | list[int] | list[float] | list[str]


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """A tensor of a file: dims with the fastest first, the number of the type, the bytes."""

    name: str
    dims: tuple[int, ...]
    kind: int
    data: bytes


@dataclass(frozen=True, slots=True)
class GgufRow:
    """A tensor of a file without its data."""

    name: str
    dims: tuple[int, ...]
    kind: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Signed:
    """Integers of an array that are signed in the file."""

    values: list[int]


def write_gguf(path: Path, keys: dict[str, Value | Signed], tensors: list[GgufTensor]) -> None:
    """Write a file, in the order of what is given."""
    rows = [GgufRow(row.name, row.dims, row.kind, len(row.data)) for row in tensors]
    data = b"".join(row.data + bytes(padding_of(len(row.data))) for row in tensors)
    path.write_bytes(gguf_head(keys, rows) + data)


def gguf_head(keys: dict[str, Value | Signed], tensors: Iterable[GgufRow]) -> bytes:
    """Return the bytes up to the data; that of each tensor begins at a multiple of 32."""
    rows = list(tensors)
    head = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(rows), len(keys)))
    for name, value in keys.items():
        head += _string(name) + _typed(value)
    offset = 0
    for row in rows:
        dims = struct.pack(f"<{len(row.dims)}Q", *row.dims)
        head += _string(row.name) + struct.pack("<I", len(row.dims)) + dims
        head += struct.pack("<IQ", row.kind, offset)
        offset += row.size_bytes + padding_of(row.size_bytes)
    return bytes(head) + bytes(padding_of(len(head)))


def padding_of(size_bytes: int) -> int:
    """Return how many bytes are between so many and the next multiple of 32."""
    return -size_bytes % ALIGNMENT_BYTES


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _typed(value: Value | Signed) -> bytes:
    if isinstance(value, Signed):
        return _array(_I32, [struct.pack("<i", row) for row in value.values])
    if isinstance(value, list):
        return _list(value)
    kind, data = _scalar(value)
    return struct.pack("<I", kind) + data


def _list(values: list[int] | list[float] | list[str]) -> bytes:
    rows = [_scalar(row) for row in values]
    return _array(rows[0][0] if rows else _U32, [data for _, data in rows])


def _array(kind: int, rows: list[bytes]) -> bytes:
    return struct.pack("<IIQ", _ARRAY, kind, len(rows)) + b"".join(rows)


def _scalar(value: int | float | bool | str) -> tuple[int, bytes]:
    if isinstance(value, bool):
        return _BOOL, struct.pack("<?", value)
    if isinstance(value, int):
        return _U32, struct.pack("<I", value)
    if isinstance(value, float):
        return _F32, struct.pack("<f", value)
    return _STRING, _string(value)
