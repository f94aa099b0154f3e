"""Windows executables as files: headers, imports, base relocations."""

import struct

import lief
import pytest

from mlrift.link import pe
from mlrift.link.image import DataProtection, LinkOptions, link
from mlrift.targets import WINDOWS_ARM64, WINDOWS_X86_64, Target
from mlrift.values import replace
from tests.link.objects_by_hand import section, unit
from tests.link.programs import HELLO, link_program, program_objects, program_options
from tests.support.pe_rules import check_pe

WINDOWS_TARGETS = (WINDOWS_X86_64, WINDOWS_ARM64)
both = pytest.mark.parametrize("target", WINDOWS_TARGETS, ids=lambda target: target.name)


def parse(image: bytes) -> lief.PE.Binary:
    parsed = lief.PE.parse(list(image))
    assert parsed is not None
    return parsed


def memory(image: bytes) -> bytearray:
    """Return the image as mapped, without relocation."""
    parsed = parse(image)
    mapped = bytearray(parsed.optional_header.sizeof_image)
    for row in parsed.sections:
        start, size_bytes = row.pointerto_raw_data, min(row.sizeof_raw_data, row.virtual_size)
        at = row.virtual_address
        mapped[at : at + size_bytes] = image[start : start + size_bytes]
    return mapped


def base_relocations(image: bytes) -> list[int]:
    """Return the relative addresses that `.reloc` names."""
    parsed = parse(image)
    directory = parsed.data_directories[5]
    at, end = directory.rva, directory.rva + directory.size
    mapped = memory(image)
    places: list[int] = []
    while at < end:
        page, size_bytes = struct.unpack_from("<II", mapped, at)
        entries = struct.unpack_from(f"<{(size_bytes - 8) // 2}H", mapped, at + 8)
        places += [page + (entry & 0xFFF) for entry in entries if entry >> 12 == 10]
        at += size_bytes
    return places


@both
def test_headers_follow_the_strict_rules(target: Target) -> None:
    image = link_program(target)
    parsed = parse(image)
    assert lief.PE.check_layout(parsed) == (True, "")
    check_pe(image, target.cpu)
    header = parsed.optional_header
    assert parsed.header.machine.value == target.cpu.pe_machine
    assert int(header.dll_characteristics) == 0x8160
    assert header.sizeof_headers % header.file_alignment == 0
    address = header.section_alignment
    for row in parsed.sections:
        assert row.virtual_address == address
        assert row.virtual_size > 0
        assert not (row.characteristics & 0x20000000 and row.characteristics & 0x80000000)
        address += (row.virtual_size + 0xFFF) & -0x1000
    assert header.sizeof_image == address
    assert [row.name for row in parsed.sections] == [".text", ".rdata", ".data", ".reloc"]


@both
def test_hello_is_two_kib(target: Target) -> None:
    assert len(link_program(target, HELLO)) == 2048


@both
def test_imports_are_named_and_their_tables_agree(target: Target) -> None:
    image = link_program(target)
    parsed = parse(image)
    (library,) = parsed.imports
    assert library.name == "kernel32.dll"
    assert [entry.name for entry in library.entries] == ["ExitProcess", "GetStdHandle", "WriteFile"]
    mapped = memory(image)
    slots, lookup = library.import_address_table_rva, library.import_lookup_table_rva
    assert mapped[slots : slots + 32] == mapped[lookup : lookup + 32]
    assert mapped[slots + 24 : slots + 32] == bytes(8)


@both
def test_base_relocations_turn_one_base_into_another(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = link_program(target)
    first_base = pe.IMAGE_BASE
    monkeypatch.setattr(pe, "IMAGE_BASE", 0x7FF6_1234_0000)
    second = link_program(target)
    mapped, expected = memory(first), memory(second)
    distance = pe.IMAGE_BASE - first_base
    places = base_relocations(first)
    assert len(places) == 4
    for place in places:
        (value,) = struct.unpack_from("<Q", mapped, place)
        struct.pack_into("<Q", mapped, place, value + distance)
    assert mapped[pe.SECTION_BYTES :] == expected[pe.SECTION_BYTES :]


def test_an_image_without_pointers_still_has_relocations() -> None:
    start = unit("a.o", [section("t")], {"start": 0})
    parsed = parse(link([start], WINDOWS_X86_64, LinkOptions(entry="start")))
    assert [row.name for row in parsed.sections] == [".text", ".reloc"]
    assert parsed.data_directories[5].size == 12
    assert lief.PE.check_layout(parsed) == (True, "")


def test_options_set_stack_and_data_protection() -> None:
    options = replace(
        program_options(WINDOWS_X86_64),
        stack_bytes=3 << 20,
        data_protection=DataProtection.READ_WRITE_EXECUTE,
    )
    parsed = parse(link(program_objects(WINDOWS_X86_64), WINDOWS_X86_64, options))
    assert parsed.optional_header.sizeof_stack_reserve == 3 << 20
    flags = {row.name: row.characteristics for row in parsed.sections}
    assert flags[".data"] == 0xE0000040
