"""Code objects to files: an ELF shared object that AMD's loaders take (gpu.md 3).

Kernels in, bytes out. Read-only data (note, symbols, descriptors), code and the dynamic table are
loaded at their file offsets plus one page each; symbol tables and debug information are not loaded.
Every kernel begins at a multiple of 256 bytes, and behind all the code is padding into which the
instruction fetch may run.
"""

from mlrift.backends.amdgcn.codeobject import elf
from mlrift.backends.amdgcn.codeobject.debug_information import debug_sections
from mlrift.backends.amdgcn.codeobject.descriptor import DESCRIPTOR_BYTES, describe, pack
from mlrift.backends.amdgcn.codeobject.elf import SectionFlag, SectionType, SegmentFlag, SegmentType
from mlrift.backends.amdgcn.codeobject.metadata import pack_metadata
from mlrift.backends.amdgcn.codeobject.model import CodeObject
from mlrift.values import field, record

CODE_ALIGN = 256
CODE_END = bytes.fromhex("00009fbf")
FETCH_AHEAD_BYTES = 256
_SEGMENTS = 7
_RODATA_ALIGN = 64
_CODE_SHIFT = elf.PAGE_BYTES
_DYNAMIC_SHIFT = 2 * elf.PAGE_BYTES


@record
class _Section:
    """A section and where the file will have it."""

    name: str
    type: SectionType
    flags: SectionFlag
    data: bytes
    align: int = 1
    link: str = ""
    info: int = 0
    entry_bytes: int = 0
    shift: int = 0
    offset: int = 0

    @property
    def address(self) -> int:
        """The address when loaded at 0; 0 for what is not loaded."""
        return self.offset + self.shift if self.flags & SectionFlag.ALLOCATED else 0


@record
class _Strings:
    """A string table that grows."""

    data: bytearray = field(default_factory=lambda: bytearray(1))

    def add(self, text: str) -> int:
        """Return the offset of a string."""
        offset = len(self.data)
        self.data += text.encode() + b"\0"
        return offset


def write(made: CodeObject) -> bytes:
    """Return the file."""
    names = [kernel.name for kernel in made.kernels]
    if len(set(names)) < len(names):
        raise ValueError("two kernels of a code object have one name")
    sections = _sections(made)
    _place(sections)
    by_name = {row.name: row for row in sections}
    by_name[".rodata"].data = _descriptors(made, by_name)
    symbols = _symbols(made, sections, by_name)
    by_name[".dynsym"].data = by_name[".symtab"].data = symbols
    by_name[".dynamic"].data = _dynamic(by_name)
    bases = [by_name[".text"].address + offset for offset in _code_offsets(made)]
    for name, data in debug_sections(made, bases).items():
        by_name[name].data = data
    return _file(made, sections, by_name)


def _code_offsets(made: CodeObject) -> list[int]:
    """Return where each kernel begins in `.text`."""
    offsets: list[int] = []
    end = 0
    for kernel in made.kernels:
        offsets.append(end)
        end = _aligned(end + len(kernel.code), CODE_ALIGN)
    return offsets


