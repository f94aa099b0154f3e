"""What the macOS kernel and dyld demand of a program or a library: bytes in, a checked plan out.

Each rule of targets.md section 5 is one `require`; the strictest SDK's version is taken. Page
hashes are checked in `macho_signature`, fixups in `macho_fixups`.
"""

import itertools
from dataclasses import dataclass

from mlrift.targets import ARM64, X86_64, Cpu
from tests.support.macho_fixups import Fixups, read_fixups
from tests.support.macho_image import MachImage, MachKind, MachSegment, read_macho
from tests.support.macho_linkedit import check_linkedit
from tests.support.macho_signature import check_signature
from tests.support.results import require

PAGE_BYTES = {X86_64.name: 0x1000, ARM64.name: 0x4000}
PAGE_ZERO_BYTES = 1 << 32
LIBSYSTEM = "/usr/lib/libSystem.B.dylib"
SG_READ_ONLY = 0x10

_READ, _WRITE, _EXECUTE = 1, 2, 4
_NO_UNDEFINED, _DYLD_LINK, _TWO_LEVEL, _PIE, _STACK_EXECUTION = 0x1, 0x4, 0x80, 0x200000, 0x20000
_REQUIRED_BY_DYLD = 0x80000000
_LOAD_DYLIB, _LOAD_DYLINKER, _UUID, _UNIX_THREAD = 0xC, 0xE, 0x1B, 0x5
_MAIN, _BUILD_VERSION, _SOURCE_VERSION = 0x80000028, 0x32, 0x2A
_SEGMENT, _SYMTAB, _DYSYMTAB, _CODE_SIGNATURE = 0x19, 0x2, 0xB, 0x1D
_FUNCTION_STARTS, _DATA_IN_CODE, _EXPORTS_TRIE, _CHAINED_FIXUPS = 0x26, 0x29, 0x80000033, 0x80000034
_DYLD_INFO, _DYLD_INFO_ONLY = 0x22, 0x80000022
_ID_DYLIB, _NO_REEXPORTS = 0xD, 0x100000
_KNOWN = {
    _LOAD_DYLIB, _LOAD_DYLINKER, _UUID, _MAIN, _BUILD_VERSION, _SOURCE_VERSION, _SEGMENT, _SYMTAB,
    _DYSYMTAB, _CODE_SIGNATURE, _FUNCTION_STARTS, _DATA_IN_CODE, _EXPORTS_TRIE, _CHAINED_FIXUPS,
    _ID_DYLIB,
}  # fmt: skip
_SEGMENT_RIGHTS = {
    "__TEXT": _READ | _EXECUTE,
    "__DATA_CONST": _READ | _WRITE,
    "__DATA": _READ | _WRITE,
    "__LINKEDIT": _READ,
}
_INSTRUCTIONS = 0x80000400
_OLDEST_SYSTEM = 11 << 16
_LARGEST_ALIGNMENT_LOG2 = 15


@dataclass(frozen=True, slots=True)
class MachPlan:
    """A checked image with what dyld must patch and call."""

    image: MachImage
    fixups: Fixups
    libraries: tuple[str, ...]
    entry_offset: int
    stack_bytes: int


def check_macho(data: bytes, cpu: Cpu) -> MachPlan:
    """Check every rule of kernel and dyld; raise `ImageRefused` for the first broken one."""
    image = read_macho(data, cpu)
    require(bool(image.flags & _PIE), "main executable is not position independent (MH_PIE)")
    loader = image.only(_LOAD_DYLINKER, "LC_LOAD_DYLINKER")
    require(loader.text() == "/usr/lib/dyld", "LC_LOAD_DYLINKER is not /usr/lib/dyld")
    _check_page_zero(image)
    libraries, fixups = _check_contents(image)
    entry, stack_bytes = image.only(_MAIN, "LC_MAIN").words("QQ")
    _check_entry(image, entry)
    page_bytes = PAGE_BYTES[cpu.name]
    require(stack_bytes % page_bytes == 0, "LC_MAIN stacksize is no multiple of the page size")
    return MachPlan(image, fixups, libraries, entry, stack_bytes)


