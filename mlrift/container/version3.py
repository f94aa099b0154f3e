"""Version 3, our own layout: slices and extras in, a file out, and back (docs/container.md).

A header, entries, blob rows and names, all covered by one digest, then the blobs back to back. The
slices of a CPU share a blob, so that code they have in common is stored once. Equal parts give
equal bytes, whatever the order in which they are handed over.
"""

import struct

from mlrift.container.codecs import Codec, compress
from mlrift.container.errors import FatError
from mlrift.container.fatfile import (
    MAGIC,
    MAX_ENTRIES,
    Blob,
    ExtraEntry,
    ExtraKind,
    FatFile,
    SliceEntry,
    check_blob_size,
    check_spans,
    is_valid_name,
)
from mlrift.digests import sha256
from mlrift.targets import ANDROID, CPUS, LINUX, MACOS, WINDOWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlrift.container.parts import Extra, Slice

VERSION = 3

_HEADER = struct.Struct("<8sIIIIQ16s")
_ENTRY = struct.Struct("<HHIIIQQ32s")
_BLOB = struct.Struct("<IIQQ")
_DIGEST_OFFSET = 32
_DIGEST_BYTES = 16
_SLICE_KIND = 1
_MAX_NAME_TABLE_BYTES = 1 << 20

# A reader decodes a blob only up to its slice, so the systems where `mlr` starts most come first.
_SYSTEM_ORDER = (LINUX, ANDROID, MACOS, WINDOWS)
_EXTRA_GROUPS = ((ExtraKind.DEVICE_CODE,), (ExtraKind.LICENCE, ExtraKind.BUILD_NOTE))


def write(slices: "Sequence[Slice]", extras: "Sequence[Extra]") -> bytes:
    """Return a version 3 file of parts that `parts.check_parts` accepts."""
    rows = []
    names = bytearray()
    blobs: list[bytes] = []
    for group in _group_slices(slices):
        start = 0
        for part in group:
            digest = sha256(part.image).digest()
            size_bytes = len(part.image)
            slice_id = part.target.slice_id
            row = (_SLICE_KIND, 0, slice_id, len(blobs), 0, start, size_bytes, digest)
            rows.append(row)
            start += size_bytes
        blobs.append(b"".join(part.image for part in group))
    rows.sort(key=lambda row: row[2])
    for extra_group in _group_extras(extras):
        start = 0
        for extra in extra_group:
            name = extra.name.encode()
            digest = sha256(extra.data).digest()
            size_bytes = len(extra.data)
            where = (len(blobs), len(names), start, size_bytes)
            rows.append((extra.kind, len(name), 0, *where, digest))
            names += name
            start += size_bytes
        blobs.append(b"".join(extra.data for extra in extra_group))
    return _assemble(b"".join(_ENTRY.pack(*row) for row in rows), bytes(names), blobs)


def read(data: bytes) -> FatFile:
    """Return the tables of a version 3 file, checked."""
    entry_count, blob_count, name_bytes = _check_header(data)
    blob_rows_at = _HEADER.size + _ENTRY.size * entry_count
    names_at = blob_rows_at + _BLOB.size * blob_count
    blobs = _read_blobs(data, blob_rows_at, names_at, names_at + name_bytes)
    names = data[names_at : names_at + name_bytes]
    slices: list[SliceEntry] = []
    extras: list[ExtraEntry] = []
    for position in range(_HEADER.size, blob_rows_at, _ENTRY.size):
        row = _ENTRY.unpack_from(data, position)
        if row[3] >= blob_count:
            raise FatError(f"the entry at offset {position} names blob {row[3]} of {blob_count}")
        if row[0] == _SLICE_KIND:
            slices.append(_slice_entry(row, position))
        else:
            extras.append(_extra_entry(row, position, names))
    _check_unique(slices, extras)
    check_spans([*slices, *extras], blobs)
    return FatFile(VERSION, tuple(slices), tuple(extras), tuple(blobs), data, False)


def _group_slices(slices: "Sequence[Slice]") -> "list[list[Slice]]":
    ordered = sorted(slices, key=lambda part: _SYSTEM_ORDER.index(part.target.system))
    groups = [[part for part in ordered if part.target.cpu is cpu] for cpu in CPUS]
    return [group for group in groups if group]


def _group_extras(extras: "Sequence[Extra]") -> "list[list[Extra]]":
    ordered = sorted(extras, key=lambda extra: (extra.kind, extra.name))
    groups = [[extra for extra in ordered if extra.kind in kinds] for kinds in _EXTRA_GROUPS]
    return [group for group in groups if group]


