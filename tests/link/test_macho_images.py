"""macOS executables as files: commands, fixup chains, signature."""

import hashlib
import struct
from typing import Any

import lief
import pytest

from mlrift.link.image import DataProtection, DebugInfo, LinkError, LinkOptions, link
from mlrift.link.objects import Relocation, SectionKind
from mlrift.targets import MACOS_ARM64, MACOS_X86_64, Target
from mlrift.values import replace
from tests.link.objects_by_hand import X86_POINTER, section, unit
from tests.link.programs import HELLO, PROGRAM, link_program, program_objects, program_options

MACOS_TARGETS = (MACOS_X86_64, MACOS_ARM64)
BASE = 0x100000000
KEPT_ALIVE: list[Any] = []  # a slice of lief is only valid while its file is
both = pytest.mark.parametrize("target", MACOS_TARGETS, ids=lambda target: target.name)


def parse(image: bytes) -> Any:
    fat = lief.MachO.parse(list(image))
    assert fat is not None
    KEPT_ALIVE.append(fat)
    return fat.at(0)


def chains(image: bytes) -> dict[int, int]:
    """Walk every fixup chain: file offset -> word without its link."""
    parsed = parse(image)
    start = parsed.dyld_chained_fixups.data_offset
    (starts_offset,) = struct.unpack_from("<I", image, start + 4)
    (count,) = struct.unpack_from("<I", image, start + starts_offset)
    offsets = struct.unpack_from(f"<{count}I", image, start + starts_offset + 4)
    segments = parsed.segments
    assert count == len(segments)
    found: dict[int, int] = {}
    for segment, offset in zip(segments, offsets, strict=True):
        if not offset:
            continue
        at = start + starts_offset + offset
        _, page_bytes, kind, address, _, pages = struct.unpack_from("<IHHQIH", image, at)
        assert kind == 6
        assert address == segment.virtual_address - BASE
        for page, first in enumerate(struct.unpack_from(f"<{pages}H", image, at + 22)):
            place = segment.file_offset + page * page_bytes + first
            while first != 0xFFFF:
                (word,) = struct.unpack_from("<Q", image, place)
                link_units = word >> 51 & 0xFFF
                found[place] = word & ~(0xFFF << 51)
                if not link_units:
                    break
                place += 4 * link_units
                assert (place - segment.file_offset) // page_bytes == page
    return found


@both
@pytest.mark.parametrize("debug", DebugInfo)
def test_layout_follows_kernel_and_dyld(target: Target, debug: DebugInfo) -> None:
    parsed = parse(link_program(target, debug=debug))
    assert lief.MachO.check_layout(parsed) == (True, "")
    rights = {row.name: (row.init_protection, row.max_protection) for row in parsed.segments}
    assert rights == {
        "__PAGEZERO": (0, 0),
        "__TEXT": (5, 5),
        "__DATA_CONST": (3, 3),
        "__DATA": (3, 3),
        "__LINKEDIT": (1, 1),
    }
    assert parsed.get_segment("__DATA_CONST").flags == 0x10
    assert int(parsed.header.flags) == 0x200085
    end = 0
    for row in parsed.segments:
        assert row.virtual_address == end
        assert row.virtual_address % 0x4000 == row.file_offset % 0x4000 == 0
        end = row.virtual_address + row.virtual_size


@both
def test_chains_hold_every_import_and_every_pointer(target: Target) -> None:
    image = link_program(target)
    found = chains(image)
    binds = [word & 0xFFFFFF for word in found.values() if word >> 63]
    targets = [word for word in found.values() if not word >> 63]
    assert binds == [0, 1]
    assert len(targets) == 4
    parsed = parse(image)
    code = parsed.get_section("__text")
    inside = [word for word in targets if code.offset <= word < code.offset + code.size]
    assert len(inside) == 2
    names = [row.symbol.name for row in parsed.bindings]
    assert names == ["_exit", "_write"]


