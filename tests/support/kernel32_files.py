"""kernel32: standard handles and files, kept in real files of the host's working folder."""

# ruff: noqa: PLR0917 - the system's own signatures

import os
from collections.abc import Callable
from pathlib import Path

from tests.support.guest_pipes import BrokenGuestPipe, PipeEnd
from tests.support.traps import ResultWidth
from tests.support.windows_process import (
    ERROR_INVALID_HANDLE,
    KERNEL32,
    FileMapping,
    HostFile,
    StandardStream,
    WindowsProcess,
)

DWORD = 0xFFFFFFFF
INVALID_HANDLE = (1 << 64) - 1
_GENERIC_WRITE, _GENERIC_READ, _GENERIC_ALL = 0x40000000, 0x80000000, 0x10000000
_FILE_WRITE_DATA, _FILE_APPEND_DATA = 2, 4
_DISPOSITIONS = {
    1: os.O_CREAT | os.O_EXCL,
    2: os.O_CREAT | os.O_TRUNC,
    3: 0,
    4: os.O_CREAT,
    5: os.O_TRUNC,
}
_FILE_NOT_FOUND, _PATH_NOT_FOUND, _ACCESS_DENIED = 2, 3, 5
_BROKEN_PIPE, _FILE_EXISTS, _INVALID_PARAMETER, _ALREADY_EXISTS = 109, 80, 87, 183
_INVALID_NAME, _DIRECTORY_NOT_EMPTY, _NEGATIVE_SEEK, _INVALID_FUNCTION = 123, 145, 131, 1
_NO_DATA = 232
_DEVICES = {"nul": "/dev/null"}
_INVALID_ATTRIBUTES = DWORD
_ATTRIBUTE_DIRECTORY, _ATTRIBUTE_NORMAL, _ATTRIBUTE_READONLY = 0x10, 0x80, 0x1
_REPLACE_EXISTING = 1


def host_path(process: WindowsProcess, text: str) -> Path:
    """Turn a Windows path into the host's: any drive is the root, `\\` separates."""
    device = _DEVICES.get(text.lower())
    if device is not None:
        return Path(device)
    text = text.removeprefix("\\\\?\\").replace("\\", "/")
    if len(text) >= 2 and text[1] == ":":
        text = text[2:]
    return process.folder / text


def wide_string(process: WindowsProcess, address: int) -> str:
    """Return the UTF-16 text at `address` up to its zero."""
    data = bytearray()
    while (unit := process.machine.read(address + len(data), 2)) != b"\0\0":
        data += unit
    return data.decode("utf-16-le", "surrogatepass")


def windows_error(error: OSError) -> int:
    """Return the Windows error code that matches a host error."""
    match error:
        case FileNotFoundError():
            return _FILE_NOT_FOUND
        case FileExistsError():
            return _FILE_EXISTS
        case NotADirectoryError():
            return _PATH_NOT_FOUND
        case PermissionError() | IsADirectoryError():
            return _ACCESS_DENIED
        case _:
            return _INVALID_PARAMETER


@KERNEL32.export("GetStdHandle", 1, ResultWidth.WORD64)
def get_std_handle(process: WindowsProcess, number: int) -> int:
    """Return the handle of standard input (-10), output (-11) or error (-12)."""
    wanted = {DWORD - 9: 0, DWORD - 10: 1, DWORD - 11: 2}.get(number & DWORD)
    for handle, target in process.handles.items():
        if isinstance(target, StandardStream) and target.number == wanted:
            return handle
    return process.fail(ERROR_INVALID_HANDLE, INVALID_HANDLE)


@KERNEL32.export("WriteFile", 5)
def write_file(
    process: WindowsProcess, handle: int, buffer: int, size: int, written: int, overlapped: int
) -> int:
    """Write all bytes; the count goes to `written`."""
    size &= DWORD
    if written:
        process.machine.write_user(written, bytes(4))
    elif not overlapped:
        return process.bad_pointer_result()
    target = process.handles.get(handle)
    data = process.machine.read(buffer, size)
    match target:
        case StandardStream(number=1):
            process.stdout += data
        case StandardStream(number=2):
            process.stderr += data
        case HostFile(descriptor=descriptor):
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
            except OSError:
                return process.fail(_ACCESS_DENIED)
        case PipeEnd(kind="write"):
            try:
                target.write(data)
            except BrokenGuestPipe:
                return process.fail(_NO_DATA)
        case _:
            return process.fail(ERROR_INVALID_HANDLE)
    process.machine.write_user(written, size.to_bytes(4, "little"))
    return 1


