"""Version 2, the layout of MLRift 1.1: slices in, a file out, and back.

A header of 16 bytes, entries of 48, then blobs from the next multiple of 16. Two slices share a
blob when all eight are there; every slice is branch-filtered by itself before compression.
"""

import struct

from mlrift.container import lz4_wide
from mlrift.container.codecs import Codec
from mlrift.container.errors import FatError
from mlrift.container.fatfile import (
    MAGIC,
    MAX_ENTRIES,
    Blob,
    ExtraEntry,
    FatFile,
    SliceEntry,
    check_blob_size,
    check_spans,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlrift.container.parts import Slice

VERSION = 2

_HEADER = struct.Struct("<8sII")
_ENTRY = struct.Struct("<IIQQQQQ")
_COMPRESSION = 1
_BLOB_ALIGNMENT = 16
_PAIRS = ((1, 5), (3, 8), (2, 7), (4, 6))


def write(slices: "Sequence[Slice]") -> bytes:
    """Return a version 2 file of `slices`, which differ in target and are not empty."""
    from mlrift.container.filters import apply_filter  # noqa: PLC0415

    filtered = {
        part.target.slice_id: apply_filter(part.target.cpu.branch_filter, part.image)
        for part in slices
    }
    ids = sorted(filtered)
    complete = ids == sorted(slice_id for pair in _PAIRS for slice_id in pair)
    groups = _PAIRS if complete else tuple((slice_id,) for slice_id in ids)
    table_bytes = _HEADER.size + _ENTRY.size * len(ids)
    offset = table_bytes + -table_bytes % _BLOB_ALIGNMENT
    blobs = []
    rows = {}
    for group in groups:
        raw = b"".join(filtered[slice_id] for slice_id in group)
        packed = lz4_wide.compress_frame(raw)
        start = 0
        for slice_id in group:
            size_bytes = len(filtered[slice_id])
            rows[slice_id] = _ENTRY.pack(
                slice_id, _COMPRESSION, offset, len(packed), size_bytes, start, len(raw)
            )
            start += size_bytes
        blobs.append(packed)
        offset += len(packed)
    table = _HEADER.pack(MAGIC, VERSION, len(ids)) + b"".join(rows[slice_id] for slice_id in ids)
    return table.ljust(table_bytes + -table_bytes % _BLOB_ALIGNMENT, b"\0") + b"".join(blobs)


def read(data: bytes) -> FatFile:
    """Return the tables of a version 2 file, checked."""
    count = _HEADER.unpack_from(data)[2] if len(data) >= _HEADER.size else 0
    if not 0 < count <= MAX_ENTRIES:
        raise FatError(f"the header declares {count} entries, expected 1 to {MAX_ENTRIES}")
    table_bytes = _HEADER.size + _ENTRY.size * count
    if table_bytes > len(data):
        raise FatError(f"the file ends inside its table of {count} entries")
    blobs: list[Blob] = []
    blob_at: dict[int, int] = {}
    entries: list[SliceEntry | ExtraEntry] = []
    slices: dict[int, SliceEntry] = {}
    for position in range(_HEADER.size, table_bytes, _ENTRY.size):
        slice_id, codec, offset, packed_bytes, size_bytes, start, blob_bytes = _ENTRY.unpack_from(
            data, position
        )
        if codec != _COMPRESSION:
            raise FatError(f"slice {slice_id} has unknown compression {codec}")
        if slice_id in slices:
            raise FatError(f"two slices with id {slice_id}")
        # Very old files leave the blob's size zero: the slice is the blob.
        blob = Blob(Codec.LZ4_WIDE, offset, packed_bytes, blob_bytes or size_bytes)
        check_blob_size(blob.size_bytes, f"slice {slice_id}")
        if size_bytes == 0:
            raise FatError(f"slice {slice_id} is empty")
        index = blob_at.setdefault(offset, len(blobs))
        if index == len(blobs):
            blobs.append(blob)
        elif (packed_bytes, blob.size_bytes) != (
            blobs[index].packed_bytes,
            blobs[index].size_bytes,
        ):
            raise FatError(f"slice {slice_id} disagrees with another slice about their blob's size")
        slices[slice_id] = SliceEntry(slice_id, index, start, size_bytes, b"")
    entries.extend(slices.values())
    _check_blob_places(blobs, table_bytes, len(data))
    check_spans(entries, blobs)
    return FatFile(VERSION, tuple(slices.values()), (), tuple(blobs), data, True)


def _check_blob_places(blobs: list[Blob], table_bytes: int, file_bytes: int) -> None:
    end_of_previous = table_bytes
    for blob in sorted(blobs, key=lambda blob: blob.offset):
        end = blob.offset + blob.packed_bytes
        if blob.offset < end_of_previous:
            raise FatError(f"the blob at offset {blob.offset} overlaps what lies before it")
        if end > file_bytes:
            raise FatError(
                f"the blob at offset {blob.offset} ends at {end}, the file at {file_bytes}"
            )
        end_of_previous = end
