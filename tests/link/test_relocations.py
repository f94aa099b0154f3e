"""Relocation arithmetic: every kind's bits, its range, and what a failure says."""

import struct

import pytest

from mlrift.link.errors import LinkError
from mlrift.link.objects import Relocation, Section, SectionKind
from mlrift.link.relocations import (
    Place,
    Pointer,
    relocate,
    relocate_debug,
    relocation_table,
)
from mlrift.targets import ARM64, X86_64, Cpu

ADDRESS = 0x401000


def patch(
    cpu: Cpu, kind: int, target: int, word: bytes = bytes(8), addend: int = 0
) -> tuple[bytes, list[Pointer]]:
    """Apply one relocation at ADDRESS and return the patched bytes."""
    section = Section("s", SectionKind.CODE, word, 8, len(word), [Relocation(0, kind, "t", addend)])
    place = Place("o.o", section, bytearray(word), 0, ADDRESS)
    pointers = relocate(place, {"t": target}, relocation_table(cpu))
    return bytes(place.data), pointers


def arm_word(kind: int, target: int, word: int) -> int:
    data, _ = patch(ARM64, kind, target, struct.pack("<I", word))
    return int.from_bytes(data, "little")


@pytest.mark.parametrize("cpu, kind", [(X86_64, 1), (ARM64, 257)])
def test_absolute_pointers_are_written_and_reported(cpu: Cpu, kind: int) -> None:
    data, pointers = patch(cpu, kind, 0x140001000, addend=8)
    assert data == struct.pack("<Q", 0x140001008)
    assert pointers == [Pointer(ADDRESS, 0x140001008)]


@pytest.mark.parametrize("cpu, kind", [(X86_64, 2), (X86_64, 4), (ARM64, 261)])
def test_relative_32_bit_distances(cpu: Cpu, kind: int) -> None:
    data, pointers = patch(cpu, kind, ADDRESS - 100, addend=-4)
    assert struct.unpack_from("<i", data) == (-104,)
    assert not pointers
    for far in (ADDRESS + (1 << 31), ADDRESS - (1 << 31) - 1):
        with pytest.raises(LinkError, match="cannot hold"):
            patch(cpu, kind, far)


@pytest.mark.parametrize("cpu, kind", [(X86_64, 24), (ARM64, 260)])
def test_relative_64_bit_distances(cpu: Cpu, kind: int) -> None:
    assert struct.unpack("<q", patch(cpu, kind, 0)[0]) == (-ADDRESS,)


@pytest.mark.parametrize("kind", [282, 283])
def test_branches_reach_128_mib(kind: int) -> None:
    assert arm_word(kind, ADDRESS + 8, 0x94000000) == 0x94000002
    assert arm_word(kind, ADDRESS - 4, 0x94000000) == 0x97FFFFFF
    assert arm_word(kind, ADDRESS + (1 << 27) - 4, 0x14000000) == 0x15FFFFFF
    for bad in (ADDRESS + (1 << 27), ADDRESS - (1 << 27) - 4, ADDRESS + 2):
        with pytest.raises(LinkError, match="cannot hold"):
            arm_word(kind, bad, 0x94000000)


def test_adrp_counts_pages() -> None:
    assert arm_word(275, ADDRESS + 0x1FFF, 0x90000000) == 0x90000000 | 1 << 29
    assert arm_word(275, ADDRESS + 0x5000, 0x90000010) == 0x90000010 | 1 << 29 | 1 << 5
    assert arm_word(275, ADDRESS - 0x1000, 0x90000000) == 0xF0FFFFE0
    with pytest.raises(LinkError, match="cannot hold"):
        arm_word(275, ADDRESS + (1 << 32), 0x90000000)


@pytest.mark.parametrize(
    "kind, scale", [(277, 0), (278, 0), (284, 1), (285, 2), (286, 3), (299, 4)]
)
def test_low_bits_are_scaled_and_must_be_aligned(kind: int, scale: int) -> None:
    assert arm_word(kind, 0x7FF0, 0x91000021) == 0x91000021 | (0xFF0 >> scale) << 10
    if scale:
        with pytest.raises(LinkError, match="cannot hold"):
            arm_word(kind, 0x7FF0 + (1 << scale - 1), 0x91000021)


@pytest.mark.parametrize("cpu, kind", [(X86_64, 9), (X86_64, 42), (ARM64, 311), (X86_64, 10)])
def test_unknown_kinds_are_refused_with_symbol_section_and_offset(cpu: Cpu, kind: int) -> None:
    message = rf"o\.o: section s, offset 0x0, symbol `t`: relocation kind {kind} is not supported"
    with pytest.raises(LinkError, match=message):
        patch(cpu, kind, ADDRESS)


def test_a_patch_outside_its_section_is_refused() -> None:
    with pytest.raises(LinkError, match="outside its section"):
        patch(X86_64, 1, ADDRESS, bytes(7))


def test_debug_sections_take_32_bit_words_and_zero_for_removed_code() -> None:
    rows = [Relocation(0, 10, "kept", 5), Relocation(8, 1, "removed", 5)]
    section = Section(".debug_x", SectionKind.DEBUG, bytes(16), 1, 16, rows)
    place = Place("o.o", section, bytearray(b"\xff" * 16), 0, 0)
    relocate_debug(place, {"kept": 0x1000}, relocation_table(X86_64))
    assert place.data == struct.pack("<IIQ", 0x1005, 0xFFFFFFFF, 0)
