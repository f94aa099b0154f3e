"""The line table of DWARF 2 to 5: which address belongs to which line of which file.

A file in, rows in the order of addresses out. Damaged or unknown debug information is worth nothing
but harms nobody: what cannot be read has no lines.
"""

import os.path

from mlrift.backends.amdgcn.codeobject.elf import SectionFlag
from mlrift.backends.amdgcn.codeobject.elf_file import ElfFile
from mlrift.values import record, value

_COPY, _ADVANCE_ADDRESS, _ADVANCE_LINE, _SET_FILE = 1, 2, 3, 4
_CONSTANT_ADD, _FIXED_ADVANCE = 8, 9
_END_SEQUENCE, _SET_ADDRESS = 1, 2
_PATH, _FOLDER = 1, 2
_FORM_BLOCK, _FORM_DATA1, _FORM_DATA2 = 0x09, 0x0B, 0x05
_FORM_DATA4, _FORM_DATA8, _FORM_DATA16 = 0x06, 0x07, 0x1E
_FORM_STRING, _FORM_UNSIGNED = 0x08, 0x0F
_FORM_STRING_OFFSET, _FORM_LINE_STRING_OFFSET = 0x0E, 0x1F
_FIXED_FORMS = {_FORM_DATA1: 1, _FORM_DATA2: 2, _FORM_DATA4: 4, _FORM_DATA8: 8, _FORM_DATA16: 16}
_MAXIMUM_ROWS = 1 << 20


@value
class AddressLine:
    """From this address on, code belongs to this line; `path` is empty when it is not known."""

    address: int
    path: str
    line: int


class _DamagedLinesError(Exception):
    """Bytes that are no line table."""


def read_lines(file: ElfFile) -> list[AddressLine]:
    """Return the rows of a file, in the order of addresses; none when they cannot be read."""
    sections = {
        name: _Bytes(file.section(name))
        for name in (".debug_line", ".debug_str", ".debug_line_str")
    }
    for row in file.sections:
        if row.name == ".debug_line" and row.flags & SectionFlag.COMPRESSED:
            return []
    rows: list[AddressLine] = []
    table = sections[".debug_line"]
    try:
        while not table.is_at_end:
            rows += _read_unit(table.part(table.number(4)), sections)
    except _DamagedLinesError:
        return []
    return sorted(rows, key=lambda row: row.address)