def _code(made: CodeObject) -> bytes:
    code = bytearray()
    for kernel in made.kernels:
        code += CODE_END * ((_aligned(len(code), CODE_ALIGN) - len(code)) // len(CODE_END))
        code += kernel.code
    end = _aligned(len(code) + FETCH_AHEAD_BYTES, 64)
    return bytes(code + CODE_END * ((end - len(code)) // len(CODE_END)))


def _sections(made: CodeObject) -> list[_Section]:
    """Return the sections in the order of the file; some only have their size yet."""
    loaded, strings = SectionFlag.ALLOCATED, _Strings()
    for row in made.kernels:
        strings.add(row.name)
        strings.add(f"{row.name}.kd")
    names = bytes(strings.data)
    symbol_bytes = (1 + 2 * len(made.kernels)) * elf.SYMBOL.size
    empty = bytes(symbol_bytes)
    descriptors = bytes(DESCRIPTOR_BYTES * len(made.kernels))
    kind, size = SectionType, elf.SYMBOL.size
    executable = loaded | SectionFlag.EXECUTABLE
    writable = loaded | SectionFlag.WRITE
    unloaded = SectionFlag.NONE
    return [
        _Section(".note", kind.NOTE, loaded, _note(pack_metadata(made)), 4),
        _Section(".dynsym", kind.DYNAMIC_SYMBOLS, loaded, empty, 8, ".dynstr", 1, size),
        _Section(".hash", kind.HASH, loaded, _hash_table(made), 4, ".dynsym", 0, 4),
        _Section(".dynstr", kind.STRINGS, loaded, names),
        _Section(".rodata", kind.PROGRAM, loaded, descriptors, _RODATA_ALIGN),
        _Section(".text", kind.PROGRAM, executable, _code(made), CODE_ALIGN, shift=_CODE_SHIFT),
        _Section(
            ".dynamic",
            kind.DYNAMIC,
            writable,
            bytes(6 * elf.DYNAMIC.size),
            8,
            ".dynstr",
            0,
            elf.DYNAMIC.size,
            _DYNAMIC_SHIFT,
        ),
        *(
            _Section(name, kind.PROGRAM, unloaded, data)
            for name, data in debug_sections(made, [0] * len(made.kernels)).items()
        ),
        _Section(".symtab", kind.SYMBOLS, unloaded, empty, 8, ".strtab", 1, size),
        _Section(".strtab", kind.STRINGS, unloaded, names),
    ]


def _note(descriptor: bytes) -> bytes:
    name = elf.NOTE_NAME
    head = elf.NOTE.pack(len(name), len(descriptor), elf.NOTE_METADATA)
    return head + _padded(name, 4) + _padded(descriptor, 4)


def _hash_table(made: CodeObject) -> bytes:
    """Return a System V hash table: bucket and chain of each symbol's index."""
    names = [text for row in made.kernels for text in (row.name, f"{row.name}.kd")]
    buckets = [0] * max(len(names), 1)
    chains = [0] * (len(names) + 1)
    for index, name in enumerate(names, start=1):
        bucket = elf.hash_of(name.encode()) % len(buckets)
        chains[index] = buckets[bucket]
        buckets[bucket] = index
    words = [len(buckets), len(chains), *buckets, *chains]
    return b"".join(word.to_bytes(4, "little") for word in words)


def _place(sections: list[_Section]) -> None:
    offset = elf.FILE_HEADER.size + _SEGMENTS * elf.PROGRAM_HEADER.size
    for row in sections:
        row.offset = _aligned(offset, row.align)
        offset = row.offset + len(row.data)


def _descriptors(made: CodeObject, sections: dict[str, _Section]) -> bytes:
    text, rodata = sections[".text"].address, sections[".rodata"].address
    rows: list[bytes] = []
    for index, (kernel, offset) in enumerate(zip(made.kernels, _code_offsets(made), strict=True)):
        distance = text + offset - (rodata + index * DESCRIPTOR_BYTES)
        rows.append(pack(describe(kernel, made.chip, distance)))
    return b"".join(rows)


def _symbols(made: CodeObject, sections: list[_Section], by_name: dict[str, _Section]) -> bytes:
    """Return the symbol table: code and descriptor of each kernel, global and protected."""
    text, rodata = by_name[".text"], by_name[".rodata"]
    rows = [bytes(elf.SYMBOL.size)]
    name = 1
    binding = elf.BINDING_GLOBAL << 4
    for index, (kernel, offset) in enumerate(zip(made.kernels, _code_offsets(made), strict=True)):
        for section, kind, start, size, suffix in (
            (text, elf.SymbolType.FUNCTION, offset, len(kernel.code), ""),
            (rodata, elf.SymbolType.OBJECT, index * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES, ".kd"),
        ):
            number = sections.index(section) + 1
            address = section.address + start
            info = binding | kind
            visible = elf.VISIBILITY_PROTECTED
            rows.append(elf.SYMBOL.pack(name, info, visible, number, address, size))
            name += len((kernel.name + suffix).encode()) + 1
    return b"".join(rows)


def _dynamic(sections: dict[str, _Section]) -> bytes:
    tag = elf.DynamicTag
    rows = (
        (tag.HASH, sections[".hash"].address),
        (tag.STRINGS, sections[".dynstr"].address),
        (tag.SYMBOLS, sections[".dynsym"].address),
        (tag.STRINGS_BYTES, len(sections[".dynstr"].data)),
        (tag.SYMBOL_BYTES, elf.SYMBOL.size),
        (tag.END, 0),
    )
    return b"".join(elf.DYNAMIC.pack(*row) for row in rows)


def _file(made: CodeObject, sections: list[_Section], by_name: dict[str, _Section]) -> bytes:
    """Return headers and sections, joined."""
    names = _Strings()
    rows = [bytes(elf.SECTION_HEADER.size)]
    numbers = {row.name: index for index, row in enumerate(sections, start=1)}
    last = _Section(".shstrtab", SectionType.STRINGS, SectionFlag.NONE, b"")
    last.offset = sections[-1].offset + len(sections[-1].data)
    starts = [names.add(row.name) for row in (*sections, last)]
    last.data = bytes(names.data)
    for start, row in zip(starts, (*sections, last), strict=True):
        link = numbers.get(row.link, 0)
        rows.append(
            elf.SECTION_HEADER.pack(
                start,
                row.type,
                row.flags,
                row.address,
                row.offset,
                len(row.data),
                link,
                row.info,
                row.align,
                row.entry_bytes,
            )
        )
    headers_at = _aligned(last.offset + len(last.data), 8)
    data = bytearray(_header(made, headers_at, len(rows)))
    data += _program_headers(by_name)
    for row in (*sections, last):
        data += bytes(row.offset - len(data)) + row.data
    return bytes(data + bytes(headers_at - len(data)) + b"".join(rows))


def _header(made: CodeObject, section_headers_at: int, section_count: int) -> bytes:
    identification = elf.IDENTIFICATION + bytes((elf.OS_AMDGPU_HSA, elf.ABI_VERSION_5))
    return elf.FILE_HEADER.pack(
        identification,
        elf.TYPE_SHARED,
        elf.MACHINE_AMDGPU,
        1,
        0,
        elf.FILE_HEADER.size,
        section_headers_at,
        made.chip.machine,
        elf.FILE_HEADER.size,
        elf.PROGRAM_HEADER.size,
        _SEGMENTS,
        elf.SECTION_HEADER.size,
        section_count,
        section_count - 1,
    )


def _program_headers(sections: dict[str, _Section]) -> bytes:
    read, write_, execute = SegmentFlag.READ, SegmentFlag.WRITE, SegmentFlag.EXECUTE
    kind, page = SegmentType, elf.PAGE_BYTES
    rodata, text = sections[".rodata"], sections[".text"]
    dynamic, note = sections[".dynamic"], sections[".note"]
    table_at, table_bytes = elf.FILE_HEADER.size, _SEGMENTS * elf.PROGRAM_HEADER.size
    constants_end = rodata.offset + len(rodata.data)
    rows = (
        (kind.HEADERS, read, table_at, table_at, table_bytes, 8),
        (kind.LOAD, read, 0, 0, constants_end, page),
        (kind.LOAD, read | execute, text.offset, text.address, len(text.data), page),
        (kind.LOAD, read | write_, dynamic.offset, dynamic.address, len(dynamic.data), page),
        (kind.DYNAMIC, read | write_, dynamic.offset, dynamic.address, len(dynamic.data), 8),
        (kind.NOTE, read, note.offset, note.address, len(note.data), 4),
        (kind.STACK, read | write_, 0, 0, 0, 0),
    )
    return b"".join(
        elf.PROGRAM_HEADER.pack(type_, flags, offset, address, address, size, size, align)
        for type_, flags, offset, address, size, align in rows
    )


def _aligned(offset: int, align: int) -> int:
    return (offset + align - 1) // align * align


def _padded(data: bytes, align: int) -> bytes:
    return data + bytes(_aligned(len(data), align) - len(data))
