"""Executables that a dynamic linker prepares: Android's, and those of Linux that call C libraries.

Enters: a packed `Layout` and the system's `DynamicProfile`. Leaves: the file's bytes: loader tables
and code in one read-execute segment, import slots and everything else that is written in one
read-write segment, real section headers. Slots are bound before the program starts, never later.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mlrift.link.elf import (
    FILE_HEADER_BYTES,
    PF_R,
    PF_X,
    PROGRAM_HEADER_BYTES,
    SHARED_CONSTANT_BYTES,
    Identity,
    ProgramHeader,
    Segment,
    add_debug,
    copy_segments,
    data_segments,
    file_header,
    image_bounds,
    place_segments,
    stack_header,
)
from mlrift.link.elf_sections import (
    SHF_ALLOC,
    SHF_WRITE,
    SHT_DYNAMIC,
    SHT_DYNSYM,
    SHT_HASH,
    SHT_PROGBITS,
    SHT_RELA,
    SHT_STRTAB,
    SYMBOL,
    Row,
    Sections,
)
from mlrift.link.elf_versions import NO_VERSIONS, LibraryVersions, version_tables
from mlrift.link.imports import SLOT_BYTES, SLOT_PREFIX, ImportedLibrary
from mlrift.link.layout import Block, Bound, Layout, align_up, bind
from mlrift.link.objects import SectionKind
from mlrift.link.options import DebugInfo, LinkOptions
from mlrift.link.relocations import Pointer
from mlrift.targets import ARM64, X86_64, Target

ET_EXEC, ET_DYN = 2, 3

_PT_DYNAMIC, _PT_INTERP, _PT_PHDR = 2, 3, 6
_FIXED_HEADERS = 4  # PHDR, INTERP, DYNAMIC and GNU_STACK
_DT_NULL, _DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_RELA = 0, 1, 4, 5, 6, 7
_DT_RELASZ, _DT_RELAENT, _DT_STRSZ, _DT_SYMENT = 8, 9, 10, 11
_DT_VERSYM, _DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF
_DT_FLAGS_1, _DT_RELACOUNT = 0x6FFFFFFB, 0x6FFFFFF9
_RELA = struct.Struct("<QQq")
_DYNAMIC = struct.Struct("<QQ")
_FIXED_ENTRIES = 7
_SHT_VERNEED, _SHT_VERSYM = 0x6FFFFFFE, 0x6FFFFFFF
_GLOBAL_FUNCTION = 1 << 4 | 2


class _Machine(NamedTuple):
    """The numbers of a CPU's dynamic relocations."""

    relative: int
    slot: int


_MACHINES = {X86_64.elf_machine: _Machine(8, 6), ARM64.elf_machine: _Machine(1027, 1025)}


class _Shape(NamedTuple):
    """Alignment, linked section, info and entry size of a section header."""

    align: int
    link: str = ""
    info: int = 0
    entry_bytes: int = 0


_SHAPES = {
    SHT_DYNSYM: _Shape(8, ".dynstr", 1, SYMBOL.size),
    SHT_HASH: _Shape(8, ".dynsym", 0, 4),
    SHT_DYNAMIC: _Shape(8, ".dynstr", 0, _DYNAMIC.size),
    _SHT_VERNEED: _Shape(8, ".dynstr", 1),
    _SHT_VERSYM: _Shape(2, ".dynsym", 0, 2),
    SHT_RELA: _Shape(8, ".dynsym", 0, _RELA.size),
}


class DynamicProfile(NamedTuple):
    """What differs between systems.

    `base` is the address of an ET_EXEC image; that of an ET_DYN one is 0, and its absolute pointers
    become relocations. `flags` is DT_FLAGS_1; `versions` are asked for when such
    a function is used.
    """

    type: int
    base: int
    page_bytes: int
    interpreter: bytes
    flags: int
    versions: LibraryVersions = NO_VERSIONS


class _Strings:
    """The string table; each name once."""

    def __init__(self) -> None:
        self.data = bytearray(b"\0")
        self._offsets: dict[str, int] = {}

    def offset(self, name: str) -> int:
        known = self._offsets.get(name)
        if known is None:
            known = self._offsets[name] = len(self.data)
            self.data += name.encode() + b"\0"
        return known


