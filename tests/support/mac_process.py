"""State of one emulated macOS process: stacks, descriptors, memory, errno, raw system calls.

The functions that a program imports are in the `libsystem_*` modules; each gets this process first.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Never

from unicorn import arm64_const, x86_const

from mlrift.targets import ARM64, Target
from tests.support.guest_pipes import Child, PipeEnd
from tests.support.guest_sockets import GuestSocket
from tests.support.guest_sync import ConditionTable, LockTable
from tests.support.machine import Machine, Protection
from tests.support.results import Invocation, RuleBroken, RunResult
from tests.support.scheduler import (
    GuestThread,
    ProcessExit,
    Scheduler,
    ThreadExit,
    WouldBlock,
)
from tests.support.traps import ExportRegistry, TrapTable

LIBSYSTEM = ExportRegistry()

WORD32 = 0xFFFFFFFF
WORD64 = (1 << 64) - 1
MINUS_ONE = WORD64
PAGE_BYTES = 0x4000
MAIN_STACK_BYTES = 8 << 20
_STACK_TOP = 0x7_0000_0000
_THREAD_STACKS = 0x7_1000_0000
_HEAP_BASE = 0x9_0000_0000
_GUARD_BYTES = PAGE_BYTES
_ERRNO_OFFSET = 0x100
_BLOCK_BYTES = 0x4000
_READ_WRITE = Protection.READ | Protection.WRITE
_FIRST_CHILD = 4000
OWN_NAME = "program"
_X18_POISON = 0x1818_1818_DEAD_1818

_MAC_ERRNO = {
    errno.EAGAIN: 35, errno.EINPROGRESS: 36, errno.EALREADY: 37, errno.ENOTSOCK: 38,
    errno.EDESTADDRREQ: 39, errno.EMSGSIZE: 40, errno.EPROTOTYPE: 41, errno.ENOPROTOOPT: 42,
    errno.EPROTONOSUPPORT: 43, errno.EOPNOTSUPP: 102, errno.EAFNOSUPPORT: 47,
    errno.EADDRINUSE: 48, errno.EADDRNOTAVAIL: 49, errno.ENETUNREACH: 51,
    errno.ECONNRESET: 54, errno.ENOTCONN: 57, errno.EISCONN: 56, errno.ECONNABORTED: 53,
    errno.ETIMEDOUT: 60, errno.ECONNREFUSED: 61,
    errno.ELOOP: 62, errno.ENAMETOOLONG: 63, errno.ENOTEMPTY: 66, errno.EDEADLK: 11,
    errno.ENOLCK: 77, errno.ENOSYS: 78, errno.EOVERFLOW: 84,
}  # fmt: skip
_RAW_CALLS = {
    1: "_exit", 3: "read", 4: "write", 5: "open", 6: "close", 10: "unlink", 12: "chdir",
    15: "chmod", 20: "getpid", 41: "dup", 59: "execve", 73: "munmap", 74: "mprotect",
    90: "dup2", 95: "fsync", 124: "fchmod", 128: "rename", 136: "mkdir", 137: "rmdir",
    197: "mmap", 199: "lseek", 201: "ftruncate", 463: "openat", 500: "getentropy",
}  # fmt: skip
_X86_UNIX_CLASS = 2


@dataclass(frozen=True, slots=True)
class StandardStream:
    """One of the three standard descriptors; 0 is input, 1 output, 2 error."""

    number: int


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file of the host that the program has open."""

    descriptor: int


