"""libSystem: mapped memory, in pages of 16 KiB; writable and executable at once never on arm64."""

# ruff: noqa: PLR0917 - the system's own signatures

import errno
import os

from mlrift.targets import ARM64
from tests.support.mac_process import (
    LIBSYSTEM,
    PAGE_BYTES,
    WORD32,
    MacProcess,
)
from tests.support.machine import GuestFault, Protection
from tests.support.traps import ResultWidth

_SHARED, _PRIVATE, _FIXED, _ANONYMOUS = 0x1, 0x2, 0x10, 0x1000
_LARGEST_BYTES = 1 << 36
_KNOWN_FLAGS = 0x1 | 0x2 | 0x10 | 0x40 | 0x800 | 0x1000
_JIT = 0x800


@LIBSYSTEM.export("_mmap", 6, ResultWidth.WORD64)
def mmap(
    process: MacProcess,
    address: int,
    size: int,
    protection: int,
    flags: int,
    descriptor: int,
    offset: int,
) -> int:
    """Map anonymous zero pages or a copy of a file's content, which is written back when it is
    unmapped if it is shared; addresses are only hints."""
    flags &= WORD32
    rights = Protection(protection & 7)
    sharing = flags & (_SHARED | _PRIVATE)
    if sharing not in (_SHARED, _PRIVATE) or not size or flags & ~_KNOWN_FLAGS:
        return process.fail(errno.EINVAL)
    if flags & _FIXED or offset % PAGE_BYTES:
        return process.fail(errno.EINVAL)
    if size > _LARGEST_BYTES:
        return process.fail(errno.ENOMEM)
    both = Protection.WRITE in rights and Protection.EXECUTE in rights
    if both and process.target.cpu is ARM64 and not flags & _JIT:
        return process.fail(errno.EACCES)
    if flags & _ANONYMOUS:
        return process.allocate(size, rights)

    def map_file() -> int:
        host = process.host_descriptor(descriptor)
        data = os.pread(host, size, offset)
        mapped = process.allocate(size, rights)
        process.machine.write(mapped, data)
        if sharing == _SHARED and Protection.WRITE in rights:
            process.written_back[mapped] = (os.dup(host), offset, len(data))
        return mapped

    return process.on_host(map_file)


@LIBSYSTEM.export("_munmap", 2)
def munmap(process: MacProcess, address: int, size: int) -> int:
    """Unmap whole pages."""
    if address % PAGE_BYTES or not size:
        return process.fail(errno.EINVAL)
    if address in process.written_back:
        descriptor, offset, size_bytes = process.written_back.pop(address)
        os.pwrite(descriptor, process.machine.read(address, size_bytes), offset)
        os.close(descriptor)
    try:
        process.machine.unmap(address, -(-size // PAGE_BYTES) * PAGE_BYTES)
    except GuestFault:
        return process.fail(errno.EINVAL)
    return 0


@LIBSYSTEM.export("_mprotect", 3)
def mprotect(process: MacProcess, address: int, size: int, protection: int) -> int:
    """Change the rights of whole pages."""
    rights = Protection(protection & 7)
    if address % PAGE_BYTES:
        return process.fail(errno.EINVAL)
    both = Protection.WRITE in rights and Protection.EXECUTE in rights
    if both and process.target.cpu is ARM64:
        return process.fail(errno.EACCES)
    try:
        process.machine.protect(address, -(-size // PAGE_BYTES) * PAGE_BYTES, rights)
    except GuestFault:
        return process.fail(errno.ENOMEM)
    return 0


@LIBSYSTEM.export("_madvise", 3)
def madvise(process: MacProcess, address: int, size: int, advice: int) -> int:
    """Take no advice."""
    return 0


@LIBSYSTEM.export("_sys_icache_invalidate", 2, ResultWidth.NOTHING)
def sys_icache_invalidate(process: MacProcess, address: int, size: int) -> None:
    """Do nothing: the emulated CPU sees its own writes."""


@LIBSYSTEM.export("_pthread_jit_write_protect_np", 1, ResultWidth.NOTHING)
def pthread_jit_write_protect(process: MacProcess, enabled: int) -> None:
    """Do nothing: MAP_JIT pages stay writable and executable here."""
