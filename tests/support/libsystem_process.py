"""libSystem: the end of the process, other programs, system values, libraries at run time."""

# ruff: noqa: PLR0917 - the system's own signatures

import errno
import os
import subprocess
from pathlib import Path

from mlrift.targets import ARM64
from tests.support.mac_process import LIBSYSTEM, PAGE_BYTES, WORD32, MacProcess
from tests.support.macho_image import MAGIC_64
from tests.support.processes import run_command
from tests.support.results import SIGNAL_STATUS_BASE, ImageRefused, Invocation, RunResult
from tests.support.scheduler import ProcessExit
from tests.support.traps import ResultWidth

_SIGABRT = 6
_ENTROPY_LIMIT_BYTES = 256
_SELF_HANDLE = 0x7FF8_5EED_1000
_DEFAULT_HANDLE = (1 << 64) - 2
_LIBRARIES = ("/usr/lib/libSystem.B.dylib", "/usr/lib/libSystem.dylib", "/usr/lib/libc.dylib")
_ARM64_FEATURES = ("hw.optional.neon", "hw.optional.arm64", "hw.optional.AdvSIMD")
_SYSCTL_PROCESSORS = ("hw.ncpu", "hw.activecpu", "hw.logicalcpu", "hw.physicalcpu")
_SC_PAGE_SIZE, _SC_PROCESSORS = 29, (57, 58)
_FIRST_CHILD = 4000


@LIBSYSTEM.export("__exit", 1, ResultWidth.NOTHING)
def exit_now(process: MacProcess, status: int) -> None:
    """End the process at once."""
    raise ProcessExit(status & 0xFF)


@LIBSYSTEM.export("_exit", 1, ResultWidth.NOTHING)
def exit_process(process: MacProcess, status: int) -> None:
    """End the process; nothing was registered to run before."""
    raise ProcessExit(status & 0xFF)


@LIBSYSTEM.export("_abort", 0, ResultWidth.NOTHING)
def abort(process: MacProcess) -> None:
    """End the process by SIGABRT."""
    raise ProcessExit(SIGNAL_STATUS_BASE + _SIGABRT)


@LIBSYSTEM.export("___error", 0, ResultWidth.WORD64)
def error_address(process: MacProcess) -> int:
    """Return the address of the calling thread's errno."""
    return process.errno_address()


@LIBSYSTEM.export("_getpid", 0)
def getpid(process: MacProcess) -> int:
    """Return some process number."""
    return os.getpid()


@LIBSYSTEM.export("_getentropy", 2)
def getentropy(process: MacProcess, buffer: int, size: int) -> int:
    """Store up to 256 random bytes."""
    if size > _ENTROPY_LIMIT_BYTES:
        return process.fail(errno.EIO)
    process.machine.write_user(buffer, os.urandom(size))
    return 0


@LIBSYSTEM.export("_arc4random_buf", 2, ResultWidth.NOTHING)
def arc4random_buf(process: MacProcess, buffer: int, size: int) -> None:
    """Store random bytes."""
    process.machine.write_user(buffer, os.urandom(size))


@LIBSYSTEM.export("_sysconf", 1, ResultWidth.WORD64)
def sysconf(process: MacProcess, name: int) -> int:
    """Return the page size or the number of processors."""
    name &= WORD32
    if name == _SC_PAGE_SIZE:
        return PAGE_BYTES if process.target.cpu is ARM64 else 0x1000
    return 2 if name in _SC_PROCESSORS else process.fail(errno.EINVAL)


@LIBSYSTEM.export("_sysctlbyname", 5)
def sysctlbyname(
    process: MacProcess, name: int, old: int, old_size: int, new: int, new_size: int
) -> int:
    """Answer the few integer values that programs ask for; optional CPU features are absent."""
    text = process.machine.c_string(name).decode("latin-1")
    value = _sysctl_value(process, text)
    if value is None or not old_size:
        return process.fail(errno.ENOENT)
    machine = process.machine
    room = machine.word(old_size)
    if old:
        width = 8 if room >= 8 else 4
        if room < width:
            return process.fail(errno.ENOMEM)
        machine.write_user(old, value.to_bytes(width, "little"))
    else:
        width = 4
    machine.write_user(old_size, width.to_bytes(8, "little"))
    return 0


@LIBSYSTEM.export("_execve", 3)
def execve(process: MacProcess, path: int, arguments: int, environment: int) -> int:
    """Become another program; returns only when that cannot be."""

    def become() -> int:
        result = _run_other(process, path, arguments, environment)
        raise ProcessExit(result.status)

    return process.on_host(become)


