"""libSystem: attribute lists of files and of folders' entries (man getattrlist, getattrlistbulk).

The attributes that are known lie in a reply in the order of their bits, each at a multiple of four.
"""

# ruff: noqa: PLR0917 - the system's own signatures

import errno
import os
import stat

from tests.support.mac_process import LIBSYSTEM, WORD32, HostFile, MacProcess

_GROUPS = 5
_NAME, _TYPE, _MODIFIED, _ACCESS = 0x1, 0x8, 0x400, 0x20000
_ERROR, _RETURNED = 0x20000000, 0x80000000
_KNOWN = _NAME | _TYPE | _MODIFIED | _ACCESS | _ERROR | _RETURNED
_DATA_LENGTH = 0x200
_TYPES = {stat.S_IFREG: 1, stat.S_IFDIR: 2, stat.S_IFBLK: 3, stat.S_IFCHR: 4, stat.S_IFLNK: 5}
_OTHER_TYPE = 7


class _Wanted:
    """The attributes that a `struct attrlist` asks for."""

    def __init__(self, process: MacProcess, address: int) -> None:
        data = process.machine.read(address, 24)
        self.common = int.from_bytes(data[4:8], "little")
        self.of_file = int.from_bytes(data[16:20], "little")
        others = data[8:16] + data[20:24]
        is_known = not self.common & ~_KNOWN and not self.of_file & ~_DATA_LENGTH
        if int.from_bytes(data[:2], "little") != _GROUPS or any(others) or not is_known:
            raise OSError(errno.EINVAL, "attributes that are not emulated")
        if not self.common & _RETURNED:
            raise OSError(errno.EINVAL, "without the returned attributes a reply is ambiguous")

    def pack(self, name: str, status: os.stat_result) -> bytes:
        """Return a reply: its length, the attributes that are in it, then those."""
        of_file = self.of_file if stat.S_ISREG(status.st_mode) else 0
        common = self.common & ~_ERROR
        fixed, text = b"", b""
        if common & _NAME:
            text = os.fsencode(name) + b"\0"
            text += b"\0" * (-len(text) % 4)
        if common & _TYPE:
            kind = _TYPES.get(stat.S_IFMT(status.st_mode), _OTHER_TYPE)
            fixed += kind.to_bytes(4, "little")
        if common & _MODIFIED:
            seconds, rest = divmod(status.st_mtime_ns, 10**9)
            fixed += seconds.to_bytes(8, "little") + rest.to_bytes(8, "little")
        if common & _ACCESS:
            fixed += status.st_mode.to_bytes(4, "little")
        if of_file:
            fixed += status.st_size.to_bytes(8, "little")
        if common & _NAME:
            place = 8 + len(fixed)
            length = len(os.fsencode(name)) + 1
            fixed = place.to_bytes(4, "little") + length.to_bytes(4, "little") + fixed + text
        groups = (common, 0, 0, of_file, 0)
        head = b"".join(group.to_bytes(4, "little") for group in groups)
        return (4 + len(head) + len(fixed)).to_bytes(4, "little") + head + fixed


@LIBSYSTEM.export("_getattrlist", 5)
def get_attributes(
    process: MacProcess, path: int, wanted: int, buffer: int, size: int, options: int
) -> int:
    """Describe what a path leads to, or with option 1 a link itself."""

    def store() -> int:
        name = process.path(path)
        status = name.lstat() if options & 1 else name.stat()
        return _store(process, _Wanted(process, wanted).pack(name.name, status), buffer, size)

    return process.on_host(store)


@LIBSYSTEM.export("_fgetattrlist", 5)
def get_attributes_open(
    process: MacProcess, number: int, wanted: int, buffer: int, size: int, options: int
) -> int:
    """Describe an open file; what is no file has no attributes."""

    def store() -> int:
        file = process.files.get(number & WORD32)
        if not isinstance(file, HostFile):
            raise OSError(errno.EINVAL if file else errno.EBADF, "no file")
        status = os.fstat(file.descriptor)
        return _store(process, _Wanted(process, wanted).pack("", status), buffer, size)

    return process.on_host(store)


@LIBSYSTEM.export("_getattrlistbulk", 5)
def get_attributes_bulk(
    process: MacProcess, number: int, wanted: int, buffer: int, size: int, options: int
) -> int:
    """Describe as many further entries of a folder as fit; `.` and `..` are none."""

    def store() -> int:
        folder = process.host_descriptor(number)
        if folder not in process.listings:
            process.listings[folder] = sorted(os.listdir(folder), reverse=True)
        names = process.listings[folder]
        data, count = b"", 0
        while names:
            name = names[-1]
            status = os.lstat(name, dir_fd=folder)
            entry = _Wanted(process, wanted).pack(name, status)
            if len(data) + len(entry) > size:
                break
            names.pop()
            data += entry
            count += 1
        if names and not count:
            raise OSError(errno.ERANGE, "no entry fits")
        process.machine.write_user(buffer, data)
        return count

    return process.on_host(store)


def _store(process: MacProcess, data: bytes, buffer: int, size: int) -> int:
    process.machine.write_user(buffer, data[:size])
    return 0
