"""Linux executables: static ET_EXEC at a fixed address, and what both ELF containers share.

Enters: a packed `Layout`. Leaves: the file's bytes. The file is dense: each segment takes the
next page of addresses at the remainder its file offset has, so pages of the file may be mapped
twice with different rights, and no mapping is both writable and executable unless asked for.
"""

import struct
from collections.abc import Sequence

from mlrift.link.elf_sections import SHT_PROGBITS, Row, Sections, Trailer
from mlrift.link.errors import LinkError
from mlrift.link.layout import Block, Bounds, Layout, align_up, bind
from mlrift.link.objects import SectionKind
from mlrift.link.options import DataProtection, DebugInfo, LinkOptions
from mlrift.targets import Target
from mlrift.values import record, value

PF_X, PF_W, PF_R = 1, 2, 4
PT_LOAD, PT_GNU_STACK = 1, 0x6474E551
FILE_HEADER_BYTES, PROGRAM_HEADER_BYTES = 64, 56

IMAGE_BASE = 0x400000
# Constants up to this size ride in the code segment, which saves a program header and a mapping.
SHARED_CONSTANT_BYTES = 4096

_FILE_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_IDENT = b"\x7fELF\x02\x01\x01"
_ET_EXEC = 2


@value
class ProgramHeader:
    """One row of the program header table."""

    kind: int
    flags: int
    offset: int
    address: int
    file_bytes: int
    memory_bytes: int
    align: int

    def pack(self) -> bytes:
        """Return the row's bytes; virtual and physical address are equal."""
        place = (self.offset, self.address, self.address, self.file_bytes, self.memory_bytes)
        return _PROGRAM_HEADER.pack(self.kind, self.flags, *place, self.align)


@record
class Segment:
    """Blocks mapped with the same rights; placed by `place_segments`."""

    flags: int
    blocks: tuple[Block, ...]
    offset: int = 0
    address: int = 0
    file_bytes: int = 0
    memory_bytes: int = 0

    @property
    def end(self) -> int:
        """Return the first address after the segment."""
        return self.address + self.memory_bytes

    def header(self, page_bytes: int) -> bytes:
        """Return the PT_LOAD program header."""
        place = (self.offset, self.address, self.file_bytes, self.memory_bytes)
        return ProgramHeader(PT_LOAD, self.flags, *place, page_bytes).pack()


@value
class Identity:
    """What the ELF file header says beside the tables."""

    type: int
    machine: int
    entry: int


def write_static(layout: Layout, target: Target, options: LinkOptions) -> bytes:
    """Write a static executable for Linux."""
    page_bytes = target.cpu.elf_page_bytes
    segments = _segments(layout, options)
    header_bytes = FILE_HEADER_BYTES + PROGRAM_HEADER_BYTES * (len(segments) + 1)
    file_bytes = place_segments(segments, header_bytes, IMAGE_BASE, page_bytes)
    bound = bind(layout, image_bounds(segments, layout, (IMAGE_BASE, IMAGE_BASE)), {})
    trailer = None
    if options.debug is DebugInfo.KEEP:
        sections = Sections(file_bytes)
        sections.add_blocks(layout)
        add_debug(layout, sections)
        trailer = sections.finish()
    headers = [segment.header(page_bytes) for segment in segments] + [stack_header()]
    identity = Identity(_ET_EXEC, target.cpu.elf_machine, bound.globals[options.entry])
    image = bytearray(file_bytes)
    image[:header_bytes] = file_header(identity, len(headers), trailer) + b"".join(headers)
    copy_segments(image, segments)
    return bytes(image + trailer.data) if trailer else bytes(image)