class MacProcess:
    """Everything the system knows about the running program."""

    def __init__(
        self, machine: Machine, traps: TrapTable, target: Target, invocation: Invocation
    ) -> None:
        self.machine = machine
        self.traps = traps
        self.target = target
        self.invocation = invocation
        self.scheduler = Scheduler(machine, traps.return_address)
        self.locks = LockTable()
        self.conditions = ConditionTable(self.scheduler, self.locks)
        self.stdin = memoryview(invocation.stdin)
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.folder = invocation.working_folder
        self.files: dict[int, StandardStream | HostFile | PipeEnd] = {
            number: StandardStream(number) for number in range(3)
        }
        self.children: dict[int, Child] = {}
        self.spawn_actions: dict[int, dict[int, int]] = {}
        self.own_image = b""
        self.last_child = _FIRST_CHILD
        self.run_child: Callable[[bytes, Invocation], RunResult] | None = None
        self.keys: set[int] = set()
        self.listings: dict[int, list[str]] = {}
        self.sockets: dict[int, GuestSocket] = {}
        self.written_back: dict[int, tuple[int, int, int]] = {}
        self._next_heap = _HEAP_BASE
        self._next_stack = _THREAD_STACKS
        traps.system = self
        machine.on_system_call = self._system_call

    # What the trap table asks.

    def bad_pointer_result(self) -> int:
        """Set EFAULT; the failing answer of nearly every function is -1."""
        return self.fail(errno.EFAULT)

    def function_returned(self, result: int) -> Never:
        """Returning from `main` is `exit(result)`; returning from a thread function ends it."""
        if self.scheduler.running.number == 1:
            raise ProcessExit(result & 0xFF)
        raise ThreadExit(result)

    # What the functions use.

    def fail(self, host_errno: int) -> int:
        """Store the macOS number of a host errno; return -1."""
        number = self.mac_errno(host_errno)
        self.machine.write(self.errno_address(), number.to_bytes(4, "little"))
        return MINUS_ONE

    def mac_errno(self, host_errno: int) -> int:
        """Return the macOS number of a host errno."""
        return _MAC_ERRNO.get(host_errno, host_errno)

    def errno_address(self) -> int:
        """Return where the calling thread's errno lives."""
        return self.scheduler.running.thread_block + _ERRNO_OFFSET

    def on_host(self, action: Callable[[], int | None]) -> int:
        """Do something on the host; -1 and errno when it fails."""
        try:
            return action() or 0
        except OSError as error:
            return self.fail(error.errno or errno.EIO)

    def keep_output(self, stdout: bytes, stderr: bytes) -> None:
        """Take what a child wrote to streams that it inherited."""
        self.stdout += stdout
        self.stderr += stderr

    def path(self, address: int) -> Path:
        """Return the host path of a C string."""
        text = os.fsdecode(self.machine.c_string(address))
        if not text:
            raise FileNotFoundError(errno.ENOENT, "empty path")
        return self.folder / text

    def add_file(self, descriptor: int) -> int:
        """Return the lowest free descriptor, now standing for a host file."""
        number = 0
        while number in self.files:
            number += 1
        self.files[number] = HostFile(descriptor)
        return number

    def host_descriptor(self, number: int) -> int:
        """Return the host's descriptor for a regular file; OSError for anything else."""
        match self.files.get(number & WORD32):
            case HostFile(descriptor=descriptor):
                return descriptor
            case StandardStream() | PipeEnd():
                raise OSError(errno.ESPIPE, "a pipe")
            case None:
                raise OSError(errno.EBADF, "no such descriptor")

    def allocate(self, size_bytes: int, protection: Protection) -> int:
        """Map fresh zero pages with a hole after them."""
        rounded = -(-size_bytes // PAGE_BYTES) * PAGE_BYTES
        address = self._next_heap
        self._next_heap += rounded + _GUARD_BYTES
        self.machine.map(address, rounded, protection)
        return address

    def start_main(self, entry: int, stack_bytes: int) -> GuestThread:
        """Make the main thread: argc, argv, envp and apple as dyld passes them."""
        size_bytes = max(stack_bytes, MAIN_STACK_BYTES)
        bottom = _STACK_TOP - size_bytes
        self.machine.map(bottom, size_bytes, _READ_WRITE)
        words = [f"./{OWN_NAME}", *self.invocation.arguments]
        pairs = [f"{name}={value}" for name, value in self.invocation.environment.items()]
        groups = [list(map(os.fsencode, group)) for group in (words, pairs, ["executable_path="])]
        top, pointers = self._store_strings(groups)
        arguments = (len(words), *pointers)
        block = self.allocate(_BLOCK_BYTES, _READ_WRITE)
        return self.scheduler.add(entry, top, arguments, block)

    def start_thread(self, entry: int, argument: int, stack_bytes: int) -> GuestThread:
        """Make a thread with its own guarded stack."""
        bottom = self._next_stack + _GUARD_BYTES
        size_bytes = -(-stack_bytes // PAGE_BYTES) * PAGE_BYTES
        self._next_stack = bottom + size_bytes
        self.machine.map(bottom, size_bytes, _READ_WRITE)
        block = self.allocate(_BLOCK_BYTES, _READ_WRITE)
        return self.scheduler.add(entry, bottom + size_bytes, (argument,), block)

    def close_files(self) -> None:
        """Close every host file that the program left open."""
        for file in self.files.values():
            if isinstance(file, HostFile):
                os.close(file.descriptor)
        self.files.clear()
        for guest in self.sockets.values():
            guest.host.close()
        self.sockets.clear()

    def _store_strings(self, groups: list[list[bytes]]) -> tuple[int, list[int]]:
        """Put string arrays on top of the stack; return the new top and the arrays' addresses."""
        top = _STACK_TOP
        arrays: list[list[int]] = []
        for group in groups:
            addresses = []
            for text in group:
                top -= len(text) + 1
                self.machine.write(top, text + b"\0")
                addresses.append(top)
            arrays.append(addresses)
        pointers = []
        for addresses in arrays:
            top = (top - 8 * (len(addresses) + 1)) // 16 * 16
            table = b"".join(address.to_bytes(8, "little") for address in (*addresses, 0))
            self.machine.write(top, table)
            pointers.append(top)
        return top, pointers

    # System calls by number: not a stable interface, but `syscall_raw` offers them.

    def _system_call(self) -> bool:
        machine = self.machine
        if self.target.cpu is ARM64:
            number = machine.get(arm64_const.UC_ARM64_REG_X16)
            arguments = list(machine.convention.arguments)
        else:
            number = machine.get(x86_const.UC_X86_REG_RAX)
            if number >> 24 != _X86_UNIX_CLASS:
                return False
            number &= 0xFFFFFF
            arguments = list(machine.convention.arguments)
            arguments[3] = x86_const.UC_X86_REG_R10
        name = _RAW_CALLS.get(number)
        if name is None:
            raise RuleBroken(f"system call {number} by number is not emulated")
        export = LIBSYSTEM.exports["_" + name]
        values = [machine.get(register) for register in arguments[: export.argument_count]]
        try:
            result = export.function(self, *values) or 0
        except WouldBlock as blocked:
            raise RuleBroken(f"system call {number} would block") from blocked
        self._finish_call(result & WORD64)
        return True

    def _finish_call(self, result: int) -> None:
        """Set the result and the carry flag, which says that the result is an errno."""
        machine = self.machine
        failed = result == MINUS_ONE
        if failed:
            result = int.from_bytes(machine.read(self.errno_address(), 4), "little")
        machine.set(machine.convention.result, result)
        if self.target.cpu is ARM64:
            carry = 1 << 29 if failed else 0
            machine.set(arm64_const.UC_ARM64_REG_NZCV, carry)
            machine.set(arm64_const.UC_ARM64_REG_X18, _X18_POISON)
            return
        flags = machine.get(x86_const.UC_X86_REG_EFLAGS) & ~1
        machine.set(x86_const.UC_X86_REG_EFLAGS, flags | int(failed))
        for register in (x86_const.UC_X86_REG_RCX, x86_const.UC_X86_REG_R11):
            machine.set(register, _X18_POISON)
