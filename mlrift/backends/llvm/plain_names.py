"""Removes our symbol prefixes from objects and listings: the program's own names come back.

Enters: bytes of an ELF64, COFF or Mach-O object that LLVM wrote. Leaves: the same object with
renamed local symbols. A name is a position in a string table, so dropping a prefix means
pointing behind it; nothing moves.
"""

import re
import struct
from collections.abc import Callable

from mlrift.backends.llvm.names import FUNCTION_PREFIX, GLOBAL_PREFIX
from mlrift.targets import ObjectFormat

_PREFIXES = (FUNCTION_PREFIX.encode(), GLOBAL_PREFIX.encode())
_IN_LISTING = re.compile(
    rf"(?<![\w.])(?:{re.escape(FUNCTION_PREFIX)}|{re.escape(GLOBAL_PREFIX)})(?=[A-Za-z_])"
)
_SHT_SYMTAB = 2
_ELF_SYMBOL_BYTES = 24
_COFF_SYMBOL_BYTES = 18
_COFF_NAME_BYTES = 8
_LC_SYMTAB = 2
_MACHO_SYMBOL_BYTES = 16
_MACHO_HEADER_BYTES = 32


def plain_assembly(text: str) -> str:
    """Remove the prefixes from an assembly listing."""
    return _IN_LISTING.sub("", text)


def plain_object(data: bytes, object_format: ObjectFormat) -> bytes:
    """Remove the prefixes from an object's symbol table."""
    made = bytearray(data)
    _REWRITERS[object_format](made)
    return bytes(made)


def _skip(data: bytearray, strings: int, name_offset: int) -> int:
    """Return the name's offset behind its prefix, if it has one."""
    position = strings + name_offset
    for prefix in _PREFIXES:
        if data.startswith(prefix, position):
            return name_offset + len(prefix)
    return name_offset


def _rewrite_elf(data: bytearray) -> None:
    table_offset = struct.unpack_from("<Q", data, 0x28)[0]
    entry_bytes, count = struct.unpack_from("<HH", data, 0x3A)
    headers = [
        struct.unpack_from("<IIQQQQIIQQ", data, table_offset + index * entry_bytes)
        for index in range(count)
    ]
    for header in headers:
        if header[1] != _SHT_SYMTAB:
            continue
        strings = headers[header[6]][4]
        for position in range(header[4], header[4] + header[5], _ELF_SYMBOL_BYTES):
            name = struct.unpack_from("<I", data, position)[0]
            struct.pack_into("<I", data, position, _skip(data, strings, name))


def _rewrite_coff(data: bytearray) -> None:
    table_offset, count = struct.unpack_from("<II", data, 8)
    strings = table_offset + count * _COFF_SYMBOL_BYTES
    index = 0
    while index < count:
        position = table_offset + index * _COFF_SYMBOL_BYTES
        zeros, name = struct.unpack_from("<II", data, position)
        if zeros == 0:
            _rename_long_coff(data, position, strings, _skip(data, strings, name))
        else:
            start = _skip(data, position, 0)
            _write_short_coff(data, position, data[position + start : position + _COFF_NAME_BYTES])
        index += 1 + data[position + _COFF_SYMBOL_BYTES - 1]


def _rename_long_coff(data: bytearray, position: int, strings: int, name: int) -> None:
    """Refer to a name in the string table, or keep it in the symbol when it is short enough."""
    end = data.index(b"\0", strings + name)
    text = data[strings + name : end]
    if len(text) <= _COFF_NAME_BYTES:
        _write_short_coff(data, position, text)
    else:
        struct.pack_into("<I", data, position + 4, name)


def _write_short_coff(data: bytearray, position: int, name: bytearray) -> None:
    data[position : position + _COFF_NAME_BYTES] = name.ljust(_COFF_NAME_BYTES, b"\0")


def _rewrite_macho(data: bytearray) -> None:
    command_count = struct.unpack_from("<I", data, 16)[0]
    position = _MACHO_HEADER_BYTES
    for _ in range(command_count):
        command, size = struct.unpack_from("<II", data, position)
        if command == _LC_SYMTAB:
            table, count, strings = struct.unpack_from("<III", data, position + 8)
            for index in range(count):
                entry = table + index * _MACHO_SYMBOL_BYTES
                name = struct.unpack_from("<I", data, entry)[0]
                struct.pack_into("<I", data, entry, _skip(data, strings, name))
        position += size


_REWRITERS: dict[ObjectFormat, Callable[[bytearray], None]] = {
    ObjectFormat.ELF: _rewrite_elf,
    ObjectFormat.PE: _rewrite_coff,
    ObjectFormat.MACHO: _rewrite_macho,
}
