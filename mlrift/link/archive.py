"""Archives of objects (`.a`, `.lib`) with the symbol index that a system's linkers want.

Enters: members and the symbols that each defines. Leaves: the file's bytes, the same each time:
there are no dates and no owners in it. GNU's index serves ELF and COFF, which has a second one of
Microsoft's; Mach-O linkers want the one of BSD.
"""

import struct
from collections.abc import Callable, Mapping, Sequence

from mlrift.targets import ObjectFormat
from mlrift.values import value

MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60
_SHORT_NAME_BYTES = 15
_BSD_ALIGN = 8
_BSD_INDEX = "__.SYMDEF"


@value
class Member:
    """A file in an archive and the symbols that it defines, as C spells them."""

    name: str
    data: bytes
    symbols: tuple[str, ...]


_Places = Sequence[int]


def write_archive(members: Sequence[Member], object_format: ObjectFormat) -> bytes:
    """Return an archive for the linkers of an object format."""
    return _WRITERS[object_format](members)


def _write_elf(members: Sequence[Member]) -> bytes:
    return _write_gnu(members, [_gnu_index])


def _write_coff(members: Sequence[Member]) -> bytes:
    return _write_gnu(members, [_gnu_index, _microsoft_index])


def _write_gnu(
    members: Sequence[Member], indexes: Sequence[Callable[[Sequence[Member], _Places], bytes]]
) -> bytes:
    """Write the indexes, the table of long names, and the members."""
    long_names, names = _gnu_names(members)
    nowhere = [0] * len(members)
    place = len(MAGIC)
    for make in indexes:
        place += _member_bytes(len(make(members, nowhere)))
    if long_names:
        place += _member_bytes(len(long_names))
    places: list[int] = []
    for member in members:
        places.append(place)
        place += _member_bytes(len(member.data))
    parts = [_member(b"/", make(members, places)) for make in indexes]
    if long_names:
        parts.append(_member(b"//", long_names))
    parts += [_member(name, row.data) for name, row in zip(names, members, strict=True)]
    return MAGIC + b"".join(parts)


def _gnu_names(members: Sequence[Member]) -> tuple[bytes, list[bytes]]:
    """Return the table of long names, and what the header of each member says."""
    table = bytearray()
    offsets: dict[bytes, int] = {}
    names: list[bytes] = []
    for member in members:
        name = _encoded(member.name) + b"/"
        if len(name) > _SHORT_NAME_BYTES + 1:
            if name not in offsets:
                offsets[name] = len(table)
                table += name + b"\n"
            name = b"/%d" % offsets[name]
        names.append(name)
    return bytes(table), names


def _gnu_index(members: Sequence[Member], places: _Places) -> bytes:
    """Return the index of GNU: big-endian offsets, then the names."""
    rows = [
        (name, place)
        for member, place in zip(members, places, strict=True)
        for name in member.symbols
    ]
    table = struct.pack(f">I{len(rows)}I", len(rows), *[place for _, place in rows])
    return table + _texts([name for name, _ in rows])


def _microsoft_index(members: Sequence[Member], places: _Places) -> bytes:
    """Return the second index of COFF archives: members, then sorted names with their members."""
    rows = sorted(
        (name, number) for number, member in enumerate(members, 1) for name in member.symbols
    )
    table = struct.pack(f"<I{len(places)}II", len(places), *places, len(rows))
    table += struct.pack(f"<{len(rows)}H", *[number for _, number in rows])
    return table + _texts([name for name, _ in rows])


def _write_macho(members: Sequence[Member]) -> bytes:
    """Write BSD's index and the members, each aligned, which Apple's linkers demand."""
    index_bytes = len(_bsd_index(members, [0] * len(members)))
    place = len(MAGIC) + len(_bsd_member(_BSD_INDEX, bytes(index_bytes)))
    places: list[int] = []
    parts: list[bytes] = []
    for member in members:
        part = _bsd_member(member.name, member.data)
        places.append(place)
        parts.append(part)
        place += len(part)
    return MAGIC + _bsd_member(_BSD_INDEX, _bsd_index(members, places)) + b"".join(parts)


def _bsd_index(members: Sequence[Member], places: _Places) -> bytes:
    """Return pairs of name and member, then the names, which begin with an underscore."""
    strings, rows = bytearray(), bytearray()
    for member, place in zip(members, places, strict=True):
        for name in member.symbols:
            rows += struct.pack("<II", len(strings), place)
            strings += b"_" + _encoded(name) + b"\0"
    strings += bytes(-len(strings) % _BSD_ALIGN)
    return struct.pack("<I", len(rows)) + rows + struct.pack("<I", len(strings)) + strings


def _bsd_member(name: str, data: bytes) -> bytes:
    """Return a member whose name stands before its data, padded so that the data is aligned."""
    stored = _encoded(name) + b"\0"
    stored += bytes(-(_HEADER_BYTES + len(MAGIC) + len(stored)) % _BSD_ALIGN)
    body = stored + data
    body += bytes(-(_HEADER_BYTES + len(body)) % _BSD_ALIGN)
    return _header(b"#1/%d" % len(stored), len(body)) + body


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _texts(names: Sequence[str]) -> bytes:
    return b"".join([_encoded(name) + b"\0" for name in names])


def _member_bytes(size_bytes: int) -> int:
    return _HEADER_BYTES + size_bytes + (size_bytes & 1)


def _member(name: bytes, data: bytes) -> bytes:
    return _header(name, len(data)) + data + b"\n" * (len(data) & 1)


def _header(name: bytes, size_bytes: int) -> bytes:
    """Return a member's header: no date, no owner, a plain file's mode."""
    return b"%-16b%-12d%-6d%-6d%-8o%-10d`\n" % (name, 0, 0, 0, 0o100644, size_bytes)


_WRITERS: Mapping[ObjectFormat, Callable[[Sequence[Member]], bytes]] = {
    ObjectFormat.ELF: _write_elf,
    ObjectFormat.PE: _write_coff,
    ObjectFormat.MACHO: _write_macho,
}
