"""Threads of interpreted programs: Python threads that run one at a time, in a fixed order.

A thread runs until it waits, yields, ends, or has made some number of atomic accesses (so a loop
that spins on an atomic word makes way); then the next one in order that can run gets its turn.
Plain loads and stores are no turning points: a loop that spins on those never ends. Without
threads nothing here runs. When all threads wait and none for a time, the program ends as a trap.
"""

import threading
import time
from collections.abc import Callable
from enum import Enum, unique
from typing import Any, Protocol

from mlrift.ir.interpret.memory import Memory, MemoryFault
from mlrift.ir.numbers import WORD_MASK

THREAD_RUN = "program.start.thread"

_BLOCK_BYTES = 512
_ACCESSES_A_TURN = 16
_CPU_COUNT = 2
_MOST_STACK_BITS = 40
_FOREVER = WORD_MASK
_LOW_HALF = 0xFFFF_FFFF
_NS_PER_SECOND = 1_000_000_000
_NOT_AS_EXPECTED = -11 & WORD_MASK
_TIMED_OUT = -110 & WORD_MASK


class ThreadHost(Protocol):
    """What the threads need of the program."""

    memory: Memory
    namespace: dict[str, Any]

    def function(self, name: str) -> Callable[..., Any]:
        """Return the Python function of a function."""
        ...


class DeadlockError(Exception):
    """All threads wait for each other."""


class _ProgramOver(BaseException):
    """Ends a thread because the program is over."""


@unique
class _Detachment(Enum):
    JOINABLE = "joinable"
    DETACHED = "detached"


class _Thread:
    """One thread; `ready` says whether it can go on, `deadline` when it does anyway."""

    __slots__ = ("block", "deadline", "detachment", "finished", "ready", "result", "turn")

    def __init__(self, block: int) -> None:
        self.block = block
        self.turn = threading.Semaphore(0)
        self.ready: Callable[[], bool] | None = None
        self.deadline: float | None = None
        self.finished = False
        self.result = 0
        self.detachment = _Detachment.JOINABLE