@KERNEL32.export("ReadFile", 5)
def read_file(
    process: WindowsProcess, handle: int, buffer: int, size: int, count: int, overlapped: int
) -> int:
    """Read up to `size` bytes; the end of the input pipe is ERROR_BROKEN_PIPE."""
    size &= DWORD
    if count:
        process.machine.write_user(count, bytes(4))
    elif not overlapped:
        return process.bad_pointer_result()
    match process.handles.get(handle):
        case StandardStream(number=0):
            data = bytes(process.stdin[:size])
            if not data and size:
                return process.fail(_BROKEN_PIPE)
            process.machine.write_user(buffer, data)
            process.stdin = process.stdin[len(data) :]
        case HostFile(descriptor=descriptor):
            if size:
                process.machine.require_writable(buffer, size)
            try:
                data = os.read(descriptor, size)
            except OSError:
                return process.fail(_ACCESS_DENIED)
            process.machine.write_user(buffer, data)
        case PipeEnd(kind="read") as end:
            data = end.read(size)
            if not data and size:
                return process.fail(_BROKEN_PIPE)
            process.machine.write_user(buffer, data)
        case _:
            return process.fail(ERROR_INVALID_HANDLE)
    process.machine.write_user(count, len(data).to_bytes(4, "little"))
    return 1


@KERNEL32.export("CreateFileW", 7, ResultWidth.WORD64)
def create_file(
    process: WindowsProcess,
    name: int,
    access: int,
    share: int,
    security: int,
    disposition: int,
    flags: int,
    template: int,
) -> int:
    """Open or create a file of the host."""
    mode = _DISPOSITIONS.get(disposition & DWORD)
    text = wide_string(process, name)
    if mode is None or not text:
        error = _INVALID_PARAMETER if text else _PATH_NOT_FOUND
        return process.fail(error, INVALID_HANDLE)
    writes = access & (_GENERIC_WRITE | _GENERIC_ALL | _FILE_WRITE_DATA | _FILE_APPEND_DATA)
    reads = access & (_GENERIC_READ | _GENERIC_ALL | 1)
    if writes:
        mode |= os.O_RDWR if reads else os.O_WRONLY
    elif mode & os.O_TRUNC and disposition == 5:
        return process.fail(_INVALID_PARAMETER, INVALID_HANDLE)
    if access & _FILE_APPEND_DATA and not access & (_GENERIC_WRITE | _FILE_WRITE_DATA):
        mode |= os.O_APPEND
    path = host_path(process, text)
    existed = path.exists()
    if path.is_dir():
        return process.fail(_ACCESS_DENIED, INVALID_HANDLE)
    if not path.parent.is_dir():
        return process.fail(_PATH_NOT_FOUND, INVALID_HANDLE)
    try:
        descriptor = os.open(path, mode | os.O_CLOEXEC, 0o644)
    except OSError as error:
        return process.fail(windows_error(error), INVALID_HANDLE)
    process.scheduler.running.last_error = (
        _ALREADY_EXISTS if existed and disposition in (2, 4) else 0
    )
    return process.add_handle(HostFile(descriptor))


@KERNEL32.export("CloseHandle", 1)
def close_handle(process: WindowsProcess, handle: int) -> int:
    """Forget a handle; closing an unknown one fails."""
    target = process.handles.pop(handle, None)
    if target is None:
        return process.fail(ERROR_INVALID_HANDLE)
    if isinstance(target, HostFile | FileMapping):
        os.close(target.descriptor)
    if isinstance(target, PipeEnd):
        target.close()
    return 1


@KERNEL32.export("GetFileSizeEx", 2)
def get_file_size(process: WindowsProcess, handle: int, size: int) -> int:
    """Store the size of a file."""
    target = process.handles.get(handle)
    if not isinstance(target, HostFile):
        return process.fail(_INVALID_FUNCTION if target else ERROR_INVALID_HANDLE)
    size_bytes = os.fstat(target.descriptor).st_size
    process.machine.write_user(size, size_bytes.to_bytes(8, "little"))
    return 1


