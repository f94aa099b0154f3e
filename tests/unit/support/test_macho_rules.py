"""The Mach-O checks accept a good image and name the rule that each mutated one breaks."""

import functools
import hashlib
import struct
from collections.abc import Callable

import pytest

from mlrift.targets import MACOS_ARM64, MACOS_X86_64, Target
from tests.link.programs import link_program
from tests.support.engines import ImageRefused, engine_named
from tests.support.macho_rules import check_macho

TARGETS = (MACOS_X86_64, MACOS_ARM64)
every_target = pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
Mutation = Callable[[bytearray], None]

SEGMENT, SYMTAB, DYSYMTAB, DYLIB, DYLINKER, UUID = 0x19, 0x2, 0xB, 0xC, 0xE, 0x1B
SIGNATURE, BUILD, MAIN, SOURCE = 0x1D, 0x32, 0x80000028, 0x2A
FIXUPS, TRIE, DYLD_INFO = 0x80000034, 0x80000033, 0x80000022


@functools.cache
def good_image(target: Target) -> bytes:
    return link_program(target)


def find_command(image: bytes | bytearray, kind: int, number: int = 0) -> int:
    """Return the file offset of the `number`th command of a kind."""
    position = 32
    for _ in range(struct.unpack_from("<I", image, 16)[0]):
        found, size_bytes = struct.unpack_from("<II", image, position)
        if found == kind:
            if number == 0:
                return position
            number -= 1
        position += size_bytes
    raise LookupError(f"no command {kind:#x}")


def find_segment(image: bytes | bytearray, name: str) -> int:
    number = 0
    while True:
        position = find_command(image, SEGMENT, number)
        if image[position + 8 : position + 24].rstrip(b"\0").decode() == name:
            return position
        number += 1


def set_command(kind: int, offset: int, value: int, layout: str = "<I") -> Mutation:
    return lambda image: struct.pack_into(layout, image, find_command(image, kind) + offset, value)


def set_segment(name: str, offset: int, value: int, layout: str = "<I") -> Mutation:
    return lambda image: struct.pack_into(layout, image, find_segment(image, name) + offset, value)


def set_section(segment: str, offset: int, value: int, layout: str = "<I") -> Mutation:
    """Return a mutation of the first section of a segment."""
    return set_segment(segment, 72 + offset, value, layout)


def clear_flag(bit: int) -> Mutation:
    def mutate(image: bytearray) -> None:
        struct.pack_into("<I", image, 24, struct.unpack_from("<I", image, 24)[0] & ~bit)

    return mutate


def replace(old: bytes, new: bytes) -> Mutation:
    def mutate(image: bytearray) -> None:
        place = image.index(old)
        image[place : place + len(new)] = new

    return mutate


def set_fixups(offset: int, value: int, layout: str = "<I") -> Mutation:
    """Return a mutation inside the chained fixups blob."""

    def mutate(image: bytearray) -> None:
        blob = struct.unpack_from("<I", image, find_command(image, FIXUPS) + 8)[0]
        struct.pack_into(layout, image, blob + offset, value)

    return mutate


def set_starts(offset: int, value: int, layout: str) -> Mutation:
    """Return a mutation of the first segment's chain starts."""

    def mutate(image: bytearray) -> None:
        blob = struct.unpack_from("<I", image, find_command(image, FIXUPS) + 8)[0]
        starts = blob + struct.unpack_from("<I", image, blob + 4)[0]
        count = struct.unpack_from("<I", image, starts)[0]
        offsets = struct.unpack_from(f"<{count}I", image, starts + 4)
        first = starts + next(place for place in offsets if place)
        struct.pack_into(layout, image, first + offset, value)

    return mutate


def leave_the_page(image: bytearray) -> None:
    """Make the first fixup's chain go on past the end of its page."""
    segment = find_segment(image, "__DATA_CONST")
    offset = struct.unpack_from("<Q", image, segment + 40)[0]
    word = struct.unpack_from("<Q", image, offset)[0]
    struct.pack_into("<Q", image, offset, word | 0xFFF << 51)


