"""Android executables: position-independent ET_DYN that bionic's linker64 accepts.

Enters: a packed `Layout`. Leaves: the file's bytes: loader tables and code in one read-execute
segment, everything that is written or relocated in one read-write segment, real section headers
(linker64 reads them when it is given the program as an argument). Pages are 16 KiB.
"""

import struct

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
from mlrift.link.errors import LinkError
from mlrift.link.layout import Layout, bind, refuse_pointers_in_code
from mlrift.link.options import DataProtection, DebugInfo, LinkOptions
from mlrift.link.relocations import Pointer
from mlrift.targets import ARM64, X86_64, Target

PAGE_BYTES = 0x4000

_INTERPRETER = b"/system/bin/linker64\0"
_ET_DYN = 3
_PT_DYNAMIC, _PT_INTERP, _PT_PHDR = 2, 3, 6
_FIXED_HEADERS = 4  # PHDR, INTERP, DYNAMIC and GNU_STACK
_DT_NULL, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_RELA = 0, 4, 5, 6, 7
_DT_RELASZ, _DT_RELAENT, _DT_STRSZ, _DT_SYMENT = 8, 9, 10, 11
_DT_FLAGS_1, _DT_RELACOUNT = 0x6FFFFFFB, 0x6FFFFFF9
_DF_1_NOW_PIE = 0x08000001
_R_RELATIVE = {X86_64.elf_machine: 8, ARM64.elf_machine: 1027}
_RELA = struct.Struct("<QQq")
_DYNAMIC = struct.Struct("<QQ")
_ENTRIES, _RELOCATED_ENTRIES = 7, 11
_HASH = struct.pack("<IIII", 1, 1, 0, 0)


class _LoaderTables:
    """The dynamic linker's tables, which follow the program headers; addresses are offsets."""

    def __init__(self, start: int, relocation_count: int) -> None:
        self.relocation_count = relocation_count
        self.symbols = start
        self.hash = self.symbols + SYMBOL.size
        self.dynamic = self.hash + len(_HASH)
        self.dynamic_bytes = (_RELOCATED_ENTRIES if relocation_count else _ENTRIES) * 16
        self.rela = self.dynamic + self.dynamic_bytes
        self.rela_bytes = relocation_count * _RELA.size
        self.strings = self.rela + self.rela_bytes
        self.interpreter = self.strings + 1
        self.end = self.interpreter + len(_INTERPRETER)

    def contents(self, pointers: list[Pointer], relative: int) -> bytes:
        """Return the bytes of all tables; every pointer is relocated by the load address."""
        rows = [_RELA.pack(pointer.address, relative, pointer.value) for pointer in pointers]
        tables = (bytes(SYMBOL.size), _HASH, self._dynamic(), *rows, b"\0", _INTERPRETER)
        return b"".join(tables)

    def describe(self, sections: Sections) -> None:
        """Add the section headers."""
        add, alloc = sections.add, SHF_ALLOC
        at = self.symbols
        add(Row(".dynsym", SHT_DYNSYM, alloc, at, at, 24, 8, ".dynstr", 1, SYMBOL.size))
        at = self.hash
        add(Row(".hash", SHT_HASH, alloc, at, at, len(_HASH), 8, ".dynsym", 0, 4))
        at = self.dynamic
        size_bytes = self.dynamic_bytes
        add(Row(".dynamic", SHT_DYNAMIC, alloc, at, at, size_bytes, 8, ".dynstr", 0, 16))
        at = self.rela
        if self.relocation_count:
            size_bytes = self.rela_bytes
            add(Row(".rela.dyn", SHT_RELA, alloc, at, at, size_bytes, 8, ".dynsym", 0, _RELA.size))
        at = self.strings
        add(Row(".dynstr", SHT_STRTAB, alloc, at, at, 1, 1))
        at = self.interpreter
        add(Row(".interp", SHT_PROGBITS, alloc, at, at, len(_INTERPRETER), 1))

    def _dynamic(self) -> bytes:
        entries = [(_DT_HASH, self.hash), (_DT_STRTAB, self.strings), (_DT_SYMTAB, self.symbols)]
        entries += [(_DT_STRSZ, 1), (_DT_SYMENT, SYMBOL.size)]
        if self.relocation_count:
            entries += [(_DT_RELA, self.rela), (_DT_RELASZ, self.rela_bytes)]
            entries += [(_DT_RELAENT, _RELA.size), (_DT_RELACOUNT, self.relocation_count)]
        entries += [(_DT_FLAGS_1, _DF_1_NOW_PIE), (_DT_NULL, 0)]
        return b"".join([_DYNAMIC.pack(*entry) for entry in entries])


