"""Running a program as a child process, for systems where this process cannot become the program.

The image goes into a fresh private directory that is removed afterwards. The child gets the
signals sent to this process, and its end is repeated here: the same exit status, or death by the
same signal.
"""

import contextlib
import errno
import os
import signal

from mlrift.runtime.program import LaunchError, Program, exec_failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

# Python ignores these, and what is ignored stays ignored in the program that follows.
PYTHON_IGNORED_SIGNALS = ("SIGPIPE", "SIGXFSZ")

_TRY_ELSEWHERE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.ENOENT})
_TEMPORARY_VARIABLES = ("TMPDIR", "TEMP", "TMP")
_TEMPORARY_DIRECTORIES = ("/tmp", "/var/tmp", "/data/local/tmp", ".")
PASSED_ON_SIGNALS = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
TERMINAL_SIGNALS = ("SIGINT", "SIGQUIT")


def run_from_temporary_file(program: Program) -> int:
    """Run the image as a child from a private file that is removed; returns its exit status."""
    refusal: OSError | None = None
    for directory in _temporary_directories(program.environment):
        private = os.path.join(directory, f"mlr-{os.urandom(8).hex()}")
        path = os.path.join(private, f"program{program.file_suffix}")
        try:
            os.mkdir(private, 0o700)
        except OSError:
            continue
        try:
            _write_executable(path, program.image)
            status = run_child(path, program)
        except OSError as error:  # a directory may forbid execution, or be full
            refusal = error
            if error.errno not in _TRY_ELSEWHERE:
                break
        else:
            return status
        finally:
            _remove(private, path)
    if refusal is None:
        raise LaunchError("failed to create temp file", errno.EACCES)
    raise exec_failed(refusal) from refusal


def run_child(path: str, program: Program) -> int:
    """Run the executable file at `path` as a child; returns its exit status."""
    arguments, environment = list(program.arguments), dict(program.environment)
    if hasattr(os, "posix_spawn"):
        return _run_spawned(path, arguments, environment)
    return _run_subprocess(path, arguments, environment)


def repeat_end(status: int) -> int:
    """End as the child did: die of its signal if it died of one, else return its exit status."""
    if status < 0:
        with contextlib.suppress(OSError):  # nobody can catch or reset SIGKILL
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
        return 128 - status  # not reached, unless the signal is blocked
    if status > 0x7FFFFFFF:  # Windows counts in unsigned words, `sys.exit` in signed ones
        return status - (1 << 32)
    return status


def set_handlers(
    names: tuple[str, ...],
    handler: "Callable[[int, FrameType | None], object] | signal.Handlers",
) -> None:
    """Install `handler` for those of the named signals that this system has."""
    for name in names:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handler)


def _run_spawned(path: str, arguments: list[str], environment: dict[str, str]) -> int:
    # Handlers come first: a signal between the child's start and them would end only this process.
    child = 0
    early: list[int] = []

    def pass_on(number: int, frame: "FrameType | None") -> None:
        if child:
            os.kill(child, number)
        else:
            early.append(number)

    set_handlers(PASSED_ON_SIGNALS, pass_on)
    # The terminal sends these to the child as well; it decides what they mean.
    set_handlers(TERMINAL_SIGNALS, signal.SIG_IGN)
    defaults = [getattr(signal, name) for name in (*PYTHON_IGNORED_SIGNALS, *TERMINAL_SIGNALS)]
    child = os.posix_spawn(path, arguments, environment, setsigdef=defaults)
    for number in early:
        os.kill(child, number)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run_subprocess(path: str, arguments: list[str], environment: dict[str, str]) -> int:
    import subprocess  # noqa: PLC0415

    with subprocess.Popen(arguments, executable=path, env=environment) as child:
        set_handlers(TERMINAL_SIGNALS, signal.SIG_IGN)
        return child.wait()


def _temporary_directories(environment: "Mapping[str, str]") -> "Iterator[str]":
    for name in _TEMPORARY_VARIABLES:
        if environment.get(name):
            yield environment[name]
    yield from _TEMPORARY_DIRECTORIES


def _write_executable(path: str, image: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, 0o700), "wb") as file:
        file.write(image)


def _remove(private: str, path: str) -> None:
    # Best effort: a virus scanner may still hold the file, and the program's status matters more.
    for remove, name in ((os.unlink, path), (os.rmdir, private)):
        try:
            remove(name)
        except OSError:
            continue
