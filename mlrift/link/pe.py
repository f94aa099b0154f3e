"""Windows images: PE32+ console programs and DLLs, relocatable, for x86_64 and arm64.

Enters: a packed `Layout`. Leaves: the file's bytes: `.text`, `.rdata` (import tables, export tables
and constants), `.data`, `.reloc` and what a library says to bindings. The import address table
comes first in `.rdata`; the loader applies `.reloc` before it protects sections, so relocated
constants may lie there too.
"""

import struct

from mlrift.link.errors import LinkError
from mlrift.link.imports import SLOT_BYTES, SLOT_PREFIX, ImportedLibrary
from mlrift.link.layout import Block, Bounds, Layout, align_up, bind, refuse_pointers_in_code
from mlrift.link.options import DataProtection, LinkOptions
from mlrift.link.relocations import Pointer
from mlrift.static_types import TYPE_CHECKING
from mlrift.targets import Target
from mlrift.values import record, value

if TYPE_CHECKING:
    from mlrift.link.pe_exports import ExportTables

IMAGE_BASE = 0x1_4000_0000
SECTION_BYTES = 0x1000
FILE_BYTES = 0x200

_CODE, _CONSTANT, _DATA, _RELOCATIONS = 0x60000020, 0x40000040, 0xC0000040, 0x42000040
_EXECUTABLE_DATA = 0xE0000040
_EXPORT_DIRECTORY, _IMPORT_DIRECTORY, _RELOCATION_DIRECTORY, _SLOT_DIRECTORY = 0, 1, 5, 12
_DIRECTORIES = 16
_CHARACTERISTICS = 0x22  # executable, large addresses
_IS_DLL = 0x2000
_NOTE = 0x42000040  # initialised, discardable, read
_DLL_CHARACTERISTICS = 0x8160  # high-entropy, dynamic base, no execute, terminal server aware
_DIR64 = 10
_MINIMUM_STACK_BYTES = 1 << 20

_DOS_HEADER = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
_COFF_HEADER = struct.Struct("<4sHHIIIHH")
_OPTIONAL_HEADER = struct.Struct("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII")
_SECTION_HEADER = struct.Struct("<8sIIIIIIHHI")
_DESCRIPTOR = struct.Struct("<IIIII")


@record
class _Section:
    """One section of the image; `blocks` lie after `prefix_bytes` of tables."""

    name: bytes
    characteristics: int
    blocks: tuple[Block, ...]
    prefix_bytes: int = 0
    address: int = 0
    size_bytes: int = 0
    data: bytes = b""

    def place(self, address: int) -> int:
        """Give the section and its blocks relative addresses; return the next free one."""
        self.address = address
        end = address + self.prefix_bytes
        for block in self.blocks:
            if block.align > SECTION_BYTES:
                raise LinkError(f"section {block.name}: alignment {block.align} exceeds a page")
            if block.size_bytes:
                end = align_up(end, block.align)
            block.address = IMAGE_BASE + end
            end += block.size_bytes
        self.size_bytes = end - address
        return align_up(end, SECTION_BYTES)

    def fill(self, prefix: bytes) -> None:
        """Assemble the bytes kept in the file: tables and relocated blocks, no zeroed tail."""
        data = bytearray(prefix)
        for block in self.blocks:
            if block.data:
                data += bytes(block.address - IMAGE_BASE - self.address - len(data))
                data += block.data
        self.data = bytes(data)


