"""Child process: put a seccomp filter on itself, then become the program.

Started as `python -I -S seccomp_child.py IMAGE_FD FILTER_FD NAME [ARGUMENT...]`; both descriptors
are memory files. Standard library only, because it starts once per test run.
"""

import ctypes
import os
import sys

_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_INSTRUCTION_BYTES = 8


class _FilterProgram(ctypes.Structure):
    """`struct sock_fprog`: how many instructions, and where they are."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def main(image: int, filter_descriptor: int, program_arguments: list[str]) -> None:
    """Install the filter and execute the image; returns only by raising OSError."""
    size_bytes = os.fstat(filter_descriptor).st_size
    code = os.pread(filter_descriptor, size_bytes, 0)
    buffer = ctypes.create_string_buffer(code, size_bytes)
    program = _FilterProgram(
        size_bytes // _INSTRUCTION_BYTES, ctypes.cast(buffer, ctypes.c_void_p).value
    )
    os.close(filter_descriptor)
    os.set_inheritable(image, False)
    library = ctypes.CDLL(None, use_errno=True)
    for call in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if library.prctl(*call) != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"prctl({call[0]}): {os.strerror(error)}")
    os.execve(image, program_arguments, os.environ)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
