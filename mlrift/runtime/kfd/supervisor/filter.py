"""The seccomp program of a supervised process: which of its calls the supervisor answers.

A classic BPF program over `struct seccomp_data`. Everything else goes to the kernel untouched.
"""

import struct

_ARCHITECTURE_X86_64 = 0xC000003E
_LOAD_WORD = 0x20
_AND = 0x54
_JUMP_IF_EQUAL = 0x15
_RETURN = 0x06
_ALLOW = 0x7FFF0000
_NOTIFY = 0x7FC00000
_NUMBER, _ARCHITECTURE = 0, 4
_FIRST_ARGUMENT = 16
_REQUEST_TYPE_MASK = 0xFF00
_NO_DESCRIPTOR = 0xFFFFFFFF

OPEN, MMAP, IOCTL, CLOCK_GETTIME, OPENAT = 2, 9, 16, 228, 257
_TYPE_KFD, _TYPE_DRM = ord("K") << 8, ord("d") << 8


def build_filter() -> bytes:
    """Return the instructions: opens, maps of files, the clock, and requests to KFD and DRM."""
    rows: list[bytes] = [
        _row(_LOAD_WORD, _ARCHITECTURE),
        _row(_JUMP_IF_EQUAL, _ARCHITECTURE_X86_64, if_true=1),
        _row(_RETURN, _ALLOW),
        _row(_LOAD_WORD, _NUMBER),
    ]
    for number in (OPEN, OPENAT, CLOCK_GETTIME):
        rows += [_row(_JUMP_IF_EQUAL, number, if_false=1), _row(_RETURN, _NOTIFY)]
    rows += [
        _row(_JUMP_IF_EQUAL, IOCTL, if_false=5),
        _row(_LOAD_WORD, _argument(1)),
        _row(_AND, _REQUEST_TYPE_MASK),
        _row(_JUMP_IF_EQUAL, _TYPE_KFD, if_true=5),
        _row(_JUMP_IF_EQUAL, _TYPE_DRM, if_true=4),
        _row(_RETURN, _ALLOW),
        _row(_JUMP_IF_EQUAL, MMAP, if_false=3),
        _row(_LOAD_WORD, _argument(4)),
        _row(_JUMP_IF_EQUAL, _NO_DESCRIPTOR, if_true=1),
        _row(_RETURN, _NOTIFY),
        _row(_RETURN, _ALLOW),
    ]
    return b"".join(rows)


def _argument(number: int) -> int:
    """Return where the low half of an argument is."""
    return _FIRST_ARGUMENT + 8 * number


def _row(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, operand)