class _LoaderTables:
    """The dynamic linker's tables, which follow the program headers.

    Positions are offsets in the file, and addresses once the image's base is added.
    """

    def __init__(
        self,
        start: int,
        profile: DynamicProfile,
        libraries: Sequence[ImportedLibrary],
        relative_count: int,
    ) -> None:
        strings = _Strings()
        self.profile = profile
        self.needed = [strings.offset(library.name) for library in libraries]
        imported = [row for library in libraries for row in library.functions]
        self.slot_names = [SLOT_PREFIX + name for name, _ in imported]
        self.symbol_names = [strings.offset(function) for _, function in imported]
        functions = [function for _, function in imported]
        self.versions = version_tables(functions, profile.versions, strings.offset)
        self.strings_data = bytes(strings.data)
        self.hash_data = struct.pack("<III", 1, len(imported) + 1, 0) + bytes(4 * len(imported) + 4)
        self.relative_count = relative_count
        relocation_count = relative_count + len(imported)
        self.symbols = start
        self.symbol_bytes = SYMBOL.size * (len(imported) + 1)
        self.hash = self.symbols + self.symbol_bytes
        self.version_needs = align_up(self.hash + len(self.hash_data), 8)
        self.symbol_versions = self.version_needs + len(self.versions.needed)
        self.dynamic = align_up(self.symbol_versions + len(self.versions.of_symbols), 8)
        self.rela_bytes = relocation_count * _RELA.size
        self.dynamic_bytes = self._entry_count() * _DYNAMIC.size
        self.rela = self.dynamic + self.dynamic_bytes
        self.strings = self.rela + self.rela_bytes
        self.interpreter = self.strings + len(self.strings_data)
        self.end = self.interpreter + len(profile.interpreter)

    def contents(self, pointers: Sequence[Pointer], slots: Sequence[int], cpu: int) -> bytes:
        """Return the bytes of all tables; `slots` are the addresses of the import slots."""
        machine = _MACHINES[cpu]
        rows = [_RELA.pack(row.address, machine.relative, row.value) for row in pointers]
        rows += [
            _RELA.pack(address, index << 32 | machine.slot, 0)
            for index, address in enumerate(slots, 1)
        ]
        symbols = [SYMBOL.pack(name, _GLOBAL_FUNCTION, 0, 0, 0, 0) for name in self.symbol_names]
        hash_bytes = self.version_needs - self.hash
        version_bytes = self.dynamic - self.version_needs
        tables = (
            bytes(SYMBOL.size),
            *symbols,
            self.hash_data.ljust(hash_bytes, b"\0"),
            b"".join(reversed(self.versions)).ljust(version_bytes, b"\0"),
            *[_DYNAMIC.pack(*entry) for entry in self._entries(self.profile.base)],
            *rows,
            self.strings_data,
            self.profile.interpreter,
        )
        return b"".join(tables)

    def describe(self, sections: Sections) -> None:
        """Add the section headers."""
        self._describe(sections, ".dynsym", SHT_DYNSYM, self.symbols, self.symbol_bytes)
        self._describe(sections, ".hash", SHT_HASH, self.hash, len(self.hash_data))
        if self.versions.needed:
            needs_bytes, symbols_bytes = len(self.versions.needed), len(self.versions.of_symbols)
            at = self.symbol_versions
            self._describe(
                sections, ".gnu.version_r", _SHT_VERNEED, self.version_needs, needs_bytes
            )
            self._describe(sections, ".gnu.version", _SHT_VERSYM, at, symbols_bytes)
        self._describe(sections, ".dynamic", SHT_DYNAMIC, self.dynamic, self.dynamic_bytes)
        if self.rela_bytes:
            self._describe(sections, ".rela.dyn", SHT_RELA, self.rela, self.rela_bytes)
        self._describe(sections, ".dynstr", SHT_STRTAB, self.strings, len(self.strings_data))
        interpreter_bytes = len(self.profile.interpreter)
        self._describe(sections, ".interp", SHT_PROGBITS, self.interpreter, interpreter_bytes)

    def _describe(self, sections: Sections, name: str, kind: int, at: int, size_bytes: int) -> None:
        shape = _SHAPES.get(kind, _Shape(1))
        row = Row(name, kind, SHF_ALLOC, self.profile.base + at, at, size_bytes, shape.align)
        sections.add(row._replace(**shape._asdict()))

    def _entry_count(self) -> int:
        relocated = (3 if self.rela_bytes else 0) + (1 if self.relative_count else 0)
        versioned = 3 if self.versions.needed else 0
        return len(self.needed) + _FIXED_ENTRIES + relocated + versioned

    def _entries(self, base: int) -> list[tuple[int, int]]:
        entries = [(_DT_NEEDED, name) for name in self.needed]
        entries += [(_DT_HASH, base + self.hash), (_DT_STRTAB, base + self.strings)]
        entries += [(_DT_SYMTAB, base + self.symbols)]
        entries += [(_DT_STRSZ, len(self.strings_data)), (_DT_SYMENT, SYMBOL.size)]
        if self.rela_bytes:
            entries += [(_DT_RELA, base + self.rela), (_DT_RELASZ, self.rela_bytes)]
            entries += [(_DT_RELAENT, _RELA.size)]
        if self.versions.needed:
            entries += [(_DT_VERSYM, base + self.symbol_versions)]
            entries += [(_DT_VERNEED, base + self.version_needs), (_DT_VERNEEDNUM, 1)]
        if self.relative_count:
            entries += [(_DT_RELACOUNT, self.relative_count)]
        return [*entries, (_DT_FLAGS_1, self.profile.flags), (_DT_NULL, 0)]