class _ImportTables:
    """Slots (the IAT), descriptors, lookup tables and names, as one run of bytes."""

    def __init__(self, libraries: tuple[ImportedLibrary, ...]) -> None:
        self.libraries = libraries
        self.slots: dict[str, int] = {}
        self.slot_starts: list[int] = []
        offset = 0
        for library in libraries:
            self.slot_starts.append(offset)
            for name, _ in library.functions:
                self.slots[SLOT_PREFIX + name] = offset
                offset += SLOT_BYTES
            offset += SLOT_BYTES
        self.slot_bytes = offset
        self.descriptor_bytes = _DESCRIPTOR.size * (len(libraries) + 1) if libraries else 0
        self.lookup = align_up(offset + self.descriptor_bytes, 8)
        self.names = self.lookup + self.slot_bytes
        self.size_bytes = len(self.contents(0))

    def contents(self, address: int) -> bytes:
        """Return the tables for a start at the relative address `address`."""
        if not self.libraries:
            return b""
        names = bytearray()
        thunks = bytearray()
        descriptors = bytearray()
        for library, start in zip(self.libraries, self.slot_starts, strict=True):
            for _, function in library.functions:
                thunks += struct.pack("<Q", address + self.names + len(names))
                names += b"\0\0" + function.encode() + b"\0"
                names += bytes(len(names) & 1)
            thunks += bytes(SLOT_BYTES)
            library_name = address + self.names + len(names)
            names += library.name.encode() + b"\0"
            names += bytes(len(names) & 1)
            lookup, slots = address + self.lookup + start, address + start
            descriptors += _DESCRIPTOR.pack(lookup, 0, 0, library_name, slots)
        descriptors += bytes(self.lookup - self.slot_bytes - len(descriptors))
        return bytes(thunks + descriptors + thunks + names)


def write_windows(layout: Layout, target: Target, options: LinkOptions) -> bytes:
    """Write a console executable or a DLL for Windows."""
    refuse_pointers_in_code(layout)
    imports = _ImportTables(layout.program.libraries)
    exports = _exports(options)
    text, constants, data = sections = _sections(layout, imports, options)
    constants.prefix_bytes = imports.size_bytes + (exports.size_bytes if exports else 0)
    end = SECTION_BYTES
    for section in sections:
        end = section.place(end)
    slots_address = IMAGE_BASE + constants.address
    slots = {name: slots_address + offset for name, offset in imports.slots.items()}
    bound = bind(layout, _bounds(layout, end), slots)
    text.fill(b"")
    tables = imports.contents(constants.address)
    exports_address = constants.address + len(tables)
    if exports is not None:
        places = {row: bound.globals[row] - IMAGE_BASE for row in exports.names}
        tables += exports.contents(exports_address, places)
    constants.fill(tables)
    data.fill(b"")
    relocations = _Section(b".reloc", _RELOCATIONS, ())
    relocations.data = _base_relocations(bound.pointers, text.address)
    relocations.address, relocations.size_bytes = end, len(relocations.data)
    directories = {_RELOCATION_DIRECTORY: (end, relocations.size_bytes)}
    if imports.libraries:
        descriptors = constants.address + imports.slot_bytes
        directories[_IMPORT_DIRECTORY] = (descriptors, imports.descriptor_bytes)
        directories[_SLOT_DIRECTORY] = (constants.address, imports.slot_bytes)
    if exports is not None:
        directories[_EXPORT_DIRECTORY] = (exports_address, exports.size_bytes)
    note = _note(options, relocations)
    present = [section for section in (*sections, relocations, note) if section.size_bytes]
    start = options.entry if options.library is None else options.library.start
    entry = bound.globals[start] - IMAGE_BASE if start else 0
    return _assemble(present, _Head(target, options, entry, directories))


def _exports(options: LinkOptions) -> "ExportTables | None":
    """Return the export tables of a library; a program has none."""
    if options.library is None:
        return None
    from mlrift.link.pe_exports import ExportTables  # noqa: PLC0415 - for libraries only

    return ExportTables(options.library)


def _note(options: LinkOptions, before: _Section) -> _Section:
    """Return the section, empty for programs, with what a library says to bindings."""
    note = _Section(b".mlrift", _NOTE, ())
    note.data = options.library.interface if options.library is not None else b""
    note.address = align_up(before.address + before.size_bytes, SECTION_BYTES)
    note.size_bytes = len(note.data)
    return note


@value
class _Head:
    """What the headers say beside the sections."""

    target: Target
    options: LinkOptions
    entry: int
    directories: dict[int, tuple[int, int]]