def signature_field(offset: int, value: int, layout: str = ">I") -> Mutation:
    """Return a mutation of a CodeDirectory field."""

    def mutate(image: bytearray) -> None:
        blob = struct.unpack_from("<I", image, find_command(image, SIGNATURE) + 8)[0]
        directory = blob + struct.unpack_from(">I", image, blob + 16)[0]
        struct.pack_into(layout, image, directory + offset, value)

    return mutate


def sign_again(image: bytearray) -> None:
    """Make the page hashes fit the mutated file."""
    blob = struct.unpack_from("<I", image, find_command(image, SIGNATURE) + 8)[0]
    directory = blob + struct.unpack_from(">I", image, blob + 16)[0]
    hashes = directory + struct.unpack_from(">I", image, directory + 16)[0]
    for page in range(-(-blob // 4096)):
        digest = hashlib.sha256(image[page * 4096 : min(page * 4096 + 4096, blob)]).digest()
        image[hashes + 32 * page : hashes + 32 * page + 32] = digest


def grow_linkedit(image: bytearray) -> None:
    """Make __LINKEDIT longer than the file, in memory as well."""
    for offset in (32, 48):
        set_segment("__LINKEDIT", offset, 1 << 20, "<Q")(image)


MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    ("not a 64-bit Mach-O", replace(b"\xcf\xfa", b"\xce\xfa")),
    ("cputype", lambda image: struct.pack_into("<I", image, 4, 7)),
    ("cpusubtype", lambda image: struct.pack_into("<I", image, 8, 9)),
    ("MH_EXECUTE", lambda image: struct.pack_into("<I", image, 12, 6)),
    ("sizeofcmds|segments", lambda image: struct.pack_into("<I", image, 16, 3)),
    ("after the file", lambda image: struct.pack_into("<I", image, 20, 1 << 30)),
    ("8-multiple", lambda image: struct.pack_into("<I", image, 36, 73)),
    ("MH_PIE", clear_flag(0x200000)),
    ("MH_DYLDLINK", clear_flag(0x4)),
    ("MH_TWOLEVEL", clear_flag(0x80)),
    ("MH_NOUNDEFS", clear_flag(0x1)),
    ("__PAGEZERO is smaller", set_segment("__PAGEZERO", 32, 0x1000, "<Q")),
    ("__PAGEZERO is accessible", set_segment("__PAGEZERO", 60, 1)),
    ("first segment is not __PAGEZERO", replace(b"__PAGEZERO", b"__PAGEONE\0")),
    ("both writable and executable", set_segment("__TEXT", 60, 7)),
    ("both writable and executable", set_segment("__DATA", 56, 7)),
    ("SG_READ_ONLY", set_segment("__DATA_CONST", 68, 0)),
    ("__DATA_CONST: initprot", set_segment("__DATA_CONST", 60, 1)),
    ("initprot exceeds maxprot", set_segment("__DATA", 56, 1)),
    ("__LINKEDIT: initprot", set_segment("__LINKEDIT", 60, 3)),
    ("fileoff is not page-aligned", set_segment("__DATA", 40, 0x8010, "<Q")),
    ("vmaddr is not page-aligned", set_segment("__DATA", 24, 0x100008010, "<Q")),
    ("out of order", set_segment("__LINKEDIT", 24, 0x100000000, "<Q")),
    ("filesize exceeds vmsize", set_segment("__TEXT", 32, 0x1000, "<Q")),
    ("ends after the file", grow_linkedit),
    ("two segments have one name", replace(b"__LINKEDIT", b"__PAGEZERO")),
    ("names another segment", set_section("__DATA", 18, 0x58585858)),
    ("outside its segment", set_section("__TEXT", 40, 1 << 30, "<Q")),
    ("offset and address disagree", set_section("__TEXT", 48, 0x2000)),
    ("has relocations", set_section("__TEXT", 60, 1)),
    ("LC_LOAD_DYLINKER is not", replace(b"/usr/lib/dyld", b"/usr/lib/dylx")),
    ("0 LC_LOAD_DYLINKER", set_command(DYLINKER, 0, SOURCE)),
    ("0 LC_UUID", set_command(UUID, 0, SOURCE)),
    ("platform", set_command(BUILD, 8, 2)),
    ("older than 11", set_command(BUILD, 12, 10 << 16)),
    ("SDK is older", set_command(BUILD, 16, 11 << 16)),
    ("unknown command", set_command(SOURCE, 0, 0x80000055)),
    ("LC_UNIXTHREAD", set_command(SOURCE, 0, 5)),
    ("chained fixups and dyld info", set_command(SOURCE, 0, DYLD_INFO)),
    ("0 LC_MAIN", set_command(MAIN, 0, SOURCE)),
    ("entryoff", set_command(MAIN, 8, 0, "<Q")),
    ("stacksize", set_command(MAIN, 16, 100, "<Q")),
    ("libSystem is not linked", set_command(DYLIB, 0, SOURCE)),
    ("libSystem is not linked", replace(b"libSystem.B", b"libSystem.C")),
    ("seg_count", lambda image: set_starts_count(image, 3)),
    ("fixups version", set_fixups(0, 1)),
    ("imports format", set_fixups(20, 2)),
    ("compressed", set_fixups(24, 1)),
    ("outside the blob", set_fixups(8, 1 << 20)),
    ("fixup page size", set_starts(4, 0x2000, "<H")),
    ("pointer format", set_starts(6, 1, "<H")),
    ("segment_offset", set_starts(8, 0x1234000, "<Q")),
    ("chain leaves its page", leave_the_page),
    ("symbol not found: _writf", replace(b"_write\0", b"_writf\0")),
    ("out of order or overlapping", set_command(SYMTAB, 16, 0)),
    ("LC_DYSYMTAB counts", set_command(DYSYMTAB, 12, 500)),
    ("code signature is not the end", set_command(SIGNATURE, 12, 64)),
    ("CodeDirectory version", signature_field(8, 0x20100)),
    ("not ad-hoc", signature_field(12, 0)),
    ("codeLimit", signature_field(32, 0x100)),
    ("SHA-256", signature_field(37, 1, ">B")),
    ("page size is not 4096", signature_field(39, 14, ">B")),
    ("execSegBase", signature_field(64, 4096, ">Q")),
    ("execSegLimit", signature_field(72, 1, ">Q")),
    ("execSegFlags", signature_field(80, 0, ">Q")),
)


def set_starts_count(image: bytearray, value: int) -> None:
    blob = struct.unpack_from("<I", image, find_command(image, FIXUPS) + 8)[0]
    starts = blob + struct.unpack_from("<I", image, blob + 4)[0]
    struct.pack_into("<I", image, starts, value)


@every_target
def test_a_good_image_is_accepted_and_runs(target: Target) -> None:
    check_macho(good_image(target), target.cpu)
    assert engine_named(f"{target.name}:strict").run(good_image(target)).status == 42


@every_target
@pytest.mark.parametrize(("rule", "mutate"), MUTATIONS, ids=[rule for rule, _ in MUTATIONS])
def test_a_broken_rule_is_refused(target: Target, rule: str, mutate: Mutation) -> None:
    image = bytearray(good_image(target))
    sign_again(image)
    assert bytes(image) == good_image(target)
    mutate(image)
    sign_if_possible(image)
    with pytest.raises(ImageRefused, match=rule):
        engine_named(f"{target.name}:strict").run(bytes(image))


def sign_if_possible(image: bytearray) -> None:
    try:
        sign_again(image)
    except (LookupError, struct.error):
        return


@every_target
def test_a_wrong_page_hash_is_refused(target: Target) -> None:
    image = bytearray(good_image(target))
    image[image.index(b"hello, world")] ^= 1
    with pytest.raises(ImageRefused, match="hash of page"):
        engine_named(f"{target.name}:strict").run(bytes(image))


@every_target
def test_only_arm64_must_be_signed(target: Target) -> None:
    image = bytearray(good_image(target))
    struct.pack_into("<I", image, find_command(image, SIGNATURE), SOURCE)
    engine = engine_named(f"{target.name}:strict")
    if target is MACOS_ARM64:
        with pytest.raises(ImageRefused, match="unsigned"):
            engine.run(bytes(image))
    else:
        assert engine.run(bytes(image)).status == 42


@every_target
def test_truncation_is_always_refused(target: Target) -> None:
    image = good_image(target)
    for size_bytes in (*range(0, 2000, 61), *range(2000, len(image) - 1, 4999)):
        with pytest.raises(ImageRefused):
            check_macho(image[:size_bytes], target.cpu)
