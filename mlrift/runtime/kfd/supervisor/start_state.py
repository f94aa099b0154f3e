"""The state of a program before its first instruction, which ptrace(2) lets us change.

A program of a C library reads the clock without a system call, by code that the kernel maps for it
and names in the auxiliary vector. Without that entry it makes the call, which the filter sees.
"""

import ctypes
import os
import signal
import struct

from mlrift.runtime.kfd.supervisor.process_memory import ProcessMemory

_PTRACE_GETREGS, _PTRACE_DETACH = 12, 17
_REGISTERS_BYTES, _STACK_POINTER = 27 * 8, 19 * 8
_AT_IGNORE, _AT_SYSINFO_EHDR = 1, 33
_WORD = 8


def leave_clock_to_the_kernel(pid: int) -> int | None:
    """Wait until a traced child executes its program, change that, and let it go.

    None when it runs; the status that waitpid(2) gave when it ended before.
    """
    _, status = os.waitpid(pid, 0)
    if not os.WIFSTOPPED(status):
        return status
    library = ctypes.CDLL(None, use_errno=True)
    library.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    library.ptrace.restype = ctypes.c_long
    number = os.WSTOPSIG(status)
    if number != signal.SIGTRAP:  # somebody's own, before the program begins: it is delivered
        library.ptrace(_PTRACE_DETACH, pid, None, number)
        return None
    registers = ctypes.create_string_buffer(_REGISTERS_BYTES)
    if library.ptrace(_PTRACE_GETREGS, pid, None, ctypes.addressof(registers)) == 0:
        (stack,) = struct.unpack_from("<Q", registers.raw, _STACK_POINTER)
        _forget_shared_code(ProcessMemory(pid), stack)
    library.ptrace(_PTRACE_DETACH, pid, None, None)
    return None


def _forget_shared_code(memory: ProcessMemory, stack: int) -> None:
    """Make the entry of the auxiliary vector one that nobody reads."""
    place = stack + _WORD
    for _ in range(2):  # behind the arguments, and behind the environment
        while _word(memory, place):
            place += _WORD
        place += _WORD
    while kind := _word(memory, place):
        if kind == _AT_SYSINFO_EHDR:
            memory.write(place, _AT_IGNORE.to_bytes(_WORD, "little"))
        place += 2 * _WORD


def _word(memory: ProcessMemory, place: int) -> int:
    return int.from_bytes(memory.read(place, _WORD), "little")
