"""Starts an executable image: bytes, arguments and environment in, the program's exit status out.

Where the system has memory files, the process replaces itself with the program: nothing is written
to disk, and signals, terminal and exit status are the program's own. Elsewhere, and where memory
files may not be executed, `child` runs it.
"""

import errno
import os
import signal

from mlrift.runtime.program import Program, exec_failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_MFD_EXEC = 0x10  # Linux 6.3: states that the file will be executed; older kernels refuse the bit
# A policy (noexec, SELinux, a sandbox) or an old kernel forbids memory files, not the program.
_REFUSALS = frozenset({errno.EACCES, errno.EPERM, errno.ENOSYS, errno.ENOENT, errno.EINVAL})


def launch(program: Program) -> int:
    """Run the program; returns its exit status, if it returns at all."""
    if has_memory_files():
        try:
            _replace_by_memory_file(program)
        except OSError as error:
            if error.errno not in _REFUSALS:
                raise exec_failed(error) from error
    from mlrift.runtime import child  # noqa: PLC0415

    return child.repeat_end(child.run_from_temporary_file(program))


def execute_file(path: str, program: Program) -> int:
    """Run the executable file at `path`; the program's image is that file's content."""
    try:
        if not hasattr(os, "fork"):  # where there is no fork, exec does not replace the process
            from mlrift.runtime import child  # noqa: PLC0415

            return child.repeat_end(child.run_child(path, program))
        _replace_process(path, program)
    except PermissionError:  # readable, but without the executable bit
        return launch(program)
    except OSError as error:
        raise exec_failed(error) from error


def has_memory_files() -> bool:
    """Say whether this system can execute a file that exists only in memory."""
    return hasattr(os, "memfd_create") and os.execve in os.supports_fd


def _replace_by_memory_file(program: Program) -> "NoReturn":
    # An interpreter has to open a script again, so a script's file must survive the exec.
    close_on_exec = 0 if program.image.startswith(b"#!") else os.MFD_CLOEXEC
    flags = os.MFD_ALLOW_SEALING | close_on_exec
    try:
        descriptor = os.memfd_create("mlr", flags | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        descriptor = os.memfd_create("mlr", flags)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(program.image)
        _seal(descriptor)
        _replace_process(descriptor, program)
    finally:
        os.close(descriptor)


def _seal(descriptor: int) -> None:
    import fcntl  # noqa: PLC0415

    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)


def _replace_process(executable: int | str, program: Program) -> "NoReturn":
    # Python ignores these two, and what is ignored stays ignored in the program that follows.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.execve(executable, list(program.arguments), dict(program.environment))
