"""Chained fixups of a Mach-O file: a checked image in, places to rebase and to bind out."""

import struct
from dataclasses import dataclass

from tests.support.macho_image import MachImage, MachSegment
from tests.support.results import require

_CHAINED_FIXUPS = 0x80000034
_IMPORT_FORMAT = 1
_ABSOLUTE_FORMAT, _OFFSET_FORMAT = 2, 6
_NO_FIXUPS_IN_PAGE, _SEVERAL_STARTS = 0xFFFF, 0x8000
_WRITE = 2


@dataclass(frozen=True, slots=True)
class Import:
    """A symbol to bind, from the library with this ordinal (1 is the first)."""

    library_ordinal: int
    name: str
    weak: bool


@dataclass(frozen=True, slots=True)
class Rebase:
    """A word (at an offset from the image start) that must point `target` bytes into the image."""

    place: int
    target: int
    high_byte: int


@dataclass(frozen=True, slots=True)
class Bind:
    """A word that must hold an import's address plus an addend."""

    place: int
    import_index: int
    addend: int


@dataclass(frozen=True, slots=True)
class Fixups:
    """All patches of an image."""

    imports: tuple[Import, ...]
    rebases: tuple[Rebase, ...]
    binds: tuple[Bind, ...]


@dataclass(frozen=True, slots=True)
class _Chains:
    """Where the chains of one segment start, page by page."""

    segment: MachSegment
    page_bytes: int
    pointer_format: int
    page_starts: tuple[int, ...]


def read_fixups(image: MachImage, page_bytes: int, library_count: int) -> Fixups:
    """Walk all chains; raise `ImageRefused` for anything that dyld would not accept."""
    offset, size_bytes = image.only(_CHAINED_FIXUPS, "LC_DYLD_CHAINED_FIXUPS").words("II")
    blob = image.data[offset : offset + size_bytes]
    require(len(blob) >= 28, "chained fixups header is cut off")
    version, starts, imports, symbols, count, import_format, symbol_format = struct.unpack_from(
        "<7I", blob
    )
    require(version == 0, "chained fixups version is not 0")
    require(import_format == _IMPORT_FORMAT, "chained imports format is not 1")
    require(symbol_format == 0, "chained symbols are compressed")
    require(imports + 4 * count <= symbols <= len(blob), "chained imports are outside the blob")
    table = _read_imports(blob, imports, symbols, count, library_count)
    rebases: list[Rebase] = []
    binds: list[Bind] = []
    for chains in _read_starts(image, blob, starts, page_bytes):
        _walk_segment(image, chains, rebases, binds)
    for bind in binds:
        require(bind.import_index < count, "bind ordinal is outside the import table")
    return Fixups(table, tuple(rebases), tuple(binds))


def _read_imports(
    blob: bytes, imports: int, symbols: int, count: int, library_count: int
) -> tuple[Import, ...]:
    table = []
    for (word,) in struct.iter_unpack("<I", blob[imports : imports + 4 * count]):
        ordinal, weak, name_offset = word & 0xFF, word >> 8 & 1, word >> 9
        require(1 <= ordinal <= library_count, f"import with library ordinal {ordinal}")
        start = symbols + name_offset
        end = blob.find(b"\0", start)
        require(start < len(blob) and end > start, "import name is empty or outside the blob")
        name = blob[start:end].decode("latin-1")
        table.append(Import(ordinal, name, bool(weak)))
    return tuple(table)


def _read_starts(image: MachImage, blob: bytes, starts: int, page_bytes: int) -> list[_Chains]:
    require(starts + 4 <= len(blob), "chained starts are outside the blob")
    (count,) = struct.unpack_from("<I", blob, starts)
    require(count == len(image.segments), "seg_count differs from the number of segments")
    require(starts + 4 + 4 * count <= len(blob), "chained starts are outside the blob")
    found = []
    for index, offset in enumerate(struct.unpack_from(f"<{count}I", blob, starts + 4)):
        if offset:
            found.append(
                _read_segment_starts(
                    image, blob, starts + offset, image.segments[index], page_bytes
                )
            )
    return found


def _read_segment_starts(
    image: MachImage, blob: bytes, position: int, segment: MachSegment, page_bytes: int
) -> _Chains:
    name = segment.name
    require(position % 4 == 0, f"{name}: chain starts are not aligned")
    require(position + 22 <= len(blob), f"{name}: chain starts are outside the blob")
    size, page, pointer_format, segment_offset, limit, count = struct.unpack_from(
        "<IHHQIH", blob, position
    )
    require(size >= 22 + 2 * count, f"{name}: chain starts' size is too small")
    require(position + size <= len(blob), f"{name}: chain starts are outside the blob")
    require(page in (0x1000, 0x4000) and page >= page_bytes, f"{name}: fixup page size {page:#x}")
    require(pointer_format in (_ABSOLUTE_FORMAT, _OFFSET_FORMAT), f"{name}: pointer format")
    require(segment_offset == segment.address - image.base, f"{name}: wrong segment_offset")
    require(limit == 0, f"{name}: max_valid_pointer in a 64-bit image")
    require(bool(segment.maximum_protection & _WRITE), f"{name}: fixups in a read-only segment")
    require(count * page <= segment.memory_bytes + page - 1, f"{name}: more fixup pages than pages")
    page_starts = struct.unpack_from(f"<{count}H", blob, position + 22)
    return _Chains(segment, page, pointer_format, page_starts)


def _walk_segment(
    image: MachImage, chains: _Chains, rebases: list[Rebase], binds: list[Bind]
) -> None:
    segment = chains.segment
    for page, start in enumerate(chains.page_starts):
        if start == _NO_FIXUPS_IN_PAGE:
            continue
        require(not start & _SEVERAL_STARTS, f"{segment.name}: several chains in a page")
        offset = start
        while True:
            require(offset + 8 <= chains.page_bytes, f"{segment.name}: chain leaves its page")
            in_segment = page * chains.page_bytes + offset
            inside = in_segment + 8 <= segment.file_bytes
            require(inside, f"{segment.name}: fixup outside the file part")
            word = int.from_bytes(
                image.data[segment.offset + in_segment : segment.offset + in_segment + 8], "little"
            )
            place = segment.address - image.base + in_segment
            if word >> 63:
                require(word >> 32 & 0x7FFFF == 0, f"{segment.name}: reserved bits in a bind")
                binds.append(Bind(place, word & 0xFFFFFF, word >> 24 & 0xFF))
            else:
                rebases.append(_rebase(image, chains, place, word))
            step = (word >> 51 & 0xFFF) * 4
            if not step:
                break
            offset += step


def _rebase(image: MachImage, chains: _Chains, place: int, word: int) -> Rebase:
    require(word >> 44 & 0x7F == 0, f"{chains.segment.name}: reserved bits in a rebase")
    target = word & 0xFFFFFFFFF
    if chains.pointer_format == _ABSOLUTE_FORMAT:
        target -= image.base
    size_bytes = image.segments[-1].end - image.base
    require(0 <= target <= size_bytes, f"{chains.segment.name}: rebase outside the image")
    return Rebase(place, target, word >> 36 & 0xFF)
