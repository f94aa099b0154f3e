"""Cooperative threads of one emulated process: thread starts in, an exit status out.

Threads take turns: a thread runs until it waits, ends, or its slice of 20 ms is over. A system
function that has to wait raises `WouldBlock` with the question "can it go on?"; the thread is
parked before the call and the whole call is made again when the answer is yes.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.guest_cpu import Convention
from tests.support.machine import Machine
from tests.support.results import RuleBroken, RunTimeout

SLICE_SECONDS = 0.020
_IDLE_SECONDS = 0.0005
_PRESERVED_SEED = 0x5EED_0000_1234_0000
_GARBAGE = 0xDEAD_0000_0000_0000
_FREE_BYTES_ABOVE_ENTRY = 96
_LOG = logging.getLogger(__name__)


class WouldBlock(Exception):
    """Raised by a system function that must wait; `ready` says when to make the call again."""

    def __init__(self, ready: Callable[[], bool]) -> None:
        super().__init__("the calling thread waits")
        self.ready = ready


class ProcessExit(Exception):
    """Raised by the system function that ends the process."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


class ThreadExit(Exception):
    """Raised by the system function that ends the calling thread."""

    def __init__(self, result: int) -> None:
        super().__init__(f"thread result {result}")
        self.result = result


@dataclass(slots=True, eq=False)
class GuestThread:
    """One thread: its registers while it does not run, and how it ended."""

    number: int
    thread_block: int
    start_values: dict[int, int]
    registers: object | None = None
    ready: Callable[[], bool] | None = None
    finished: bool = False
    result: int = 0
    wait_started_seconds: float | None = None
    last_error: int = 0
    notes: dict[str, int] = field(default_factory=dict)

    def deadline(self, seconds: float) -> float:
        """Return when a wait of `seconds`, begun at the call's first attempt, is over."""
        if self.wait_started_seconds is None:
            self.wait_started_seconds = time.monotonic()
        return self.wait_started_seconds + seconds


class Scheduler:
    """All threads of a process on one machine; `current` is the one that runs."""

    def __init__(self, machine: Machine, return_address: int) -> None:
        self.machine = machine
        self.threads: list[GuestThread] = []
        self.current: GuestThread | None = None
        self._return_address = return_address
        self.last_result = 0

    @property
    def running(self) -> GuestThread:
        """Return the thread that is calling the system now."""
        if self.current is None:
            raise RuntimeError("no thread runs")
        return self.current

    def add(
        self, entry: int, stack_top: int, arguments: tuple[int, ...], thread_block: int
    ) -> GuestThread:
        """Make a thread that calls `entry(*arguments)` on the stack that ends at `stack_top`."""
        machine, convention = self.machine, self.machine.convention
        values = {register: _GARBAGE + index for index, register in enumerate(convention.general)}
        values.update(preserved_values(convention))
        values.update(zip(convention.arguments, arguments, strict=False))
        if convention.thread_base is not None:
            values[convention.thread_base] = thread_block
        stack_pointer = stack_top // 16 * 16 - _FREE_BYTES_ABOVE_ENTRY
        if convention.link_register is None:
            stack_pointer -= 8
            machine.write(stack_pointer, self._return_address.to_bytes(8, "little"))
        else:
            values[convention.link_register] = self._return_address
        values[convention.stack_pointer] = stack_pointer
        values[convention.program_counter] = entry
        thread = GuestThread(len(self.threads) + 1, thread_block, values)
        self.threads.append(thread)
        return thread

    def run(self, timeout_seconds: float) -> int:
        """Run all threads; return the exit status of the process (of its last thread)."""
        deadline = time.monotonic() + timeout_seconds
        try:
            while True:
                alive = [thread for thread in self.threads if not thread.finished]
                if not alive:
                    return self.last_result
                self._run_round(alive, deadline)
        except ProcessExit as done:
            return done.status

    def sleep(self, seconds: float) -> None:
        """Make the current call wait: others run first, and nothing sleeps for zero seconds."""
        thread = self.running
        if "slept" in thread.notes:
            del thread.notes["slept"]
            return
        deadline = thread.deadline(seconds)
        thread.notes["slept"] = 1
        raise WouldBlock(lambda: time.monotonic() >= deadline)

    def wait_until(self, ready: Callable[[], bool], seconds: float | None) -> bool:
        """Return True when `ready`, False when `seconds` (None: for ever) are over, else wait."""
        if ready():
            return True
        if seconds is None:
            raise WouldBlock(ready)
        deadline = self.running.deadline(seconds)
        if time.monotonic() >= deadline:
            return False
        raise WouldBlock(lambda: ready() or time.monotonic() >= deadline)

    def park(self, ready: Callable[[], bool]) -> None:
        """Stop the current thread before its system call until `ready` holds."""
        self.running.ready = ready
        self.machine.stop()

    def _run_round(self, alive: list[GuestThread], deadline: float) -> None:
        progressed = False
        for thread in alive:
            if time.monotonic() > deadline:
                raise RunTimeout(0.0)
            if thread.ready is not None:
                if not thread.ready():
                    continue
                thread.ready = None
            progressed = True
            self._run_slice(thread, alone=len(self.threads) == 1, deadline=deadline)
        if not progressed:
            if all(thread.wait_started_seconds is None for thread in alive):
                raise RuleBroken(f"deadlock: all {len(alive)} threads wait for each other")
            time.sleep(_IDLE_SECONDS)

    def _run_slice(self, thread: GuestThread, *, alone: bool, deadline: float) -> None:
        """Run one thread until it pauses; alone, it needs no slices."""
        machine = self.machine
        self.current = thread
        if thread.registers is None:
            for register, value in thread.start_values.items():
                machine.set(register, value)
        else:
            machine.restore(thread.registers)
        seconds = max(0.001, deadline - time.monotonic())
        try:
            machine.execute(seconds if alone else min(SLICE_SECONDS, seconds))
        except ThreadExit as done:
            thread.finished, thread.result = True, done.result
            self.last_result = done.result
            _LOG.debug("thread %d ended with %d", thread.number, done.result)
            return
        finally:
            self.current = None
        thread.registers = machine.save()


def preserved_values(convention: Convention) -> list[tuple[int, int]]:
    """Return what each register that a callee must preserve holds when a thread starts."""
    registers = (*convention.preserved, *convention.preserved_vectors)
    return [(register, _PRESERVED_SEED + index) for index, register in enumerate(registers)]


def result_of_returning_function(machine: Machine) -> int:
    """Check what a function that the system called must have preserved; return its result."""
    for register, expected in preserved_values(machine.convention):
        found = machine.get(register)
        if found != expected:
            raise RuleBroken(
                f"a function called by the system returned with a preserved register changed "
                f"(register {register}: {found:#x} instead of {expected:#x})"
            )
    return machine.get(machine.convention.result)