def write_android(layout: Layout, target: Target, options: LinkOptions) -> bytes:
    """Write a position-independent executable for Android."""
    _refuse(layout, options)
    segments = _segments(layout, options)
    header_count = len(segments) + _FIXED_HEADERS
    tables_start = FILE_HEADER_BYTES + PROGRAM_HEADER_BYTES * header_count
    tables = _LoaderTables(tables_start, layout.pointer_count)
    file_bytes = place_segments(segments, tables.end, 0, PAGE_BYTES)
    rela = (tables.rela, tables.rela + tables.rela_bytes)
    bound = bind(layout, image_bounds(segments, layout, rela), {})
    sections = Sections(file_bytes)
    tables.describe(sections)
    sections.add_blocks(layout)
    if options.debug is DebugInfo.KEEP:
        add_debug(layout, sections)
    trailer = sections.finish()
    identity = Identity(_ET_DYN, target.cpu.elf_machine, bound.globals[options.entry])
    relative = _R_RELATIVE[target.cpu.elf_machine]
    image = bytearray(file_bytes)
    image[: tables.end] = b"".join(
        (
            file_header(identity, header_count, trailer),
            *_program_headers(segments, tables, tables_start),
            tables.contents(bound.pointers, relative),
        )
    )
    copy_segments(image, segments)
    return bytes(image + trailer.data)


def _refuse(layout: Layout, options: LinkOptions) -> None:
    """Refuse what the container cannot express."""
    refuse_pointers_in_code(layout)
    if options.data_protection is DataProtection.READ_WRITE_EXECUTE:
        raise LinkError("executable data is refused by this system: link without --exec-data")
    for library in layout.program.libraries:
        raise LinkError(
            f"`{library.functions[0][0]}` is imported from {library.name}: "
            "imports are not supported in this container"
        )


def _segments(layout: Layout, options: LinkOptions) -> list[Segment]:
    shared = layout.constant.size_bytes <= SHARED_CONSTANT_BYTES
    first = (layout.code, layout.constant) if shared else (layout.code,)
    segments = [Segment(PF_R | PF_X, first)]
    if not shared:
        segments.append(Segment(PF_R, (layout.constant,)))
    return segments + data_segments((layout.relocated, layout.data, layout.zero), options)


def _program_headers(
    segments: list[Segment], tables: _LoaderTables, tables_start: int
) -> list[bytes]:
    """Return PHDR and INTERP first, as the specification orders them, then the rest."""
    table_bytes = tables_start - FILE_HEADER_BYTES
    rows = (
        (_PT_PHDR, FILE_HEADER_BYTES, table_bytes, 8),
        (_PT_INTERP, tables.interpreter, len(_INTERPRETER), 1),
        (_PT_DYNAMIC, tables.dynamic, tables.dynamic_bytes, 8),
    )
    phdr, interpreter, dynamic = [
        ProgramHeader(kind, PF_R, offset, offset, size_bytes, size_bytes, align).pack()
        for kind, offset, size_bytes, align in rows
    ]
    loads = [segment.header(PAGE_BYTES) for segment in segments]
    return [phdr, interpreter, *loads, dynamic, stack_header()]