def _sections(
    layout: Layout, imports: _ImportTables, options: LinkOptions
) -> tuple[_Section, _Section, _Section]:
    executable = options.data_protection is DataProtection.READ_WRITE_EXECUTE
    data_flags = _EXECUTABLE_DATA if executable else _DATA
    constants = (layout.constant, layout.relocated)
    return (
        _Section(b".text", _CODE, (layout.code,)),
        _Section(b".rdata", _CONSTANT, constants, imports.size_bytes),
        _Section(b".data", data_flags, (layout.data, layout.zero)),
    )


def _bounds(layout: Layout, end: int) -> Bounds:
    """Return the linker's symbols; the loader relocates, so the RELA range is empty."""
    image_end = IMAGE_BASE + end
    bss_start = layout.zero.address if layout.zero.size_bytes else image_end
    return Bounds(IMAGE_BASE, bss_start, image_end, IMAGE_BASE, IMAGE_BASE)


def _base_relocations(pointers: list[Pointer], first_page: int) -> bytes:
    """Return `.reloc`: a block per 4 KiB page; never empty, or the image could not be moved."""
    pages: dict[int, list[int]] = {}
    for pointer in pointers:
        address = pointer.address - IMAGE_BASE
        pages.setdefault(address & -SECTION_BYTES, []).append(_DIR64 << 12 | address & 0xFFF)
    blocks: list[bytes] = []
    for page, entries in (pages or {first_page: [0, 0]}).items():
        if len(entries) & 1:
            entries.append(0)
        size_bytes = 8 + 2 * len(entries)
        blocks.append(struct.pack(f"<II{len(entries)}H", page, size_bytes, *entries))
    return b"".join(blocks)


def _assemble(sections: list[_Section], head: _Head) -> bytes:
    """Write headers and sections at file alignment."""
    header_bytes = align_up(
        len(_DOS_HEADER)
        + _COFF_HEADER.size
        + _OPTIONAL_HEADER.size
        + 8 * _DIRECTORIES
        + _SECTION_HEADER.size * len(sections),
        FILE_BYTES,
    )
    rows: list[bytes] = []
    body = bytearray()
    for section in sections:
        offset = header_bytes + len(body) if section.data else 0
        body += section.data
        body += bytes(-len(body) % FILE_BYTES)
        rows.append(
            _SECTION_HEADER.pack(
                section.name,
                section.size_bytes,
                section.address,
                align_up(len(section.data), FILE_BYTES),
                offset,
                *(0, 0, 0, 0),
                section.characteristics,
            )
        )
    headers = _headers(sections, head, header_bytes) + b"".join(rows)
    return headers.ljust(header_bytes, b"\0") + bytes(body)


def _headers(sections: list[_Section], head: _Head, header_bytes: int) -> bytes:
    """Return everything before the section table."""
    machine = head.target.cpu.pe_machine
    optional_bytes = _OPTIONAL_HEADER.size + 8 * _DIRECTORIES
    kind = _CHARACTERISTICS | (_IS_DLL if head.options.library is not None else 0)
    coff = (b"PE\0\0", machine, len(sections), 0, 0, 0, optional_bytes, kind)
    sizes = [align_up(len(section.data), FILE_BYTES) for section in sections]
    code_bytes, data_bytes = sizes[0], sum(sizes[1:])
    last = sections[-1]
    image_bytes = align_up(last.address + last.size_bytes, SECTION_BYTES)
    reserve = align_up(max(head.options.stack_bytes, _MINIMUM_STACK_BYTES), SECTION_BYTES)
    optional = _OPTIONAL_HEADER.pack(
        *(0x20B, 14, 0, code_bytes, data_bytes, 0, head.entry, sections[0].address),
        *(IMAGE_BASE, SECTION_BYTES, FILE_BYTES),
        *(6, 0, 0, 0, 6, 0),  # operating system, image, subsystem versions
        *(0, image_bytes, header_bytes, 0, 3, _DLL_CHARACTERISTICS),
        *(reserve, SECTION_BYTES, 1 << 20, SECTION_BYTES),
        *(0, _DIRECTORIES),
    )
    directories = [
        struct.pack("<II", *head.directories.get(index, (0, 0))) for index in range(_DIRECTORIES)
    ]
    return b"".join((_DOS_HEADER, _COFF_HEADER.pack(*coff), optional, *directories))
