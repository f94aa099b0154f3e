"""libSystem: the end of the process, other programs, system values, libraries at run time."""

# ruff: noqa: PLR0917 - the system's own signatures

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from mlrift.targets import ARM64
from tests.support.guest_pipes import STREAM_COUNT, Child, PipeEnd
from tests.support.mac_process import LIBSYSTEM, OWN_NAME, PAGE_BYTES, WORD32, MacProcess
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
_SPAWN_FLAGS, _SIG_IGN = 0x4004, 1


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
        result = _other_program(process, path, arguments, environment)(None)
        process.keep_output(result.stdout, result.stderr)
        raise ProcessExit(result.status)

    return process.on_host(become)


@LIBSYSTEM.export("_posix_spawn_file_actions_init", 1)
def spawn_file_actions_init(process: MacProcess, actions: int) -> int:
    """Make an empty list of what is done to a child's descriptors; it is a pointer."""
    process.machine.write_user(actions, actions.to_bytes(8, "little"))
    process.spawn_actions[actions] = {}
    return 0


@LIBSYSTEM.export("_posix_spawn_file_actions_adddup2", 3)
def spawn_file_actions_add_dup2(process: MacProcess, actions: int, old: int, new: int) -> int:
    """Give a child the descriptor `old` as `new`."""
    if actions not in process.spawn_actions or old & WORD32 not in process.files:
        return errno.EBADF
    process.spawn_actions[actions][new & WORD32] = old & WORD32
    return 0


@LIBSYSTEM.export("_posix_spawn_file_actions_destroy", 1)
def spawn_file_actions_destroy(process: MacProcess, actions: int) -> int:
    """Forget a list."""
    return errno.EINVAL if process.spawn_actions.pop(actions, None) is None else 0


@LIBSYSTEM.export("_posix_spawnattr_init", 1)
def spawn_attributes_init(process: MacProcess, attributes: int) -> int:
    """Make attributes; they are a pointer."""
    process.machine.write_user(attributes, attributes.to_bytes(8, "little"))
    return 0


@LIBSYSTEM.export("_posix_spawnattr_setflags", 2)
def spawn_attributes_set_flags(process: MacProcess, attributes: int, flags: int) -> int:
    """Accept close-on-exec for all and default signals."""
    is_made = process.machine.word(attributes) == attributes
    return 0 if is_made and flags & 0xFFFF == _SPAWN_FLAGS else errno.EINVAL


@LIBSYSTEM.export("_posix_spawnattr_setsigdefault", 2)
def spawn_attributes_set_default(process: MacProcess, attributes: int, signals: int) -> int:
    """Read the set of signals: a 32-bit word."""
    process.machine.read(signals, 4)
    return 0 if process.machine.word(attributes) == attributes else errno.EINVAL


@LIBSYSTEM.export("_posix_spawnattr_destroy", 1)
def spawn_attributes_destroy(process: MacProcess, attributes: int) -> int:
    """Forget attributes."""
    process.machine.write_user(attributes, bytes(8))
    return 0


@LIBSYSTEM.export("_signal", 2, ResultWidth.WORD64)
def set_signal(process: MacProcess, number: int, handler: int) -> int:
    """Accept that a signal is ignored; none is ever sent. The old handler is the default."""
    return 0 if handler == _SIG_IGN else process.fail(errno.EINVAL)


@LIBSYSTEM.export("_kill", 2)
def kill(process: MacProcess, identifier: int, number: int) -> int:
    """End a child that posix_spawn started."""
    child = process.children.get(identifier & WORD32)
    if child is None:
        return process.fail(errno.ESRCH)
    child.kill(SIGNAL_STATUS_BASE + (number & WORD32))
    return 0


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
    """Start a program: it runs when somebody waits for it or for its output."""
    moved = process.spawn_actions.get(process.machine.word(actions) if actions else 0, {})
    files = [process.files.get(moved.get(target, target)) for target in range(STREAM_COUNT)]
    ends = tuple(file if isinstance(file, PipeEnd) else None for file in files)
    try:
        run = _other_program(process, path, arguments, environment)
    except OSError as error:
        return error.errno or errno.EIO
    process.last_child += 1
    number = process.last_child
    process.children[number] = Child(run, ends, process.keep_output)
    if identifier:
        process.machine.write_user(identifier, number.to_bytes(4, "little"))
    return 0


@LIBSYSTEM.export("_waitpid", 3)
def waitpid(process: MacProcess, identifier: int, status: int, options: int) -> int:
    """Wait for a child that posix_spawn started."""
    identifier &= WORD32
    if identifier == WORD32 and process.children:
        identifier = next(iter(process.children))
    child = process.children.get(identifier)
    if child is None:
        return process.fail(errno.ECHILD)
    child.finish()
    del process.children[identifier]
    ended = child.status or 0
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


def _other_program(
    process: MacProcess, path: int, arguments: int, environment: int
) -> Callable[[bytes | None], RunResult]:
    """Return what runs a program of the emulated system, or else one of the host's, on an input."""
    program = process.path(path)
    data = _executable_bytes(process, program)
    words = _strings(process, arguments)
    pairs = dict(pair.split("=", 1) for pair in _strings(process, environment) if "=" in pair)

    def run(given: bytes | None) -> RunResult:
        source = bytes(process.stdin) if given is None else given
        if given is None:
            process.stdin = memoryview(b"")
        seconds = process.invocation.timeout_seconds
        child = Invocation(tuple(words[1:]), source, pairs, process.folder, seconds)
        if int.from_bytes(data[:4], "little") == MAGIC_64 and process.run_child is not None:
            try:
                return process.run_child(data, child)
            except ImageRefused as refused:
                raise OSError(errno.ENOEXEC, str(refused)) from refused
        try:
            return run_command([(words or [str(program)])[0]], child, executable=str(program))
        except subprocess.SubprocessError as error:
            raise OSError(errno.ENOEXEC, str(error)) from error

    return run


def _executable_bytes(process: MacProcess, program: Path) -> bytes:
    if program == process.folder / OWN_NAME and not program.exists():
        return process.own_image
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