@KERNEL32.export("SetFilePointerEx", 4)
def set_file_pointer(
    process: WindowsProcess, handle: int, distance: int, new_position: int, method: int
) -> int:
    """Move the file position; a position before the start fails."""
    target = process.handles.get(handle)
    if not isinstance(target, HostFile):
        return process.fail(_INVALID_FUNCTION if target else ERROR_INVALID_HANDLE)
    signed = distance - (1 << 64) if distance >> 63 else distance
    method &= DWORD
    if method > 2:
        return process.fail(_INVALID_PARAMETER)
    try:
        position = os.lseek(target.descriptor, signed, method)
    except OSError:
        return process.fail(_NEGATIVE_SEEK)
    if new_position:
        process.machine.write_user(new_position, position.to_bytes(8, "little"))
    return 1


@KERNEL32.export("SetEndOfFile", 1)
def set_end_of_file(process: WindowsProcess, handle: int) -> int:
    """Cut or extend the file at its position."""
    target = process.handles.get(handle)
    if not isinstance(target, HostFile):
        return process.fail(ERROR_INVALID_HANDLE)
    try:
        os.ftruncate(target.descriptor, os.lseek(target.descriptor, 0, os.SEEK_CUR))
    except OSError:
        return process.fail(_ACCESS_DENIED)
    return 1


@KERNEL32.export("FlushFileBuffers", 1)
def flush_file_buffers(process: WindowsProcess, handle: int) -> int:
    """Do nothing: host files need no flush."""
    return 1 if handle in process.handles else process.fail(ERROR_INVALID_HANDLE)


@KERNEL32.export("GetFileType", 1)
def get_file_type(process: WindowsProcess, handle: int) -> int:
    """Say disk (1) or pipe (3)."""
    match process.handles.get(handle):
        case HostFile():
            return 1
        case StandardStream():
            return 3
        case _:
            return process.fail(ERROR_INVALID_HANDLE)


@KERNEL32.export("GetConsoleMode", 2)
def get_console_mode(process: WindowsProcess, handle: int, mode: int) -> int:
    """Fail: the standard handles are pipes."""
    return process.fail(ERROR_INVALID_HANDLE)


@KERNEL32.export("DeleteFileW", 1)
def delete_file(process: WindowsProcess, name: int) -> int:
    """Remove a file."""
    return _on_host(process, lambda: host_path(process, wide_string(process, name)).unlink())


@KERNEL32.export("CreateDirectoryW", 2)
def create_directory(process: WindowsProcess, name: int, security: int) -> int:
    """Make a folder; an existing one is ERROR_ALREADY_EXISTS."""
    text = wide_string(process, name)
    if not text:
        return process.fail(_PATH_NOT_FOUND)
    path = host_path(process, text)
    if path.exists():
        return process.fail(_ALREADY_EXISTS)
    return _on_host(process, path.mkdir)


@KERNEL32.export("RemoveDirectoryW", 1)
def remove_directory(process: WindowsProcess, name: int) -> int:
    """Remove an empty folder."""
    path = host_path(process, wide_string(process, name))
    if path.is_dir() and any(path.iterdir()):
        return process.fail(_DIRECTORY_NOT_EMPTY)
    return _on_host(process, path.rmdir)


@KERNEL32.export("MoveFileExW", 3)
def move_file(process: WindowsProcess, source: int, target: int, flags: int) -> int:
    """Rename a file, over an existing one only when asked to."""
    old = host_path(process, wide_string(process, source))
    new = host_path(process, wide_string(process, target))
    if new.exists() and not flags & _REPLACE_EXISTING:
        return process.fail(_ALREADY_EXISTS)
    return _on_host(process, lambda: old.replace(new))


@KERNEL32.export("GetFileAttributesW", 1)
def get_file_attributes(process: WindowsProcess, name: int) -> int:
    """Return the attributes of a file or folder."""
    path = host_path(process, wide_string(process, name))
    if path.is_dir():
        return _ATTRIBUTE_DIRECTORY
    if not path.exists():
        return process.fail(_FILE_NOT_FOUND, _INVALID_ATTRIBUTES)
    return _ATTRIBUTE_NORMAL if path.stat().st_mode & 0o200 else _ATTRIBUTE_READONLY


@KERNEL32.export("SetFileAttributesW", 2)
def set_file_attributes(process: WindowsProcess, name: int, attributes: int) -> int:
    """Honour the read-only attribute."""
    mode = 0o444 if attributes & _ATTRIBUTE_READONLY else 0o644
    return _on_host(process, lambda: host_path(process, wide_string(process, name)).chmod(mode))


def _on_host(process: WindowsProcess, action: Callable[[], object]) -> int:
    try:
        action()
    except OSError as error:
        return process.fail(windows_error(error))
    return 1
