"""ELF images that a dynamic linker prepares: Android's programs, Linux programs that call C
libraries, and shared libraries.

Enters: a packed `Layout` and the system's `DynamicProfile`. Leaves: the file's bytes: loader tables
and code in one read-execute segment; what only the dynamic linker writes in a segment that is read
only once it is done; the variables in a read-write segment; real section headers. Slots are bound
before anything runs, never later.
"""

from collections.abc import Mapping, Sequence

from mlrift.link.elf import (
    FILE_HEADER_BYTES,
    PF_R,
    PF_W,
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
from mlrift.link.elf_loader_tables import (
    DYNAMIC_ENTRY,
    FINI_ARRAY,
    INIT_ARRAY,
    RELA,
    DefinedSymbol,
    DynamicPlace,
    DynamicProfile,
    LoaderNeeds,
    LoaderTables,
)
from mlrift.link.elf_sections import (
    SHF_ALLOC,
    SHF_WRITE,
    SHT_DYNAMIC,
    SHT_PROGBITS,
    Row,
    Sections,
)
from mlrift.link.imports import SLOT_BYTES
from mlrift.link.layout import Block, Bound, Layout, align_up, bind, live_symbols
from mlrift.link.objects import SectionKind
from mlrift.link.options import DebugInfo, LinkOptions
from mlrift.link.relocations import Pointer
from mlrift.targets import Target
from mlrift.values import value

ET_EXEC, ET_DYN = 2, 3

_ARRAY_KINDS = {INIT_ARRAY: 14, FINI_ARRAY: 15}
_PT_DYNAMIC, _PT_INTERP, _PT_PHDR, _PT_GNU_RELRO = 2, 3, 6, 0x6474E552
# What a library says to bindings; nothing that runs needs it, so no segment holds it.
_INTERFACE_SECTION = ".mlrift.interface"


@value
class _Image:
    """An image whose segments are chosen; `frozen` is read-only once everything is bound."""

    layout: Layout
    options: LinkOptions
    tables: LoaderTables
    dynamic: Block
    slots: Block
    segments: list[Segment]
    frozen: Segment | None
    header_count: int


def write_dynamic(
    layout: Layout, target: Target, options: LinkOptions, profile: DynamicProfile
) -> bytes:
    """Write a program or a library for the dynamic linker of a profile."""
    image = _arrange(layout, options, profile)
    tables, segments = image.tables, image.segments
    file_bytes = place_segments(segments, tables.end, profile.base, profile.page_bytes)
    if image.frozen is not None:
        _fill_pages(image.frozen, profile.page_bytes)
    first_slot = image.slots.address
    addresses = [first_slot + SLOT_BYTES * index for index in range(len(tables.slot_names))]
    bound = _bind(image, dict(zip(tables.slot_names, addresses, strict=True)))
    image.dynamic.data[:] = tables.dynamic()
    sections = _describe(image, file_bytes)
    defined = _defined_symbols(image, sections, bound)
    trailer = sections.finish()
    entry = 0 if options.library is not None else bound.globals[options.entry]
    pointers = [*bound.pointers, *_array_pointers(image, bound)]
    if not tables.needs.relative_count:
        pointers = []
    identity = Identity(profile.type, target.cpu.elf_machine, entry)
    made = bytearray(file_bytes)
    made[: tables.end] = b"".join(
        (
            file_header(identity, image.header_count, trailer),
            *_program_headers(image),
            tables.contents(pointers, addresses, defined, target.cpu.elf_machine),
        )
    )
    copy_segments(made, segments)
    return bytes(made + trailer.data)


def _arrange(layout: Layout, options: LinkOptions, profile: DynamicProfile) -> _Image:
    """Choose the segments and the tables, whose size depends on how many segments there are."""
    moves = profile.type == ET_DYN
    program = layout.program
    slot_count = sum(len(library.functions) for library in program.libraries)
    slot_count += len(program.own_slots)
    is_written = profile.dynamic_place is DynamicPlace.WRITTEN or slot_count > 0
    arrays = _arrays(options)
    needs = LoaderNeeds(
        program.libraries,
        program.own_slots,
        layout.pointer_count + len(arrays) if moves else 0,
        options.library,
        is_written and options.library is None,
        arrays,
    )
    slots = Block(".got", SectionKind.DATA, SLOT_BYTES, SLOT_BYTES * slot_count)
    dynamic = Block(".dynamic", SectionKind.DATA, 8)
    dynamic.size_bytes = LoaderTables(0, profile, needs).dynamic_bytes
    for block in (slots, dynamic):
        block.fill()
    constants = [layout.constant] if moves else [layout.constant, layout.relocated]
    bound_once = [*([dynamic] if is_written else []), *arrays.values(), slots]
    if moves:
        bound_once.append(layout.relocated)
    leading = () if is_written else (dynamic,)
    segments = _constant_segments(layout, constants, leading)
    frozen = None
    if any(block.size_bytes for block in bound_once):
        frozen = Segment(PF_R | PF_W, tuple(bound_once))
        segments.append(frozen)
    segments += data_segments((layout.data, layout.zero), options)
    header_count = len(segments) + (2 if profile.interpreter else 0) + (3 if frozen else 2)
    tables_start = FILE_HEADER_BYTES + PROGRAM_HEADER_BYTES * header_count
    tables = LoaderTables(tables_start, profile, needs)
    return _Image(layout, options, tables, dynamic, slots, segments, frozen, header_count)


def _arrays(options: LinkOptions) -> dict[str, Block]:
    """Return the arrays of functions that the dynamic linker calls, one function each."""
    library = options.library
    names = {INIT_ARRAY: library.start, FINI_ARRAY: library.end} if library is not None else {}
    arrays = {
        name: Block(name, SectionKind.DATA, SLOT_BYTES, SLOT_BYTES)
        for name, symbol in names.items()
        if symbol
    }
    for block in arrays.values():
        block.fill()
    return arrays


def _array_pointers(image: _Image, bound: Bound) -> list[Pointer]:
    """Return where the arrays point."""
    library = image.options.library
    if library is None:
        return []
    symbols = {INIT_ARRAY: library.start, FINI_ARRAY: library.end}
    return [
        Pointer(block.address, bound.globals[symbols[name]])
        for name, block in image.tables.needs.arrays.items()
    ]


def _constant_segments(
    layout: Layout, constants: Sequence[Block], leading: tuple[Block, ...]
) -> list[Segment]:
    """Small constants share the code's segment."""
    shared = sum(block.size_bytes for block in constants) <= SHARED_CONSTANT_BYTES
    if shared:
        return [Segment(PF_R | PF_X, (*leading, layout.code, *constants))]
    code = Segment(PF_R | PF_X, (*leading, layout.code))
    return [code, Segment(PF_R, tuple(constants))]


def _fill_pages(frozen: Segment, page_bytes: int) -> None:
    """Extend a segment to the end of its last page: rights are those of whole pages."""
    frozen.memory_bytes = align_up(frozen.end, page_bytes) - frozen.address


def _bind(image: _Image, slot_symbols: Mapping[str, int]) -> Bound:
    """Patch the blocks; the range of relocations that a program may apply itself is relative."""
    tables = image.tables
    start = tables.profile.base + tables.rela
    end = start + RELA.size * tables.needs.relative_count
    bounds = image_bounds(image.segments, image.layout, (start, end))
    return bind(image.layout, bounds, slot_symbols)


def _describe(image: _Image, file_bytes: int) -> Sections:
    """Return the section headers, the debug sections when they are kept, and the interface."""
    sections = Sections(file_bytes)
    image.tables.describe(sections)
    rows = [(image.dynamic, SHT_DYNAMIC, ".dynstr", DYNAMIC_ENTRY.size)]
    for name, block in image.tables.needs.arrays.items():
        rows.append((block, _ARRAY_KINDS[name], "", SLOT_BYTES))
    is_written = image.frozen is not None and image.dynamic in image.frozen.blocks
    flags = SHF_ALLOC | (SHF_WRITE if is_written else 0)
    for block, kind, link, entry_bytes in (*rows, (image.slots, SHT_PROGBITS, "", 0)):
        if block.size_bytes:
            place = (block.address, block.file_offset, block.size_bytes, block.align)
            sections.add(Row(block.name, kind, flags, *place, link, 0, entry_bytes))
    sections.add_blocks(image.layout)
    if image.options.debug is DebugInfo.KEEP:
        add_debug(image.layout, sections)
    library = image.options.library
    if library is not None and library.interface:
        row = Row(_INTERFACE_SECTION, SHT_PROGBITS, 0, 0, 0, 0, 1)
        sections.append(row, library.interface)
    return sections


def _defined_symbols(image: _Image, sections: Sections, bound: Bound) -> dict[str, DefinedSymbol]:
    """Return where the exported symbols are."""
    if image.options.library is None:
        return {}
    indexes = {row.name: index for index, row in enumerate(sections.rows)}
    names = {row.name for row in image.options.library.exports}
    return {
        symbol.name: DefinedSymbol(indexes[block.name], address, symbol.size_bytes)
        for symbol, block, address in live_symbols(image.layout)
        if symbol.name in names and bound.globals.get(symbol.name) == address
    }


def _program_headers(image: _Image) -> list[bytes]:
    """Return PHDR and INTERP first, as the specification orders them, then the rest."""
    tables, profile = image.tables, image.tables.profile
    rows: list[ProgramHeader] = []
    if profile.interpreter:
        table_bytes = PROGRAM_HEADER_BYTES * image.header_count
        interpreter_bytes = len(profile.interpreter)
        for kind, offset, size_bytes, align in (
            (_PT_PHDR, FILE_HEADER_BYTES, table_bytes, 8),
            (_PT_INTERP, tables.interpreter, interpreter_bytes, 1),
        ):
            place = (offset, profile.base + offset, size_bytes, size_bytes)
            rows.append(ProgramHeader(kind, PF_R, *place, align))
    loads = [segment.header(profile.page_bytes) for segment in image.segments]
    dynamic, frozen = image.dynamic, image.frozen
    is_written = frozen is not None and dynamic in frozen.blocks
    place = (dynamic.file_offset, dynamic.address, dynamic.size_bytes, dynamic.size_bytes)
    tail = [ProgramHeader(_PT_DYNAMIC, PF_R | (PF_W if is_written else 0), *place, 8)]
    if frozen is not None:
        extent = (frozen.offset, frozen.address, frozen.file_bytes, frozen.memory_bytes)
        tail.append(ProgramHeader(_PT_GNU_RELRO, PF_R, *extent, 1))
    heads = [row.pack() for row in rows]
    return [*heads, *loads, *[row.pack() for row in tail], stack_header()]
