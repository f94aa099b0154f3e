"""libSystem: descriptors, files and folders, kept in real files of the host's working folder."""

import errno
import os
import stat
from pathlib import Path

from mlrift.targets import X86_64
from tests.support.guest_pipes import BrokenGuestPipe, PipeEnd, new_pipe
from tests.support.mac_process import (
    LIBSYSTEM,
    WORD32,
    HostFile,
    MacProcess,
    StandardStream,
)
from tests.support.traps import ResultWidth

_AT_FDCWD = WORD32 - 1
_AT_REMOVEDIR = 0x80
_OPEN_FLAGS = {
    0x0004: os.O_NONBLOCK,
    0x0008: os.O_APPEND,
    0x0100: os.O_NOFOLLOW,
    0x0200: os.O_CREAT,
    0x0400: os.O_TRUNC,
    0x0800: os.O_EXCL,
    0x100000: os.O_DIRECTORY,
    0x1000000: os.O_CLOEXEC,
}
_LARGEST_TRANSFER_BYTES = 0x7FFFFFFF
_DUPLICATE, _GET_FLAGS, _SET_FLAGS = 0, 3, 4
_NON_BLOCKING = 4
_HARMLESS_COMMANDS = (1, 2, 4, 51)  # descriptor flags, status flags, full fsync


@LIBSYSTEM.export("_write", 3, ResultWidth.WORD64)
def write(process: MacProcess, number: int, buffer: int, size: int) -> int:
    """Write bytes to a descriptor."""
    if size > _LARGEST_TRANSFER_BYTES:
        return process.fail(errno.EINVAL)
    match process.files.get(number & WORD32):
        case StandardStream(number=1):
            process.stdout += process.machine.read(buffer, size)
            return size
        case StandardStream(number=2):
            process.stderr += process.machine.read(buffer, size)
            return size
        case HostFile(descriptor=descriptor):
            data = process.machine.read(buffer, size)
            return process.on_host(lambda: os.write(descriptor, data))
        case PipeEnd(kind="write") as end:
            try:
                end.write(process.machine.read(buffer, size))
            except BrokenGuestPipe:
                return process.fail(errno.EPIPE)
            return size
        case _:
            return process.fail(errno.EBADF)


@LIBSYSTEM.export("_read", 3, ResultWidth.WORD64)
def read(process: MacProcess, number: int, buffer: int, size: int) -> int:
    """Read bytes from a descriptor; 0 at the end."""
    if size > _LARGEST_TRANSFER_BYTES:
        return process.fail(errno.EINVAL)
    match process.files.get(number & WORD32):
        case StandardStream(number=0):
            data = bytes(process.stdin[:size])
            process.machine.write_user(buffer, data)
            process.stdin = process.stdin[len(data) :]
            return len(data)
        case HostFile(descriptor=descriptor):
            return process.on_host(lambda: _store(process, buffer, os.read(descriptor, size)))
        case PipeEnd(kind="read") as end:
            return _store(process, buffer, end.read(size))
        case _:
            return process.fail(errno.EBADF)


@LIBSYSTEM.export("_pread", 4, ResultWidth.WORD64)
def pread(process: MacProcess, number: int, buffer: int, size: int, offset: int) -> int:
    """Read at an offset without moving the position."""
    return process.on_host(
        lambda: _store(process, buffer, os.pread(process.host_descriptor(number), size, offset))
    )


@LIBSYSTEM.export("_pwrite", 4, ResultWidth.WORD64)
def pwrite(process: MacProcess, number: int, buffer: int, size: int, offset: int) -> int:
    """Write at an offset without moving the position."""
    data = process.machine.read(buffer, size)
    return process.on_host(lambda: os.pwrite(process.host_descriptor(number), data, offset))


@LIBSYSTEM.export("_open", 3, variadic_from=2)
def open_file(process: MacProcess, path: int, flags: int, mode: int) -> int:
    """Open a file; `mode` is variadic and only looked at with O_CREAT."""
    return process.on_host(lambda: _open(process, process.path(path), flags, mode))


@LIBSYSTEM.export("_openat", 4, variadic_from=3)
def open_at(process: MacProcess, folder: int, path: int, flags: int, mode: int) -> int:
    """Open a file relative to a folder's descriptor."""
    return process.on_host(lambda: _open(process, _path_at(process, folder, path), flags, mode))


