"""Android's own loader rules as a static check: executable bytes in, `ImageRefused` or nothing out.

The rules are those of bionic's linker for a main executable, started by the kernel or as
`linker64 program` (then section headers matter), on devices with 16 KiB pages.
"""

import itertools
import struct
from dataclasses import dataclass

from mlrift.targets import ARM64, Cpu
from tests.support.results import ImageRefused, require

PAGE_BYTES = 0x4000
INTERPRETER = b"/system/bin/linker64\0"

_LOAD, _DYNAMIC, _INTERP, _PHDR, _TLS, _GNU_STACK = 1, 2, 3, 6, 7, 0x6474E551
_EXECUTE, _WRITE, _READ = 1, 2, 4
_DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_RELA = 1, 4, 5, 6, 7
_DT_RELASZ, _DT_RELAENT, _DT_STRSZ, _DT_SYMENT, _DT_REL = 8, 9, 10, 11, 17
_DT_TEXTREL, _DT_FLAGS, _DT_GNU_HASH = 22, 30, 0x6FFFFEF5
_DF_TEXTREL = 4
_SHT_STRTAB, _SHT_DYNAMIC = 3, 6
_RELATIVE = {62: 8, 183: 1027}
_GLOBAL_DATA = {62: 6, 183: 1025}


@dataclass(frozen=True, slots=True)
class _Segment:
    kind: int
    flags: int
    offset: int
    address: int
    file_bytes: int
    memory_bytes: int
    alignment: int

    @property
    def end(self) -> int:
        return self.address + self.memory_bytes


@dataclass(frozen=True, slots=True)
class _Section:
    kind: int
    offset: int
    size_bytes: int
    link: int


def check_android_image(image: bytes, cpu: Cpu) -> None:
    """Raise `ImageRefused` with the first rule of the Android loader that `image` breaks."""
    segments = _read_segments(image, cpu)
    loads = [segment for segment in segments if segment.kind == _LOAD]
    _check_loads(image, loads)
    _check_special_segments(image, segments, loads, cpu)
    entry = struct.unpack_from("<Q", image, 24)[0]
    code = [load for load in loads if load.flags & _EXECUTE]
    require(any(load.address <= entry < load.end for load in code), "entry not in an r-x segment")
    dynamic = _only(segments, _DYNAMIC, "PT_DYNAMIC")
    _check_dynamic(image, dynamic, loads, cpu)
    _check_section_headers(image, dynamic)


def _read_segments(image: bytes, cpu: Cpu) -> list[_Segment]:
    require(image[:7] == b"\x7fELF\x02\x01\x01", "not a little-endian ELF64 file")
    require(len(image) >= 64, "file shorter than an ELF header")
    kind, machine, version = struct.unpack_from("<HHI", image, 16)
    require(machine == cpu.elf_machine, f"e_machine {machine} is not {cpu.elf_machine}")
    require(version == 1, "e_version is not 1")
    require(kind == 3, "Android only supports position-independent executables (ET_DYN)")
    table_offset = struct.unpack_from("<Q", image, 32)[0]
    entry_bytes, count = struct.unpack_from("<HH", image, 54)
    require(entry_bytes == 56, "e_phentsize is not 56")
    require(0 < count < 1170, "e_phnum out of range")
    require(table_offset + 56 * count <= len(image), "program headers outside the file")
    segments = []
    for index in range(count):
        row = struct.unpack_from("<IIQQQQQQ", image, table_offset + 56 * index)
        segments.append(_Segment(row[0], row[1], row[2], row[3], row[5], row[6], row[7]))
    return segments


