"""The supervised process before it becomes the program: filter on, listener handed over.

Started as `python -I -S child.py IMAGE_FD FILTER_FD SOCKET_FD NAME [ARGUMENT...]`. Standard library
only, because it starts with every program.
"""

import array
import ctypes
import os
import socket
import sys

_PR_SET_PARENT_DEATH_SIGNAL = 1
_PR_SET_NO_NEW_PRIVS = 38
_PTRACE_TRACEME = 0
_KILLED = 9
_SECCOMP_SET_MODE_FILTER = 1
_NEW_LISTENER = 1 << 3
_SYSCALL_SECCOMP = 317
_INSTRUCTION_BYTES = 8


class _FilterProgram(ctypes.Structure):
    """`struct sock_fprog`: how many instructions, and where they are."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def main(image: int, filter_descriptor: int, channel: int, arguments: list[str]) -> None:
    """Put the filter on, send its listener, and execute the image."""
    size = os.fstat(filter_descriptor).st_size
    buffer = ctypes.create_string_buffer(os.pread(filter_descriptor, size, 0), size)
    address = ctypes.cast(buffer, ctypes.c_void_p).value
    program = _FilterProgram(size // _INSTRUCTION_BYTES, address)
    os.close(filter_descriptor)
    os.set_inheritable(image, False)
    library = ctypes.CDLL(None, use_errno=True)
    sender = socket.socket(fileno=channel)
    environment = dict(os.environ)
    # Without the supervisor nobody answers: the program ends with it.
    _check(library, library.prctl(_PR_SET_PARENT_DEATH_SIGNAL, _KILLED, 0, 0, 0), "prctl")
    _check(library, library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    wanted = (_SYSCALL_SECCOMP, _SECCOMP_SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program))
    listener = library.syscall(*wanted)
    _check(library, listener, "seccomp")
    data = array.array("i", [listener])
    is_traced = library.ptrace(_PTRACE_TRACEME, 0, None, None) == 0
    sender.sendmsg(
        [b"traced" if is_traced else b"listener"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, data)]
    )
    sender.close()
    os.close(listener)
    os.execve(image, arguments, environment)


def _check(library: ctypes.CDLL, result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        del library
        raise OSError(number, f"{call}: {os.strerror(number)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