def place_segments(
    segments: Sequence[Segment], header_bytes: int, base: int, page_bytes: int
) -> int:
    """Give segments and blocks their offsets and addresses; return the file's size.

    The first segment also holds the headers: it starts at file offset 0 and address `base`.
    """
    offset, address = header_bytes, base + header_bytes
    for index, segment in enumerate(segments):
        if index:
            offset = align_up(offset, max(block.align for block in segment.blocks))
            address = align_up(segments[index - 1].end, page_bytes)
            if any(block.size_bytes and block.data for block in segment.blocks):
                address += offset % page_bytes
        segment.offset, segment.address = (offset, address) if index else (0, base)
        start = address if index else base
        offset, address = _place_blocks(segment, offset, address, page_bytes)
        segment.memory_bytes = address - start
        segment.file_bytes = offset - segment.offset
        if not segment.file_bytes:
            segment.offset = 0
    return offset


def image_bounds(segments: Sequence[Segment], layout: Layout, rela: tuple[int, int]) -> Bounds:
    """Return the addresses that the linker defines, from placed segments."""
    end = segments[-1].end
    bss_start = layout.zero.address if layout.zero.size_bytes else end
    return Bounds(segments[0].address, bss_start, end, *rela)


def copy_segments(image: bytearray, segments: Sequence[Segment]) -> None:
    """Copy the bytes of every block into the file."""
    for segment in segments:
        for block in segment.blocks:
            image[block.file_offset : block.file_offset + len(block.data)] = block.data


def data_flags(options: LinkOptions) -> int:
    """Return the rights of the data segment."""
    executable = options.data_protection is DataProtection.READ_WRITE_EXECUTE
    return PF_R | PF_W | (PF_X if executable else 0)


def add_debug(layout: Layout, sections: Sections) -> None:
    """Append relocated debug sections and the symbol table."""
    for block in layout.debug:
        row = Row(block.name, SHT_PROGBITS, 0, 0, 0, 0, block.align)
        sections.append(row, bytes(block.data))
    sections.add_symbols(layout)


def file_header(identity: Identity, header_count: int, trailer: Trailer | None) -> bytes:
    """Return the 64 bytes at the start of the file."""
    table = (
        (trailer.table_offset, trailer.section_count, trailer.names_index) if trailer else (0, 0, 0)
    )
    return _FILE_HEADER.pack(
        _IDENT,
        identity.type,
        identity.machine,
        1,
        identity.entry,
        FILE_HEADER_BYTES,
        table[0],
        0,
        FILE_HEADER_BYTES,
        PROGRAM_HEADER_BYTES,
        header_count,
        64,
        table[1],
        table[2],
    )


def stack_header() -> bytes:
    """Return the header that asks for a stack without execute permission."""
    return ProgramHeader(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 16).pack()


def _segments(layout: Layout, options: LinkOptions) -> list[Segment]:
    """Choose segments: small constants share the code's, empty ones do not exist."""
    constants = (layout.constant, layout.relocated)
    size_bytes = sum(block.size_bytes for block in constants)
    shared = size_bytes <= SHARED_CONSTANT_BYTES
    segments = [Segment(PF_R | PF_X, (layout.code, *constants) if shared else (layout.code,))]
    if not shared:
        segments.append(Segment(PF_R, constants))
    return segments + data_segments((layout.data, layout.zero), options)


def data_segments(blocks: tuple[Block, ...], options: LinkOptions) -> list[Segment]:
    """Return the writable segment, unless there is nothing to write to."""
    if not any(block.size_bytes for block in blocks):
        return []
    return [Segment(data_flags(options), blocks)]


def _place_blocks(segment: Segment, offset: int, address: int, page_bytes: int) -> tuple[int, int]:
    """Place blocks one after another; return where file and memory continue."""
    for block in segment.blocks:
        if block.align > page_bytes:
            raise LinkError(f"section {block.name}: alignment {block.align} exceeds a page")
        gap = -address & (block.align - 1) if block.size_bytes else 0
        address += gap
        if block.kind is not SectionKind.ZERO:
            offset += gap
        block.address, block.file_offset = address, offset
        address += block.size_bytes
        offset += len(block.data)
    return offset, address
