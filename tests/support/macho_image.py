"""The parts of a 64-bit Mach-O file as values: header, segments, sections, other commands."""

import struct
from dataclasses import dataclass
from enum import Enum, unique

from mlrift.targets import Cpu
from tests.support.results import require

MAGIC_64 = 0xFEEDFACF
HEADER_BYTES = 32
SEGMENT_64 = 0x19
ZERO_FILL_TYPES = (1, 12)
_SUBTYPE_CAPABILITIES = 0xFF000000


@unique
class MachKind(Enum):
    """What a file is: its number in the header."""

    PROGRAM = 2
    LIBRARY = 6


_KIND_NAMES = {MachKind.PROGRAM: "MH_EXECUTE", MachKind.LIBRARY: "MH_DYLIB"}


@dataclass(frozen=True, slots=True)
class MachSection:
    """One section row of a segment command."""

    name: str
    segment: str
    address: int
    size_bytes: int
    offset: int
    alignment_log2: int
    relocation_count: int
    flags: int

    @property
    def is_zero_fill(self) -> bool:
        """Whether the section has no bytes in the file."""
        return self.flags & 0xFF in ZERO_FILL_TYPES


@dataclass(frozen=True, slots=True)
class MachSegment:
    """One LC_SEGMENT_64."""

    name: str
    address: int
    memory_bytes: int
    offset: int
    file_bytes: int
    maximum_protection: int
    protection: int
    flags: int
    sections: tuple[MachSection, ...]

    @property
    def end(self) -> int:
        """The first address after the segment."""
        return self.address + self.memory_bytes

    @property
    def file_end(self) -> int:
        """The first file offset after the segment."""
        return self.offset + self.file_bytes


@dataclass(frozen=True, slots=True)
class LoadCommand:
    """A load command: its number and all its bytes."""

    kind: int
    data: bytes

    def words(self, layout: str, offset: int = 8) -> tuple[int, ...]:
        """Unpack fields after the command's kind and size."""
        needed = offset + struct.calcsize("<" + layout)
        require(needed <= len(self.data), f"load command {self.kind:#x} is too short")
        return struct.unpack_from("<" + layout, self.data, offset)

    def text(self, offset_field: int = 8) -> str:
        """Return the string whose offset is stored at `offset_field`."""
        (start,) = self.words("I", offset_field)
        require(offset_field + 4 <= start < len(self.data), "load command string is outside it")
        end = self.data.find(b"\0", start)
        require(end > start, f"string of load command {self.kind:#x} is empty or has no end")
        return self.data[start:end].decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class MachImage:
    """A whole file."""

    data: bytes
    cpu: Cpu
    kind: MachKind
    flags: int
    commands_end: int
    segments: tuple[MachSegment, ...]
    commands: tuple[LoadCommand, ...]

    def segment(self, name: str) -> MachSegment:
        """Return the segment called `name`; `ImageRefused` when there is none."""
        found = [segment for segment in self.segments if segment.name == name]
        require(len(found) == 1, f"{len(found)} segments named {name} instead of one")
        return found[0]

    def all(self, kind: int) -> list[LoadCommand]:
        """Return every command of one kind."""
        return [command for command in self.commands if command.kind == kind]

    def only(self, kind: int, name: str) -> LoadCommand:
        """Return the only command of one kind; `ImageRefused` for none or several."""
        found = self.all(kind)
        require(len(found) == 1, f"{len(found)} {name} instead of one")
        return found[0]

    @property
    def base(self) -> int:
        """The preferred address of the Mach-O header."""
        return self.segment("__TEXT").address


def read_macho(data: bytes, cpu: Cpu, wanted: MachKind = MachKind.PROGRAM) -> MachImage:
    """Parse header and load commands; `ImageRefused` when they are malformed."""
    require(len(data) >= HEADER_BYTES, "file shorter than a Mach-O header")
    magic, cpu_type, subtype, kind, count, size_bytes, flags, _ = struct.unpack_from("<8I", data)
    require(magic == MAGIC_64, "not a 64-bit Mach-O file")
    require(cpu_type == cpu.macho_cputype, f"cputype {cpu_type:#x} is not {cpu.macho_cputype:#x}")
    subtype &= ~_SUBTYPE_CAPABILITIES
    require(subtype == cpu.macho_cpusubtype, f"cpusubtype {subtype} is not {cpu.macho_cpusubtype}")
    require(kind == wanted.value, f"file type {kind} is not {_KIND_NAMES[wanted]}")
    end = HEADER_BYTES + size_bytes
    require(end <= len(data), "load commands end after the file")
    commands: list[LoadCommand] = []
    position = HEADER_BYTES
    for _ in range(count):
        require(position + 8 <= end, "load command outside sizeofcmds")
        number, command_bytes = struct.unpack_from("<II", data, position)
        require(command_bytes >= 8 and command_bytes % 8 == 0, "load command size is no 8-multiple")
        require(position + command_bytes <= end, "load command outside sizeofcmds")
        commands.append(LoadCommand(number, data[position : position + command_bytes]))
        position += command_bytes
    require(position == end, "sizeofcmds differs from the sum of the load commands")
    segments = tuple(_read_segment(c) for c in commands if c.kind == SEGMENT_64)
    return MachImage(data, cpu, wanted, flags, end, segments, tuple(commands))


def _read_segment(command: LoadCommand) -> MachSegment:
    require(len(command.data) >= 72, "segment command is too short")
    name, address, memory, offset, size, maximum, protection, count, flags = struct.unpack_from(
        "<16sQQQQIIII", command.data, 8
    )
    require(len(command.data) == 72 + 80 * count, "segment command size and nsects differ")
    sections = tuple(_read_section(command.data, 72 + 80 * index) for index in range(count))
    return MachSegment(
        _name(name), address, memory, offset, size, maximum, protection, flags, sections
    )


def _read_section(data: bytes, position: int) -> MachSection:
    name, segment, address, size, offset, alignment, _, relocations, flags = struct.unpack_from(
        "<16s16sQQIIIII", data, position
    )
    return MachSection(
        _name(name), _name(segment), address, size, offset, alignment, relocations, flags
    )


def _name(field: bytes) -> str:
    return field.rstrip(b"\0").decode("latin-1")
