"""What all kinds of emulated queues have: pointers, a doorbell, and work that may have to wait."""

import ctypes
from collections.abc import Callable
from typing import Protocol

from mlrift.runtime.kfd.abi import CreateQueue, QueueType
from mlrift.runtime.kfd.emulated.buffers import Buffers
from mlrift.runtime.kfd.emulated.execution import CardLaunch
from mlrift.runtime.kfd.emulated.rules import RuleViolation
from mlrift.values import record

SIGNAL_BYTES = 64
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
    wake: Callable[[int, int], None]
    """Called with the number of an event that a signal names, and its mailbox."""

    @property
    def name(self) -> str:
        """Its kind and number, for messages."""
        return f"{self.kind.name} queue {self.number}"

    @property
    def write_pointer(self) -> int:
        """What the process says that it has written."""
        place = self.host(self.asked.write_pointer_address, 8, "write pointer")
        return ctypes.c_uint64.from_address(place).value

    def set_read_pointer(self, count: int) -> None:
        """Tell the process what was taken."""
        place = self.host(self.asked.read_pointer_address, 8, "read pointer")
        ctypes.c_uint64.from_address(place).value = count

    def host(self, address: int, size: int, what: str) -> int:
        """Return where in this process the card's memory is; raises RuleViolation."""
        found = self.buffers.host_of(address, size)
        if found is None:
            where = self.buffers.describe(address)
            raise RuleViolation(f"{self.name}: {what} of {size} bytes at {address:#x}: {where}")
        return found

    def read(self, address: int, size: int, what: str) -> bytes:
        """Return bytes of the card's memory; raises RuleViolation when there is none."""
        return ctypes.string_at(self.host(address, size, what), size)

    def complete(self, address: int, start: int) -> None:
        """Let a signal fall by one, with the times, and wake who waits for its event."""
        if address == 0:
            return
        place = self.host(address, SIGNAL_BYTES, "completion signal")
        ctypes.c_uint64.from_address(place + SIGNAL_START).value = start
        ctypes.c_uint64.from_address(place + SIGNAL_END).value = self.clock()
        value = ctypes.c_int64.from_address(place + SIGNAL_VALUE)
        value.value -= 1
        mailbox = ctypes.c_uint64.from_address(place + SIGNAL_EVENT_MAILBOX).value
        if mailbox:
            event = ctypes.c_uint32.from_address(place + SIGNAL_EVENT).value
            box = self.host(mailbox, 8, "event mailbox")
            ctypes.c_uint64.from_address(box).value = event
            self.wake(event, mailbox)
