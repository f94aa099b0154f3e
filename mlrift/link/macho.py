"""macOS executables: position-independent Mach-O with chained fixups and an ad-hoc signature.

Enters: a packed `Layout`. Leaves: the file's bytes: __TEXT (headers, code, constants),
__DATA_CONST (import slots, relocated constants), __DATA and __LINKEDIT, each on its own 16 KiB
pages in the order of file and memory. The UUID is a hash of the contents; the signature is last.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from mlrift.link.errors import LinkError
from mlrift.link.imports import SLOT_BYTES, SLOT_PREFIX, ImportedLibrary
from mlrift.link.layout import (
    Block,
    Bounds,
    Layout,
    align_up,
    bind,
    live_symbols,
    refuse_pointers_in_code,
    source_name,
)
from mlrift.link.macho_commands import (
    UUID_BYTES,
    CommandInputs,
    LinkEditPart,
    SectionRow,
    SegmentRow,
    commands_size_bytes,
    load_commands,
)
from mlrift.link.macho_fixups import (
    Fixup,
    FixupSegment,
    Import,
    bind_word,
    fixups_payload,
    rebase_word,
    write_chains,
)
from mlrift.link.objects import SectionKind
from mlrift.link.options import DEFAULT_STACK_BYTES, DataProtection, DebugInfo, LinkOptions
from mlrift.link.relocations import Pointer
from mlrift.link.signature import sign, signature_bytes
from mlrift.targets import ARM64, X86_64, Cpu, Target

IMAGE_BASE = 0x1_0000_0000
PAGE_BYTES = 0x4000

_LIBSYSTEM = "/usr/lib/libSystem.B.dylib"
_READ, _WRITE, _EXECUTE = 1, 2, 4
_READ_ONLY_AFTER_FIXUPS = 0x10
_CODE_FLAGS, _ZERO_FLAGS = 0x80000400, 1
_EXPORTS = b"\0\1__mh_execute_header\0\x17\2\0\0\0".ljust(32, b"\0")
_NLIST = struct.Struct("<IBBHQ")
_LOCAL_IN_SECTION, _TEXT_SECTION = 0x0E, 1
_SECTION_NAMES = {
    SectionKind.CODE: b"__text",
    SectionKind.CONSTANT: b"__const",
    SectionKind.RELOCATED_CONSTANT: b"__const",
    SectionKind.DATA: b"__data",
    SectionKind.ZERO: b"__bss",
}


class _Profile(NamedTuple):
    """What differs between the CPUs: oldest system, page of fixup chains."""

    minimum_version: int
    chain_page_bytes: int


_PROFILES = {
    X86_64.elf_machine: _Profile(13 << 16, 0x1000),
    ARM64.elf_machine: _Profile(12 << 16, 0x4000),
}


@dataclass(slots=True, eq=False)
class _Segment:
    """A segment with contents; `prefix_bytes` precede its blocks (headers or import slots)."""

    name: bytes
    protection: int
    flags: int
    prefix_bytes: int
    blocks: tuple[Block, ...]
    address: int = 0
    memory_bytes: int = 0
    offset: int = 0
    file_bytes: int = 0
    fixups: list[Fixup] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)

    def place(self, address: int, offset: int) -> None:
        """Give the segment and its blocks addresses and file offsets."""
        self.address, self.offset = address, offset
        end = address + self.prefix_bytes
        file_end = end
        for block in self.blocks:
            if block.align > PAGE_BYTES:
                raise LinkError(f"section {block.name}: alignment {block.align} exceeds a page")
            if block.size_bytes:
                end = align_up(end, block.align)
            block.address = end
            end += block.size_bytes
            if block.data:
                file_end = end
        self.memory_bytes = align_up(end - address, PAGE_BYTES)
        self.file_bytes = align_up(file_end - address, PAGE_BYTES)

    def fill(self, chain_page_bytes: int) -> None:
        """Assemble the bytes kept in the file and write the fixup chains."""
        self.data = bytearray(self.file_bytes)
        for block in self.blocks:
            start = block.address - self.address
            self.data[start : start + len(block.data)] = block.data
        write_chains(self.data, self.fixups, chain_page_bytes)

    def row(self) -> SegmentRow:
        """Return what the load commands say about the segment."""
        sections: list[SectionRow] = []
        if self.flags and self.prefix_bytes:
            slots = (self.address, self.prefix_bytes, self.offset)
            sections.append(SectionRow(b"__got", *slots, SLOT_BYTES, 0))
        sections += [self._section(block) for block in self.blocks if block.size_bytes]
        place = (self.address, self.memory_bytes, self.offset, self.file_bytes)
        return SegmentRow(self.name, *place, self.protection, self.flags, tuple(sections))

    def section_count(self) -> int:
        """Return how many sections the row will have; known before anything is placed."""
        slots = 1 if self.flags and self.prefix_bytes else 0
        return slots + sum([block.size_bytes > 0 for block in self.blocks])

    def _section(self, block: Block) -> SectionRow:
        flags = {SectionKind.CODE: _CODE_FLAGS, SectionKind.ZERO: _ZERO_FLAGS}.get(block.kind, 0)
        offset = self.offset + block.address - self.address if block.data else 0
        name = _SECTION_NAMES[block.kind]
        return SectionRow(name, block.address, block.size_bytes, offset, block.align, flags)


class _LinkEdit:
    """The parts of __LINKEDIT before the signature, each 8-byte aligned and in order."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.data = bytearray()

    def append(self, contents: bytes) -> LinkEditPart:
        """Add one part and return its place."""
        part = LinkEditPart(self.offset + len(self.data), len(contents))
        self.data += contents
        self.data += bytes(-len(self.data) % 8)
        return part


