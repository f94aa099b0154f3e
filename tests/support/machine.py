"""One emulated CPU with its memory: guest addresses and bytes in, register values and faults out.

The only module that touches Unicorn's engine. A fault of the guest surfaces as `GuestCrash`; a bad
pointer handed to an emulated system function as `GuestFault`, which the function's error answers.
"""

# ruff: noqa: PLR0917 - Unicorn's callback

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntFlag, unique
from typing import Any

from unicorn import (
    UC_ERR_EXCEPTION,
    UC_ERR_FETCH_PROT,
    UC_ERR_FETCH_UNMAPPED,
    UC_ERR_INSN_INVALID,
    UC_ERR_READ_PROT,
    UC_ERR_READ_UNMAPPED,
    UC_ERR_WRITE_PROT,
    UC_ERR_WRITE_UNMAPPED,
    UC_HOOK_CODE,
    UC_HOOK_INSN,
    UC_HOOK_INTR,
    UC_HOOK_MEM_INVALID,
    arm64_const,
    x86_const,
)
from unicorn.unicorn_py3.unicorn import Uc, UcError

from tests.support.guest_cpu import Convention

PAGE_BYTES = 0x1000
_FLOATING_POINT_ON = 3 << 20
_X87_CONTROL = 0x37F
_SURELY_SECONDS, _POLL_SECONDS = 0.001, 0.002
_SSE_CONTROL = 0x1F80
_MEMORY_ERRORS = {
    UC_ERR_READ_UNMAPPED: "read of unmapped",
    UC_ERR_WRITE_UNMAPPED: "write to unmapped",
    UC_ERR_FETCH_UNMAPPED: "jump to unmapped",
    UC_ERR_READ_PROT: "read of protected",
    UC_ERR_WRITE_PROT: "write to protected",
    UC_ERR_FETCH_PROT: "jump to non-executable",
}


class Protection(IntFlag):
    """Access rights of pages; the bits are Unicorn's."""

    NONE = 0
    READ = 1
    WRITE = 2
    EXECUTE = 4


@unique
class CrashKind(Enum):
    """What kind of fault ended a guest."""

    MEMORY = "memory"
    STACK_OVERFLOW = "stack overflow"
    ILLEGAL_INSTRUCTION = "illegal instruction"
    DIVISION = "integer division"
    BREAKPOINT = "breakpoint"


class GuestCrash(Exception):
    """The guest faulted and nothing handled it."""

    def __init__(self, kind: CrashKind, program_counter: int, detail: str) -> None:
        super().__init__(f"{kind.value} fault at {program_counter:#x}: {detail}")
        self.kind = kind


class GuestFault(Exception):
    """A system function was handed a pointer to memory that it may not use."""


@dataclass(frozen=True, slots=True)
class _Interrupt:
    """How a CPU names a fault that Unicorn reports as an interrupt number."""

    kind: CrashKind
    detail: str


_X86_INTERRUPTS = {
    0: _Interrupt(CrashKind.DIVISION, "divide error"),
    1: _Interrupt(CrashKind.BREAKPOINT, "debug trap"),
    3: _Interrupt(CrashKind.BREAKPOINT, "int3"),
    6: _Interrupt(CrashKind.ILLEGAL_INSTRUCTION, "undefined opcode"),
    12: _Interrupt(CrashKind.MEMORY, "stack segment fault"),
    13: _Interrupt(CrashKind.MEMORY, "general protection"),
    14: _Interrupt(CrashKind.MEMORY, "page fault"),
}
_ARM64_INTERRUPTS = {
    1: _Interrupt(CrashKind.ILLEGAL_INSTRUCTION, "undefined instruction"),
    3: _Interrupt(CrashKind.MEMORY, "prefetch abort"),
    4: _Interrupt(CrashKind.MEMORY, "data abort"),
    7: _Interrupt(CrashKind.BREAKPOINT, "brk"),
}
_ARM64_SYSTEM_CALL = 2


class _Slice:
    """One stretch of execution, shared by who runs the guest and who ends the stretch."""

    def __init__(self) -> None:
        self.in_hook = threading.Lock()
        self.is_running = True
        self.is_over = False
        self.clock = time.pthread_getcpuclockid(threading.get_ident())
        self.hook_end_seconds = time.thread_time()