def _check_loads(image: bytes, loads: list[_Segment]) -> None:
    require(bool(loads), "no PT_LOAD")
    table_end = struct.unpack_from("<Q", image, 32)[0] + 56 * struct.unpack_from("<H", image, 56)[0]
    first = loads[0]
    require(first.offset == 0 and first.file_bytes >= table_end, "first PT_LOAD lacks the headers")
    for load in loads:
        flags = load.flags
        require(
            not (flags & _WRITE and flags & _EXECUTE), "a segment is both writable and executable"
        )
        require(bool(flags & _READ), "a PT_LOAD is not readable")
        alignment = load.alignment
        require(alignment & (alignment - 1) == 0, "p_align is not a power of two")
        require(alignment >= PAGE_BYTES, f"p_align {alignment:#x} is below 16 KiB")
        require(load.offset % alignment == load.address % alignment, "p_offset and p_vaddr differ")
        require(load.file_bytes <= load.memory_bytes, "p_filesz exceeds p_memsz")
        require(load.offset + load.file_bytes <= len(image), "a PT_LOAD ends after the file")
    for before, after in itertools.pairwise(loads):
        require(after.address >= before.end, "PT_LOADs overlap or are out of order")
        if before.flags != after.flags:
            last_page = (before.end - 1) // PAGE_BYTES
            require(
                last_page < after.address // PAGE_BYTES,
                "segments of different permission share a 16 KiB page",
            )


def _check_special_segments(
    image: bytes, segments: list[_Segment], loads: list[_Segment], cpu: Cpu
) -> None:
    interpreter = _only(segments, _INTERP, "PT_INTERP")
    text = image[interpreter.offset : interpreter.offset + interpreter.file_bytes]
    require(text == INTERPRETER, "PT_INTERP is not /system/bin/linker64")
    header = _only(segments, _PHDR, "PT_PHDR")
    kinds = [segment.kind for segment in segments]
    require(kinds.index(_PHDR) < kinds.index(_LOAD), "PT_PHDR comes after a PT_LOAD")
    require(header.offset == struct.unpack_from("<Q", image, 32)[0], "PT_PHDR is not at e_phoff")
    covered = any(load.address <= header.address < load.end for load in loads)
    require(covered, "PT_PHDR is not in a PT_LOAD")
    stack = _only(segments, _GNU_STACK, "PT_GNU_STACK")
    require(not stack.flags & _EXECUTE, "PT_GNU_STACK asks for an executable stack")
    for segment in segments:
        if segment.kind == _TLS and cpu is ARM64:
            require(segment.alignment >= 64, "PT_TLS alignment is below 64 on arm64")


def _only(segments: list[_Segment], kind: int, name: str) -> _Segment:
    found = [segment for segment in segments if segment.kind == kind]
    require(len(found) == 1, f"{len(found)} {name} instead of one")
    return found[0]


def _check_dynamic(image: bytes, dynamic: _Segment, loads: list[_Segment], cpu: Cpu) -> None:
    require(dynamic.file_bytes % 16 == 0, "PT_DYNAMIC size is no multiple of 16")
    end = dynamic.offset + dynamic.file_bytes
    require(end <= len(image), "PT_DYNAMIC ends after the file")
    inside = any(
        load.address <= dynamic.address
        and dynamic.address + dynamic.file_bytes <= load.address + load.file_bytes
        and dynamic.offset - load.offset == dynamic.address - load.address
        for load in loads
    )
    require(inside, "PT_DYNAMIC is not inside a PT_LOAD")
    tags = _read_tags(image, dynamic)
    for tag in (_DT_STRTAB, _DT_SYMTAB):
        require(tags.get(tag, 0) != 0, "DT_STRTAB or DT_SYMTAB missing or zero")
    has_hash = tags.get(_DT_HASH, 0) != 0 or tags.get(_DT_GNU_HASH, 0) != 0
    require(has_hash, "neither DT_HASH nor DT_GNU_HASH")
    require(tags.get(_DT_SYMENT) == 24, "DT_SYMENT is not 24")
    require(tags.get(_DT_STRSZ, 0) > 0, "DT_STRSZ missing or zero")
    require(_DT_REL not in tags, "DT_REL is not supported, only DT_RELA")
    textrel = _DT_TEXTREL in tags or tags.get(_DT_FLAGS, 0) & _DF_TEXTREL
    require(not textrel, "text relocations (DT_TEXTREL)")
    if _DT_HASH in tags:
        where = _file_offset(tags[_DT_HASH], 8, loads, "DT_HASH")
        buckets, _ = struct.unpack_from("<II", image, where)
        require(buckets > 0, "DT_HASH has no bucket")
    strings = _file_offset(tags[_DT_STRTAB], tags[_DT_STRSZ], loads, "DT_STRTAB")
    require(image[strings] == 0, "DT_STRTAB does not start with an empty string")
    _file_offset(tags[_DT_SYMTAB], 24, loads, "DT_SYMTAB")
    _check_relocations(image, tags, loads, cpu)


