"""What the dynamic linker reads: symbols, their hashes and versions, relocations, names.

Enters: the imports and exports of an image. Leaves: the bytes that follow its program headers, and
`.dynamic`, which says where they are. Sizes are known at once, contents when everything is placed.
Positions are offsets in the file, and addresses once the image's base is added.
"""

import struct
from collections.abc import Mapping, Sequence
from enum import Enum, unique

from mlrift.link.elf_hash import gnu_order, gnu_table, sysv_table
from mlrift.link.elf_sections import (
    SHF_ALLOC,
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
from mlrift.link.imports import SLOT_PREFIX, ImportedLibrary
from mlrift.link.layout import Block, align_up
from mlrift.link.options import Export, ExportKind, SharedLibrary
from mlrift.link.relocations import Pointer
from mlrift.targets import ARM64, X86_64
from mlrift.values import value

DYNAMIC_ENTRY = struct.Struct("<QQ")
RELA = struct.Struct("<QQq")

_DT_NULL, _DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_RELA = 0, 1, 4, 5, 6, 7
_DT_RELASZ, _DT_RELAENT, _DT_STRSZ, _DT_SYMENT, _DT_SONAME, _DT_DEBUG = 8, 9, 10, 11, 14, 21
_DT_INIT_ARRAY, _DT_FINI_ARRAY, _DT_INIT_ARRAYSZ, _DT_FINI_ARRAYSZ = 25, 26, 27, 28
_DT_GNU_HASH = 0x6FFFFEF5
_DT_VERSYM, _DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF
_DT_FLAGS_1, _DT_RELACOUNT = 0x6FFFFFFB, 0x6FFFFFF9
INIT_ARRAY, FINI_ARRAY = ".init_array", ".fini_array"
_ARRAY_TAGS = (
    (INIT_ARRAY, _DT_INIT_ARRAY, _DT_INIT_ARRAYSZ),
    (FINI_ARRAY, _DT_FINI_ARRAY, _DT_FINI_ARRAYSZ),
)
_SHT_VERNEED, _SHT_VERSYM, _SHT_GNU_HASH = 0x6FFFFFFE, 0x6FFFFFFF, 0x6FFFFFF6
_GLOBAL = 1 << 4
_TYPES = {ExportKind.FUNCTION: _GLOBAL | 2, ExportKind.VARIABLE: _GLOBAL | 1}


@value
class _Machine:
    """The numbers of a CPU's dynamic relocations."""

    relative: int
    slot: int


_MACHINES = {X86_64.elf_machine: _Machine(8, 6), ARM64.elf_machine: _Machine(1027, 1025)}


@value
class _Shape:
    """Alignment, linked section, info and entry size of a section header."""

    align: int
    link: str = ""
    info: int = 0
    entry_bytes: int = 0


_SHAPES = {
    SHT_DYNSYM: _Shape(8, ".dynstr", 1, SYMBOL.size),
    SHT_HASH: _Shape(8, ".dynsym", 0, 4),
    _SHT_GNU_HASH: _Shape(8, ".dynsym"),
    _SHT_VERNEED: _Shape(8, ".dynstr", 1),
    _SHT_VERSYM: _Shape(2, ".dynsym", 0, 2),
    SHT_RELA: _Shape(8, ".dynsym", 0, RELA.size),
}


@unique
class DynamicPlace(Enum):
    """Where `.dynamic` lies: some dynamic linkers write to it, others must not."""

    CONSTANT = "constant"
    WRITTEN = "written"


@value
class DynamicProfile:
    """What differs between systems, and between programs and libraries.

    `base` is the address of an ET_EXEC image; that of an ET_DYN one is 0, and its absolute pointers
    become relocations. `interpreter` is empty for libraries. `flags` is DT_FLAGS_1; `versions` are
    asked for when such a function is used.
    """

    type: int
    base: int
    page_bytes: int
    interpreter: bytes
    flags: int
    versions: LibraryVersions = NO_VERSIONS
    dynamic_place: DynamicPlace = DynamicPlace.CONSTANT


@value
class LoaderNeeds:
    """What an image wants of the dynamic linker.

    `own_slots` are exported variables with a slot. `is_debugged`: debuggers find the image's
    libraries by an entry of `.dynamic` that the dynamic linker fills in. `arrays` are what holds
    the functions to call at the beginning and at the end, by name.
    """

    libraries: Sequence[ImportedLibrary]
    own_slots: Sequence[str]
    relative_count: int
    library: SharedLibrary | None
    is_debugged: bool
    arrays: Mapping[str, Block]


@value
class DefinedSymbol:
    """An exported symbol: the number of its section, address and size."""

    section_index: int
    address: int
    size_bytes: int


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


class LoaderTables:
    """The dynamic linker's tables, which follow the program headers, and `.dynamic`."""

    def __init__(self, start: int, profile: DynamicProfile, needs: LoaderNeeds) -> None:
        strings = _Strings()
        self.profile = profile
        self.needs = needs
        self.needed = [strings.offset(library.name) for library in needs.libraries]
        imported = [row for library in needs.libraries for row in library.functions]
        self.slot_names = [SLOT_PREFIX + name for name, _ in imported]
        self.slot_names += [SLOT_PREFIX + name for name in needs.own_slots]
        functions = [function for _, function in imported]
        self.import_names = [strings.offset(function) for function in functions]
        self.exports = _in_hash_order(needs.library)
        names = [row.name for row in self.exports]
        self.export_names = [strings.offset(name) for name in names]
        count = len(names)
        self.versions = version_tables(functions, profile.versions, strings.offset, count)
        self.file_name = strings.offset(needs.library.file_name) if needs.library else 0
        self.strings_data = bytes(strings.data)
        first = len(imported) + 1
        indexes = dict(zip(names, range(first, first + count), strict=True))
        self.slot_indexes = [*range(1, first), *[indexes[name] for name in needs.own_slots]]
        self.symbol_bytes = SYMBOL.size * (first + count)
        self.hash_data = sysv_table(names, first)
        self.quick_hash_data = gnu_table(names, first) if names else b""
        self.rela_bytes = (needs.relative_count + len(self.slot_names)) * RELA.size
        self._place(start)

    def _place(self, start: int) -> None:
        self.symbols = start
        self.quick_hash = self.symbols + self.symbol_bytes
        self.hash = align_up(self.quick_hash + len(self.quick_hash_data), 8)
        self.version_needs = align_up(self.hash + len(self.hash_data), 8)
        self.symbol_versions = self.version_needs + len(self.versions.needed)
        self.rela = align_up(self.symbol_versions + len(self.versions.of_symbols), 8)
        self.strings = self.rela + self.rela_bytes
        self.interpreter = self.strings + len(self.strings_data)
        self.end = self.interpreter + len(self.profile.interpreter)

    @property
    def dynamic_bytes(self) -> int:
        """The size of `.dynamic`."""
        return DYNAMIC_ENTRY.size * len(self._entries())

    def contents(
        self,
        pointers: Sequence[Pointer],
        slots: Sequence[int],
        defined: Mapping[str, DefinedSymbol],
        cpu: int,
    ) -> bytes:
        """Return the bytes of all tables; `slots` are the addresses of the import slots."""
        machine = _MACHINES[cpu]
        rows = [RELA.pack(row.address, machine.relative, row.value) for row in pointers]
        rows += [
            RELA.pack(address, index << 32 | machine.slot, 0)
            for index, address in zip(self.slot_indexes, slots, strict=True)
        ]
        function = _TYPES[ExportKind.FUNCTION]
        symbols = [SYMBOL.pack(name, function, 0, 0, 0, 0) for name in self.import_names]
        for row, name in zip(self.exports, self.export_names, strict=True):
            at = defined[row.name]
            place = (at.section_index, at.address, at.size_bytes)
            symbols.append(SYMBOL.pack(name, _TYPES[row.kind], 0, *place))
        parts = (
            (self.symbols, bytes(SYMBOL.size) + b"".join(symbols)),
            (self.quick_hash, self.quick_hash_data),
            (self.hash, self.hash_data),
            (self.version_needs, self.versions.needed + self.versions.of_symbols),
            (self.rela, b"".join(rows)),
            (self.strings, self.strings_data),
            (self.interpreter, self.profile.interpreter),
        )
        made = bytearray()
        for position, part in parts:
            made += bytes(position - self.symbols - len(made)) + part
        return bytes(made)

    def dynamic(self) -> bytes:
        """Return the contents of `.dynamic`."""
        return b"".join([DYNAMIC_ENTRY.pack(*entry) for entry in self._entries()])

    def describe(self, sections: Sections) -> None:
        """Add the section headers."""
        self._describe(sections, ".dynsym", SHT_DYNSYM, self.symbols, self.symbol_bytes)
        if self.quick_hash_data:
            quick_bytes = len(self.quick_hash_data)
            self._describe(sections, ".gnu.hash", _SHT_GNU_HASH, self.quick_hash, quick_bytes)
        self._describe(sections, ".hash", SHT_HASH, self.hash, len(self.hash_data))
        if self.versions.needed:
            needs_bytes, symbols_bytes = map(len, (self.versions.needed, self.versions.of_symbols))
            at = self.symbol_versions
            self._describe(
                sections, ".gnu.version_r", _SHT_VERNEED, self.version_needs, needs_bytes
            )
            self._describe(sections, ".gnu.version", _SHT_VERSYM, at, symbols_bytes)
        if self.rela_bytes:
            self._describe(sections, ".rela.dyn", SHT_RELA, self.rela, self.rela_bytes)
        self._describe(sections, ".dynstr", SHT_STRTAB, self.strings, len(self.strings_data))
        if self.profile.interpreter:
            interpreter_bytes = len(self.profile.interpreter)
            self._describe(sections, ".interp", SHT_PROGBITS, self.interpreter, interpreter_bytes)

    def _describe(self, sections: Sections, name: str, kind: int, at: int, size_bytes: int) -> None:
        shape = _SHAPES.get(kind, _Shape(1))
        address = self.profile.base + at
        extra = (shape.align, shape.link, shape.info, shape.entry_bytes)
        sections.add(Row(name, kind, SHF_ALLOC, address, at, size_bytes, *extra))

    def _entries(self) -> list[tuple[int, int]]:
        base = self.profile.base
        entries = [(_DT_NEEDED, name) for name in self.needed]
        if self.needs.library is not None:
            entries.append((_DT_SONAME, self.file_name))
        if self.quick_hash_data:
            entries.append((_DT_GNU_HASH, base + self.quick_hash))
        entries += [(_DT_HASH, base + self.hash), (_DT_STRTAB, base + self.strings)]
        entries += [(_DT_SYMTAB, base + self.symbols)]
        entries += [(_DT_STRSZ, len(self.strings_data)), (_DT_SYMENT, SYMBOL.size)]
        if self.rela_bytes:
            entries += [(_DT_RELA, base + self.rela), (_DT_RELASZ, self.rela_bytes)]
            entries += [(_DT_RELAENT, RELA.size)]
        if self.versions.needed:
            entries += [(_DT_VERSYM, base + self.symbol_versions)]
            entries += [(_DT_VERNEED, base + self.version_needs), (_DT_VERNEEDNUM, 1)]
        if self.needs.relative_count:
            entries += [(_DT_RELACOUNT, self.needs.relative_count)]
        for name, place, size in _ARRAY_TAGS:
            block = self.needs.arrays.get(name)
            if block is not None:
                entries += [(place, block.address), (size, block.size_bytes)]
        if self.needs.is_debugged:
            entries.append((_DT_DEBUG, 0))
        return [*entries, (_DT_FLAGS_1, self.profile.flags), (_DT_NULL, 0)]


def _in_hash_order(library: SharedLibrary | None) -> list[Export]:
    exports = {row.name: row for row in library.exports} if library is not None else {}
    return [exports[name] for name in gnu_order(list(exports))]