class Machine:
    """A CPU under one calling convention, its registers and its memory."""

    def __init__(self, convention: Convention) -> None:
        self.convention = convention
        self.on_system_call: Callable[[], bool] = lambda: False
        self.on_memory_fault: Callable[[int], bool] = lambda address: False
        self._crash: tuple[CrashKind, str] | None = None
        self._fault_address = 0
        self._slice = _Slice()
        engine: Any = Uc(convention.architecture, convention.mode)
        engine.ctl_set_cpu_model(convention.model)
        self._engine = engine
        engine.hook_add(UC_HOOK_MEM_INVALID, self._memory_fault)
        engine.hook_add(UC_HOOK_INTR, self._interrupt)
        if convention.link_register is None:
            self._interrupts = _X86_INTERRUPTS
            engine.reg_write(x86_const.UC_X86_REG_FPCW, _X87_CONTROL)
            engine.reg_write(x86_const.UC_X86_REG_MXCSR, _SSE_CONTROL)
            engine.hook_add(UC_HOOK_INSN, self._x86_system_call, aux1=x86_const.UC_X86_INS_SYSCALL)
        else:
            self._interrupts = _ARM64_INTERRUPTS
            engine.reg_write(arm64_const.UC_ARM64_REG_CPACR_EL1, _FLOATING_POINT_ON)

    # Registers.

    def get(self, register: int) -> int:
        """Return a register's value."""
        return int(self._engine.reg_read(register))

    def set(self, register: int, value: int) -> None:
        """Set a register."""
        self._engine.reg_write(register, value)

    @property
    def stack_pointer(self) -> int:
        """Where the guest's stack pointer stands."""
        return self.get(self.convention.stack_pointer)

    def save(self) -> object:
        """Return a copy of all registers."""
        return self._engine.context_save()

    def restore(self, registers: object) -> None:
        """Load all registers from a copy that `save` made."""
        self._engine.context_restore(registers)

    # Memory.

    def map(self, address: int, size_bytes: int, protection: Protection) -> None:
        """Map zeroed pages; both numbers are multiples of 4 KiB."""
        self._engine.mem_map(address, size_bytes, int(protection))

    def protect(self, address: int, size_bytes: int, protection: Protection) -> None:
        """Change the rights of mapped pages; `GuestFault` when one is not mapped."""
        try:
            self._engine.mem_protect(address, size_bytes, int(protection))
        except UcError as error:
            raise GuestFault(f"protect {address:#x}+{size_bytes:#x}: {error}") from error

    def unmap(self, address: int, size_bytes: int) -> None:
        """Remove mapped pages; `GuestFault` when one is not mapped."""
        try:
            self._engine.mem_unmap(address, size_bytes)
        except UcError as error:
            raise GuestFault(f"unmap {address:#x}+{size_bytes:#x}: {error}") from error

    def read(self, address: int, size_bytes: int) -> bytes:
        """Return guest memory; `GuestFault` when it is not mapped."""
        if size_bytes == 0:
            return b""
        try:
            return bytes(self._engine.mem_read(address, size_bytes))
        except UcError as error:
            raise GuestFault(f"read {address:#x}+{size_bytes:#x}: {error}") from error

    def write(self, address: int, data: bytes) -> None:
        """Store into guest memory whatever its rights, as a loader does."""
        if not data:
            return
        try:
            self._engine.mem_write(address, data)
        except UcError as error:
            raise GuestFault(f"write {address:#x}+{len(data):#x}: {error}") from error

    def write_user(self, address: int, data: bytes) -> None:
        """Store a system function's output; `GuestFault` when the guest could not write there."""
        if data:
            self.require_writable(address, len(data))
            self.write(address, data)

    def require_writable(self, address: int, size_bytes: int) -> None:
        """Raise `GuestFault` unless the whole range is mapped writable."""
        position, end = address, address + size_bytes
        for first, last, rights in sorted(self._engine.mem_regions()):
            if first <= position <= last and rights & Protection.WRITE:
                position = last + 1
            if position >= end:
                return
        raise GuestFault(f"no writable memory at {address:#x}+{size_bytes:#x}")

    def word(self, address: int) -> int:
        """Return the 64-bit word at `address`."""
        return int.from_bytes(self.read(address, 8), "little")

    def c_string(self, address: int) -> bytes:
        """Return the bytes up to the zero at or after `address`."""
        text = bytearray()
        while True:
            chunk = self.read(address, PAGE_BYTES - address % PAGE_BYTES)
            end = chunk.find(0)
            if end >= 0:
                return bytes(text + chunk[:end])
            text += chunk
            address += len(chunk)

    # Execution.

    def hook_code(self, first: int, last: int, callback: Callable[[int], None]) -> None:
        """Call `callback(address)` before each instruction in `first`..`last` inclusive."""

        def run(engine: Any, address: int, size: int, data: object) -> None:
            slice_ = self._slice
            with slice_.in_hook:
                if slice_.is_over:
                    self._engine.emu_stop()
                    return
                callback(address)
                slice_.hook_end_seconds = time.thread_time()

        self._engine.hook_add(UC_HOOK_CODE, run, None, first, last)

    def stop(self) -> None:
        """Ask the running guest to pause; from a code hook: before the hooked instruction."""
        self._engine.emu_stop()

    def execute(self, seconds: float) -> None:
        """Run from the program counter until `stop`, a fault, or `seconds` have passed."""
        start = self.get(self.convention.program_counter)
        self._crash = None
        slice_ = self._slice = _Slice()
        timer = threading.Timer(seconds, self._end_slice, (slice_,))
        timer.daemon = True
        timer.start()
        try:
            self._engine.emu_start(start, 0)
        except UcError as error:
            raise self._crash_from(error) from None
        finally:
            timer.cancel()
            slice_.is_running = False
        if self._crash is not None:
            kind, detail = self._crash
            raise GuestCrash(kind, self.get(self.convention.program_counter), detail)

    def _end_slice(self, slice_: "_Slice") -> None:
        """Stop the guest at its next hook, or when it has run for a while without one.

        Stopped between a hook and its instruction it would call the hook again: one system call
        of the program would be made twice. The CPU time says that the instruction is behind it.
        """
        slice_.is_over = True
        while slice_.is_running:
            with slice_.in_hook:
                if time.clock_gettime(slice_.clock) - slice_.hook_end_seconds > _SURELY_SECONDS:
                    self._engine.emu_stop()
                    return
            time.sleep(_POLL_SECONDS)

    def fail_stack(self) -> None:
        """Note that the memory fault being handled is a stack that ran out."""
        self._crash = (CrashKind.STACK_OVERFLOW, "the stack reserve is used up")

    def _crash_from(self, error: UcError) -> GuestCrash:
        where = self.get(self.convention.program_counter)
        if self._crash is not None:
            return GuestCrash(self._crash[0], where, self._crash[1])
        if error.errno in _MEMORY_ERRORS:
            detail = f"{_MEMORY_ERRORS[error.errno]} address {self._fault_address:#x}"
            return GuestCrash(CrashKind.MEMORY, where, detail)
        if error.errno in (UC_ERR_INSN_INVALID, UC_ERR_EXCEPTION):
            return GuestCrash(CrashKind.ILLEGAL_INSTRUCTION, where, "undefined instruction")
        raise error

    def _memory_fault(
        self, engine: Any, access: int, address: int, size: int, value: int, data: object
    ) -> bool:
        self._fault_address = address
        return self.on_memory_fault(address)

    def _interrupt(self, engine: Any, number: int, data: object) -> None:
        if number == _ARM64_SYSTEM_CALL and self._interrupts is _ARM64_INTERRUPTS:
            if self.on_system_call():
                return
            self._crash = (CrashKind.ILLEGAL_INSTRUCTION, "system call by number")
        else:
            known = self._interrupts.get(number)
            kind = CrashKind.ILLEGAL_INSTRUCTION if known is None else known.kind
            detail = f"interrupt {number}" if known is None else known.detail
            self._crash = (kind, detail)
        engine.emu_stop()

    def _x86_system_call(self, engine: Any, data: object) -> None:
        if not self.on_system_call():
            self._crash = (CrashKind.ILLEGAL_INSTRUCTION, "system call by number")
            engine.emu_stop()