@LIBSYSTEM.export("_close", 1)
def close(process: MacProcess, number: int) -> int:
    """Close a descriptor."""
    guest = process.sockets.pop(number & WORD32, None)
    if guest is not None:
        guest.host.close()
        return 0
    file = process.files.pop(number & WORD32, None)
    if file is None:
        return process.fail(errno.EBADF)
    if isinstance(file, HostFile):
        process.listings.pop(file.descriptor, None)
        os.close(file.descriptor)
    if isinstance(file, PipeEnd):
        file.close()
    return 0


@LIBSYSTEM.export("_pipe", 1)
def pipe(process: MacProcess, pair: int) -> int:
    """Make a pipe; the two descriptors are 32-bit numbers."""
    process.machine.require_writable(pair, 8)
    numbers = []
    for end in new_pipe():
        numbers.append(next(n for n in range(1000) if n not in process.files))
        process.files[numbers[-1]] = end
    data = b"".join(number.to_bytes(4, "little") for number in numbers)
    process.machine.write_user(pair, data)
    return 0


@LIBSYSTEM.export("_lseek", 3, ResultWidth.WORD64)
def lseek(process: MacProcess, number: int, offset: int, whence: int) -> int:
    """Move the position of a file."""
    signed = offset - (1 << 64) if offset >> 63 else offset
    if whence & WORD32 > 2:
        return process.fail(errno.EINVAL)
    return process.on_host(
        lambda: os.lseek(process.host_descriptor(number), signed, whence & WORD32)
    )


@LIBSYSTEM.export("_ftruncate", 2)
def ftruncate(process: MacProcess, number: int, size: int) -> int:
    """Set the size of a file."""
    return process.on_host(lambda: os.ftruncate(process.host_descriptor(number), size))


@LIBSYSTEM.export("_fsync", 1)
def fsync(process: MacProcess, number: int) -> int:
    """Do nothing: host files need no flush."""
    return 0 if number & WORD32 in process.files else process.fail(errno.EBADF)


@LIBSYSTEM.export("_dup", 1)
def dup(process: MacProcess, number: int) -> int:
    """Give a descriptor a second number."""
    file = process.files.get(number & WORD32)
    match file:
        case HostFile(descriptor=descriptor):
            return process.add_file(os.dup(descriptor))
        case StandardStream() | PipeEnd():
            free = next(n for n in range(1000) if n not in process.files)
            process.files[free] = file.open() if isinstance(file, PipeEnd) else file
            return free
        case _:
            return process.fail(errno.EBADF)


@LIBSYSTEM.export("_dup2", 2)
def dup2(process: MacProcess, number: int, wanted: int) -> int:
    """Give a descriptor the number `wanted`."""
    file = process.files.get(number & WORD32)
    wanted &= WORD32
    if file is None:
        return process.fail(errno.EBADF)
    if number & WORD32 != wanted:
        if wanted in process.files:
            close(process, wanted)
        again = HostFile(os.dup(file.descriptor)) if isinstance(file, HostFile) else file
        if isinstance(again, PipeEnd):
            again.open()
        process.files[wanted] = again
    return wanted


@LIBSYSTEM.export("_fcntl", 3, variadic_from=2)
def fcntl(process: MacProcess, number: int, command: int, argument: int) -> int:
    """Answer the few commands that need no kernel."""
    command &= WORD32
    guest = process.sockets.get(number & WORD32)
    if guest is not None:
        if command == _SET_FLAGS:
            guest.is_blocking = not argument & _NON_BLOCKING
        is_told = command == _GET_FLAGS and not guest.is_blocking
        return _NON_BLOCKING if is_told else 0
    if number & WORD32 not in process.files:
        return process.fail(errno.EBADF)
    if command == _DUPLICATE:
        return dup(process, number)
    if command in _HARMLESS_COMMANDS:
        return 0
    return os.O_RDWR if command == _GET_FLAGS else process.fail(errno.EINVAL)


@LIBSYSTEM.export("_isatty", 1)
def isatty(process: MacProcess, number: int) -> int:
    """Say no: the standard descriptors are pipes."""
    if number & WORD32 not in process.files:
        process.fail(errno.EBADF)
    else:
        process.fail(errno.ENOTTY)
    return 0


@LIBSYSTEM.export("_chmod", 2)
def chmod(process: MacProcess, path: int, mode: int) -> int:
    """Change a file's mode."""
    return process.on_host(lambda: process.path(path).chmod(mode & 0xFFFF))


