"""Relocation arithmetic of x86_64 and AArch64: patches a section's bytes in place.

Enters: a section, where its bytes lie, and the addresses of its symbols. Leaves: patched bytes
and the places that hold absolute 64-bit addresses, which relocatable images must fix up at load.
A kind that is not in the tables, a patch outside its section and a value that does not fit are
`LinkError`s that name symbol, section and offset.
"""

import struct
from collections.abc import Callable, Mapping

from mlrift.link.errors import LinkError
from mlrift.link.objects import Relocation, Section
from mlrift.targets import ARM64, X86_64, Cpu
from mlrift.values import value

# In lists of address ranges a pair of zeros ends the list; a pair of ones is an empty range.
_REMOVED = {".debug_ranges": 1, ".debug_loc": 1}

# (data, position in data, address of the place, symbol + addend) -> None
Patch = Callable[[bytearray, int, int, int], None]

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_U64 = struct.Struct("<Q")
_I64 = struct.Struct("<q")


@value
class RelocationTable:
    """The relocations of a CPU: number -> (bytes patched, how); `absolute` is the pointer's."""

    absolute: int
    patches: Mapping[int, tuple[int, Patch]]
    debug_patches: Mapping[int, tuple[int, Patch]]


@value
class Pointer:
    """A place in the image that holds the absolute address `value`."""

    address: int
    value: int


@value
class Place:
    """A section's bytes inside a larger buffer: `start` there, `address` at run time."""

    owner: str
    section: Section
    data: bytearray
    start: int
    address: int


def relocation_table(cpu: Cpu) -> RelocationTable:
    """Return the relocations that may occur in objects for `cpu`."""
    return _TABLES[cpu.elf_machine]


def relocate(place: Place, addresses: Mapping[str, int], table: RelocationTable) -> list[Pointer]:
    """Patch a mapped section; return its absolute pointers in the order of its relocations."""
    pointers: list[Pointer] = []
    data, start, address = place.data, place.start, place.address
    size_bytes, patches, absolute = place.section.size_bytes, table.patches, table.absolute
    for relocation in place.section.relocations:
        offset, kind = relocation.offset, relocation.kind
        row = patches.get(kind)
        if row is None:
            raise _failure(place, relocation, f"relocation kind {kind} is not supported")
        if offset + row[0] > size_bytes:
            raise _failure(place, relocation, "the relocation lies outside its section")
        value = addresses[relocation.symbol] + relocation.addend
        try:
            row[1](data, start + offset, address + offset, value)
        except (OverflowError, struct.error):
            raise _failure(place, relocation, f"kind {kind} cannot hold {value:#x}") from None
        if kind == absolute:
            pointers.append(Pointer(address + offset, value))
    return pointers


def relocate_debug(place: Place, addresses: Mapping[str, int], table: RelocationTable) -> None:
    """Patch a debug section; places that speak of removed sections get a value that says so."""
    removed = _REMOVED.get(place.section.name, 0)
    for relocation in place.section.relocations:
        offset, kind = relocation.offset, relocation.kind
        row = table.debug_patches.get(kind)
        if row is None:
            raise _failure(place, relocation, f"relocation kind {kind} is not supported")
        if offset + row[0] > place.section.size_bytes:
            raise _failure(place, relocation, "the relocation lies outside its section")
        target = addresses.get(relocation.symbol)
        value = removed if target is None else target + relocation.addend
        try:
            row[1](place.data, place.start + offset, place.address + offset, value)
        except (OverflowError, struct.error):
            raise _failure(place, relocation, f"kind {kind} cannot hold {value:#x}") from None


def _failure(place: Place, relocation: Relocation, reason: str) -> LinkError:
    where = f"{place.owner}: section {place.section.name}, offset {relocation.offset:#x}"
    return LinkError(f"{where}, symbol `{relocation.symbol}`: {reason}")


def _word32(data: bytearray, position: int, place: int, value: int) -> None:
    _U32.pack_into(data, position, value)


def _word64(data: bytearray, position: int, place: int, value: int) -> None:
    _U64.pack_into(data, position, value)


def _relative32(data: bytearray, position: int, place: int, value: int) -> None:
    _I32.pack_into(data, position, value - place)


def _relative64(data: bytearray, position: int, place: int, value: int) -> None:
    _I64.pack_into(data, position, value - place)


def _branch26(data: bytearray, position: int, place: int, value: int) -> None:
    distance = value - place
    if distance & 3 or not -(1 << 27) <= distance < 1 << 27:
        raise OverflowError
    word = _U32.unpack_from(data, position)[0] & 0xFC000000
    _U32.pack_into(data, position, word | (distance >> 2) & 0x03FFFFFF)


def _page21(data: bytearray, position: int, place: int, value: int) -> None:
    pages = (value >> 12) - (place >> 12)
    if not -(1 << 20) <= pages < 1 << 20:
        raise OverflowError
    word = _U32.unpack_from(data, position)[0] & 0x9F00001F
    immediate = (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5
    _U32.pack_into(data, position, word | immediate)


def _low12(scale_bits: int) -> Patch:
    """Return the patch of a 12-bit page offset counted in units of `1 << scale_bits` bytes."""
    misaligned = (1 << scale_bits) - 1

    def patch(data: bytearray, position: int, place: int, value: int) -> None:
        if value & misaligned:
            raise OverflowError
        word = _U32.unpack_from(data, position)[0] & 0xFFC003FF
        _U32.pack_into(data, position, word | (value & 0xFFF) >> scale_bits << 10)

    return patch


_X86_64_PATCHES: dict[int, tuple[int, Patch]] = {
    1: (8, _word64),  # R_X86_64_64
    2: (4, _relative32),  # R_X86_64_PC32
    4: (4, _relative32),  # R_X86_64_PLT32
    24: (8, _relative64),  # R_X86_64_PC64
}
_ARM64_PATCHES: dict[int, tuple[int, Patch]] = {
    257: (8, _word64),  # R_AARCH64_ABS64
    260: (8, _relative64),  # R_AARCH64_PREL64
    261: (4, _relative32),  # R_AARCH64_PREL32
    275: (4, _page21),  # R_AARCH64_ADR_PREL_PG_HI21
    277: (4, _low12(0)),  # R_AARCH64_ADD_ABS_LO12_NC
    278: (4, _low12(0)),  # R_AARCH64_LDST8_ABS_LO12_NC
    282: (4, _branch26),  # R_AARCH64_JUMP26
    283: (4, _branch26),  # R_AARCH64_CALL26
    284: (4, _low12(1)),  # R_AARCH64_LDST16_ABS_LO12_NC
    285: (4, _low12(2)),  # R_AARCH64_LDST32_ABS_LO12_NC
    286: (4, _low12(3)),  # R_AARCH64_LDST64_ABS_LO12_NC
    299: (4, _low12(4)),  # R_AARCH64_LDST128_ABS_LO12_NC
}
_TABLES = {
    X86_64.elf_machine: RelocationTable(
        1,
        _X86_64_PATCHES,
        {**_X86_64_PATCHES, 10: (4, _word32)},  # R_X86_64_32
    ),
    ARM64.elf_machine: RelocationTable(
        257,
        _ARM64_PATCHES,
        {**_ARM64_PATCHES, 258: (4, _word32)},  # R_AARCH64_ABS32
    ),
}