def _assemble(entries: bytes, names: bytes, blobs: list[bytes]) -> bytes:
    packed = [compress(blob) for blob in blobs]
    blob_rows = b"".join(
        _BLOB.pack(codec, 0, len(stored), len(raw))
        for raw, (codec, stored) in zip(blobs, packed, strict=True)
    )
    tables = entries + blob_rows + names
    file_bytes = _HEADER.size + len(tables) + sum(len(stored) for _, stored in packed)
    entry_count = len(entries) // _ENTRY.size
    counts = (entry_count, len(blobs), len(names), file_bytes)
    header = _HEADER.pack(MAGIC, VERSION, *counts, bytes(_DIGEST_BYTES))
    digest = _table_digest(header + tables)
    header = _HEADER.pack(MAGIC, VERSION, *counts, digest)
    return header + tables + b"".join(stored for _, stored in packed)


def _table_digest(tables: bytes) -> bytes:
    """Return the digest of header and tables, which counts its own field as zeros."""
    blank = tables[:_DIGEST_OFFSET] + bytes(_DIGEST_BYTES) + tables[_HEADER.size :]
    return sha256(blank).digest()[:_DIGEST_BYTES]


def _check_header(data: bytes) -> tuple[int, int, int]:
    if len(data) < _HEADER.size:
        raise FatError(f"the file ends inside its header, after {len(data)} bytes")
    _, _, entry_count, blob_count, name_bytes, file_bytes, digest = _HEADER.unpack_from(data)
    if not 0 < entry_count <= MAX_ENTRIES:
        raise FatError(f"the header declares {entry_count} entries, expected 1 to {MAX_ENTRIES}")
    if not 0 < blob_count <= MAX_ENTRIES:
        raise FatError(f"the header declares {blob_count} blobs, expected 1 to {MAX_ENTRIES}")
    if name_bytes > _MAX_NAME_TABLE_BYTES:
        raise FatError(f"the header declares {name_bytes} bytes of names")
    if file_bytes != len(data):
        raise FatError(f"the file is {len(data)} bytes long, its header says {file_bytes}")
    table_end = _HEADER.size + _ENTRY.size * entry_count + _BLOB.size * blob_count + name_bytes
    if table_end > len(data):
        raise FatError(f"the tables end at {table_end}, the file at {len(data)}")
    if _table_digest(data[:table_end]) != digest:
        raise FatError("the tables do not match their digest: the file is damaged")
    return entry_count, blob_count, name_bytes


def _read_blobs(data: bytes, rows_at: int, rows_end: int, first_offset: int) -> list[Blob]:
    blobs: list[Blob] = []
    offset = first_offset
    for position in range(rows_at, rows_end, _BLOB.size):
        where = f"blob {len(blobs)}"
        codec_id, reserved, packed_bytes, size_bytes = _BLOB.unpack_from(data, position)
        try:
            codec = Codec(codec_id)
        except ValueError as error:
            raise FatError(f"{where} has unknown codec {codec_id}; use a newer `mlr`") from error
        if reserved != 0:
            raise FatError(f"{where} has {reserved} in its reserved field")
        check_blob_size(size_bytes, where)
        if offset + packed_bytes > len(data):
            raise FatError(
                f"{where} at offset {offset} ends at {offset + packed_bytes}, "
                f"the file at {len(data)}"
            )
        blobs.append(Blob(codec, offset, packed_bytes, size_bytes))
        offset += packed_bytes
    if offset != len(data):
        raise FatError(f"{len(data) - offset} bytes after the last blob")
    return blobs


def _slice_entry(row: tuple[int, ...], position: int) -> SliceEntry:
    _, name_length, slice_id, blob_index, name_start, start, size_bytes, digest = row
    if name_length or name_start:
        raise FatError(f"the slice at offset {position} has a name")
    if size_bytes == 0:
        raise FatError(f"slice {slice_id} is empty")
    assert isinstance(digest, bytes)
    return SliceEntry(slice_id, blob_index, start, size_bytes, digest)


def _extra_entry(row: tuple[int, ...], position: int, names: bytes) -> ExtraEntry:
    kind_id, name_length, reserved, blob_index, name_start, start, size_bytes, digest = row
    try:
        kind = ExtraKind(kind_id)
        name = names[name_start : name_start + name_length].decode()
    except ValueError as error:
        raise FatError(f"the entry at offset {position}: {error}") from error
    if reserved != 0 or name_start + name_length > len(names) or not is_valid_name(name):
        raise FatError(f"the entry at offset {position} has a damaged name or reserved field")
    assert isinstance(digest, bytes)
    return ExtraEntry(kind, name, blob_index, start, size_bytes, digest)


def _check_unique(slices: list[SliceEntry], extras: list[ExtraEntry]) -> None:
    ids = {row.slice_id for row in slices}
    names = {(row.kind, row.name) for row in extras}
    if len(ids) != len(slices) or len(names) != len(extras):
        raise FatError("two entries have the same slice id, or the same kind and name")