def write_macos(layout: Layout, target: Target, options: LinkOptions) -> bytes:
    """Write a signed executable for macOS."""
    refuse_pointers_in_code(layout)
    if options.data_protection is DataProtection.READ_WRITE_EXECUTE:
        raise LinkError("executable data is refused by this system: link without --exec-data")
    libraries = _libraries(layout)
    slots, imports = _slots(layout.program.libraries, libraries)
    segments = _segments(layout, len(imports))
    counts = [0, *[segment.section_count() for segment in segments], 0]
    segments[0].prefix_bytes = commands_size_bytes(counts, libraries)
    end, offset = IMAGE_BASE, 0
    for segment in segments:
        segment.place(end, offset)
        end += segment.memory_bytes
        offset += segment.file_bytes
    constants = segments[1].address if imports else 0
    addresses = {name: constants + SLOT_BYTES * index for index, name in enumerate(slots)}
    bound = bind(layout, _bounds(layout, end), addresses)
    _add_fixups(segments, len(imports), bound.pointers)
    profile = _PROFILES[target.cpu.elf_machine]
    for segment in segments:
        segment.fill(profile.chain_page_bytes)
    entry = bound.globals[options.entry]
    return _assemble(_Image(layout, target.cpu, options, segments, libraries, imports, entry))


class _Image(NamedTuple):
    """A placed and filled image, ready for its headers."""

    layout: Layout
    cpu: Cpu
    options: LinkOptions
    segments: list[_Segment]
    libraries: tuple[str, ...]
    imports: list[Import]
    entry: int


def _libraries(layout: Layout) -> tuple[str, ...]:
    """Return the libraries to load; libSystem is always one of them and the first."""
    names = [library.name for library in layout.program.libraries]
    return (_LIBSYSTEM, *[name for name in names if name != _LIBSYSTEM])


def _slots(
    imported: Iterable[ImportedLibrary], libraries: tuple[str, ...]
) -> tuple[list[str], list[Import]]:
    """Return the slot symbols in the order of the slots, and what each is bound to."""
    slots: list[str] = []
    imports: list[Import] = []
    for library in imported:
        ordinal = libraries.index(library.name) + 1
        for name, function in library.functions:
            slots.append(SLOT_PREFIX + name)
            imports.append(Import(ordinal, function))
    return slots, imports


def _segments(layout: Layout, slot_count: int) -> list[_Segment]:
    """Return the segments that have contents; constants with pointers follow the slots."""
    text = (layout.code, layout.constant)
    segments = [_Segment(b"__TEXT", _READ | _EXECUTE, 0, 0, text)]
    if slot_count or layout.relocated.size_bytes:
        slot_bytes, blocks = slot_count * SLOT_BYTES, (layout.relocated,)
        shape = (_READ | _WRITE, _READ_ONLY_AFTER_FIXUPS, slot_bytes, blocks)
        segments.append(_Segment(b"__DATA_CONST", *shape))
    if layout.data.size_bytes or layout.zero.size_bytes:
        data = (layout.data, layout.zero)
        segments.append(_Segment(b"__DATA", _READ | _WRITE, 0, 0, data))
    return segments


