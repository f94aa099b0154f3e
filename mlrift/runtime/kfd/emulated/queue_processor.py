"""What all kinds of emulated queues have: pointers, a doorbell, and work that may have to wait."""

import ctypes
from collections.abc import Callable
from typing import Protocol

from mlrift.runtime.kfd.abi import CreateQueue, QueueType
from mlrift.runtime.kfd.emulated.buffers import Buffers
from mlrift.runtime.kfd.emulated.execution import CardLaunch
from mlrift.runtime.kfd.emulated.rules import RuleViolation
from mlrift.values import record

SIGNAL_VALUE = 8
SIGNAL_EVENT_MAILBOX = 16
SIGNAL_EVENT = 24
SIGNAL_START = 32
SIGNAL_END = 40
CLOCK_HERTZ = 100_000_000


class QueueProcessor(Protocol):
    """The firmware's part for one kind of queue."""

    def ring(self, value: int) -> None:
        """Take note of a doorbell; raises RuleViolation."""

    def advance(self) -> bool:
        """Do what can be done; return whether anything was."""

    @property
    def is_idle(self) -> bool:
        """Whether everything that was announced has been done."""


@record
class CardQueue:
    """A queue as it was created, and what its processor needs of the card."""

    number: int
    kind: QueueType
    asked: CreateQueue
    buffers: Buffers
    launch: Callable[[CardLaunch], None]
    clock: Callable[[], int]
    wake: Callable[[int], None]
    """Called with the number of an event that a signal names."""

    @property
    def name(self) -> str:
        """Its kind and number, for messages."""
        return f"{self.kind.name} queue {self.number}"

    @property
    def write_pointer(self) -> int:
        """What the process says that it has written."""
        return ctypes.c_uint64.from_address(self.asked.write_pointer_address).value

    def set_read_pointer(self, count: int) -> None:
        """Tell the process what was taken."""
        ctypes.c_uint64.from_address(self.asked.read_pointer_address).value = count

    def read(self, address: int, size: int, what: str) -> bytes:
        """Return bytes of the card's memory; raises RuleViolation when there is none."""
        self.check(address, size, what)
        return ctypes.string_at(address, size)

    def check(self, address: int, size: int, what: str) -> None:
        """Raise RuleViolation unless the card may use these bytes."""
        if self.buffers.find(address, size) is None:
            where = self.buffers.describe(address)
            raise RuleViolation(f"{self.name}: {what} of {size} bytes at {address:#x}: {where}")

    def complete(self, address: int, start: int) -> None:
        """Let a signal fall by one, with the times, and wake who waits for its event."""
        if address == 0:
            return
        self.check(address, 64, "completion signal")
        ctypes.c_uint64.from_address(address + SIGNAL_START).value = start
        ctypes.c_uint64.from_address(address + SIGNAL_END).value = self.clock()
        value = ctypes.c_int64.from_address(address + SIGNAL_VALUE)
        value.value -= 1
        mailbox = ctypes.c_uint64.from_address(address + SIGNAL_EVENT_MAILBOX).value
        if mailbox:
            event = ctypes.c_uint32.from_address(address + SIGNAL_EVENT).value
            self.check(mailbox, 8, "event mailbox")
            ctypes.c_uint64.from_address(mailbox).value = event
            self.wake(event)
