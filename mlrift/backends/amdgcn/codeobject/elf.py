"""The numbers and records of ELF64 that code objects use, for the writer and the reader."""

import struct
from enum import IntEnum, IntFlag

from mlrift.values import value

FILE_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
RELOCATION = struct.Struct("<QQq")
DYNAMIC = struct.Struct("<qQ")
NOTE = struct.Struct("<III")

IDENTIFICATION = b"\x7fELF\x02\x01\x01"
OS_AMDGPU_HSA = 64
ABI_VERSION_5 = 3
ABI_VERSIONS = range(1, 5)
"""Code object versions 3 to 6."""
TYPE_RELOCATABLE = 1
TYPE_SHARED = 3
MACHINE_AMDGPU = 224
MACHINE_FLAGS = 0xFF
PAGE_BYTES = 0x1000

NOTE_NAME = b"AMDGPU\0"
NOTE_METADATA = 32

BINDING_GLOBAL = 1
VISIBILITY_PROTECTED = 3


class SegmentType(IntEnum):
    """`p_type`."""

    LOAD = 1
    DYNAMIC = 2
    NOTE = 4
    HEADERS = 6
    STACK = 0x6474E551


class SegmentFlag(IntFlag):
    """`p_flags`."""

    EXECUTE = 1
    WRITE = 2
    READ = 4


class SectionType(IntEnum):
    """`sh_type`."""

    NULL = 0
    PROGRAM = 1
    SYMBOLS = 2
    STRINGS = 3
    RELOCATIONS = 4
    HASH = 5
    DYNAMIC = 6
    NOTE = 7
    EMPTY = 8
    SHORT_RELOCATIONS = 9
    DYNAMIC_SYMBOLS = 11


class SectionFlag(IntFlag):
    """`sh_flags`."""

    NONE = 0
    WRITE = 1
    ALLOCATED = 2
    EXECUTABLE = 4
    COMPRESSED = 0x800


class SymbolType(IntEnum):
    """The low half of `st_info`."""

    NONE = 0
    OBJECT = 1
    FUNCTION = 2


class DynamicTag(IntEnum):
    """`d_tag`."""

    END = 0
    HASH = 4
    STRINGS = 5
    SYMBOLS = 6
    STRINGS_BYTES = 10
    SYMBOL_BYTES = 11


class RelocationType(IntEnum):
    """Relocations that a finished code object may have."""

    ABSOLUTE_64 = 3
    RELATIVE_64 = 13


@value
class Symbol:
    """A symbol of a file; `section` is its index, 0 for one that is not defined."""

    name: str
    type: int
    section: int
    address: int
    size: int


def hash_of(name: bytes) -> int:
    """Return the System V hash of a symbol's name."""
    state = 0
    for byte in name:
        state = (state << 4) + byte
        high = state & 0xF0000000
        state = (state ^ high >> 24) & ~high & 0xFFFFFFFF
    return state
