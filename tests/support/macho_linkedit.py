"""Rules of __LINKEDIT: order, alignment and content of its blobs, symbol tables, exports trie."""

import struct
from dataclasses import dataclass

from tests.support.macho_image import MachImage
from tests.support.results import ImageRefused, require

_SYMBOL_BYTES = 16
_STAB, _TYPE, _EXTERNAL, _UNDEFINED, _SECTION = 0xE0, 0x0E, 0x01, 0x0, 0xE
_ORDER = {
    0x80000034: "chained fixups",
    0x80000033: "exports trie",
    0x26: "function starts",
    0x29: "data in code",
}
_SYMTAB, _DYSYMTAB, _CODE_SIGNATURE = 0x2, 0xB, 0x1D


@dataclass(frozen=True, slots=True)
class _Blob:
    name: str
    offset: int
    size_bytes: int
    alignment: int


def check_linkedit(image: MachImage) -> None:
    """Raise `ImageRefused` when the blobs or the symbol tables are not as dyld wants them."""
    symbol_offset, symbol_count, string_offset, string_bytes = image.only(
        _SYMTAB, "LC_SYMTAB"
    ).words("IIII")
    dynamic = image.only(_DYSYMTAB, "LC_DYSYMTAB").words("18I")
    blobs = []
    for kind, name in _ORDER.items():
        for command in image.all(kind):
            offset, size_bytes = command.words("II")
            blobs.append(_Blob(name, offset, size_bytes, 8))
    blobs.append(_Blob("symbol table", symbol_offset, symbol_count * _SYMBOL_BYTES, 8))
    blobs.append(_Blob("indirect symbols", dynamic[12], dynamic[13] * 4, 8))
    blobs.append(_Blob("string table", string_offset, string_bytes, 8))
    for command in image.all(_CODE_SIGNATURE):
        offset, size_bytes = command.words("II")
        blobs.append(_Blob("code signature", offset, size_bytes, 16))
    _check_blobs(image, blobs)
    _check_dynamic(dynamic, symbol_count)
    strings = image.data[string_offset : string_offset + string_bytes]
    _check_symbols(image, symbol_offset, dynamic, strings)
    (trie,) = image.all(0x80000033)
    offset, size_bytes = trie.words("II")
    if size_bytes:
        _check_trie(image.data[offset : offset + size_bytes], 0, set())


def _check_blobs(image: MachImage, blobs: list[_Blob]) -> None:
    segment = image.segment("__LINKEDIT")
    position = segment.offset
    for blob in blobs:
        if not blob.size_bytes:
            continue
        require(blob.offset % blob.alignment == 0, f"{blob.name}: offset is not aligned")
        require(blob.offset >= position, f"{blob.name}: out of order or overlapping in __LINKEDIT")
        position = blob.offset + blob.size_bytes
        require(position <= segment.file_end, f"{blob.name}: ends after __LINKEDIT")


def _check_dynamic(dynamic: tuple[int, ...], symbol_count: int) -> None:
    first_local, locals_, first_defined, defined, first_undefined, undefined = dynamic[:6]
    if locals_:
        require(first_local == 0, "LC_DYSYMTAB local symbols do not start at 0")
    require(first_defined == locals_ or not defined, "LC_DYSYMTAB defined symbols misplaced")
    expected = locals_ + defined
    require(first_undefined == expected or not undefined, "LC_DYSYMTAB undefined symbols misplaced")
    require(expected + undefined == symbol_count, "LC_DYSYMTAB counts do not add up to nsyms")
    unused = (*dynamic[6:12], *dynamic[14:18])
    require(not any(unused), "LC_DYSYMTAB has obsolete tables")


def _check_symbols(
    image: MachImage, table_offset: int, dynamic: tuple[int, ...], strings: bytes
) -> None:
    count = dynamic[1] + dynamic[3] + dynamic[5]
    section_count = sum(len(segment.sections) for segment in image.segments)
    table = image.data[table_offset : table_offset + count * _SYMBOL_BYTES]
    for index, (name, kind, section, _, _) in enumerate(struct.iter_unpack("<IBBHQ", table)):
        require(name < len(strings), f"symbol {index}: name outside the string table")
        require(strings.find(b"\0", name) >= 0, f"symbol {index}: name has no end")
        if kind & _STAB:
            continue
        if kind & _TYPE == _SECTION:
            require(1 <= section <= section_count, f"symbol {index}: bad section number")
        is_local = index < dynamic[1]
        require(bool(kind & _EXTERNAL) != is_local, f"symbol {index}: local and external mixed")
        is_undefined = index >= dynamic[1] + dynamic[3]
        undefined_kind = kind & _TYPE == _UNDEFINED
        require(undefined_kind == is_undefined, f"symbol {index}: defined and undefined mixed")


def _check_trie(trie: bytes, position: int, visited: set[int]) -> None:
    """Walk one node of the exports trie and its children."""
    require(position < len(trie), "exports trie node outside the trie")
    require(position not in visited, "exports trie has a cycle")
    visited.add(position)
    terminal_bytes, position = _uleb(trie, position)
    position += terminal_bytes
    require(position < len(trie), "exports trie node is cut off")
    children = trie[position]
    position += 1
    for _ in range(children):
        end = trie.find(b"\0", position)
        require(end > position, "exports trie edge is empty or has no end")
        child, position = _uleb(trie, end + 1)
        _check_trie(trie, child, visited)


def _uleb(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 64:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, position
    raise ImageRefused("exports trie has a number without an end")