class Threads:
    """All threads of a program; the one that runs holds the only turn."""

    def __init__(self, program: ThreadHost) -> None:
        self._program = program
        self._threads: list[_Thread] = []
        self._current: _Thread | None = None
        self._waiters: list[tuple[int, _Thread]] = []
        self._hosts: list[threading.Thread] = []
        self._failure: BaseException | None = None
        self._is_over = False
        self._accesses = 0

    def functions(self) -> dict[str, Callable[..., int]]:
        """Return the functions of the OS layer by symbol."""
        return {
            "os.thread_block": self._block,
            "os.thread_create": self._create,
            "os.thread_join": self._join,
            "os.thread_detach": self._detach,
            "os.wait": self._wait,
            "os.wake": self._wake,
            "os.sleep_ns": self._sleep_ns,
            "os.yield": self._yield,
            "os.cpu_count": lambda: _CPU_COUNT,
        }

    def stop(self) -> None:
        """End all other threads: the program is over."""
        self._is_over = True
        for row in self._threads[1:]:
            row.turn.release()
        for host in self._hosts:
            host.join()
        self._hosts.clear()

    # The OS layer.

    def _running(self) -> _Thread:
        if self._current is None:
            self._current = _Thread(self._program.memory.map(_BLOCK_BYTES))
            self._threads.append(self._current)
        return self._current

    def _block(self) -> int:
        return self._running().block

    def _create(self, function: int, argument: int, stack_bytes: int) -> int:
        self._running()
        if stack_bytes >> _MOST_STACK_BITS:
            return -22 & WORD_MASK
        made = _Thread(self._program.memory.map(_BLOCK_BYTES))
        if made.block == 0:
            return -12 & WORD_MASK
        self._threads.append(made)
        host = threading.Thread(target=self._host, args=(made, function, argument), daemon=True)
        self._hosts.append(host)
        host.start()
        self._program.namespace["turn"] = self._count_access
        return made.block

    def _join(self, handle: int) -> int:
        thread = self._find(handle)
        self._pause(lambda: thread.finished, None)
        self._forget(thread)
        return thread.result

    def _detach(self, handle: int) -> int:
        thread = self._find(handle)
        thread.detachment = _Detachment.DETACHED
        if thread.finished:
            self._forget(thread)
        return 0

    def _wait(self, address: int, expected: int, timeout_ns: int) -> int:
        word = int.from_bytes(self._program.memory.read(address, 4), "little")
        if word != expected & _LOW_HALF:
            return _NOT_AS_EXPECTED
        entry = (address, self._running())
        self._waiters.append(entry)
        seconds = None if timeout_ns == _FOREVER else timeout_ns / _NS_PER_SECOND
        self._pause(lambda: not any(row is entry for row in self._waiters), seconds)
        if not any(row is entry for row in self._waiters):
            return 0
        self._waiters = [row for row in self._waiters if row is not entry]
        return _TIMED_OUT

    def _wake(self, address: int, count: int) -> int:
        woken = [row for row in self._waiters if row[0] == address][:count]
        self._waiters = [row for row in self._waiters if not any(row is one for one in woken)]
        return len(woken)

    def _sleep_ns(self, ns: int) -> int:
        self._pause(lambda: False, ns / _NS_PER_SECOND)
        return 0

    def _yield(self) -> int:
        self._pause(lambda: True, None)
        return 0

    # Turns.

    def _host(self, thread: _Thread, function: int, argument: int) -> None:
        """Run a thread from its first turn to its end, on a Python thread of its own."""
        thread.turn.acquire()
        try:
            if not self._is_over:
                thread.result = self._program.function(THREAD_RUN)(function, argument)
        except _ProgramOver:
            return
        except BaseException as failure:
            self._failure = failure
        if self._is_over:
            return
        thread.finished = True
        if self._failure is not None:
            self._hand_to(self._threads[0])
            return
        if thread.detachment is _Detachment.DETACHED:
            self._forget(thread)
        try:
            self._hand_to(self._next_after(thread))
        except DeadlockError as failure:
            self._failure = failure
            self._hand_to(self._threads[0])

    def _pause(self, ready: Callable[[], bool], seconds: float | None) -> None:
        """Let others run until `ready`, or until `seconds` have passed."""
        thread = self._running()
        thread.ready = ready
        thread.deadline = None if seconds is None else time.monotonic() + seconds
        chosen = self._next_after(thread)
        if chosen is not thread:
            self._hand_to(chosen)
            thread.turn.acquire()
        if self._is_over:
            raise _ProgramOver
        if self._failure is not None and thread is self._threads[0]:
            raise self._failure
        thread.ready = thread.deadline = None

    def _hand_to(self, thread: _Thread) -> None:
        self._current = thread
        self._accesses = 0
        thread.turn.release()

    def _next_after(self, thread: _Thread) -> _Thread:
        """Return the next thread in order that can run, waiting for a deadline if need be."""
        alive = [row for row in self._threads if not row.finished]
        later = [row for row in self._threads if not row.finished]
        if thread in self._threads:
            first = self._threads.index(thread) + 1
            later = [row for row in self._threads[first:] if not row.finished]
        order = later + [row for row in alive if row not in later]
        while True:
            now = time.monotonic()
            for row in order:
                if row.ready is None or row.ready():
                    return row
                if row.deadline is not None and row.deadline <= now:
                    return row
            deadlines = [row.deadline for row in order if row.deadline is not None]
            if not deadlines:
                raise DeadlockError(f"all {len(order)} threads wait")
            time.sleep(max(0.0, min(deadlines) - now))

    def _count_access(self) -> None:
        """Count an atomic access: after some the next thread has its turn."""
        self._accesses += 1
        if self._accesses >= _ACCESSES_A_TURN:
            self._accesses = 0
            self._yield()

    def _find(self, handle: int) -> _Thread:
        found = next((row for row in self._threads[1:] if row.block == handle), None)
        if found is None or found.detachment is _Detachment.DETACHED:
            raise MemoryFault(handle, 8)
        return found

    def _forget(self, thread: _Thread) -> None:
        self._program.memory.unmap(thread.block)
        self._threads.remove(thread)
