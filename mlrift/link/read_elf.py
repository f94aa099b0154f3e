"""Relocatable ELF64 bytes, as LLVM writes them, to an `ObjectFile`.

Enters: the bytes of one little-endian ET_REL file. Leaves: its allocated and debug sections,
every named symbol, and relocations that name symbols. Local and section symbols get unique
names. Unwind tables, notes and tool metadata are dropped. Anything malformed, and anything
the linker does not support (common symbols, thread-local data, constructors, compressed
sections), is a `LinkError`; no other exception leaves this module.
"""

import struct

from mlrift.link.errors import LinkError
from mlrift.link.objects import Binding, ObjectFile, Relocation, Section, SectionKind, Symbol
from mlrift.values import value

_FILE_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELA = struct.Struct("<QQq")

_IDENT = b"\x7fELF\x02\x01\x01"
_ET_REL = 1
_SHT_PROGBITS, _SHT_SYMTAB, _SHT_RELA, _SHT_NOBITS, _SHT_REL = 1, 2, 4, 8, 9
_SHT_X86_64_UNWIND = 0x70000001
_CONSTRUCTOR_TYPES = (14, 15, 16)
_SHF_WRITE, _SHF_ALLOC, _SHF_EXECINSTR, _SHF_TLS, _SHF_COMPRESSED = 1, 2, 4, 0x400, 0x800
_SHN_UNDEF, _SHN_RESERVED, _SHN_ABS, _SHN_COMMON = 0, 0xFF00, 0xFFF1, 0xFFF2
_STT_FUNC, _STT_SECTION, _STT_FILE, _STT_TLS = 2, 3, 4, 6
_BINDINGS = {0: Binding.LOCAL, 1: Binding.GLOBAL, 2: Binding.WEAK}
_MAXIMUM_ALIGN = 1 << 16
_MAXIMUM_ZERO_BYTES = 1 << 40
_CONSTRUCTOR_PREFIXES = (".ctors", ".dtors")
_DROPPED_PREFIXES = (".eh_frame", ".note", ".comment", ".llvm")


@value
class _Header:
    """One section header with its name decoded."""

    name: str
    type: int
    flags: int
    offset: int
    size_bytes: int
    link: int
    info: int
    align: int
    entry_bytes: int


def read_elf(data: bytes, name: str) -> ObjectFile:
    """Read one object file of any CPU; `name` is used in messages only."""
    try:
        return _Reader(data, name).read()
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise LinkError(f"{name}: not a valid ELF object file: {error}") from error


