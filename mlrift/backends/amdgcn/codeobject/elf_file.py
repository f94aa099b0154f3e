"""An ELF shared object as values, every offset checked.

Bytes in; header fields, sections, loaded segments, symbols and relocations out. Anything that lies
outside the file, overlaps what it must not, or is unreasonably large is a `CodeObjectError`.
"""

import struct
from itertools import pairwise

from mlrift.backends.amdgcn.codeobject import elf
from mlrift.backends.amdgcn.codeobject.elf import SectionFlag, SectionType, SegmentFlag, SegmentType
from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.values import record, value

MAXIMUM_IMAGE_BYTES = 1 << 28
_MAXIMUM_SECTIONS = 4096


@value
class Section:
    """A section; `data` is empty for one without contents in the file."""

    name: str
    type: int
    flags: int
    address: int
    size: int
    link: int
    info: int
    data: bytes


@value
class Segment:
    """Bytes that a loader maps; memory beyond `data` up to `memory_bytes` is zero."""

    address: int
    data: bytes
    memory_bytes: int
    flags: SegmentFlag

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.address + self.memory_bytes


@value
class Relocation:
    """A place in memory to be filled when the load address is known."""

    address: int
    type: int
    symbol: elf.Symbol | None
    addend: int


@record
class ElfFile:
    """The parts of a file that matter for a loader."""

    machine_flags: int
    abi_version: int
    sections: list[Section]
    segments: list[Segment]
    symbols: list[elf.Symbol]
    relocations: list[Relocation]

    def section(self, name: str) -> bytes:
        """Return the contents of the first section of a name, empty when there is none."""
        return next((row.data for row in self.sections if row.name == name), b"")

    def read(self, address: int, size: int, where: str) -> bytes:
        """Return bytes of the loaded memory; raises CodeObjectError outside of it."""
        for row in self.segments:
            if row.address <= address and address + size <= row.end:
                start = address - row.address
                found = row.data[start : start + size]
                return found + bytes(size - len(found))
        raise CodeObjectError(f"{size} bytes at {address:#x} are not loaded", where)


def parse_elf(data: bytes) -> ElfFile:
    """Return the parts of a file; raises CodeObjectError."""
    return _Reader(data).read()


