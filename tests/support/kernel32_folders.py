"""kernel32: what files and folders are, listings of folders, mapped files."""

# ruff: noqa: PLR0917 - the system's own signatures

import fnmatch
import os
import stat

from tests.support.kernel32_files import (
    DWORD,
    INVALID_HANDLE,
    host_path,
    wide_string,
    windows_error,
)
from tests.support.traps import ResultWidth
from tests.support.windows_process import (
    ERROR_INVALID_HANDLE,
    GRANULARITY_BYTES,
    KERNEL32,
    FileMapping,
    FileView,
    FolderSearch,
    HostFile,
    WindowsProcess,
)

_EPOCH_1601 = 116_444_736_000_000_000
_READ_ONLY, _FOLDER, _NORMAL, _LINK = 0x1, 0x10, 0x80, 0x400
_FILE_NOT_FOUND, _PATH_NOT_FOUND, _NO_MORE_FILES = 2, 3, 18
_INVALID_FUNCTION, _INVALID_PARAMETER, _INVALID_ADDRESS = 1, 87, 487
_ACCESS_DENIED, _NOT_ENOUGH_MEMORY, _FILE_INVALID, _MAPPED_ALIGNMENT = 5, 8, 1006, 1132
_PAGE_READONLY, _PAGE_READWRITE = 2, 4
_MAP_WRITE = 2
_NAME_UNITS = 260


def _attributes(status: os.stat_result) -> int:
    if stat.S_ISLNK(status.st_mode):
        return _LINK
    if stat.S_ISDIR(status.st_mode):
        return _FOLDER
    return _NORMAL if status.st_mode & 0o200 else _READ_ONLY