def check_macho_library(data: bytes, cpu: Cpu, install_name: str) -> MachPlan:
    """Check every rule of dyld for the library that is loaded as `install_name`."""
    image = read_macho(data, cpu, MachKind.LIBRARY)
    require(bool(image.flags & _NO_REEXPORTS), "MH_NO_REEXPORTED_DYLIBS is missing")
    for kind in (_MAIN, _LOAD_DYLINKER):
        require(not image.all(kind), f"a library has load command {kind:#x}")
    name = image.only(_ID_DYLIB, "LC_ID_DYLIB").text()
    require(name == install_name, f"install name is {name}, not {install_name}")
    libraries, fixups = _check_contents(image)
    return MachPlan(image, fixups, libraries, 0, 0)


def _check_contents(image: MachImage) -> tuple[tuple[str, ...], Fixups]:
    """Check what programs and libraries have in common."""
    _check_header(image)
    _check_commands(image)
    for segment in image.segments:
        _check_segment(image, segment)
        _check_sections(image, segment)
    _check_layout(image)
    libraries = _libraries(image)
    check_linkedit(image)
    check_signature(image)
    return libraries, read_fixups(image, PAGE_BYTES[image.cpu.name], len(libraries))


def _check_header(image: MachImage) -> None:
    flags = image.flags
    require(bool(flags & _DYLD_LINK), "MH_DYLDLINK is missing")
    require(bool(flags & _TWO_LEVEL), "MH_TWOLEVEL is missing")
    require(bool(flags & _NO_UNDEFINED), "MH_NOUNDEFS is missing")
    require(not flags & _STACK_EXECUTION, "MH_ALLOW_STACK_EXECUTION is set")


def _check_commands(image: MachImage) -> None:
    for command in image.commands:
        if command.kind in (_DYLD_INFO, _DYLD_INFO_ONLY):
            require(not image.all(_CHAINED_FIXUPS), "both chained fixups and dyld info")
        known = command.kind in _KNOWN
        require(known or not command.kind & _REQUIRED_BY_DYLD, f"unknown command {command.kind:#x}")
    require(not image.all(_UNIX_THREAD), "LC_UNIXTHREAD in a dynamic executable")
    uuid = image.only(_UUID, "LC_UUID")
    require(len(uuid.data) == 24 and any(uuid.data[8:]), "LC_UUID is malformed or zero")
    platform, oldest, sdk = image.only(_BUILD_VERSION, "LC_BUILD_VERSION").words("III")
    require(platform == 1, "LC_BUILD_VERSION platform is not macOS (1)")
    require(oldest >= _OLDEST_SYSTEM, "deployment target is older than 11.0")
    require(sdk >= oldest, "SDK is older than the deployment target")
    image.only(_CHAINED_FIXUPS, "LC_DYLD_CHAINED_FIXUPS")
    image.only(_EXPORTS_TRIE, "LC_DYLD_EXPORTS_TRIE")


def _check_page_zero(image: MachImage) -> None:
    require(bool(image.segments), "no segments")
    zero = image.segments[0]
    require(zero.name == "__PAGEZERO", "first segment is not __PAGEZERO")
    require(zero.address == 0, "__PAGEZERO is not at address 0")
    require(zero.memory_bytes >= PAGE_ZERO_BYTES, "__PAGEZERO is smaller than 4 GiB")
    rights = zero.protection | zero.maximum_protection
    require(rights == 0, "__PAGEZERO is accessible")
    require(zero.file_bytes == 0, "__PAGEZERO has bytes in the file")


def _check_segment(image: MachImage, segment: MachSegment) -> None:
    name, page_bytes = segment.name, PAGE_BYTES[image.cpu.name]
    require(segment.address % page_bytes == 0, f"{name}: vmaddr is not page-aligned")
    require(segment.offset % page_bytes == 0, f"{name}: fileoff is not page-aligned")
    require(segment.file_bytes <= segment.memory_bytes, f"{name}: filesize exceeds vmsize")
    require(segment.file_end <= len(image.data), f"{name}: ends after the file")
    for rights in (segment.protection, segment.maximum_protection):
        require(rights & ~7 == 0, f"{name}: unknown protection bits")
        both = rights & _WRITE and rights & _EXECUTE
        require(not both, f"{name}: both writable and executable")
    excess = segment.protection & ~segment.maximum_protection
    require(excess == 0, f"{name}: initprot exceeds maxprot")
    expected = _SEGMENT_RIGHTS.get(name)
    if expected is not None:
        require(segment.protection == expected, f"{name}: initprot is not {expected}")
    if name == "__DATA_CONST":
        require(bool(segment.flags & SG_READ_ONLY), "__DATA_CONST lacks SG_READ_ONLY")


