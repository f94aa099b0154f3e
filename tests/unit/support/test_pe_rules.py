"""The PE checks accept a good image and name the rule that each mutated one breaks."""

import functools
import struct
from collections.abc import Callable

import pytest

from mlrift.targets import WINDOWS_ARM64, WINDOWS_X86_64, Target
from tests.link.programs import link_program
from tests.support.engines import ImageRefused, engine_named
from tests.support.pe_rules import check_pe
from tests.unit.support.images import Code, windows_image

TARGETS = (WINDOWS_X86_64, WINDOWS_ARM64)
every_target = pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
Mutation = Callable[[bytearray], None]


@functools.cache
def good_image(target: Target) -> bytes:
    return link_program(target)


def header(image: bytes | bytearray) -> int:
    return int(struct.unpack_from("<I", image, 60)[0])


def optional(offset: int, layout: str, value: int) -> Mutation:
    """Return a mutation of one optional-header field."""
    return lambda image: struct.pack_into(layout, image, header(image) + 24 + offset, value)


def file_header(offset: int, layout: str, value: int) -> Mutation:
    return lambda image: struct.pack_into(layout, image, header(image) + 4 + offset, value)


def section(name: str, offset: int, value: int) -> Mutation:
    """Return a mutation of one 32-bit field of a section row."""

    def mutate(image: bytearray) -> None:
        row = image.index(name.encode().ljust(8, b"\0"), header(image))
        struct.pack_into("<I", image, row + offset, value)

    return mutate


def clear_dll_bit(bit: int) -> Mutation:
    def mutate(image: bytearray) -> None:
        place = header(image) + 24 + 70
        flags = struct.unpack_from("<H", image, place)[0]
        struct.pack_into("<H", image, place, flags & ~bit)

    return mutate


def directory(index: int, address: int | None, size: int | None) -> Mutation:
    def mutate(image: bytearray) -> None:
        place = header(image) + 24 + 112 + 8 * index
        old = struct.unpack_from("<II", image, place)
        pair = (old[0] if address is None else address, old[1] if size is None else size)
        struct.pack_into("<II", image, place, *pair)

    return mutate


def replace(old: bytes, new: bytes) -> Mutation:
    def mutate(image: bytearray) -> None:
        place = image.index(old)
        image[place : place + len(new)] = new

    return mutate


def first_relocation_type(kind: int) -> Mutation:
    def mutate(image: bytearray) -> None:
        row = image.index(b".reloc\0\0", header(image))
        place = struct.unpack_from("<I", image, row + 20)[0] + 8
        entry = struct.unpack_from("<H", image, place)[0]
        struct.pack_into("<H", image, place, entry & 0xFFF | kind << 12)

    return mutate


def relocate_elsewhere(image: bytearray) -> None:
    row = image.index(b".reloc\0\0", header(image))
    place = struct.unpack_from("<I", image, row + 20)[0]
    struct.pack_into("<I", image, place, 0x1000)


def change_lookup_table(image: bytearray) -> None:
    """Make ILT and IAT differ in their first entry."""
    row = image.index(b".rdata\0\0", header(image))
    address, raw = struct.unpack_from("<I4xI", image, row + 12)
    imports = struct.unpack_from("<I", image, header(image) + 24 + 120)[0]
    lookup = struct.unpack_from("<I", image, imports - address + raw)[0]
    image[lookup - address + raw] ^= 2


MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    ("no MZ header", replace(b"MZ", b"ZM")),
    ("e_lfanew", lambda image: struct.pack_into("<I", image, 60, 1 << 20)),
    ("no PE signature", lambda image: struct.pack_into("<I", image, header(image), 0)),
    ("machine", file_header(0, "<H", 0x14C)),
    ("SizeOfOptionalHeader", file_header(16, "<H", 224)),
    ("EXECUTABLE_IMAGE", file_header(18, "<H", 0x20)),
    ("LARGE_ADDRESS_AWARE", file_header(18, "<H", 0x2)),
    ("RELOCS_STRIPPED", file_header(18, "<H", 0x23)),
    ("say DLL", file_header(18, "<H", 0x2022)),
    ("PE32+", optional(0, "<H", 0x10B)),
    ("SizeOfCode", optional(4, "<I", 0x400000)),
    ("entry point", optional(16, "<I", 0x10)),
    ("BaseOfCode", optional(20, "<I", 0x5000)),
    ("ImageBase", optional(24, "<Q", 0x140001000)),
    ("below 4 GiB", optional(24, "<Q", 0x400000)),
    ("SectionAlignment", optional(32, "<I", 0x2000)),
    ("FileAlignment", optional(36, "<I", 0x1000)),
    ("operating system version", optional(40, "<H", 5)),
    ("subsystem version", optional(48, "<H", 5)),
    ("Win32VersionValue", optional(52, "<I", 1)),
    ("SizeOfImage", optional(56, "<I", 0x100000)),
    ("SizeOfHeaders|contiguous|overlap", optional(60, "<I", 0x200 * 9)),
    ("checksum", optional(64, "<I", 0x1234)),
    ("subsystem is not console", optional(68, "<H", 2)),
    ("DYNAMIC_BASE", clear_dll_bit(0x40)),
    ("NX_COMPAT", clear_dll_bit(0x100)),
    ("HIGH_ENTROPY_VA", clear_dll_bit(0x20)),
    ("TERMINAL_SERVER", clear_dll_bit(0x8000)),
    ("GUARD_CF", optional(70, "<H", 0xC160)),
    ("stack commit", optional(80, "<Q", 1 << 30)),
    ("stack reserve", optional(72, "<Q", 0x8000)),
    ("loader flags", optional(104, "<I", 1)),
    ("16 data directories", optional(108, "<I", 15)),
    ("both writable and executable", section(".text", 36, 0xE0000020)),
    ("code section is not executable", section(".text", 36, 0x40000020)),
    ("not readable", section(".rdata", 36, 0x00000040)),
    ("VirtualSize is 0", section(".data", 8, 0)),
    ("contiguous", section(".rdata", 12, 0x9000)),
    ("raw size is not aligned", section(".rdata", 16, 0x123)),
    ("raw offset not aligned", section(".data", 20, 0x601)),
    ("ends after the file", section(".reloc", 20, 0x10000)),
    ("overlap", section(".rdata", 20, 0x200)),
    ("line numbers", section(".text", 28, 5)),
    ("load config", directory(10, 0x2000, 0x40)),
    ("TLS", directory(9, 0x2000, 0x28)),
    ("outside every section", directory(1, 0x900000, 40)),
    ("no base relocation directory", directory(5, 0, 0)),
    ("base relocation", directory(5, None, 10)),
    ("base relocation type 3", first_relocation_type(3)),
    ("relocated word", relocate_elsewhere),
    ("IAT directory", directory(12, 0, 0)),
    ("outside the IAT directory", directory(12, None, 8)),
    ("ILT and IAT differ", change_lookup_table),
    ("no function WriteFilf", replace(b"WriteFile", b"WriteFilf")),
    ("library kernel33.dll", replace(b"kernel32.dll", b"kernel33.dll")),
)


@every_target
def test_a_good_image_is_accepted_and_runs(target: Target) -> None:
    check_pe(good_image(target), target.cpu)
    assert engine_named(f"{target.name}:strict").run(good_image(target)).status == 42


@every_target
@pytest.mark.parametrize(("rule", "mutate"), MUTATIONS, ids=[rule for rule, _ in MUTATIONS])
def test_a_broken_rule_is_refused(target: Target, rule: str, mutate: Mutation) -> None:
    image = bytearray(good_image(target))
    mutate(image)
    with pytest.raises(ImageRefused, match=rule.replace("+", r"\+")):
        engine_named(f"{target.name}:strict").run(bytes(image))


@every_target
def test_truncation_is_always_refused(target: Target) -> None:
    image = good_image(target)
    for size_bytes in range(0, len(image) - 1, 37):
        with pytest.raises(ImageRefused):
            check_pe(image[:size_bytes], target.cpu)


def test_code_that_relies_on_the_preferred_base_fails() -> None:
    # mov rax, 0x140001000; mov eax, [rax]; mov eax, 42; ret
    code = Code().hex("48b800100040010000008b00b82a000000c3")
    image = windows_image(WINDOWS_X86_64, code)
    assert engine_named("win-x64:strict").run(image).status == 0x05
