"""ELF section headers, their name table and the symbol table of functions.

Enters: sections already placed in the file. Leaves: bytes to append to the file and the
numbers its header needs.
"""

import struct

from mlrift.link.layout import Layout, align_up, live_symbols, source_name
from mlrift.link.objects import Binding, SectionKind
from mlrift.values import value

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_HASH, SHT_DYNAMIC = 1, 2, 3, 4, 5, 6
SHT_NOBITS, SHT_DYNSYM = 8, 11
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
SYMBOL = struct.Struct("<IBBHQQ")

_HEADER = struct.Struct("<IIQQQQIIQQ")
_STT_OBJECT, _STT_FUNC = 1, 2
_FLAGS = {
    SectionKind.CODE: SHF_ALLOC | SHF_EXECINSTR,
    SectionKind.CONSTANT: SHF_ALLOC,
    SectionKind.RELOCATED_CONSTANT: SHF_ALLOC | SHF_WRITE,
    SectionKind.DATA: SHF_ALLOC | SHF_WRITE,
    SectionKind.ZERO: SHF_ALLOC | SHF_WRITE,
}


@value
class Row:
    """One section header, its name still text and its link by section name."""

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size_bytes: int
    align: int
    link: str = ""
    info: int = 0
    entry_bytes: int = 0


@value
class Trailer:
    """What follows the mapped part of a file, and where its section headers lie."""

    data: bytes
    table_offset: int
    section_count: int
    names_index: int


class Sections:
    """Collects section headers and the unmapped contents that follow the segments."""

    def __init__(self, file_bytes: int) -> None:
        self.start = file_bytes
        self.data = bytearray()
        self.rows = [Row("", 0, 0, 0, 0, 0, 0)]

    def add(self, row: Row) -> None:
        """Describe a section that the segments already hold."""
        self.rows.append(row)

    def add_blocks(self, layout: Layout) -> None:
        """Describe every mapped block that is not empty."""
        for block in layout.mapped():
            if block.size_bytes:
                kind = SHT_NOBITS if block.kind is SectionKind.ZERO else SHT_PROGBITS
                place = (block.address, block.file_offset, block.size_bytes, block.align)
                self.rows.append(Row(block.name, kind, _FLAGS[block.kind], *place))

    def append(self, row: Row, contents: bytes) -> None:
        """Add an unmapped section; its offset and size are set here."""
        self._align(row.align)
        offset = self.start + len(self.data)
        self.data += contents
        size_bytes = len(contents)
        tail = (row.align, row.link, row.info, row.entry_bytes)
        self.rows.append(Row(row.name, row.type, row.flags, 0, offset, size_bytes, *tail))

    def add_symbols(self, layout: Layout) -> None:
        """Append .symtab and .strtab with the named functions and objects of the program."""
        indexes = {row.name: index for index, row in enumerate(self.rows)}
        strings = bytearray(b"\0")
        local = [bytes(SYMBOL.size)]
        shared: list[bytes] = []
        for symbol, block, address in live_symbols(layout):
            if not symbol.is_function and not symbol.size_bytes:
                continue
            is_local = symbol.binding is Binding.LOCAL
            info = (0 if is_local else 1 << 4) | (_STT_FUNC if symbol.is_function else _STT_OBJECT)
            entry = (len(strings), info, 0, indexes[block.name], address, symbol.size_bytes)
            (local if is_local else shared).append(SYMBOL.pack(*entry))
            strings += source_name(symbol).encode() + b"\0"
        table = Row(".symtab", SHT_SYMTAB, 0, 0, 0, 0, 8, ".strtab", len(local), SYMBOL.size)
        self.append(table, b"".join(local + shared))
        self.append(Row(".strtab", SHT_STRTAB, 0, 0, 0, 0, 1), bytes(strings))

    def finish(self) -> Trailer:
        """Append the name table and the headers themselves."""
        names = bytearray(b"\0")
        offsets = [0]
        for row in [*self.rows[1:], Row(".shstrtab", 0, 0, 0, 0, 0, 0)]:
            offsets.append(len(names))
            names += row.name.encode() + b"\0"
        self.append(Row(".shstrtab", SHT_STRTAB, 0, 0, 0, 0, 1), bytes(names))
        self._align(8)
        table_offset = self.start + len(self.data)
        indexes = {row.name: index for index, row in enumerate(self.rows)}
        for name_offset, row in zip(offsets, self.rows, strict=True):
            place = (row.flags, row.address, row.offset, row.size_bytes)
            tail = (indexes[row.link], row.info, row.align, row.entry_bytes)
            self.data += _HEADER.pack(name_offset, row.type, *place, *tail)
        return Trailer(bytes(self.data), table_offset, len(self.rows), len(self.rows) - 1)

    def _align(self, align: int) -> None:
        end = self.start + len(self.data)
        self.data += bytes(align_up(end, align) - end)