@LIBSYSTEM.export("_fchmod", 2)
def fchmod(process: MacProcess, number: int, mode: int) -> int:
    """Change an open file's mode."""
    return process.on_host(lambda: os.fchmod(process.host_descriptor(number), mode & 0xFFFF))


@LIBSYSTEM.export("_access", 2)
def access(process: MacProcess, path: int, mode: int) -> int:
    """Say whether a file may be used in some way."""

    def check() -> int:
        name = process.path(path)
        name.stat()
        if not os.access(name, mode & 7):
            raise PermissionError(errno.EACCES, "no access")
        return 0

    return process.on_host(check)


@LIBSYSTEM.export("_unlink", 1)
def unlink(process: MacProcess, path: int) -> int:
    """Remove a file; a folder is EPERM as on macOS."""

    def remove() -> None:
        name = process.path(path)
        if name.is_dir():
            raise PermissionError(errno.EPERM, "a folder")
        name.unlink()

    return process.on_host(remove)


@LIBSYSTEM.export("_unlinkat", 3)
def unlinkat(process: MacProcess, folder: int, path: int, flags: int) -> int:
    """Remove a file or an empty folder."""

    def remove() -> None:
        name = _path_at(process, folder, path)
        if flags & _AT_REMOVEDIR:
            name.rmdir()
        else:
            name.unlink()

    return process.on_host(remove)


@LIBSYSTEM.export("_rename", 2)
def rename(process: MacProcess, old: int, new: int) -> int:
    """Rename a file over whatever has the new name."""
    return process.on_host(lambda: os.rename(process.path(old), process.path(new)))


@LIBSYSTEM.export("_mkdir", 2)
def mkdir(process: MacProcess, path: int, mode: int) -> int:
    """Make a folder."""
    return process.on_host(lambda: os.mkdir(process.path(path), mode & 0xFFFF))


@LIBSYSTEM.export("_rmdir", 1)
def rmdir(process: MacProcess, path: int) -> int:
    """Remove an empty folder."""
    return process.on_host(lambda: os.rmdir(process.path(path)))


@LIBSYSTEM.export("_chdir", 1)
def chdir(process: MacProcess, path: int) -> int:
    """Change the working folder of the emulated process only."""

    def change() -> None:
        folder = process.path(path)
        if not folder.is_dir():
            folder.stat()
            raise NotADirectoryError(errno.ENOTDIR, "not a folder")
        process.folder = folder

    return process.on_host(change)


@LIBSYSTEM.export("_getcwd", 2, ResultWidth.WORD64)
def getcwd(process: MacProcess, buffer: int, size: int) -> int:
    """Store the working folder's path; 0 when it does not fit."""
    text = os.fsencode(process.folder.resolve()) + b"\0"
    if not buffer:
        raise NotImplementedError("getcwd(NULL) would need malloc")
    if len(text) > size:
        process.fail(errno.ERANGE)
        return 0
    process.machine.write_user(buffer, text)
    return buffer


def pack_stat64(status: os.stat_result) -> bytes:
    """Return `struct stat` with 64-bit inodes: arm64's only form, x86_64's `$INODE64`."""
    return b"".join(
        (
            (status.st_dev & WORD32).to_bytes(4, "little"),
            (status.st_mode & 0xFFFF).to_bytes(2, "little"),
            min(status.st_nlink, 0xFFFF).to_bytes(2, "little"),
            status.st_ino.to_bytes(8, "little"),
            status.st_uid.to_bytes(4, "little"),
            status.st_gid.to_bytes(4, "little"),
            bytes(8),
            _times(status),
            _time(status.st_ctime_ns),
            _sizes(status),
            bytes(28),
        )
    )


def pack_stat32(status: os.stat_result) -> bytes:
    """Return the old `struct stat` of x86_64's plain names, with 32-bit inodes."""
    return b"".join(
        (
            (status.st_dev & WORD32).to_bytes(4, "little"),
            (status.st_ino & WORD32).to_bytes(4, "little"),
            (status.st_mode & 0xFFFF).to_bytes(2, "little"),
            min(status.st_nlink, 0xFFFF).to_bytes(2, "little"),
            status.st_uid.to_bytes(4, "little"),
            status.st_gid.to_bytes(4, "little"),
            bytes(4),
            _times(status),
            _sizes(status),
            bytes(28),
        )
    )