@both
def test_every_page_hash_of_the_signature_is_right(target: Target) -> None:
    image = link_program(target)
    parsed = parse(image)
    start, size_bytes = parsed.code_signature.data_offset, parsed.code_signature.data_size
    assert start % 16 == 0
    assert start + size_bytes == len(image)
    magic, length, count, slot, offset = struct.unpack_from(">5I", image, start)
    assert (magic, length, count, slot) == (0xFADE0CC0, size_bytes, 1, 0)
    directory = start + offset
    fields = struct.unpack_from(">9I4BI", image, directory)
    assert fields[0] == 0xFADE0C02
    assert fields[2:4] == (0x20400, 0x20002)
    hashes, identifier, pages, limit = fields[4], fields[5], fields[7], fields[8]
    assert limit == start
    assert image[directory + identifier :].startswith(b"mlrift\0")
    assert struct.unpack_from(">QQQ", image, directory + 64) == (0, 0x4000, 1)
    assert pages == (limit + 4095) // 4096
    for page in range(pages):
        contents = image[page * 4096 : min(page * 4096 + 4096, limit)]
        at = directory + hashes + 32 * page
        assert image[at : at + 32] == hashlib.sha256(contents).digest()


@both
def test_the_uuid_follows_the_contents(target: Target) -> None:
    parsed = [parse(link_program(target, text)) for text in (HELLO, HELLO, PROGRAM)]
    first, second, other = [list(row.uuid.uuid) for row in parsed]
    assert first == second != other


@both
def test_kept_debug_information_names_functions(target: Target) -> None:
    parsed = parse(link_program(target, debug=DebugInfo.KEEP))
    names = {row.name for row in parsed.symbols}
    assert {"_program", "_os_start"} <= names


def test_a_program_without_imports_still_loads_libsystem() -> None:
    start = unit("a.o", [section("t")], {"start": 0})
    parsed = parse(link([start], MACOS_X86_64, LinkOptions(entry="start")))
    assert [row.name for row in parsed.libraries] == ["/usr/lib/libSystem.B.dylib"]
    assert lief.MachO.check_layout(parsed) == (True, "")
    assert [row.name for row in parsed.segments] == ["__PAGEZERO", "__TEXT", "__LINKEDIT"]


def test_chains_break_at_pages_and_skip_pages_without_pointers() -> None:
    rows = tuple(Relocation(at, X86_POINTER, "start", 0) for at in (0, 0xFF8, 0x3000, 0x3010))
    data = section("d", SectionKind.DATA, bytes(0x4000), rows)
    start = unit("a.o", [section("t"), data], {"start": 0, "d": 1})
    image = link([start], MACOS_X86_64, LinkOptions(entry="start", keep=("d",)))
    assert sorted(chains(image)) == [0x4000, 0x4FF8, 0x7000, 0x7010]


@pytest.mark.parametrize("offset", [2, 0xFFC])
def test_pointers_that_chains_cannot_reach_are_refused(offset: int) -> None:
    row = Relocation(offset, X86_POINTER, "start", 0)
    data = section("d", SectionKind.DATA, bytes(0x2000), (row,))
    start = unit("a.o", [section("t"), data], {"start": 0, "d": 1})
    with pytest.raises(LinkError, match="not aligned"):
        link([start], MACOS_X86_64, LinkOptions(entry="start", keep=("d",)))


def test_executable_data_is_refused_and_the_stack_is_an_option() -> None:
    options = program_options(MACOS_X86_64)
    objects = program_objects(MACOS_X86_64)
    executable = replace(options, data_protection=DataProtection.READ_WRITE_EXECUTE)
    with pytest.raises(LinkError, match="--exec-data"):
        link(objects, MACOS_X86_64, executable)
    larger = replace(options, stack_bytes=(16 << 20) + 1)
    parsed = parse(link(objects, MACOS_X86_64, larger))
    assert parsed.main_command.stack_size == (16 << 20) + 0x4000
