"""State of one emulated Windows process: threads' stacks and TEBs, handles, memory, last error.

The functions that a program imports are in the `kernel32_*` modules; each gets this process first.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Never

from mlrift.targets import Target
from tests.support.guest_pipes import Child, PipeEnd
from tests.support.guest_sockets import GuestSocket
from tests.support.guest_sync import ConditionTable, LockTable
from tests.support.machine import PAGE_BYTES, Machine, Protection
from tests.support.results import ImageRefused, Invocation, RunResult
from tests.support.scheduler import GuestThread, Scheduler, ThreadExit
from tests.support.traps import ExportRegistry, TrapTable

KERNEL32 = ExportRegistry()
SYNCHRONISATION = ExportRegistry()
WINSOCK = ExportRegistry()
LIBRARIES = {
    "kernel32.dll": KERNEL32.exports,
    "api-ms-win-core-synch-l1-2-0.dll": SYNCHRONISATION.exports,
    "ws2_32.dll": WINSOCK.exports,
}

GRANULARITY_BYTES = 0x10000
ERROR_NOACCESS = 998
ERROR_INVALID_HANDLE = 6
_STACKS_BASE = 0x0000_0050_0000_0000
_HEAP_BASE = 0x0000_0200_0000_0000
_BLOCK_BASE = 0x0000_00E0_0000_0000
_BLOCK_BYTES = 0x2000
_READ_WRITE = Protection.READ | Protection.WRITE
_MOST_STACK_PIECES = 48


@dataclass(slots=True, eq=False)
class Event:
    """An event or semaphore: `count` above zero lets a waiter through."""

    count: int
    is_manual: bool = False
    maximum: int = 1


@dataclass(slots=True, eq=False)
class HostFile:
    """A file of the host that the program has open."""

    descriptor: int


@dataclass(slots=True, eq=False)
class FolderSearch:
    """A listing of a folder and the names that are still to come."""

    folder: Path
    names: list[str]


@dataclass(frozen=True, slots=True)
class FileMapping:
    """A file that can be mapped."""

    descriptor: int
    size_bytes: int
    is_writable: bool


@dataclass(frozen=True, slots=True)
class FileView:
    """A mapped part of a file; the descriptor is where changes go."""

    descriptor: int | None
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StandardStream:
    """One of the three standard handles; 0 is input, 1 output, 2 error."""

    number: int


KernelObject = (
    Event | HostFile | StandardStream | Child | PipeEnd | GuestThread | FolderSearch | FileMapping
)


@dataclass(slots=True, eq=False)
class _Stack:
    """A reserved stack: everything below `committed` but the guard page is inaccessible."""

    bottom: int
    top: int
    committed: int
    thread_block: int
    pieces: int = 1


@dataclass(slots=True, eq=False)
class Allocation:
    """A range that VirtualAlloc reserved, and which of its pages are committed."""

    base: int
    size_bytes: int
    committed: set[int] = field(default_factory=set)


class WindowsProcess:
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
        self.handles: dict[int, KernelObject] = {
            0x14: StandardStream(0),
            0x18: StandardStream(1),
            0x1C: StandardStream(2),
        }
        self.image_base = 0
        self.own_image = b""
        self.run_child: Callable[[bytes, Invocation], RunResult] = _no_child
        self.default_stack = (1 << 20, PAGE_BYTES)
        self.allocations: dict[int, Allocation] = {}
        self.views: dict[int, FileView] = {}
        self.sockets: dict[int, GuestSocket] = {}
        self.winsock_started = False
        self.tls_indexes: set[int] = set()
        self._next_heap = _HEAP_BASE
        self._next_stack = _STACKS_BASE
        self._next_block = _BLOCK_BASE
        self._next_handle = 0x20
        self._stacks: list[_Stack] = []
        machine.on_memory_fault = self._grow_stack
        traps.system = self
        traps.expected_platform_register = lambda: self.scheduler.running.thread_block

    # What the trap table asks.

    def bad_pointer_result(self) -> int:
        """Set ERROR_NOACCESS; the failing answer of nearly every function is 0."""
        return self.fail(ERROR_NOACCESS)

    def function_returned(self, result: int) -> Never:
        """End the thread whose start function returned; the last one ends the process."""
        raise ThreadExit(result & 0xFFFFFFFF)

    # What the functions use.

    def fail(self, error: int, result: int = 0) -> int:
        """Set the thread's last error and return `result`."""
        self.scheduler.running.last_error = error
        return result

    def add_handle(self, target: KernelObject) -> int:
        """Return a new handle for `target`."""
        handle = self._next_handle
        self._next_handle += 4
        self.handles[handle] = target
        return handle

    def keep_output(self, stdout: bytes, stderr: bytes) -> None:
        """Take what a child wrote to streams that it inherited."""
        self.stdout += stdout
        self.stderr += stderr

    def close_files(self) -> None:
        """Close every host file that the program left open."""
        for target in self.handles.values():
            if isinstance(target, HostFile | FileMapping):
                os.close(target.descriptor)
        self.handles.clear()
        for guest in self.sockets.values():
            guest.host.close()
        self.sockets.clear()

    def start_thread(
        self, entry: int, arguments: tuple[int, ...], reserve: int, commit: int
    ) -> GuestThread:
        """Make a thread with its own stack and thread block."""
        stack = self._make_stack(reserve, commit)
        return self.scheduler.add(entry, stack.top, arguments, stack.thread_block)

    def reserve(self, size_bytes: int) -> Allocation:
        """Set aside addresses for VirtualAlloc, a hole after them."""
        base = self._next_heap
        rounded = -(-size_bytes // GRANULARITY_BYTES) * GRANULARITY_BYTES
        self._next_heap += rounded + GRANULARITY_BYTES
        allocation = Allocation(base, -(-size_bytes // PAGE_BYTES) * PAGE_BYTES)
        self.allocations[base] = allocation
        return allocation

    def allocate_data(self, data: bytes) -> int:
        """Put `data` into fresh writable memory of the process and return its address."""
        size_bytes = max(PAGE_BYTES, -(-len(data) // PAGE_BYTES) * PAGE_BYTES)
        allocation = self.reserve(size_bytes)
        self.machine.map(allocation.base, size_bytes, _READ_WRITE)
        allocation.committed.update(
            range(allocation.base, allocation.base + size_bytes, PAGE_BYTES)
        )
        self.machine.write(allocation.base, data)
        return allocation.base

    def _make_stack(self, reserve: int, commit: int) -> _Stack:
        reserve = -(-reserve // GRANULARITY_BYTES) * GRANULARITY_BYTES
        commit = min(
            -(-max(commit, PAGE_BYTES) // PAGE_BYTES) * PAGE_BYTES, reserve - 2 * PAGE_BYTES
        )
        bottom = self._next_stack
        top = bottom + reserve
        self._next_stack = top + GRANULARITY_BYTES
        block = self._next_block
        self._next_block += _BLOCK_BYTES
        stack = _Stack(bottom, top, top - commit, block)
        self.machine.map(stack.committed, commit, _READ_WRITE)
        self.machine.map(block, _BLOCK_BYTES, _READ_WRITE)
        self._stacks.append(stack)
        number = len(self._stacks)
        for offset, value in (
            (0x08, top),
            (0x10, stack.committed),
            (0x30, block),
            (0x40, 0x1000),
            (0x48, 0x1000 + 4 * number),
            (0x60, _BLOCK_BASE - PAGE_BYTES),
        ):
            self.machine.write(block + offset, value.to_bytes(8, "little"))
        return stack

    def _grow_stack(self, address: int) -> bool:
        """Turn a touched guard page into stack; any other address is the program's fault."""
        for stack in self._stacks:
            guard = stack.committed - PAGE_BYTES
            if not guard <= address < stack.committed:
                continue
            if guard <= stack.bottom + PAGE_BYTES:
                self.machine.fail_stack()
                return False
            self.machine.map(guard, PAGE_BYTES, _READ_WRITE)
            stack.committed = guard
            stack.pieces += 1
            if stack.pieces > _MOST_STACK_PIECES:
                self._merge_pieces(stack)
            limit = stack.committed.to_bytes(8, "little")
            self.machine.write(stack.thread_block + 0x10, limit)
            return True
        return False

    def _merge_pieces(self, stack: _Stack) -> None:
        """Map a stack anew as one region: many small ones make every mapping slow."""
        size_bytes = stack.top - stack.committed
        data = self.machine.read(stack.committed, size_bytes)
        self.machine.unmap(stack.committed, size_bytes)
        self.machine.map(stack.committed, size_bytes, _READ_WRITE)
        self.machine.write(stack.committed, data)
        stack.pieces = 1


def _no_child(image: bytes, invocation: Invocation) -> RunResult:
    raise ImageRefused("this process was given no way to start others")
