"""Import libraries: what linkers of Windows read in place of a DLL.

Enters: the file name of a DLL and its exports. Leaves: an archive of short import objects (PE/COFF
specification, section 7), one an export, and of the three objects that begin and end the tables of
imports of this DLL, for linkers that do not make them by themselves. Every member has the name of
the DLL, as in Microsoft's libraries, by which GNU's linker puts them in order.
"""

import struct
from collections.abc import Sequence

from mlrift.link.archive import Member, write_archive
from mlrift.link.options import Export, ExportKind
from mlrift.targets import ARM64, X86_64, ObjectFormat, Target
from mlrift.values import value

_FILE_HEADER = struct.Struct("<HHIIIHH")
_SECTION_HEADER = struct.Struct("<8sIIIIIIHHI")
_RELOCATION = struct.Struct("<IIH")
_SYMBOL = struct.Struct("<8sIhHBB")
_SHORT_HEADER = struct.Struct("<HHHHIIHH")
_CODE, _DATA, _BY_NAME = 0, 1, 1 << 2
_EXTERNAL, _STATIC, _SECTION_CLASS = 2, 3, 104
_WRITTEN_DATA = 0xC0000040
_ALIGN_SHIFT = 20
_SLOT_BYTES, _DESCRIPTOR_BYTES = 8, 20
# The relocation that holds a relative address, by CPU.
_RELATIVE_ADDRESS = {X86_64.pe_machine: 3, ARM64.pe_machine: 2}
_END_OF_DESCRIPTORS = "__NULL_IMPORT_DESCRIPTOR"


@value
class _Section:
    """A section of an object; `relocations` are offsets and numbers of symbols."""

    name: str
    data: bytes
    align: int
    relocations: tuple[tuple[int, int], ...] = ()


@value
class _Symbol:
    """A symbol: its section counts from 1, 0 means elsewhere."""

    name: str
    section: int
    storage_class: int


def import_library(file_name: str, exports: Sequence[Export], target: Target) -> bytes:
    """Return the import library of the DLL `file_name`."""
    stem = file_name.rpartition(".")[0]
    first = f"__IMPORT_DESCRIPTOR_{stem}"
    last = f"\x7f{stem}_NULL_THUNK_DATA"
    machine = target.cpu.pe_machine
    members = [
        Member(file_name, _descriptor(file_name, (first, last), machine), (first,)),
        Member(file_name, _end_of_descriptors(machine), (_END_OF_DESCRIPTORS,)),
        Member(file_name, _end_of_slots(last, machine), (last,)),
    ]
    for hint, row in enumerate(sorted(exports, key=lambda row: row.name)):
        names = (f"__imp_{row.name}", row.name)
        count = 2 if row.kind is ExportKind.FUNCTION else 1
        members.append(Member(file_name, _short(file_name, row, hint, machine), names[:count]))
    return write_archive(members, ObjectFormat.PE)


def _short(file_name: str, row: Export, hint: int, machine: int) -> bytes:
    """Return the object that stands for one imported symbol."""
    strings = row.name.encode() + b"\0" + file_name.encode() + b"\0"
    kind = _CODE if row.kind is ExportKind.FUNCTION else _DATA
    head = (0, 0xFFFF, 0, machine, 0, len(strings), hint, kind | _BY_NAME)
    return _SHORT_HEADER.pack(*head) + strings


def _descriptor(file_name: str, names: tuple[str, str], machine: int) -> bytes:
    """Return the object with the DLL's row in the table of DLLs."""
    first, last = names
    name = file_name.encode() + b"\0"
    relocations = ((12, 2), (0, 3), (16, 4))
    sections = (
        _Section(".idata$2", bytes(_DESCRIPTOR_BYTES), 4, relocations),
        _Section(".idata$6", name + bytes(len(name) & 1), 2),
    )
    symbols = (
        _Symbol(first, 1, _EXTERNAL),
        _Symbol(".idata$2", 1, _SECTION_CLASS),
        _Symbol(".idata$6", 2, _STATIC),
        _Symbol(".idata$4", 0, _SECTION_CLASS),
        _Symbol(".idata$5", 0, _SECTION_CLASS),
        _Symbol(_END_OF_DESCRIPTORS, 0, _EXTERNAL),
        _Symbol(last, 0, _EXTERNAL),
    )
    return _object(machine, sections, symbols)


def _end_of_descriptors(machine: int) -> bytes:
    """Return the object with the empty row after all DLLs."""
    section = _Section(".idata$3", bytes(_DESCRIPTOR_BYTES), 4)
    return _object(machine, (section,), (_Symbol(_END_OF_DESCRIPTORS, 1, _EXTERNAL),))


def _end_of_slots(last: str, machine: int) -> bytes:
    """Return the object with the empty slot after those of this DLL."""
    sections = (
        _Section(".idata$5", bytes(_SLOT_BYTES), _SLOT_BYTES),
        _Section(".idata$4", bytes(_SLOT_BYTES), _SLOT_BYTES),
    )
    return _object(machine, sections, (_Symbol(last, 1, _EXTERNAL),))


def _object(machine: int, sections: Sequence[_Section], symbols: Sequence[_Symbol]) -> bytes:
    """Return a COFF object."""
    body = bytearray()
    headers: list[bytes] = []
    start = _FILE_HEADER.size + _SECTION_HEADER.size * len(sections)
    for section in sections:
        place = start + len(body)
        body += section.data
        relocations = start + len(body) if section.relocations else 0
        for offset, number in section.relocations:
            body += _RELOCATION.pack(offset, number, _RELATIVE_ADDRESS[machine])
        flags = _WRITTEN_DATA | section.align.bit_length() << _ALIGN_SHIFT
        extent = (0, 0, len(section.data), place, relocations, 0)
        headers.append(
            _SECTION_HEADER.pack(section.name.encode(), *extent, len(section.relocations), 0, flags)
        )
    table, strings = bytearray(), bytearray()
    for symbol in symbols:
        name = symbol.name.encode()
        if len(name) > 8:
            field = struct.pack("<II", 0, 4 + len(strings))
            strings += name + b"\0"
        else:
            field = name
        table += _SYMBOL.pack(field, 0, symbol.section, 0, symbol.storage_class, 0)
    head = (machine, len(sections), 0, start + len(body), len(symbols), 0, 0)
    tail = table + struct.pack("<I", 4 + len(strings)) + strings
    return _FILE_HEADER.pack(*head) + b"".join(headers) + bytes(body + tail)