class _Bytes:
    """Bytes with a position; reading beyond the end raises."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    @property
    def is_at_end(self) -> bool:
        return self.position >= len(self.data)

    def take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise _DamagedLinesError
        found = self.data[self.position : end]
        self.position = end
        return found

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def part(self, count: int) -> "_Bytes":
        return _Bytes(self.take(count))

    def unsigned(self) -> int:
        shift = result = 0
        while shift < 70:
            byte = self.number(1)
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result
        raise _DamagedLinesError

    def signed(self) -> int:
        start = self.position
        result = self.unsigned()
        bits = 7 * (self.position - start)
        return result - (1 << bits) if result >> bits - 1 else result

    def string(self) -> str:
        end = self.data.find(b"\0", self.position)
        if end < 0:
            raise _DamagedLinesError
        found = self.data[self.position : end]
        self.position = end + 1
        return found.decode("utf-8", "surrogateescape")

    def string_at(self, offset: int) -> str:
        found = _Bytes(self.data)
        found.position = offset
        return found.string()


@record
class _Unit:
    """The header of a unit: how its opcodes are read, and its files."""

    instruction_bytes: int
    line_base: int
    line_range: int
    first_special: int
    operand_counts: bytes
    files: list[str]


def _read_unit(data: _Bytes, sections: dict[str, _Bytes]) -> list[AddressLine]:
    version = data.number(2)
    if not 2 <= version <= 5:
        raise _DamagedLinesError
    if version == 5:
        data.take(2)
    head = data.part(data.number(4))
    instruction_bytes = head.number(1)
    if version >= 4:
        head.take(1)
    head.take(1)
    line_base = int.from_bytes(head.take(1), "little", signed=True)
    line_range, first_special = head.number(1), head.number(1)
    if line_range == 0 or first_special == 0:
        raise _DamagedLinesError
    counts = head.take(first_special - 1)
    files = _files_of_version5(head, sections) if version == 5 else _files_of_version4(head)
    return _run(data, _Unit(instruction_bytes, line_base, line_range, first_special, counts, files))


def _files_of_version4(head: _Bytes) -> list[str]:
    folders = [""]
    while folder := head.string():
        folders.append(folder)
    files = [""]
    while name := head.string():
        number = head.unsigned()
        head.unsigned()
        head.unsigned()
        files.append(_join(folders, number, name))
    return files


def _files_of_version5(head: _Bytes, sections: dict[str, _Bytes]) -> list[str]:
    folders = [name for name, _ in _entries(head, sections)]
    return [_join(folders, number, name) for name, number in _entries(head, sections)]


def _entries(head: _Bytes, sections: dict[str, _Bytes]) -> list[tuple[str, int]]:
    """Return the name and the folder number of each entry of a table."""
    formats = [(head.unsigned(), head.unsigned()) for _ in range(head.number(1))]
    count = head.unsigned()
    if count and (not formats or count > len(head.data)):
        raise _DamagedLinesError
    found: list[tuple[str, int]] = []
    for _ in range(count):
        name, folder = "", 0
        for content, form in formats:
            got = _read_form(head, form, sections)
            if content == _PATH and isinstance(got, str):
                name = got
            elif content == _FOLDER and isinstance(got, int):
                folder = got
        found.append((name, folder))
    return found


def _read_form(head: _Bytes, form: int, sections: dict[str, _Bytes]) -> str | int:
    if form == _FORM_STRING:
        return head.string()
    if form == _FORM_LINE_STRING_OFFSET:
        return sections[".debug_line_str"].string_at(head.number(4))
    if form == _FORM_STRING_OFFSET:
        return sections[".debug_str"].string_at(head.number(4))
    if form == _FORM_UNSIGNED:
        return head.unsigned()
    if form == _FORM_BLOCK:
        head.take(head.unsigned())
        return 0
    if form in _FIXED_FORMS:
        return head.number(_FIXED_FORMS[form])
    raise _DamagedLinesError


def _join(folders: list[str], number: int, name: str) -> str:
    return os.path.join(folders[number], name) if number < len(folders) else name


class _State:
    """The registers of the line machine, and the rows it has made."""

    def __init__(self, unit: _Unit) -> None:
        self.unit = unit
        self.rows: list[AddressLine] = []
        self.reset()

    def reset(self) -> None:
        self.address, self.file, self.line = 0, 1, 1

    def add_row(self) -> None:
        files = self.unit.files
        path = files[self.file] if self.file < len(files) else ""
        if len(self.rows) >= _MAXIMUM_ROWS:
            raise _DamagedLinesError
        self.rows.append(AddressLine(self.address, path, max(self.line, 0)))

    def advance(self, operations: int) -> None:
        self.address += operations * self.unit.instruction_bytes


def _run(data: _Bytes, unit: _Unit) -> list[AddressLine]:
    state = _State(unit)
    while not data.is_at_end:
        opcode = data.number(1)
        if opcode >= unit.first_special:
            adjusted = opcode - unit.first_special
            state.advance(adjusted // unit.line_range)
            state.line += unit.line_base + adjusted % unit.line_range
            state.add_row()
        elif opcode == 0:
            _run_extended(data.part(data.unsigned()), state)
        else:
            _run_standard(opcode, data, state)
    return state.rows


def _run_extended(data: _Bytes, state: _State) -> None:
    opcode = data.number(1)
    if opcode == _END_SEQUENCE:
        state.reset()
    elif opcode == _SET_ADDRESS:
        state.address = data.number(min(len(data.data) - 1, 8))


def _run_standard(opcode: int, data: _Bytes, state: _State) -> None:
    if opcode == _COPY:
        state.add_row()
    elif opcode == _ADVANCE_ADDRESS:
        state.advance(data.unsigned())
    elif opcode == _ADVANCE_LINE:
        state.line += data.signed()
    elif opcode == _SET_FILE:
        state.file = data.unsigned()
    elif opcode == _CONSTANT_ADD:
        unit = state.unit
        state.advance((255 - unit.first_special) // unit.line_range)
    elif opcode == _FIXED_ADVANCE:
        state.address += data.number(2)
    else:
        for _ in range(state.unit.operand_counts[opcode - 1]):
            data.unsigned()