class _Reader:
    """The state of reading one file: its headers, and input to output section indexes."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self.elf_machine = 0
        self.headers = self._read_headers()
        self.kept: dict[int, int] = {}

    def read(self) -> ObjectFile:
        sections = self._read_sections()
        names, symbols = self._read_symbols()
        self._read_relocations(sections, names)
        return ObjectFile(self.name, sections, symbols, self.elf_machine)

    def _fail(self, message: str) -> LinkError:
        return LinkError(f"{self.name}: {message}")

    def _read_headers(self) -> list[_Header]:
        data = self.data
        if len(data) < _FILE_HEADER.size or not data.startswith(_IDENT):
            raise self._fail("not a 64-bit little-endian ELF file")
        fields = _FILE_HEADER.unpack_from(data)
        kind, self.elf_machine, table_offset = fields[1], fields[2], fields[6]
        entry_bytes, count, names_index = fields[11:14]
        if kind != _ET_REL:
            raise self._fail(f"ELF type {kind} is not a relocatable object")
        if entry_bytes != _SECTION_HEADER.size or count == 0 or names_index >= count:
            raise self._fail("section header table is missing or malformed")
        table = self._slice(table_offset, count * entry_bytes, "section header table")
        raw = list(_SECTION_HEADER.iter_unpack(table))
        strings = self._slice(raw[names_index][4], raw[names_index][5], "section names")
        return [_Header(self._string(strings, row[0]), row[1], row[2], *row[4:10]) for row in raw]

    def _slice(self, offset: int, size_bytes: int, what: str) -> bytes:
        if offset + size_bytes > len(self.data):
            raise self._fail(f"{what} lies outside the file")
        return self.data[offset : offset + size_bytes]

    def _string(self, table: bytes, offset: int) -> str:
        end = table.find(b"\0", offset)
        if end < 0 or offset >= len(table):
            raise self._fail("string outside its string table")
        return table[offset:end].decode()

    def _contents(self, header: _Header) -> bytes:
        return self._slice(header.offset, header.size_bytes, f"section {header.name}")

    def _read_sections(self) -> list[Section]:
        sections: list[Section] = []
        for index, header in enumerate(self.headers):
            kind = self._kind_of(header)
            if kind is None:
                continue
            align = max(header.align, 1)
            if align & (align - 1) or align > _MAXIMUM_ALIGN:
                raise self._fail(f"section {header.name}: alignment {align} is not supported")
            if kind is SectionKind.ZERO:
                if header.size_bytes > _MAXIMUM_ZERO_BYTES:
                    raise self._fail(f"section {header.name}: size {header.size_bytes} is too big")
                contents = b""
            else:
                contents = self._contents(header)
            self.kept[index] = len(sections)
            sections.append(Section(header.name, kind, contents, align, header.size_bytes))
        return sections

    def _kind_of(self, header: _Header) -> SectionKind | None:
        """Return how a section is mapped, or None when it is not part of a program."""
        flags, name = header.flags, header.name
        if header.type in _CONSTRUCTOR_TYPES or name.startswith(_CONSTRUCTOR_PREFIXES):
            raise self._fail(f"section {name}: constructors and destructors are not supported")
        if header.type not in (_SHT_PROGBITS, _SHT_NOBITS) or name.startswith(_DROPPED_PREFIXES):
            return None
        if flags & (_SHF_TLS | _SHF_COMPRESSED):
            raise self._fail(f"section {name}: thread-local or compressed data is not supported")
        if not flags & _SHF_ALLOC:
            return SectionKind.DEBUG if name.startswith(".debug_") else None
        return _allocated_kind(header)

    def _read_symbols(self) -> tuple[list[str], dict[str, Symbol]]:
        """Return the name used for each symbol index, and the symbols by name."""
        tables = [header for header in self.headers if header.type == _SHT_SYMTAB]
        if not tables:
            return [], {}
        table = tables[0]
        strings = self._contents(self.headers[table.link])
        rows = list(_SYMBOL.iter_unpack(self._contents(table)))
        texts = [self._string(strings, row[0]) if row[0] else "" for row in rows]
        taken = {text for text, row in zip(texts, rows, strict=True) if row[1] >> 4}
        names: list[str] = []
        symbols: dict[str, Symbol] = {}
        for index, (text, row) in enumerate(zip(texts, rows, strict=True)):
            symbol = self._symbol(index, text, row, taken)
            names.append(symbol.name if symbol else "")
            if symbol is not None:
                if symbol.name in symbols:
                    raise self._fail(f"symbol `{symbol.name}` is defined twice")
                symbols[symbol.name] = symbol
        return names, symbols

    def _symbol(
        self, index: int, text: str, row: tuple[int, ...], taken: set[str]
    ) -> Symbol | None:
        """Return the symbol of one table row; None for rows that name nothing we keep."""
        _, info, _, shndx, value, size_bytes = row
        kind, binding = info & 15, _BINDINGS.get(info >> 4)
        if binding is None or kind == _STT_TLS or kind > _STT_TLS:
            raise self._fail(f"symbol `{text}`: type or binding {info:#x} is not supported")
        if index == 0 or kind == _STT_FILE or text.startswith("$"):
            return None
        if kind == _STT_SECTION and shndx < len(self.headers):
            text = self.headers[shndx].name
        if binding is Binding.LOCAL:
            text = f"{text}.{index}"
            while text in taken:
                text += "."
        if shndx == _SHN_UNDEF:
            return Symbol(text, None, 0, 0, False, binding)
        self._check_index(text, shndx)
        section_index = self.kept.get(shndx)
        if section_index is None:
            return None
        if value > self.headers[shndx].size_bytes:
            raise self._fail(f"symbol `{text}` lies outside section {self.headers[shndx].name}")
        return Symbol(text, section_index, value, size_bytes, kind == _STT_FUNC, binding)

    def _check_index(self, text: str, shndx: int) -> None:
        if shndx == _SHN_COMMON:
            raise self._fail(f"symbol `{text}` is a common symbol, which is not supported")
        if shndx == _SHN_ABS or shndx >= _SHN_RESERVED or shndx >= len(self.headers):
            raise self._fail(f"symbol `{text}`: section index {shndx:#x} is not supported")

    def _read_relocations(self, sections: list[Section], names: list[str]) -> None:
        for header in self.headers:
            if header.info not in self.kept or header.type not in (_SHT_RELA, _SHT_REL):
                continue
            section = sections[self.kept[header.info]]
            if header.type == _SHT_REL or section.kind is SectionKind.ZERO:
                raise self._fail(f"relocation section {header.name} is not supported")
            section.relocations.extend(
                [
                    Relocation(offset, info & 0xFFFFFFFF, names[info >> 32], addend)
                    for offset, info, addend in _RELA.iter_unpack(self._contents(header))
                    if info & 0xFFFFFFFF
                ]
            )


def _allocated_kind(header: _Header) -> SectionKind:
    """Return the kind of a section that is mapped at run time."""
    if header.type == _SHT_NOBITS:
        return SectionKind.ZERO
    if header.flags & _SHF_EXECINSTR or header.name.startswith(".text"):
        return SectionKind.CODE
    if header.name.startswith(".data.rel.ro"):
        return SectionKind.RELOCATED_CONSTANT
    return SectionKind.DATA if header.flags & _SHF_WRITE else SectionKind.CONSTANT
