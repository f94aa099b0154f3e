"""Mach-O header and load commands as bytes.

Enters: segments with final places, and the parts of __LINKEDIT. Leaves: the start of the file.
The size depends only on which segments, sections and libraries there are, so it is known before
anything is placed.
"""

import struct
from collections.abc import Sequence

from mlrift.link.layout import align_up
from mlrift.values import value

UUID_BYTES = 16

_HEADER = struct.Struct("<IIIIIIII")
_SEGMENT = struct.Struct("<II16sQQQQiiII")
_SECTION = struct.Struct("<16s16sQQIIIIIIII")
_MAGIC, _EXECUTE, _LIBRARY = 0xFEEDFACF, 2, 6
_FLAGS = 0x200085  # no undefined symbols, dynamic linker, two-level names, PIE
_LIBRARY_FLAGS = 0x100085  # the same without PIE, and no re-exported libraries
_REQUIRED = 0x80000000
_LC_SYMTAB, _LC_DYSYMTAB, _LC_LOAD_DYLIB, _LC_LOAD_DYLINKER = 0x2, 0xB, 0xC, 0xE
_LC_SEGMENT_64, _LC_UUID, _LC_CODE_SIGNATURE = 0x19, 0x1B, 0x1D
_LC_MAIN, _LC_SOURCE_VERSION, _LC_BUILD_VERSION = 0x28 | _REQUIRED, 0x2A, 0x32
_LC_EXPORTS_TRIE, _LC_CHAINED_FIXUPS = 0x33 | _REQUIRED, 0x34 | _REQUIRED
_DYLINKER = b"/usr/lib/dyld"
_PLATFORM_MACOS = 1
_SDK_VERSION = 14 << 16
_LC_ID_DYLIB = 0xD
_FIXED_BYTES = 16 + 16 + 24 + 80 + 24 + 24 + 16 + 16
_PROGRAM_BYTES = 32 + 24


@value
class SectionRow:
    """A section inside a segment; `offset` is 0 for zeroed memory."""

    name: bytes
    address: int
    size_bytes: int
    offset: int
    align: int
    flags: int


@value
class SegmentRow:
    """A segment: where it lies in memory and file, its rights, flags and sections."""

    name: bytes
    address: int
    memory_bytes: int
    offset: int
    file_bytes: int
    protection: int
    flags: int
    sections: tuple[SectionRow, ...]


@value
class LinkEditPart:
    """A run of bytes in __LINKEDIT, by file offset."""

    offset: int
    size_bytes: int


@value
class CommandInputs:
    """Everything that the header and the load commands say; libraries have an `install_name`."""

    cpu_type: int
    cpu_subtype: int
    minimum_version: int
    segments: tuple[SegmentRow, ...]
    libraries: tuple[str, ...]
    fixups: LinkEditPart
    exports: LinkEditPart
    symbols: LinkEditPart
    symbol_count: int
    strings: LinkEditPart
    signature: LinkEditPart
    uuid: bytes
    entry_offset: int
    stack_bytes: int
    local_count: int
    install_name: str


def commands_size_bytes(
    section_counts: Sequence[int], libraries: Sequence[str], install_name: str
) -> int:
    """Return the size of header and commands for segments with these numbers of sections."""
    segments = sum(_SEGMENT.size + _SECTION.size * count for count in section_counts)
    names = sum(_dylib_size_bytes(name) for name in libraries)
    own_bytes = _dylib_size_bytes(install_name) if install_name else _PROGRAM_BYTES
    return _HEADER.size + segments + names + own_bytes + _FIXED_BYTES


def load_commands(inputs: CommandInputs) -> bytes:
    """Return the header followed by all load commands."""
    commands = [_segment(row) for row in inputs.segments]
    exported_count = inputs.symbol_count - inputs.local_count
    commands += [
        _linkedit(_LC_CHAINED_FIXUPS, inputs.fixups),
        _linkedit(_LC_EXPORTS_TRIE, inputs.exports),
        _symtab(inputs),
        struct.pack("<4I", _LC_DYSYMTAB, 80, 0, inputs.local_count)
        + struct.pack("<4I", inputs.local_count, exported_count, inputs.symbol_count, 0)
        + bytes(48),
        struct.pack("<II", _LC_UUID, 24) + inputs.uuid,
        struct.pack(
            "<6I", _LC_BUILD_VERSION, 24, _PLATFORM_MACOS, inputs.minimum_version, _SDK_VERSION, 0
        ),
        *_own_commands(inputs),
    ]
    for name in inputs.libraries:
        versions = struct.pack("<IIII", 24, 2, 1 << 16, 1 << 16)
        commands.append(_named(_LC_LOAD_DYLIB, versions, name.encode()))
    commands.append(struct.pack("<IIQ", _LC_SOURCE_VERSION, 16, 0))
    commands.append(_linkedit(_LC_CODE_SIGNATURE, inputs.signature))
    body = b"".join(commands)
    cpu = (inputs.cpu_type, inputs.cpu_subtype)
    kind = (_LIBRARY, _LIBRARY_FLAGS) if inputs.install_name else (_EXECUTE, _FLAGS)
    return _HEADER.pack(_MAGIC, *cpu, kind[0], len(commands), len(body), kind[1], 0) + body


def _own_commands(inputs: CommandInputs) -> list[bytes]:
    """Return what says how a program starts, or how a library is called."""
    if inputs.install_name:
        versions = struct.pack("<IIII", 24, 1, 1 << 16, 1 << 16)
        return [_named(_LC_ID_DYLIB, versions, inputs.install_name.encode())]
    return [
        _named(_LC_LOAD_DYLINKER, struct.pack("<I", 12), _DYLINKER),
        struct.pack("<IIQQ", _LC_MAIN, 24, inputs.entry_offset, inputs.stack_bytes),
    ]


def _segment(row: SegmentRow) -> bytes:
    size_bytes = _SEGMENT.size + _SECTION.size * len(row.sections)
    place = (row.address, row.memory_bytes, row.offset, row.file_bytes)
    rights = (row.protection, row.protection, len(row.sections), row.flags)
    head = _SEGMENT.pack(_LC_SEGMENT_64, size_bytes, row.name, *place, *rights)
    sections = [
        _SECTION.pack(
            section.name,
            row.name,
            *(section.address, section.size_bytes, section.offset),
            section.align.bit_length() - 1,
            *(0, 0, section.flags, 0, 0, 0),
        )
        for section in row.sections
    ]
    return head + b"".join(sections)


def _symtab(inputs: CommandInputs) -> bytes:
    table = (inputs.symbols.offset, inputs.symbol_count)
    strings = (inputs.strings.offset, inputs.strings.size_bytes)
    return struct.pack("<IIIIII", _LC_SYMTAB, 24, *table, *strings)


def _linkedit(command: int, part: LinkEditPart) -> bytes:
    return struct.pack("<IIII", command, 16, part.offset, part.size_bytes)


def _named(command: int, fields: bytes, name: bytes) -> bytes:
    """Return a command that ends in a string, padded to eight bytes."""
    size_bytes = align_up(8 + len(fields) + len(name) + 1, 8)
    return (struct.pack("<II", command, size_bytes) + fields + name).ljust(size_bytes, b"\0")


def _dylib_size_bytes(name: str) -> int:
    return align_up(24 + len(name.encode()) + 1, 8)
