"""The parts of a PE32+ file as values: header, sections, and bytes by relative address (RVA)."""

import struct
from dataclasses import dataclass
from enum import IntFlag

from tests.support.results import ImageRefused, require

PAGE_BYTES = 0x1000
_CHECKSUM_OFFSET = 64


class SectionFlag(IntFlag):
    """The section characteristics that matter to a loader."""

    CODE = 0x20
    EXECUTE = 0x20000000
    READ = 0x40000000
    WRITE = 0x80000000


def align_up(value: int, alignment: int) -> int:
    """Round `value` up to a multiple of `alignment`."""
    return -(-value // alignment) * alignment


def header_offset(data: bytes) -> int:
    """Return where the PE signature lies (e_lfanew)."""
    return int(struct.unpack_from("<I", data, 60)[0])


@dataclass(frozen=True, slots=True)
class PeSection:
    """One row of the section table."""

    name: str
    virtual_size: int
    address: int
    raw_size: int
    raw_offset: int
    flags: int

    @classmethod
    def read(cls, data: bytes, offset: int) -> "PeSection":
        """Read the row at `offset`; relocations and line numbers in it are refused."""
        name, size, address, raw_size, raw_offset, relocations, lines, count, count2, flags = (
            struct.unpack_from("<8sIIIIIIHHI", data, offset)
        )
        text = name.rstrip(b"\0").decode("latin-1")
        unused = relocations or lines or count or count2
        require(not unused, f"{text}: object-file relocations or line numbers in an image")
        return cls(text, size, address, raw_size, raw_offset, flags)


@dataclass(frozen=True, slots=True)
class PeHeader:
    """The optional header's fields, and where all headers end in the file."""

    characteristics: int
    size_of_code: int
    entry: int
    base_of_code: int
    image_base: int
    section_alignment: int
    file_alignment: int
    os_version: tuple[int, int]
    subsystem_version: tuple[int, int]
    win32_version: int
    size_of_image: int
    size_of_headers: int
    checksum: int
    subsystem: int
    dll_characteristics: int
    stack_reserve: int
    stack_commit: int
    heap_reserve: int
    heap_commit: int
    loader_flags: int
    directory_count: int
    directories: tuple[tuple[int, int], ...]
    headers_end: int

    @classmethod
    def read(cls, data: bytes, start: int, characteristics: int, headers_end: int) -> "PeHeader":
        """Read the optional header at `start`."""
        row = struct.unpack_from("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", data, start)
        directories = tuple(
            struct.unpack_from("<II", data, start + 112 + 8 * index) for index in range(16)
        )
        return cls(
            characteristics=characteristics,
            size_of_code=row[3],
            entry=row[6],
            base_of_code=row[7],
            image_base=row[8],
            section_alignment=row[9],
            file_alignment=row[10],
            os_version=(row[11], row[12]),
            subsystem_version=(row[15], row[16]),
            win32_version=row[17],
            size_of_image=row[18],
            size_of_headers=row[19],
            checksum=row[20],
            subsystem=row[21],
            dll_characteristics=row[22],
            stack_reserve=row[23],
            stack_commit=row[24],
            heap_reserve=row[25],
            heap_commit=row[26],
            loader_flags=row[27],
            directory_count=row[28],
            directories=directories,
            headers_end=headers_end,
        )


@dataclass(frozen=True, slots=True)
class PeImage:
    """A whole file: its bytes, its header and its sections."""

    data: bytes
    header: PeHeader
    sections: tuple[PeSection, ...]

    @property
    def is_x86_64(self) -> bool:
        """Whether rows of the exception directory have x86_64's 12-byte form."""
        return bool(struct.unpack_from("<H", self.data, header_offset(self.data) + 4)[0] == 0x8664)

    def file_bytes(self, address: int, size_bytes: int, what: str) -> bytes:
        """Return the bytes at RVA `address`, which must come from the file."""
        for section in self.sections:
            length = min(section.raw_size, align_up(section.virtual_size, PAGE_BYTES))
            if section.address <= address and address + size_bytes <= section.address + length:
                offset = section.raw_offset + address - section.address
                return self.data[offset : offset + size_bytes]
        raise ImageRefused(f"{what} at {address:#x}+{size_bytes:#x} is outside every section")

    def c_string(self, address: int, what: str) -> str:
        """Return the ASCII text at RVA `address`."""
        text = bytearray()
        while byte := self.file_bytes(address + len(text), 1, what):
            if byte == b"\0":
                break
            text += byte
        require(text.isascii() and bool(text), f"{what} is empty or not ASCII")
        return text.decode("ascii")

    def mapped_bytes(self) -> bytearray:
        """Return the image as the loader lays it out in memory, before any patch."""
        memory = bytearray(self.header.size_of_image)
        headers = self.data[: self.header.size_of_headers]
        memory[: len(headers)] = headers
        for section in self.sections:
            size_bytes = min(section.raw_size, align_up(section.virtual_size, PAGE_BYTES))
            raw = self.data[section.raw_offset : section.raw_offset + size_bytes]
            memory[section.address : section.address + len(raw)] = raw
        return memory

    def computed_checksum(self) -> int:
        """Return the checksum of the file, its checksum field taken as zero."""
        field = header_offset(self.data) + 24 + _CHECKSUM_OFFSET
        padded = self.data[:field] + bytes(4) + self.data[field + 4 :]
        padded += bytes(len(padded) % 2)
        total = sum(struct.unpack(f"<{len(padded) // 2}H", padded))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return int(total + len(self.data))