def write_dynamic(
    layout: Layout, target: Target, options: LinkOptions, profile: DynamicProfile
) -> bytes:
    """Write an executable for the dynamic linker of a profile."""
    cpu = target.cpu.elf_machine
    relative_count = layout.pointer_count if profile.type == ET_DYN else 0
    libraries = layout.program.libraries
    slot_count = sum(len(library.functions) for library in libraries)
    slots = Block(".got", SectionKind.DATA, 8, SLOT_BYTES * slot_count)
    slots.fill()
    segments = _segments(layout, options, profile, slots)
    header_count = len(segments) + _FIXED_HEADERS
    tables_start = FILE_HEADER_BYTES + PROGRAM_HEADER_BYTES * header_count
    tables = _LoaderTables(tables_start, profile, libraries, relative_count)
    file_bytes = place_segments(segments, tables.end, profile.base, profile.page_bytes)
    addresses = [slots.address + SLOT_BYTES * index for index in range(slot_count)]
    slot_symbols = dict(zip(tables.slot_names, addresses, strict=True))
    bound = _bind(layout, segments, tables, slot_symbols)
    trailer = _describe(layout, options, tables, slots, file_bytes).finish()
    identity = Identity(profile.type, cpu, bound.globals[options.entry])
    pointers = bound.pointers if relative_count else ()
    image = bytearray(file_bytes)
    image[: tables.end] = b"".join(
        (
            file_header(identity, header_count, trailer),
            *_program_headers(segments, tables, tables_start),
            tables.contents(pointers, addresses, cpu),
        )
    )
    copy_segments(image, segments)
    return bytes(image + trailer.data)


def _bind(
    layout: Layout,
    segments: list[Segment],
    tables: _LoaderTables,
    slot_symbols: Mapping[str, int],
) -> Bound:
    """Patch the blocks; the range of relocations that a program may apply itself is relative."""
    start = tables.profile.base + tables.rela
    end = start + _RELA.size * tables.relative_count
    return bind(layout, image_bounds(segments, layout, (start, end)), slot_symbols)


def _segments(
    layout: Layout, options: LinkOptions, profile: DynamicProfile, slots: Block
) -> list[Segment]:
    """Constants with pointers are written to while the image can still move, else constant."""
    moves = profile.type == ET_DYN
    constants = [layout.constant] if moves else [layout.constant, layout.relocated]
    written = [layout.data, layout.zero]
    if moves:
        written.insert(0, layout.relocated)
    if slots.size_bytes:
        written.insert(0, slots)
    shared = sum(block.size_bytes for block in constants) <= SHARED_CONSTANT_BYTES
    first = (layout.code, *constants) if shared else (layout.code,)
    segments = [Segment(PF_R | PF_X, first)]
    if not shared:
        segments.append(Segment(PF_R, tuple(constants)))
    return segments + data_segments(tuple(written), options)


def _describe(
    layout: Layout, options: LinkOptions, tables: _LoaderTables, slots: Block, file_bytes: int
) -> Sections:
    """Return the section headers, and the debug sections when they are kept."""
    sections = Sections(file_bytes)
    tables.describe(sections)
    if slots.size_bytes:
        place = (slots.address, slots.file_offset, slots.size_bytes, slots.align)
        sections.add(Row(slots.name, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, *place))
    sections.add_blocks(layout)
    if options.debug is DebugInfo.KEEP:
        add_debug(layout, sections)
    return sections


def _program_headers(
    segments: list[Segment], tables: _LoaderTables, tables_start: int
) -> list[bytes]:
    """Return PHDR and INTERP first, as the specification orders them, then the rest."""
    profile = tables.profile
    table_bytes = tables_start - FILE_HEADER_BYTES
    rows = (
        (_PT_PHDR, FILE_HEADER_BYTES, table_bytes, 8),
        (_PT_INTERP, tables.interpreter, len(profile.interpreter), 1),
        (_PT_DYNAMIC, tables.dynamic, tables.dynamic_bytes, 8),
    )
    phdr, interpreter, dynamic = [
        ProgramHeader(
            kind, PF_R, offset, profile.base + offset, size_bytes, size_bytes, align
        ).pack()
        for kind, offset, size_bytes, align in rows
    ]
    loads = [segment.header(profile.page_bytes) for segment in segments]
    return [phdr, interpreter, *loads, dynamic, stack_header()]