@LIBSYSTEM.export("_posix_spawn", 6)
def posix_spawn(
    process: MacProcess,
    identifier: int,
    path: int,
    actions: int,
    attributes: int,
    arguments: int,
    environment: int,
) -> int:
    """Run a program to its end, then report it as started."""
    try:
        result = _run_other(process, path, arguments, environment)
    except OSError as error:
        return error.errno or errno.EIO
    number = _FIRST_CHILD + len(process.children)
    process.children[number] = result.status
    if identifier:
        process.machine.write_user(identifier, number.to_bytes(4, "little"))
    return 0


@LIBSYSTEM.export("_waitpid", 3)
def waitpid(process: MacProcess, identifier: int, status: int, options: int) -> int:
    """Report a child that posix_spawn ran."""
    identifier &= WORD32
    if identifier == WORD32 and process.children:
        identifier = next(iter(process.children))
    ended = process.children.pop(identifier, None)
    if ended is None:
        return process.fail(errno.ECHILD)
    value = ended << 8 if ended < SIGNAL_STATUS_BASE else ended - SIGNAL_STATUS_BASE
    if status:
        process.machine.write_user(status, value.to_bytes(4, "little"))
    return identifier


@LIBSYSTEM.export("_dlopen", 2, ResultWidth.WORD64)
def dlopen(process: MacProcess, path: int, mode: int) -> int:
    """Open libSystem or the program itself; nothing else exists here."""
    if not path:
        return _SELF_HANDLE
    text = process.machine.c_string(path).decode("utf-8", "replace")
    return _SELF_HANDLE if text in _LIBRARIES else 0


@LIBSYSTEM.export("_dlsym", 2, ResultWidth.WORD64)
def dlsym(process: MacProcess, handle: int, name: int) -> int:
    """Return the address of a function that this runner implements."""
    if handle not in (_SELF_HANDLE, _DEFAULT_HANDLE):
        return 0
    export = LIBSYSTEM.exports.get("_" + process.machine.c_string(name).decode("latin-1"))
    return 0 if export is None else process.traps.address_of(export)


@LIBSYSTEM.export("_dlclose", 1)
def dlclose(process: MacProcess, handle: int) -> int:
    """Close nothing."""
    return 0


def _sysctl_value(process: MacProcess, name: str) -> int | None:
    if name in _SYSCTL_PROCESSORS:
        return 2
    if name in ("hw.pagesize", "vm.pagesize"):
        return PAGE_BYTES if process.target.cpu is ARM64 else 0x1000
    if name == "hw.memsize":
        return 8 << 30
    if name.startswith("hw.optional."):
        return int(process.target.cpu is ARM64 and name in _ARM64_FEATURES)
    return None


def _run_other(process: MacProcess, path: int, arguments: int, environment: int) -> RunResult:
    """Run a program of the emulated system, or else one of the host's; keep its output."""
    program = process.path(path)
    data = _executable_bytes(program)
    child = Invocation(
        arguments=_strings(process, arguments)[1:],
        stdin=bytes(process.stdin),
        environment=dict(
            pair.split("=", 1) for pair in _strings(process, environment) if "=" in pair
        ),
        working_folder=process.folder,
        timeout_seconds=process.invocation.timeout_seconds,
    )
    if int.from_bytes(data[:4], "little") == MAGIC_64 and process.run_child is not None:
        try:
            result = process.run_child(data, child)
        except ImageRefused as refused:
            raise OSError(errno.ENOEXEC, str(refused)) from refused
    else:
        name = (_strings(process, arguments) or [str(program)])[0]
        try:
            result = run_command([name], child, executable=str(program))
        except subprocess.SubprocessError as error:
            raise OSError(errno.ENOEXEC, str(error)) from error
    process.stdin = memoryview(b"")
    process.stdout += result.stdout
    process.stderr += result.stderr
    return result


def _executable_bytes(program: Path) -> bytes:
    if program.is_dir() or not os.access(program, os.X_OK):
        program.stat()
        raise PermissionError(errno.EACCES, "not executable")
    return program.read_bytes()


def _strings(process: MacProcess, array: int) -> list[str]:
    found: list[str] = []
    while array and (address := process.machine.word(array)):
        found.append(os.fsdecode(process.machine.c_string(address)))
        array += 8
    return found