def _check_sections(image: MachImage, segment: MachSegment) -> None:
    for section in segment.sections:
        name = f"{segment.name},{section.name}"
        require(section.segment == segment.name, f"{name}: names another segment")
        inside = segment.address <= section.address
        require(
            inside and section.address + section.size_bytes <= segment.end,
            f"{name}: outside its segment",
        )
        require(section.relocation_count == 0, f"{name}: has relocations")
        require(section.alignment_log2 <= _LARGEST_ALIGNMENT_LOG2, f"{name}: alignment too large")
        aligned = section.address % (1 << section.alignment_log2) == 0
        require(aligned, f"{name}: address not aligned")
        if section.is_zero_fill:
            file_bytes = mapped_file_bytes(image, segment)
            start = section.address - segment.address
            part = file_bytes[start : start + section.size_bytes]
            is_zero = part.count(0) == len(part)
            require(is_zero, f"{name}: zero-fill, but its page holds other file bytes")
        elif section.size_bytes:
            offset = segment.offset + section.address - segment.address
            require(section.offset == offset, f"{name}: offset and address disagree")
            end = section.offset + section.size_bytes
            require(end <= segment.file_end, f"{name}: outside its segment's file part")
            if segment.offset == 0:
                require(section.offset >= image.commands_end, f"{name}: overlaps load commands")
    ordered = sorted(segment.sections, key=lambda section: section.address)
    for before, after in itertools.pairwise(ordered):
        end = before.address + before.size_bytes
        require(end <= after.address, f"{segment.name}: sections overlap")


def mapped_file_bytes(image: MachImage, segment: MachSegment) -> bytes:
    """Return the segment's file bytes as the kernel maps them: whole pages."""
    if not segment.file_bytes:
        return b""
    page_bytes = PAGE_BYTES[image.cpu.name]
    size_bytes = -(-segment.file_bytes // page_bytes) * page_bytes
    return image.data[segment.offset : segment.offset + min(size_bytes, segment.memory_bytes)]


def _check_layout(image: MachImage) -> None:
    names = [segment.name for segment in image.segments]
    require(len(set(names)) == len(names), "two segments have one name")
    first = [s for s in image.segments if s.offset == 0 and s.file_bytes]
    require(len(first) == 1, "not exactly one segment maps file offset 0")
    require(first[0].name == "__TEXT", "file offset 0 is not mapped by __TEXT")
    require(image.commands_end <= first[0].file_bytes, "load commands are outside __TEXT")
    require(names[-1] == "__LINKEDIT", "__LINKEDIT is not the last segment")
    previous = image.segments[0]
    for segment in image.segments[1:]:
        require(segment.address >= previous.end, "segments overlap or are out of order")
        if segment.file_bytes:
            require(segment.offset >= previous.file_end, "segments' file parts are out of order")
        previous = segment
    require(
        image.segment("__LINKEDIT").file_end == len(image.data), "file goes on after __LINKEDIT"
    )


def _libraries(image: MachImage) -> tuple[str, ...]:
    names = tuple(command.text() for command in image.all(_LOAD_DYLIB))
    require(LIBSYSTEM in names, "libSystem is not linked")
    require(len(set(names)) == len(names), "a library is linked twice")
    return names


def _check_entry(image: MachImage, entry: int) -> None:
    text = image.segment("__TEXT")
    code = [section for section in text.sections if section.flags & _INSTRUCTIONS]
    inside = any(s.offset <= entry < s.offset + s.size_bytes for s in code)
    require(inside, "LC_MAIN entryoff is not in a code section of __TEXT")
    if image.cpu is ARM64:
        require(entry % 4 == 0, "LC_MAIN entryoff is not a multiple of 4")
