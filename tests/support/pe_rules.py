"""What the Windows loader demands of a program or a DLL: bytes in, a checked `PeImage` out.

Anything a Windows of today would refuse, or that targets.md section 4 forbids, is `ImageRefused`.
Directories that our executables never have (TLS, load config, delay imports) are refused as well.
"""

import struct
from dataclasses import dataclass

from mlrift.targets import Cpu
from tests.support.pe_directories import ImportedFunction, read_imports, read_relocations
from tests.support.pe_image import (
    PAGE_BYTES,
    PeHeader,
    PeImage,
    PeSection,
    SectionFlag,
    align_up,
    header_offset,
)
from tests.support.results import require

_CONSOLE = 3
_EXECUTABLE, _LARGE_ADDRESS, _RELOCS_STRIPPED, _DLL = 0x2, 0x20, 0x1, 0x2000
_HIGH_ENTROPY, _DYNAMIC_BASE, _NX, _TERMINAL_SERVER = 0x20, 0x40, 0x100, 0x8000
_FORCE_INTEGRITY, _NO_ISOLATION_OR_CFG = 0x80, 0x4000
_OPTIONAL_BYTES = 112 + 16 * 8
_EXCEPTION_DIRECTORY, _IAT_DIRECTORY = 3, 12
_EXPORT_DIRECTORY = 0
_UNSUPPORTED_DIRECTORIES = {
    4: "security",
    8: "global pointer",
    9: "TLS",
    11: "bound import",
    13: "delay import",
    14: "CLR",
    15: "reserved",
}


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A checked image with what the loader must patch: import slots and relocated words."""

    image: PeImage
    imports: tuple[ImportedFunction, ...]
    relocations: tuple[int, ...]


def check_pe(data: bytes, cpu: Cpu) -> LoadPlan:
    """Check every rule of the Windows loader; raise `ImageRefused` for the first broken one."""
    image = _read(data, cpu)
    require(not image.header.characteristics & _DLL, "Characteristics say DLL")
    exports = image.header.directories[_EXPORT_DIRECTORY]
    require(exports == (0, 0), "unexpected export directory")
    plan = _check_contents(image)
    _check_entry(image)
    return plan


def check_dll(data: bytes, cpu: Cpu) -> LoadPlan:
    """Check every rule for a DLL; one without an entry point has none called."""
    image = _read(data, cpu)
    require(bool(image.header.characteristics & _DLL), "Characteristics do not say DLL")
    plan = _check_contents(image)
    if image.header.entry:
        _check_entry(image)
    return plan


def _check_contents(image: PeImage) -> LoadPlan:
    """Check what programs and DLLs have in common."""
    _check_file_header(image)
    _check_optional_header(image)
    _check_sections(image)
    _check_sizes(image)
    _check_directories(image)
    imports = read_imports(image)
    _check_import_table_range(image, imports)
    relocations = read_relocations(image)
    return LoadPlan(image, imports, relocations)


def _read(data: bytes, cpu: Cpu) -> PeImage:
    require(len(data) >= 64 and data[:2] == b"MZ", "no MZ header")
    offset = header_offset(data)
    require(offset % 8 == 0 and 64 <= offset <= len(data) - 264, "e_lfanew outside the file")
    require(data[offset : offset + 4] == b"PE\0\0", "no PE signature")
    machine, count, _, _, _, optional_bytes, characteristics = struct.unpack_from(
        "<HHIIIHH", data, offset + 4
    )
    require(machine == cpu.pe_machine, f"machine {machine:#x} is not {cpu.pe_machine:#x}")
    require(1 <= count <= 96, f"{count} sections")
    require(optional_bytes == _OPTIONAL_BYTES, "SizeOfOptionalHeader is not 240")
    start = offset + 24
    require(struct.unpack_from("<H", data, start)[0] == 0x20B, "optional header is not PE32+")
    table = start + optional_bytes
    require(table + 40 * count <= len(data), "section table outside the file")
    sections = tuple(PeSection.read(data, table + 40 * index) for index in range(count))
    header = PeHeader.read(data, start, characteristics, table + 40 * count)
    return PeImage(data, header, sections)


def _check_file_header(image: PeImage) -> None:
    flags = image.header.characteristics
    require(bool(flags & _EXECUTABLE), "Characteristics lack EXECUTABLE_IMAGE")
    require(bool(flags & _LARGE_ADDRESS), "Characteristics lack LARGE_ADDRESS_AWARE")
    require(not flags & _RELOCS_STRIPPED, "Characteristics have RELOCS_STRIPPED")


def _check_optional_header(image: PeImage) -> None:
    header = image.header
    require(header.section_alignment == PAGE_BYTES, "SectionAlignment is not 0x1000")
    require(header.file_alignment == 0x200, "FileAlignment is not 0x200")
    require(header.image_base % 0x10000 == 0, "ImageBase is no multiple of 64 KiB")
    require(header.image_base >= 1 << 32, "ImageBase is below 4 GiB although HIGH_ENTROPY_VA")
    require(header.subsystem == _CONSOLE, "subsystem is not console (3)")
    require((6, 0) <= header.subsystem_version <= (10, 0), "subsystem version is not 6.0 to 10.0")
    require(header.os_version >= (6, 0), "operating system version is below 6.0")
    require(header.win32_version == 0, "Win32VersionValue is not 0")
    require(header.loader_flags == 0, "loader flags are not 0")
    require(header.directory_count == 16, "not 16 data directories")
    flags = header.dll_characteristics
    require(bool(flags & _DYNAMIC_BASE), "DllCharacteristics lack DYNAMIC_BASE")
    require(bool(flags & _NX), "DllCharacteristics lack NX_COMPAT")
    require(bool(flags & _HIGH_ENTROPY), "DllCharacteristics lack HIGH_ENTROPY_VA")
    require(bool(flags & _TERMINAL_SERVER), "DllCharacteristics lack TERMINAL_SERVER_AWARE")
    require(not flags & _FORCE_INTEGRITY, "DllCharacteristics force integrity without a signature")
    require(not flags & _NO_ISOLATION_OR_CFG, "GUARD_CF without a load config")
    for kind, reserve, commit in (
        ("stack", header.stack_reserve, header.stack_commit),
        ("heap", header.heap_reserve, header.heap_commit),
    ):
        require(commit <= reserve, f"{kind} commit exceeds its reserve")
    require(header.stack_reserve >= 0x10000, "stack reserve is below 64 KiB")
    require(header.stack_commit >= PAGE_BYTES, "stack commit is below one page")


def _check_sections(image: PeImage) -> None:
    header = image.header
    next_address = align_up(header.size_of_headers, PAGE_BYTES)
    next_offset = header.size_of_headers
    for section in image.sections:
        name = section.name
        require(section.virtual_size > 0, f"{name}: VirtualSize is 0")
        require(section.address % PAGE_BYTES == 0, f"{name}: address is not aligned")
        require(section.address == next_address, f"{name}: sections are not contiguous")
        next_address = align_up(section.address + section.virtual_size, PAGE_BYTES)
        require(section.raw_size % header.file_alignment == 0, f"{name}: raw size is not aligned")
        if section.raw_size:
            require(
                section.raw_offset % header.file_alignment == 0, f"{name}: raw offset not aligned"
            )
            require(section.raw_offset >= next_offset, f"{name}: file parts overlap")
            next_offset = section.raw_offset + section.raw_size
            require(next_offset <= len(image.data), f"{name}: ends after the file")
            require(
                section.raw_size <= align_up(section.virtual_size, PAGE_BYTES),
                f"{name}: raw size exceeds the pages of its VirtualSize",
            )
        flags = section.flags
        writable, executable = flags & SectionFlag.WRITE, flags & SectionFlag.EXECUTE
        require(not (writable and executable), f"{name}: both writable and executable")
        require(bool(flags & SectionFlag.READ), f"{name}: not readable")
        if flags & SectionFlag.CODE:
            require(bool(executable), f"{name}: code section is not executable")


def _check_entry(image: PeImage) -> None:
    entry = image.header.entry
    code = [section for section in image.sections if section.flags & SectionFlag.EXECUTE]
    inside = any(s.address <= entry < s.address + s.virtual_size for s in code)
    require(inside, "entry point is not in an executable section")


def _check_sizes(image: PeImage) -> None:
    header, last = image.header, image.sections[-1]
    end = align_up(last.address + last.virtual_size, PAGE_BYTES)
    require(header.size_of_image == end, f"SizeOfImage is not {end:#x}")
    headers = align_up(header.headers_end, header.file_alignment)
    require(header.size_of_headers == headers, f"SizeOfHeaders is not {headers:#x}")
    code = [section for section in image.sections if section.flags & SectionFlag.CODE]
    code_bytes = sum(section.raw_size for section in code)
    require(header.size_of_code == code_bytes, f"SizeOfCode is not {code_bytes:#x}")
    require(not code or header.base_of_code == code[0].address, "BaseOfCode is not the code's")
    if header.checksum:
        require(header.checksum == image.computed_checksum(), "checksum is wrong")


def _check_directories(image: PeImage) -> None:
    for index, (address, size_bytes) in enumerate(image.header.directories):
        if not address and not size_bytes:
            continue
        unsupported = _UNSUPPORTED_DIRECTORIES.get(index)
        require(unsupported is None, f"unexpected {unsupported} directory")
        if index == 10:
            require(False, "unexpected load config directory")
        image.file_bytes(address, size_bytes, f"directory {index}")
    address, size_bytes = image.header.directories[_EXCEPTION_DIRECTORY]
    if size_bytes and image.is_x86_64:
        _check_unwind_table(image.file_bytes(address, size_bytes, "exception directory"))


def _check_unwind_table(table: bytes) -> None:
    require(len(table) % 12 == 0, "exception directory is no array of 12-byte rows")
    previous = 0
    for begin, end, _ in struct.iter_unpack("<III", table):
        require(previous <= begin < end, "exception directory is not sorted")
        previous = end


def _check_import_table_range(image: PeImage, imports: tuple[ImportedFunction, ...]) -> None:
    address, size_bytes = image.header.directories[_IAT_DIRECTORY]
    require(bool(imports) == bool(size_bytes), "IAT directory (12) missing or without imports")
    for imported in imports:
        inside = address <= imported.slot and imported.slot + 8 <= address + size_bytes
        require(inside, f"import slot of {imported.name} is outside the IAT directory")