class _Reader:
    """The file while it is read."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self) -> ElfFile:
        header = self._header()
        segments = self._segments(header[5], header[9], header[10])
        sections = self._sections(header[6], header[11], header[12], header[13])
        symbols = self._symbols(sections)
        relocations = self._relocations(sections, segments)
        return ElfFile(header[7], self.data[8], sections, segments, symbols, relocations)

    def _header(self) -> tuple[int, ...]:
        data, where = self.data, "ELF header"
        if len(data) < elf.FILE_HEADER.size or not data.startswith(b"\x7fELF"):
            raise CodeObjectError("this is not an ELF file", where)
        if not data.startswith(elf.IDENTIFICATION):
            raise CodeObjectError("the file is not 64-bit little-endian ELF", where)
        row = elf.FILE_HEADER.unpack_from(data)
        if row[2] != elf.MACHINE_AMDGPU:
            raise CodeObjectError(
                f"machine {row[2]} is not an AMD GPU ({elf.MACHINE_AMDGPU})", where
            )
        if data[7] != elf.OS_AMDGPU_HSA:
            raise CodeObjectError(f"OS {data[7]} is not HSA ({elf.OS_AMDGPU_HSA})", where)
        if data[8] not in elf.ABI_VERSIONS:
            known = f"{elf.ABI_VERSIONS[0]} to {elf.ABI_VERSIONS[-1]}"
            raise CodeObjectError(f"ABI version {data[8]} is not {known}", where)
        if row[1] == elf.TYPE_RELOCATABLE:
            advice = "link it first (ld.lld -shared)"
            raise CodeObjectError(f"the file is a relocatable object; {advice}", where)
        if row[1] != elf.TYPE_SHARED:
            raise CodeObjectError(
                f"type {row[1]} is not a shared object ({elf.TYPE_SHARED})", where
            )
        return row

    def _table(
        self, offset: int, count: int, size: int, row: struct.Struct, where: str
    ) -> list[tuple[int, ...]]:
        if count == 0:
            return []
        if size != row.size or count > _MAXIMUM_SECTIONS:
            raise CodeObjectError(f"{count} entries of {size} bytes", where)
        return list(row.iter_unpack(self._slice(offset, count * size, where)))

    def _slice(self, offset: int, size: int, where: str) -> bytes:
        if offset + size > len(self.data):
            end = offset + size
            raise CodeObjectError(
                f"bytes {offset:#x} to {end:#x} of a file of {len(self.data):#x}", where
            )
        return self.data[offset : offset + size]

    def _segments(self, offset: int, size: int, count: int) -> list[Segment]:
        where = "program headers"
        rows = self._table(offset, count, size, elf.PROGRAM_HEADER, where)
        found: list[Segment] = []
        for type_, flags, start, address, _, file_bytes, memory_bytes, _ in rows:
            if type_ != SegmentType.LOAD:
                continue
            if file_bytes > memory_bytes or address + memory_bytes > MAXIMUM_IMAGE_BYTES:
                raise CodeObjectError(f"segment of {memory_bytes} bytes at {address:#x}", where)
            data = self._slice(start, file_bytes, where)
            found.append(Segment(address, data, memory_bytes, SegmentFlag(flags & 7)))
        found.sort(key=lambda row: row.address)
        for before, after in pairwise(found):
            if before.end > after.address:
                raise CodeObjectError(f"segments overlap at {after.address:#x}", where)
        if not found:
            raise CodeObjectError("nothing is loaded", where)
        return found

    def _sections(self, offset: int, size: int, count: int, names_at: int) -> list[Section]:
        where = "section headers"
        rows = self._table(offset, count, size, elf.SECTION_HEADER, where)
        if not rows or names_at >= len(rows):
            raise CodeObjectError("there are none, or no names", where)
        names = self._slice(rows[names_at][4], rows[names_at][5], "section names")
        found: list[Section] = []
        for name, type_, flags, address, start, length, link, info, _, _ in rows:
            text = _string(names, name, "section names")
            has_data = type_ not in (SectionType.NULL, SectionType.EMPTY)
            data = self._slice(start, length, f"section {text}") if has_data else b""
            found.append(Section(text, type_, flags, address, length, link, info, data))
        return found

    def _symbols(self, sections: list[Section]) -> list[elf.Symbol]:
        """Return the dynamic symbols, or all of a file that has no dynamic ones."""
        for type_ in (SectionType.DYNAMIC_SYMBOLS, SectionType.SYMBOLS):
            for row in sections:
                if row.type == type_:
                    return _symbol_rows(row, sections)
        raise CodeObjectError("there is none", "symbol table")

    def _relocations(self, sections: list[Section], segments: list[Segment]) -> list[Relocation]:
        found: list[Relocation] = []
        for row in sections:
            if not row.flags & SectionFlag.ALLOCATED:
                continue
            if row.type == SectionType.SHORT_RELOCATIONS and row.data:
                raise CodeObjectError("relocations without addends", f"section {row.name}")
            if row.type == SectionType.RELOCATIONS:
                found += _relocation_rows(row, sections, segments)
        return found


def _symbol_rows(table: Section, sections: list[Section]) -> list[elf.Symbol]:
    where = f"section {table.name}"
    if table.link >= len(sections) or len(table.data) % elf.SYMBOL.size:
        raise CodeObjectError("the table or its link is damaged", where)
    names = sections[table.link].data
    return [
        elf.Symbol(_string(names, name, where) if name else "", info & 15, number, address, size)
        for name, info, _, number, address, size in elf.SYMBOL.iter_unpack(table.data)
    ]


def _relocation_rows(
    table: Section, sections: list[Section], segments: list[Segment]
) -> list[Relocation]:
    where = f"section {table.name}"
    if len(table.data) % elf.RELOCATION.size or table.link >= len(sections):
        raise CodeObjectError("the table or its link is damaged", where)
    has_symbols = sections[table.link].type in (
        SectionType.DYNAMIC_SYMBOLS,
        SectionType.SYMBOLS,
    )
    symbols = _symbol_rows(sections[table.link], sections) if has_symbols else []
    found: list[Relocation] = []
    for address, info, addend in elf.RELOCATION.iter_unpack(table.data):
        number, type_ = info >> 32, info & 0xFFFFFFFF
        if number and number >= len(symbols):
            raise CodeObjectError(f"symbol {number} does not exist", where)
        symbol = symbols[number] if number else None
        if type_ == elf.RelocationType.ABSOLUTE_64:
            if symbol is None or symbol.section == 0:
                name = symbol.name if symbol is not None else ""
                raise CodeObjectError(f"symbol `{name}` is not defined in the file", where)
        elif type_ != elf.RelocationType.RELATIVE_64:
            raise CodeObjectError(f"relocation type {type_} is not supported", where)
        if not any(row.address <= address and address + 8 <= row.end for row in segments):
            raise CodeObjectError(f"relocation of {address:#x}, which is not loaded", where)
        found.append(Relocation(address, type_, symbol, addend))
    return found


def _string(table: bytes, offset: int, where: str) -> str:
    end = table.find(b"\0", offset) if offset < len(table) else -1
    if end < 0:
        raise CodeObjectError(f"a name at {offset:#x} lies outside the names", where)
    try:
        return table[offset:end].decode()
    except UnicodeDecodeError as error:
        raise CodeObjectError(f"the name at {offset:#x} is not UTF-8", where) from error
