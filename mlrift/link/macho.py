"""macOS images: position-independent Mach-O with chained fixups and an ad-hoc signature.

Enters: a packed `Layout`. Leaves: the file's bytes, of a program or a library: __TEXT (headers,
code, constants), __DATA_CONST (import slots, relocated constants), __DATA and __LINKEDIT, each on
its own 16 KiB pages in the order of file and memory. The UUID is a hash of the contents; the
signature is last. A library starts at address 0 and has neither an entry nor a __PAGEZERO.
"""

import struct
from collections.abc import Iterable

from mlrift.digests import sha256
from mlrift.link.errors import LinkError
from mlrift.link.imports import SLOT_BYTES, SLOT_PREFIX, ImportedLibrary
from mlrift.link.layout import (
    Block,
    Bound,
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
from mlrift.link.macho_library import SECTION_FLAGS, LibraryBlocks, library_blocks
from mlrift.link.objects import SectionKind
from mlrift.link.options import DEFAULT_STACK_BYTES, DataProtection, DebugInfo, LinkOptions
from mlrift.link.relocations import Pointer
from mlrift.link.signature import TextKind, sign, signature_bytes
from mlrift.targets import ARM64, X86_64, Cpu, Target
from mlrift.values import field, record, value

IMAGE_BASE = 0x1_0000_0000
PAGE_BYTES = 0x4000

_LIBSYSTEM = "/usr/lib/libSystem.B.dylib"
_READ, _WRITE, _EXECUTE = 1, 2, 4
_READ_ONLY_AFTER_FIXUPS = 0x10
_CODE_FLAGS, _ZERO_FLAGS = 0x80000400, 1
_EXPORTS = b"\0\1__mh_execute_header\0\x17\2\0\0\0".ljust(32, b"\0")
_NLIST = struct.Struct("<IBBHQ")
_LOCAL_IN_SECTION, _GLOBAL_IN_SECTION, _TEXT_SECTION = 0x0E, 0x0F, 1
_SECTION_NAMES = {
    SectionKind.CODE: b"__text",
    SectionKind.CONSTANT: b"__const",
    SectionKind.RELOCATED_CONSTANT: b"__const",
    SectionKind.DATA: b"__data",
    SectionKind.ZERO: b"__bss",
}


@value
class _Profile:
    """What differs between the CPUs: oldest system, page of fixup chains."""

    minimum_version: int
    chain_page_bytes: int


_PROFILES = {
    X86_64.elf_machine: _Profile(13 << 16, 0x1000),
    ARM64.elf_machine: _Profile(12 << 16, 0x4000),
}


@record
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
        flags |= SECTION_FLAGS.get(block.name, 0)
        offset = self.offset + block.address - self.address if block.data else 0
        name = block.name.encode() if block.name in SECTION_FLAGS else _SECTION_NAMES[block.kind]
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
    """Write a signed executable or library for macOS."""
    refuse_pointers_in_code(layout)
    if options.data_protection is DataProtection.READ_WRITE_EXECUTE:
        raise LinkError("executable data is refused by this system: link without --exec-data")
    libraries = _libraries(layout)
    slots, imports = _slots(layout.program.libraries, libraries)
    extras = library_blocks(options.library)
    segments = _segments(layout, len(imports), extras)
    own_name = _install_name(options)
    base = 0 if own_name else IMAGE_BASE
    counts = [*([] if own_name else [0]), *[row.section_count() for row in segments], 0]
    segments[0].prefix_bytes = commands_size_bytes(counts, libraries, own_name)
    end, offset = base, 0
    for segment in segments:
        segment.place(end, offset)
        end += segment.memory_bytes
        offset += segment.file_bytes
    constants = segments[1].address if imports else 0
    addresses = {name: constants + SLOT_BYTES * index for index, name in enumerate(slots)}
    bound = bind(layout, _bounds(layout, base, end), addresses)
    pointers = [*bound.pointers, *extras.bind(options.library, bound.globals, base)]
    pointers.sort(key=lambda row: row.address)
    _add_fixups(segments, len(imports), pointers, base)
    profile = _PROFILES[target.cpu.elf_machine]
    for segment in segments:
        segment.fill(profile.chain_page_bytes)
    entry = 0 if own_name else bound.globals[options.entry] - base
    exports = _exports(options, bound)
    return _assemble(
        _Image(layout, target.cpu, options, segments, libraries, imports, entry, base, exports)
    )


def _install_name(options: LinkOptions) -> str:
    """Return the name by which programs ask for a library; empty for a program."""
    return f"@rpath/{options.library.file_name}" if options.library is not None else ""


def _exports(options: LinkOptions, bound: Bound) -> dict[str, int]:
    """Return the addresses of the symbols that a library exports."""
    exports = options.library.exports if options.library is not None else ()
    return {row.name: bound.globals[row.name] for row in exports}


@value
class _Image:
    """A placed and filled image, ready for its headers."""

    layout: Layout
    cpu: Cpu
    options: LinkOptions
    segments: list[_Segment]
    libraries: tuple[str, ...]
    imports: list[Import]
    entry: int
    base: int
    exports: dict[str, int]


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


def _segments(layout: Layout, slot_count: int, extras: LibraryBlocks) -> list[_Segment]:
    """Return the segments that have contents; constants with pointers follow the slots."""
    text = (layout.code, layout.constant, extras.starts, extras.interface)
    segments = [_Segment(b"__TEXT", _READ | _EXECUTE, 0, 0, text)]
    if slot_count or layout.relocated.size_bytes or extras.ends.size_bytes:
        slot_bytes, blocks = slot_count * SLOT_BYTES, (layout.relocated, extras.ends)
        shape = (_READ | _WRITE, _READ_ONLY_AFTER_FIXUPS, slot_bytes, blocks)
        segments.append(_Segment(b"__DATA_CONST", *shape))
    if layout.data.size_bytes or layout.zero.size_bytes:
        data = (layout.data, layout.zero)
        segments.append(_Segment(b"__DATA", _READ | _WRITE, 0, 0, data))
    return segments


def _bounds(layout: Layout, base: int, end: int) -> Bounds:
    """Return the linker's symbols; the loader relocates, so the RELA range is empty."""
    bss_start = layout.zero.address if layout.zero.size_bytes else end
    return Bounds(base, bss_start, end, base, base)


def _add_fixups(
    segments: list[_Segment], slot_count: int, pointers: list[Pointer], base: int
) -> None:
    """Distribute slots to bind and pointers to slide over the segments."""
    if slot_count:
        segments[1].fixups = [Fixup(SLOT_BYTES * i, bind_word(i)) for i in range(slot_count)]
    remaining = iter(segments)
    segment = next(remaining)
    for pointer in pointers:
        while pointer.address >= segment.address + segment.memory_bytes:
            segment = next(remaining)
        word = rebase_word(pointer.value - base)
        segment.fixups.append(Fixup(pointer.address - segment.address, word))


def _assemble(image: _Image) -> bytes:
    """Write __LINKEDIT, load commands, UUID and signature around the segments."""
    segments = image.segments
    body = b"".join([segment.data for segment in segments])
    edit = _LinkEdit(len(body))
    fixups = edit.append(_fixups(image))
    exports = edit.append(_trie(image))
    table, strings, local_count = _symbols(image)
    symbols, names = edit.append(table), edit.append(strings)
    edit.data += bytes(-len(edit.data) % 16)
    limit = len(body) + len(edit.data)
    signature = LinkEditPart(limit, signature_bytes(limit, image.options.identifier))
    content = bytearray(body + edit.data)
    inputs = CommandInputs(
        cpu_type=image.cpu.macho_cputype,
        cpu_subtype=image.cpu.macho_cpusubtype,
        minimum_version=_PROFILES[image.cpu.elf_machine].minimum_version,
        segments=_segment_rows(image, len(body), limit + signature.size_bytes),
        libraries=image.libraries,
        fixups=fixups,
        exports=exports,
        symbols=symbols,
        symbol_count=len(table) // _NLIST.size,
        local_count=local_count,
        strings=names,
        signature=signature,
        uuid=_uuid(content),
        entry_offset=image.entry,
        stack_bytes=_stack_bytes(image.options),
        install_name=_install_name(image.options),
    )
    commands = load_commands(inputs)
    content[: len(commands)] = commands
    kind = TextKind.PROGRAM if image.base else TextKind.LIBRARY
    text_bytes = segments[0].file_bytes
    return bytes(content) + sign(content, image.options.identifier, text_bytes, kind)


def _segment_rows(image: _Image, offset: int, file_bytes: int) -> tuple[SegmentRow, ...]:
    """Return the rows of all segments; __LINKEDIT goes from `offset` to the end of the file."""
    last = image.segments[-1]
    link_edit_bytes = file_bytes - offset
    link_edit = SegmentRow(
        b"__LINKEDIT",
        last.address + last.memory_bytes,
        align_up(link_edit_bytes, PAGE_BYTES),
        *(offset, link_edit_bytes, _READ, 0, ()),
    )
    page_zero = SegmentRow(b"__PAGEZERO", 0, image.base, 0, 0, 0, 0, ())
    leading = (page_zero,) if image.base else ()
    return (*leading, *[segment.row() for segment in image.segments], link_edit)


def _trie(image: _Image) -> bytes:
    """Return the exports trie: of a program only its header is visible."""
    if image.options.library is None:
        return _EXPORTS
    from mlrift.link.macho_exports import exports_trie  # noqa: PLC0415 - for libraries only

    return exports_trie({"_" + name: address for name, address in image.exports.items()})


def _fixups(image: _Image) -> bytes:
    """Return the fixups payload; __PAGEZERO and __LINKEDIT count but have none."""
    rows = [
        FixupSegment(segment.address - image.base, segment.memory_bytes, segment.fixups)
        for segment in image.segments
    ]
    empty = FixupSegment(0, 0, ())
    page_bytes = _PROFILES[image.cpu.elf_machine].chain_page_bytes
    leading = (empty,) if image.base else ()
    return fixups_payload((*leading, *rows, empty), image.imports, page_bytes)


def _symbols(image: _Image) -> tuple[bytes, bytes, int]:
    """Return symbol table, names and the number of local symbols.

    Functions are there if debug information is kept, and what a library exports.
    """
    table, names = bytearray(), bytearray(b" \0")
    if image.options.debug is DebugInfo.KEEP:
        for symbol, block, address in live_symbols(image.layout):
            if symbol.is_function and block.kind is SectionKind.CODE:
                row = (len(names), _LOCAL_IN_SECTION, _TEXT_SECTION, 0, address)
                table += _NLIST.pack(*row)
                names += b"_" + source_name(symbol).encode() + b"\0"
    local_count = len(table) // _NLIST.size
    for name, address in sorted(image.exports.items()):
        section = _section_number(image, address)
        table += _NLIST.pack(len(names), _GLOBAL_IN_SECTION, section, 0, address)
        names += b"_" + name.encode() + b"\0"
    return bytes(table), bytes(names.ljust(align_up(len(names), 8), b"\0")), local_count


def _section_number(image: _Image, address: int) -> int:
    """Return the number of the section that holds an address; sections count from 1."""
    rows = [row for segment in image.segments for row in segment.row().sections]
    for number, row in enumerate(rows, 1):
        if row.address <= address < row.address + row.size_bytes:
            return number
    raise LinkError(f"no section holds the exported address {address:#x}")


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
