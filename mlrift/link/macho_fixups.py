"""Chained fixups of Mach-O (pointer format 6): pointers to slide and import slots to bind.

Enters: the segments with fixups and their imports. Leaves: the words that replace the pointers,
each holding the distance to the next, and the LC_DYLD_CHAINED_FIXUPS payload.
"""

import struct
from collections.abc import Sequence

from mlrift.link.errors import LinkError
from mlrift.link.layout import align_up
from mlrift.values import value

_HEADER = struct.Struct("<IIIIIII")
_STARTS = struct.Struct("<IHHQIH")
_POINTER_64_OFFSET = 6
_IMPORT_PLAIN = 1
_NO_FIXUP = 0xFFFF
_BIND = 1 << 63
_NEXT_SHIFT, _NEXT_UNIT = 51, 4
_TARGET_MASK = (1 << 36) - 1


@value
class Fixup:
    """A pointer at `offset` in its segment; `word` lacks only the link to the next."""

    offset: int
    word: int


@value
class Import:
    """A symbol of the library with the 1-based number `library_ordinal`."""

    library_ordinal: int
    name: str


@value
class FixupSegment:
    """A segment's distance from the image start and its fixups in ascending order."""

    offset: int
    size_bytes: int
    fixups: Sequence[Fixup]


def rebase_word(target: int) -> int:
    """Return the word for a pointer to `target` bytes after the image start."""
    if not 0 <= target <= _TARGET_MASK:
        raise LinkError(f"a pointer to {target:#x} bytes after the image start is not possible")
    return target


def bind_word(ordinal: int) -> int:
    """Return the word for a slot of the import with the 0-based number `ordinal`."""
    return _BIND | ordinal


def write_chains(data: bytearray, fixups: Sequence[Fixup], page_bytes: int) -> None:
    """Write a segment's fixups into its bytes, chained within each page."""
    for index, fixup in enumerate(fixups):
        offset = fixup.offset
        if offset % _NEXT_UNIT or offset % page_bytes > page_bytes - 8:
            raise LinkError(f"the pointer at offset {offset:#x} of its segment is not aligned")
        distance = 0
        if index + 1 < len(fixups):
            following = fixups[index + 1].offset
            if following - offset < 8:
                raise LinkError(f"pointers overlap at offset {offset:#x} of their segment")
            if following // page_bytes == offset // page_bytes:
                distance = (following - offset) // _NEXT_UNIT
        struct.pack_into("<Q", data, offset, fixup.word | distance << _NEXT_SHIFT)


def fixups_payload(
    segments: Sequence[FixupSegment], imports: Sequence[Import], page_bytes: int
) -> bytes:
    """Return the payload that describes `segments`, every segment of the image in order."""
    starts_offset = align_up(_HEADER.size, 8)
    starts = _starts_in_image(segments, page_bytes)
    imports_offset = align_up(starts_offset + len(starts), 4)
    names = bytearray(b"\0")
    entries: list[bytes] = []
    for row in imports:
        entries.append(struct.pack("<I", row.library_ordinal | len(names) << 9))
        names += row.name.encode() + b"\0"
    symbols_offset = imports_offset + 4 * len(entries)
    counts = (len(entries), _IMPORT_PLAIN, 0)
    header = _HEADER.pack(0, starts_offset, imports_offset, symbols_offset, *counts)
    body = header.ljust(starts_offset, b"\0") + starts
    payload = body.ljust(imports_offset, b"\0") + b"".join(entries) + bytes(names)
    return payload.ljust(align_up(len(payload), 8), b"\0")


def _starts_in_image(segments: Sequence[FixupSegment], page_bytes: int) -> bytes:
    """Return the table of segments, and after it the first fixup of each page."""
    offsets: list[int] = []
    head_bytes = 4 + 4 * len(segments)
    body = bytearray(align_up(head_bytes, 8) - head_bytes)
    for segment in segments:
        if not segment.fixups:
            offsets.append(0)
            continue
        offsets.append(head_bytes + len(body))
        body += _starts_in_segment(segment, page_bytes)
        body += bytes(-(head_bytes + len(body)) % 8)
    return struct.pack(f"<I{len(segments)}I", len(segments), *offsets) + bytes(body)


def _starts_in_segment(segment: FixupSegment, page_bytes: int) -> bytes:
    first: dict[int, int] = {}
    for fixup in segment.fixups:
        first.setdefault(fixup.offset // page_bytes, fixup.offset % page_bytes)
    page_count = max(first) + 1
    pages = [first.get(page, _NO_FIXUP) for page in range(page_count)]
    size_bytes = _STARTS.size + 2 * page_count
    shape = (page_bytes, _POINTER_64_OFFSET, segment.offset, 0, page_count)
    return _STARTS.pack(size_bytes, *shape) + struct.pack(f"<{page_count}H", *pages)