def _pack_plain(process: MacProcess, status: os.stat_result) -> bytes:
    is_old = process.target.cpu is X86_64
    return pack_stat32(status) if is_old else pack_stat64(status)


@LIBSYSTEM.export("_fstat", 2)
def fstat(process: MacProcess, number: int, buffer: int) -> int:
    """Describe an open file in the CPU's default layout."""
    return process.on_host(
        lambda: _store_status(process, buffer, _pack_plain(process, _status(process, number)))
    )


@LIBSYSTEM.export("_fstat$INODE64", 2)
def fstat_inode64(process: MacProcess, number: int, buffer: int) -> int:
    """Describe an open file in the layout with 64-bit inodes."""
    return process.on_host(
        lambda: _store_status(process, buffer, pack_stat64(_status(process, number)))
    )


@LIBSYSTEM.export("_stat", 2)
def stat_path(process: MacProcess, path: int, buffer: int) -> int:
    """Describe a file in the CPU's default layout."""
    return process.on_host(
        lambda: _store_status(process, buffer, _pack_plain(process, process.path(path).stat()))
    )


@LIBSYSTEM.export("_stat$INODE64", 2)
def stat_inode64(process: MacProcess, path: int, buffer: int) -> int:
    """Describe a file in the layout with 64-bit inodes."""
    return process.on_host(
        lambda: _store_status(process, buffer, pack_stat64(process.path(path).stat()))
    )


@LIBSYSTEM.export("_lstat", 2)
def lstat_path(process: MacProcess, path: int, buffer: int) -> int:
    """Describe a link itself in the CPU's default layout."""
    return process.on_host(
        lambda: _store_status(process, buffer, _pack_plain(process, process.path(path).lstat()))
    )


@LIBSYSTEM.export("_lstat$INODE64", 2)
def lstat_inode64(process: MacProcess, path: int, buffer: int) -> int:
    """Describe a link itself in the layout with 64-bit inodes."""
    return process.on_host(
        lambda: _store_status(process, buffer, pack_stat64(process.path(path).lstat()))
    )


def _status(process: MacProcess, number: int) -> os.stat_result:
    """Return the state of an open file; a standard stream is a pipe."""
    match process.files.get(number & WORD32):
        case HostFile(descriptor=descriptor):
            return os.fstat(descriptor)
        case StandardStream() | PipeEnd():
            return os.stat_result((stat.S_IFIFO | 0o600, 1, 1, 1, 0, 0, 0, 0, 0, 0))
        case None:
            raise OSError(errno.EBADF, "no such descriptor")


def _time(nanoseconds: int) -> bytes:
    seconds, rest = divmod(nanoseconds, 10**9)
    return seconds.to_bytes(8, "little", signed=True) + rest.to_bytes(8, "little")


def _times(status: os.stat_result) -> bytes:
    return b"".join(
        _time(value) for value in (status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns)
    )


def _sizes(status: os.stat_result) -> bytes:
    blocks = getattr(status, "st_blocks", 0) or 0
    return (
        status.st_size.to_bytes(8, "little")
        + blocks.to_bytes(8, "little")
        + (4096).to_bytes(4, "little")
    )


def _store(process: MacProcess, buffer: int, data: bytes) -> int:
    process.machine.write_user(buffer, data)
    return len(data)


def _store_status(process: MacProcess, buffer: int, data: bytes) -> int:
    process.machine.write_user(buffer, data)
    return 0


def _open(process: MacProcess, path: Path, flags: int, mode: int) -> int:
    host_flags = flags & 3
    for bit, host_bit in _OPEN_FLAGS.items():
        if flags & bit:
            host_flags |= host_bit
    if host_flags & os.O_CREAT and mode & WORD32 > 0o7777:
        raise OSError(errno.EINVAL, f"open with mode {mode & WORD32:#x}: not the argument meant")
    return process.add_file(os.open(path, host_flags | os.O_CLOEXEC, mode & 0o7777))


def _path_at(process: MacProcess, folder: int, path: int) -> Path:
    if folder & WORD32 == _AT_FDCWD:
        return process.path(path)
    base = Path(os.readlink(f"/proc/self/fd/{process.host_descriptor(folder)}"))
    text = os.fsdecode(process.machine.c_string(path))
    return base / text