def _bounds(layout: Layout, end: int) -> Bounds:
    """Return the linker's symbols; the loader relocates, so the RELA range is empty."""
    bss_start = layout.zero.address if layout.zero.size_bytes else end
    return Bounds(IMAGE_BASE, bss_start, end, IMAGE_BASE, IMAGE_BASE)


def _add_fixups(segments: list[_Segment], slot_count: int, pointers: list[Pointer]) -> None:
    """Distribute slots to bind and pointers to slide over the segments."""
    if slot_count:
        segments[1].fixups = [Fixup(SLOT_BYTES * i, bind_word(i)) for i in range(slot_count)]
    remaining = iter(segments)
    segment = next(remaining)
    for pointer in pointers:
        while pointer.address >= segment.address + segment.memory_bytes:
            segment = next(remaining)
        word = rebase_word(pointer.value - IMAGE_BASE)
        segment.fixups.append(Fixup(pointer.address - segment.address, word))


def _assemble(image: _Image) -> bytes:
    """Write __LINKEDIT, load commands, UUID and signature around the segments."""
    segments = image.segments
    body = b"".join([segment.data for segment in segments])
    edit = _LinkEdit(len(body))
    fixups = edit.append(_fixups(image))
    exports = edit.append(_EXPORTS)
    table, strings = _symbols(image)
    symbols, names = edit.append(table), edit.append(strings)
    edit.data += bytes(-len(edit.data) % 16)
    limit = len(body) + len(edit.data)
    signature = LinkEditPart(limit, signature_bytes(limit, image.options.identifier))
    content = bytearray(body + edit.data)
    last = segments[-1]
    link_edit_bytes = limit + signature.size_bytes - len(body)
    inputs = CommandInputs(
        cpu_type=image.cpu.macho_cputype,
        cpu_subtype=image.cpu.macho_cpusubtype,
        minimum_version=_PROFILES[image.cpu.elf_machine].minimum_version,
        segments=(
            SegmentRow(b"__PAGEZERO", 0, IMAGE_BASE, 0, 0, 0, 0, ()),
            *[segment.row() for segment in segments],
            SegmentRow(
                b"__LINKEDIT",
                last.address + last.memory_bytes,
                align_up(link_edit_bytes, PAGE_BYTES),
                *(len(body), link_edit_bytes, _READ, 0, ()),
            ),
        ),
        libraries=image.libraries,
        fixups=fixups,
        exports=exports,
        symbols=symbols,
        symbol_count=len(table) // _NLIST.size,
        strings=names,
        signature=signature,
        uuid=_uuid(content),
        entry_offset=image.entry - IMAGE_BASE,
        stack_bytes=_stack_bytes(image.options),
    )
    commands = load_commands(inputs)
    content[: len(commands)] = commands
    return bytes(content) + sign(content, image.options.identifier, segments[0].file_bytes)


def _fixups(image: _Image) -> bytes:
    """Return the fixups payload; __PAGEZERO and __LINKEDIT count but have none."""
    rows = [
        FixupSegment(segment.address - IMAGE_BASE, segment.memory_bytes, segment.fixups)
        for segment in image.segments
    ]
    empty = FixupSegment(0, 0, ())
    page_bytes = _PROFILES[image.cpu.elf_machine].chain_page_bytes
    return fixups_payload((empty, *rows, empty), image.imports, page_bytes)


def _symbols(image: _Image) -> tuple[bytes, bytes]:
    """Return symbol table and names: the functions if debug information is kept, else none."""
    table, names = bytearray(), bytearray(b" \0")
    if image.options.debug is DebugInfo.KEEP:
        for symbol, block, address in live_symbols(image.layout):
            if symbol.is_function and block.kind is SectionKind.CODE:
                row = (len(names), _LOCAL_IN_SECTION, _TEXT_SECTION, 0, address)
                table += _NLIST.pack(*row)
                names += b"_" + source_name(symbol).encode() + b"\0"
    return bytes(table), bytes(names.ljust(align_up(len(names), 8), b"\0"))


def _uuid(content: bytearray) -> bytes:
    """Return a name-based (version 5 layout) UUID of everything but headers and signature."""
    digest = bytearray(sha256(content).digest()[:UUID_BYTES])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def _stack_bytes(options: LinkOptions) -> int:
    """Return the main thread's stack for LC_MAIN, where zero means the system's 8 MiB."""
    if options.stack_bytes == DEFAULT_STACK_BYTES:
        return 0
    return align_up(options.stack_bytes, PAGE_BYTES)
