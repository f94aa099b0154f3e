"""DWARF 4 for kernels: which address belongs to which source line, and the names of kernels.

Kernel images and the addresses of their code in, the contents of three sections out; their sizes do
not depend on the addresses. Empty without a kernel that has lines.
"""

import os.path

from mlrift.backends.amdgcn.codeobject.model import CodeObject, KernelImage, SourceLine

_VERSION = 4
_ADDRESS_BYTES = 8
_INSTRUCTION_BYTES = 4
# Lengths of the operands of the twelve standard opcodes, DWARF 4 section 6.2.4.
_OPERANDS = bytes((0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1))
_COPY, _ADVANCE_ADDRESS, _ADVANCE_LINE, _SET_FILE = 1, 2, 3, 4
_END_SEQUENCE, _SET_ADDRESS = 1, 2
_FORM_ADDRESS, _FORM_DATA8, _FORM_STRING, _FORM_SECTION_OFFSET = 0x01, 0x07, 0x08, 0x17
_ABBREVIATIONS = bytes(
    (
        *(1, 0x11, 1),  # compile unit, with children
        *(0x25, _FORM_STRING),  # producer
        *(0x03, _FORM_STRING),  # name
        *(0x10, _FORM_SECTION_OFFSET),  # line program
        *(0x11, _FORM_ADDRESS),  # first address
        *(0x12, _FORM_DATA8),  # size
        *(0, 0),
        *(2, 0x2E, 0),  # function, without children
        *(0x03, _FORM_STRING),
        *(0x11, _FORM_ADDRESS),
        *(0x12, _FORM_DATA8),
        *(0, 0),
        0,
    )
)


def debug_sections(made: CodeObject, bases: list[int]) -> dict[str, bytes]:
    """Return the sections by name; kernel `i` begins at address `bases[i]`."""
    rows = [pair for pair in zip(made.kernels, bases, strict=True) if pair[0].lines]
    if not rows:
        return {}
    return {
        ".debug_abbrev": _ABBREVIATIONS,
        ".debug_info": _information(rows),
        ".debug_line": _line_program(rows),
    }


def _information(rows: list[tuple[KernelImage, int]]) -> bytes:
    first, (last, last_base) = rows[0][1], rows[-1]
    unit = bytearray((1,))
    unit += b"mlrc\0" + _string(rows[0][0].lines[0].path) + bytes(4)
    unit += _u64(first) + _u64(last_base + len(last.code) - first)
    for kernel, base in rows:
        unit += b"\2" + _string(kernel.name) + _u64(base) + _u64(len(kernel.code))
    unit += b"\0"
    head = _u16(_VERSION) + _u32(0) + bytes((_ADDRESS_BYTES,))
    return _u32(len(head) + len(unit)) + head + bytes(unit)


def _line_program(rows: list[tuple[KernelImage, int]]) -> bytes:
    paths = list(dict.fromkeys(line.path for kernel, _ in rows for line in kernel.lines))
    folders = list(dict.fromkeys(folder for folder in map(os.path.dirname, paths) if folder))
    tables = bytearray()
    for folder in folders:
        tables += _string(folder)
    tables += b"\0"
    for path in paths:
        folder = os.path.dirname(path)
        number = folders.index(folder) + 1 if folder else 0
        tables += _string(os.path.basename(path)) + _unsigned(number) + b"\0\0"
    tables += b"\0"
    # 1 operation an instruction, lines begin statements; no special opcodes are used.
    rules = bytes((_INSTRUCTION_BYTES, 1, 1, 0xFB, 14, len(_OPERANDS) + 1)) + _OPERANDS
    program = b"".join(_sequence(kernel, base, paths) for kernel, base in rows)
    head = rules + bytes(tables)
    body = _u16(_VERSION) + _u32(len(head)) + head + program
    return _u32(len(body)) + body


def _sequence(kernel: KernelImage, base: int, paths: list[str]) -> bytes:
    """Return the rows of one kernel."""
    code = bytearray((0, 1 + _ADDRESS_BYTES, _SET_ADDRESS)) + _u64(base)
    now = SourceLine(0, paths[0], 1)
    for row in kernel.lines:
        code += _advance(row.offset - now.offset)
        if row.path != now.path:
            code += bytes((_SET_FILE,)) + _unsigned(paths.index(row.path) + 1)
        if row.line != now.line:
            code += bytes((_ADVANCE_LINE,)) + _signed(row.line - now.line)
        code.append(_COPY)
        now = row
    return bytes(code + _advance(len(kernel.code) - now.offset) + bytes((0, 1, _END_SEQUENCE)))


def _advance(distance: int) -> bytes:
    if distance == 0:
        return b""
    return bytes((_ADVANCE_ADDRESS,)) + _unsigned(distance // _INSTRUCTION_BYTES)


def _string(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape").replace(b"\0", b"?") + b"\0"


def _unsigned(number: int) -> bytes:
    """Return LEB128."""
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


def _signed(number: int) -> bytes:
    data = bytearray()
    while not -0x40 <= number < 0x40:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number & 0x7F)
    return bytes(data)


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "little")


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "little")