def _times(status: os.stat_result) -> bytes:
    values = (status.st_ctime_ns, status.st_atime_ns, status.st_mtime_ns)
    return b"".join((value // 100 + _EPOCH_1601).to_bytes(8, "little") for value in values)


def _size(status: os.stat_result) -> bytes:
    size = status.st_size if stat.S_ISREG(status.st_mode) else 0
    return (size >> 32).to_bytes(4, "little") + (size & DWORD).to_bytes(4, "little")


@KERNEL32.export("GetFileAttributesExW", 3)
def get_file_attributes(process: WindowsProcess, name: int, level: int, data: int) -> int:
    """Store attributes, times and size of a path."""
    text = wide_string(process, name)
    if level & DWORD or not text:
        return process.fail(_INVALID_PARAMETER if text else _PATH_NOT_FOUND)
    try:
        status = host_path(process, text).lstat()
    except OSError as error:
        return process.fail(windows_error(error))
    rows = _attributes(status).to_bytes(4, "little") + _times(status) + _size(status)
    process.machine.write_user(data, rows)
    return 1


@KERNEL32.export("GetFileInformationByHandle", 2)
def get_file_information(process: WindowsProcess, handle: int, data: int) -> int:
    """Store the same, and the volume's number, of an open file."""
    target = process.handles.get(handle)
    if not isinstance(target, HostFile):
        return process.fail(_INVALID_FUNCTION if target else ERROR_INVALID_HANDLE)
    status = os.fstat(target.descriptor)
    rows = _attributes(status).to_bytes(4, "little") + _times(status) + bytes(4) + _size(status)
    process.machine.write_user(data, rows + bytes(52 - len(rows)))
    return 1


@KERNEL32.export("FindFirstFileW", 2, ResultWidth.WORD64)
def find_first_file(process: WindowsProcess, pattern: int, data: int) -> int:
    """Start a listing and store its first entry; `.` and `..` are entries of every folder."""
    path = host_path(process, wide_string(process, pattern))
    if not path.parent.is_dir():
        return process.fail(_PATH_NOT_FOUND, INVALID_HANDLE)
    names = [".", "..", *sorted(os.listdir(path.parent), reverse=True)]
    found = [name for name in names if fnmatch.fnmatch(name, path.name)]
    if not found:
        return process.fail(_FILE_NOT_FOUND, INVALID_HANDLE)
    search = FolderSearch(path.parent, found)
    _store_entry(process, search, data)
    return process.add_handle(search)


@KERNEL32.export("FindNextFileW", 2)
def find_next_file(process: WindowsProcess, handle: int, data: int) -> int:
    """Store the next entry."""
    search = process.handles.get(handle)
    if not isinstance(search, FolderSearch):
        return process.fail(ERROR_INVALID_HANDLE)
    if not search.names:
        return process.fail(_NO_MORE_FILES)
    _store_entry(process, search, data)
    return 1


@KERNEL32.export("FindClose", 1)
def find_close(process: WindowsProcess, handle: int) -> int:
    """End a listing."""
    if not isinstance(process.handles.get(handle), FolderSearch):
        return process.fail(ERROR_INVALID_HANDLE)
    del process.handles[handle]
    return 1


def _store_entry(process: WindowsProcess, search: FolderSearch, data: int) -> None:
    """Store WIN32_FIND_DATAW; what is not used is filled with a pattern."""
    name = search.names.pop(0)
    status = (search.folder / name).lstat()
    head = _attributes(status).to_bytes(4, "little") + _times(status) + _size(status)
    wide = (name + "\0").encode("utf-16-le")
    room = (_NAME_UNITS + 14) * 2
    process.machine.write_user(data, head + b"\xa5" * 8 + wide + b"\xa5" * (room - len(wide)))


@KERNEL32.export("CreateFileMappingW", 6, ResultWidth.WORD64)
def create_file_mapping(
    process: WindowsProcess,
    handle: int,
    security: int,
    protection: int,
    size_high: int,
    size_low: int,
    name: int,
) -> int:
    """Make a mapping of a file, which grows to the size if it may be written."""
    target = process.handles.get(handle)
    if not isinstance(target, HostFile):
        return process.fail(ERROR_INVALID_HANDLE)
    if protection & DWORD not in (_PAGE_READONLY, _PAGE_READWRITE):
        return process.fail(_INVALID_PARAMETER)
    size = (size_high & DWORD) << 32 | size_low & DWORD
    present = os.fstat(target.descriptor).st_size
    if not (size or present):
        return process.fail(_FILE_INVALID)
    is_writable = protection & DWORD == _PAGE_READWRITE
    if size > present and not is_writable:
        return process.fail(_NOT_ENOUGH_MEMORY)
    try:
        descriptor = os.dup(target.descriptor)
        if is_writable:
            os.ftruncate(descriptor, max(size, present))
    except OSError:
        return process.fail(_ACCESS_DENIED)
    return process.add_handle(FileMapping(descriptor, size or present, is_writable))


@KERNEL32.export("MapViewOfFile", 5, ResultWidth.WORD64)
def map_view(
    process: WindowsProcess,
    handle: int,
    access: int,
    offset_high: int,
    offset_low: int,
    size: int,
) -> int:
    """Put a copy of the file into memory; a writable one is written back when it is unmapped."""
    mapping = process.handles.get(handle)
    if not isinstance(mapping, FileMapping):
        return process.fail(ERROR_INVALID_HANDLE)
    offset = (offset_high & DWORD) << 32 | offset_low & DWORD
    if offset % GRANULARITY_BYTES:
        return process.fail(_MAPPED_ALIGNMENT)
    size = size or mapping.size_bytes - offset
    if offset + size > mapping.size_bytes or (access & _MAP_WRITE and not mapping.is_writable):
        return process.fail(_ACCESS_DENIED)
    address = process.allocate_data(os.pread(mapping.descriptor, size, offset).ljust(size, b"\0"))
    descriptor = os.dup(mapping.descriptor) if access & _MAP_WRITE else None
    process.views[address] = FileView(descriptor, offset, size)
    return address


@KERNEL32.export("UnmapViewOfFile", 1)
def unmap_view(process: WindowsProcess, address: int) -> int:
    """Write a writable view back and take it out of memory."""
    if address not in process.views:
        return process.fail(_INVALID_ADDRESS)
    view = process.views.pop(address)
    if view.descriptor is not None:
        data = process.machine.read(address, view.size_bytes)
        os.pwrite(view.descriptor, data, view.offset)
        os.close(view.descriptor)
    allocation = process.allocations.pop(address)
    process.machine.unmap(allocation.base, allocation.size_bytes)
    return 1
