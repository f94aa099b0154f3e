"""The seccomp program of an Android app process: every call off the list raises SIGSYS.

The filter is classic BPF over `struct seccomp_data`: check the architecture, then compare the
system call number with each allowed one. Another architecture's calls (x32, i386) also trap.
"""

import struct
from collections.abc import Iterable

_AUDIT_ARCH_X86_64 = 0xC000003E
_LOAD_WORD = 0x20
_JUMP_IF_EQUAL = 0x15
_RETURN = 0x06
_ALLOW = 0x7FFF0000
_TRAP = 0x00030000
_NUMBER_OFFSET = 0
_ARCHITECTURE_OFFSET = 4


def build_filter(allowed_numbers: Iterable[int]) -> bytes:
    """Return the `struct sock_filter` array that allows exactly these x86_64 system calls."""
    instructions = [
        _instruction(_LOAD_WORD, _ARCHITECTURE_OFFSET),
        _instruction(_JUMP_IF_EQUAL, _AUDIT_ARCH_X86_64, when_true=1),
        _instruction(_RETURN, _TRAP),
        _instruction(_LOAD_WORD, _NUMBER_OFFSET),
    ]
    for number in sorted(set(allowed_numbers)):
        instructions.append(_instruction(_JUMP_IF_EQUAL, number, when_false=1))
        instructions.append(_instruction(_RETURN, _ALLOW))
    instructions.append(_instruction(_RETURN, _TRAP))
    return b"".join(instructions)


def _instruction(code: int, operand: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, when_true, when_false, operand)
