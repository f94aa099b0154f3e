"""A fat file that was read: its tables, and slices and extras decoded when asked for.

`version2` and `version3` turn bytes into a `FatFile` whose tables they have checked. Nothing is
decompressed before it is wanted, and of a blob no more than reaches the end of what is wanted.
"""

from enum import IntEnum, unique

from mlrift.container.codecs import Codec, decompress
from mlrift.container.errors import FatError
from mlrift.targets import TARGETS, BranchFilter
from mlrift.values import field, record

MAGIC = b"MLRBOFAT"
MAX_ENTRIES = 4096
MAX_BLOB_BYTES = 1 << 30

_LONGEST_NAME_BYTES = 255


@unique
class ExtraKind(IntEnum):
    """What an entry that is no slice holds; the values stand in files."""

    DEVICE_CODE = 2
    LICENCE = 3
    BUILD_NOTE = 4


@record
class Blob:
    """One compressed run of bytes, `packed_bytes` long at `offset`, `size_bytes` when decoded."""

    codec: Codec
    offset: int
    packed_bytes: int
    size_bytes: int


@record
class SliceEntry:
    """Where one slice lies; `digest` is its SHA-256, or empty in version 2, which has none."""

    slice_id: int
    blob_index: int
    start: int
    size_bytes: int
    digest: bytes


@record
class ExtraEntry:
    """Where device code, a licence or a note lies, and its SHA-256."""

    kind: ExtraKind
    name: str
    blob_index: int
    start: int
    size_bytes: int
    digest: bytes


@record
class FatFile:
    """The tables of a fat file and the bytes they point into."""

    version: int
    entries: tuple[SliceEntry, ...]
    extras: tuple[ExtraEntry, ...]
    blobs: tuple[Blob, ...]
    data: bytes
    slices_are_filtered: bool
    _decoded: dict[int, bytes] = field(default_factory=dict)

    def find(self, slice_id: int) -> SliceEntry | None:
        """Return the entry of the slice with this id."""
        return next((row for row in self.entries if row.slice_id == slice_id), None)

    def slice(self, slice_id: int) -> bytes:
        """Return a slice's image, verified against its content hash."""
        entry = self.find(slice_id)
        if entry is None:
            raise FatError(f"there is no slice with id {slice_id}")
        where = f"slice {slice_id}"
        image = self._cut(entry, where)
        if self.slices_are_filtered:
            from mlrift.container.filters import undo_filter  # noqa: PLC0415

            return undo_filter(_branch_filter_of(slice_id), image)
        _verify(image, entry.digest, where)
        return image

    def extra(self, entry: ExtraEntry) -> bytes:
        """Return the data of one of `extras`, verified against its content hash."""
        where = f"entry '{entry.name}'"
        data = self._cut(entry, where)
        _verify(data, entry.digest, where)
        return data

    def verify(self) -> None:
        """Decode everything, so that any damage in the file raises."""
        for index, blob in enumerate(self.blobs):
            self._prefix(index, blob.size_bytes, f"blob {index}")
        for row in self.entries:
            self.slice(row.slice_id)
        for extra in self.extras:
            self.extra(extra)

    def _cut(self, entry: SliceEntry | ExtraEntry, where: str) -> bytes:
        end = entry.start + entry.size_bytes
        return self._prefix(entry.blob_index, end, where)[entry.start : end]

    def _prefix(self, index: int, wanted_bytes: int, where: str) -> bytes:
        decoded = self._decoded.get(index, b"")
        if index in self._decoded and len(decoded) >= wanted_bytes:
            return decoded
        blob = self.blobs[index]
        packed = self.data[blob.offset : blob.offset + blob.packed_bytes]
        try:
            decoded = decompress(blob.codec, packed, blob.size_bytes, wanted_bytes)
        except FatError as error:
            raise FatError(f"{where}: {error}") from error
        except MemoryError as error:
            raise FatError(f"{where}: not enough memory to decompress it") from error
        self._decoded[index] = decoded
        return decoded


def check_spans(entries: list[SliceEntry | ExtraEntry], blobs: list[Blob]) -> None:
    """Refuse entries that leave their blob or share bytes with another entry."""
    end_of_previous = [0] * len(blobs)
    for row in sorted(entries, key=lambda row: (row.blob_index, row.start, row.size_bytes)):
        blob = blobs[row.blob_index]
        if row.start + row.size_bytes > blob.size_bytes:
            raise FatError(
                f"{describe(row)} ends at {row.start + row.size_bytes} "
                f"in a blob of {blob.size_bytes} bytes"
            )
        if row.start < end_of_previous[row.blob_index]:
            raise FatError(f"{describe(row)} overlaps the entry before it")
        end_of_previous[row.blob_index] = row.start + row.size_bytes


def check_blob_size(size_bytes: int, where: str) -> None:
    """Refuse a blob whose declared size no compiler writes."""
    if size_bytes > MAX_BLOB_BYTES:
        raise FatError(
            f"{where} declares {size_bytes} decompressed bytes, the limit is {MAX_BLOB_BYTES}"
        )


def is_valid_name(name: str) -> bool:
    """Say whether an extra may have this name: printable, not empty, at most 255 bytes."""
    return name.isprintable() and 0 < len(name.encode("utf-8", "replace")) <= _LONGEST_NAME_BYTES


def describe(entry: SliceEntry | ExtraEntry) -> str:
    """Return words for an entry, as used in error messages."""
    if isinstance(entry, SliceEntry):
        return f"slice {entry.slice_id}"
    return f"entry '{entry.name}'"


def _branch_filter_of(slice_id: int) -> BranchFilter:
    for target in TARGETS:
        if target.slice_id == slice_id:
            return target.cpu.branch_filter
    raise FatError(f"slice {slice_id} is for no known target, so its filter is unknown")


def _verify(data: bytes, digest: bytes, where: str) -> None:
    import hashlib  # noqa: PLC0415

    if hashlib.sha256(data).digest() != digest:
        raise FatError(f"{where} does not match its content hash: the file is damaged")
