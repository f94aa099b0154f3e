"""Functions of libraries that dyld calls before `main`, with its arguments.

Enters: checked libraries. Leaves: their addresses, and machine code that calls them and goes on to
`main` as if it had been called itself.
"""

import struct

from mlrift.targets import ARM64, X86_64, Cpu
from tests.support.macho_image import MachImage
from tests.support.results import require

_OFFSETS, _POINTERS = 0x16, 0x9


def initialisers(image: MachImage, start: int) -> list[int]:
    """Return the addresses of an image's initialisers; `start` is where it was loaded."""
    found: list[int] = []
    code = [row for segment in image.segments for row in segment.sections if row.name == "__text"]
    for segment in image.segments:
        for section in segment.sections:
            kind = section.flags & 0xFF
            require(kind != _POINTERS, "initialisers by pointers in an image with chained fixups")
            if kind != _OFFSETS:
                continue
            require(segment.name == "__TEXT", "initialiser offsets are not in __TEXT")
            require(section.size_bytes % 4 == 0, "initialiser offsets are not whole")
            data = image.data[section.offset : section.offset + section.size_bytes]
            for (offset,) in struct.iter_unpack("<I", data):
                address = image.base + offset
                inside = any(r.address <= address < r.address + r.size_bytes for r in code)
                require(inside, "an initialiser is not in the code")
                found.append(start + offset)
    return found


def calls_before_main(cpu: Cpu, functions: list[int], main: int) -> bytes:
    """Return code that calls `functions` with its own three arguments, then jumps to `main`."""
    return _WRITERS[cpu.name](functions, main)


def _x86_64(functions: list[int], main: int) -> bytes:
    code = b"".join(
        bytes.fromhex("575652 48b8") + struct.pack("<Q", row) + bytes.fromhex("ffd0 5a5e5f")
        for row in functions
    )
    return code + bytes.fromhex("48b8") + struct.pack("<Q", main) + bytes.fromhex("ffe0")


def _arm64(functions: list[int], main: int) -> bytes:
    words: list[int] = []
    for row in functions:
        words += [0xA9BF7BFD, 0xA9BF07E0, 0xA9BF0FE2]  # stp, three times
        words += [*_load_x16(row), 0xD63F0200]  # blr x16
        words += [0xA8C10FE2, 0xA8C107E0, 0xA8C17BFD]  # ldp, three times
    words += [*_load_x16(main), 0xD61F0200]  # br x16
    return struct.pack(f"<{len(words)}I", *words)


def _load_x16(value: int) -> list[int]:
    bases = (0xD2800010, 0xF2A00010, 0xF2C00010, 0xF2E00010)
    return [base | (value >> 16 * index & 0xFFFF) << 5 for index, base in enumerate(bases)]


_WRITERS = {X86_64.name: _x86_64, ARM64.name: _arm64}