def _read_tags(image: bytes, dynamic: _Segment) -> dict[int, int]:
    tags: dict[int, int] = {}
    for position in range(dynamic.offset, dynamic.offset + dynamic.file_bytes, 16):
        tag, value = struct.unpack_from("<QQ", image, position)
        if tag == 0:
            return tags
        require(tag == _DT_NEEDED or tag not in tags, f"dynamic tag {tag:#x} appears twice")
        tags[tag] = value
    raise ImageRefused("PT_DYNAMIC has no DT_NULL")


def _file_offset(address: int, size_bytes: int, loads: list[_Segment], what: str) -> int:
    for load in loads:
        if load.address <= address and address + size_bytes <= load.address + load.file_bytes:
            return address - load.address + load.offset
    raise ImageRefused(f"{what} is not inside the file part of a PT_LOAD")


def _check_relocations(image: bytes, tags: dict[int, int], loads: list[_Segment], cpu: Cpu) -> None:
    if _DT_RELA not in tags:
        require(_DT_RELASZ not in tags, "DT_RELASZ without DT_RELA")
        return
    require(tags.get(_DT_RELAENT) == 24, "DT_RELAENT is not 24")
    size_bytes = tags.get(_DT_RELASZ, 0)
    require(size_bytes % 24 == 0, "DT_RELASZ is no multiple of 24")
    if size_bytes == 0:
        return
    where = _file_offset(tags[_DT_RELA], size_bytes, loads, "DT_RELA")
    for target, info, _ in struct.iter_unpack("<QQq", image[where : where + size_bytes]):
        is_slot = info >> 32 and info & 0xFFFFFFFF == _GLOBAL_DATA[cpu.elf_machine]
        is_known = is_slot or info == _RELATIVE[cpu.elf_machine]
        require(is_known, f"relocation {info:#x} is neither RELATIVE nor GLOB_DAT")
        writable = any(
            load.address <= target and target + 8 <= load.end and load.flags & _WRITE
            for load in loads
        )
        require(writable, f"relocation at {target:#x} is not in a writable segment")


def _check_section_headers(image: bytes, dynamic: _Segment) -> None:
    table_offset = struct.unpack_from("<Q", image, 40)[0]
    entry_bytes, count, names_index = struct.unpack_from("<HHH", image, 58)
    require(entry_bytes == 64, "e_shentsize is not 64")
    require(count > 0, "e_shnum is zero")
    require(0 < names_index < count, "e_shstrndx is zero or out of range")
    require(table_offset + 64 * count <= len(image), "section headers outside the file")
    sections = []
    for index in range(count):
        row = struct.unpack_from("<IIQQQQIIQQ", image, table_offset + 64 * index)
        sections.append(_Section(row[1], row[4], row[5], row[6]))
    require(sections[names_index].kind == _SHT_STRTAB, "e_shstrndx names no string table")
    found = [section for section in sections if section.kind == _SHT_DYNAMIC]
    require(len(found) == 1, "not exactly one .dynamic section")
    require(found[0].offset == dynamic.offset, ".dynamic offset differs from PT_DYNAMIC's")
    require(found[0].size_bytes == dynamic.file_bytes, ".dynamic size differs from PT_DYNAMIC's")
    require(found[0].link < count, ".dynamic sh_link out of range")
    require(sections[found[0].link].kind == _SHT_STRTAB, ".dynamic sh_link names no string table")
