"""The interface inside a shared library: the bytes of an ELF, PE or Mach-O file in, values out.

Only as much of each format is read as leads to one section; what is not there or lies outside the
file is a `LibraryFileError`.
"""

import struct

from mlrift.interface.model import Interface, from_json

_ELF_SECTION = b".mlrift.interface"
_PE_SECTION = b".mlrift\0"
_MACHO_SECTION = b"__mlrift"
_ELF_MAGIC, _MACHO_MAGIC = b"\x7fELF", b"\xcf\xfa\xed\xfe"
_LC_SEGMENT_64 = 0x19


class LibraryFileError(Exception):
    """A file that is no library with an interface; the message says why."""


def read_interface(data: bytes) -> Interface:
    """Return what a library says about itself; raises LibraryFileError or InterfaceError."""
    try:
        found = _find(data)
    except (struct.error, ValueError) as error:
        raise LibraryFileError("the file is damaged") from error
    if found is None:
        raise LibraryFileError(
            "it does not say what it offers: was it made by `mlrc --emit=lib`, and not stripped "
            "of its sections?"
        )
    offset, size_bytes = found
    text = data[offset : offset + size_bytes]
    if len(text) != size_bytes:
        raise LibraryFileError("the file is cut short")
    return from_json(text)


def _find(data: bytes) -> tuple[int, int] | None:
    if data.startswith(_ELF_MAGIC):
        return _find_in_elf(data)
    if data.startswith(b"MZ"):
        return _find_in_pe(data)
    if data.startswith(_MACHO_MAGIC):
        return _find_in_macho(data)
    raise LibraryFileError("it is neither ELF nor PE nor 64-bit Mach-O")


def _find_in_elf(data: bytes) -> tuple[int, int] | None:
    (table,) = struct.unpack_from("<Q", data, 40)
    entry_bytes, count, names_index = struct.unpack_from("<HHH", data, 58)
    rows = [
        struct.unpack_from("<IIQQQQ", data, table + entry_bytes * index) for index in range(count)
    ]
    if not rows:
        return None
    names = rows[names_index][4]
    for row in rows:
        start = names + row[0]
        if data[start : data.index(b"\0", start)] == _ELF_SECTION:
            return row[4], row[5]
    return None


def _find_in_pe(data: bytes) -> tuple[int, int] | None:
    (header,) = struct.unpack_from("<I", data, 60)
    if data[header : header + 4] != b"PE\0\0":
        raise LibraryFileError("it is no PE file")
    (count,) = struct.unpack_from("<H", data, header + 6)
    (optional_bytes,) = struct.unpack_from("<H", data, header + 20)
    table = header + 24 + optional_bytes
    for index in range(count):
        name, size_bytes, _, _, offset = struct.unpack_from("<8sIIII", data, table + 40 * index)
        if name == _PE_SECTION:
            return offset, size_bytes
    return None


def _find_in_macho(data: bytes) -> tuple[int, int] | None:
    (command_count,) = struct.unpack_from("<I", data, 16)
    position = 32
    for _ in range(command_count):
        kind, size_bytes = struct.unpack_from("<II", data, position)
        if kind == _LC_SEGMENT_64:
            (section_count,) = struct.unpack_from("<I", data, position + 64)
            for index in range(section_count):
                row = struct.unpack_from("<16s16sQQI", data, position + 72 + 80 * index)
                if row[0].rstrip(b"\0") == _MACHO_SECTION:
                    return row[4], row[3]
        position += size_bytes
    return None
