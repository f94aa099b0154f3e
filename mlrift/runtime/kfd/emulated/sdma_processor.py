"""Packets of an emulated copy engine."""

import ctypes

from mlrift.runtime.kfd.emulated.queue_processor import CardQueue
from mlrift.runtime.kfd.emulated.rules import RuleViolation
from mlrift.runtime.kfd.sdma import COPY, COPY_LINEAR, FENCE, FENCE_PACKET, NOP

_OPCODE_MASK = 0xFFFF
_COUNT_MASK = (1 << 30) - 1


class SdmaProcessor:
    """The copy engine of one queue."""

    def __init__(self, queue: CardQueue) -> None:
        self._queue = queue
        self._size = int(queue.asked.ring_size)
        self._ring = queue.host(queue.asked.ring_base_address, self._size, "ring")
        self._taken = 0
        self._announced = 0

    @property
    def is_idle(self) -> bool:
        """Whether everything has been copied."""
        return self._taken == self._announced

    def ring(self, value: int) -> None:
        """A doorbell holds the new write pointer in bytes, which is never wrapped."""
        written = self._queue.write_pointer
        if not self._announced <= value <= written or value % 4:
            raise RuleViolation(
                f"{self._queue.name}: the doorbell says {value} bytes, the write pointer {written}"
            )
        if value - self._taken > self._size:
            raise RuleViolation(f"{self._queue.name}: packets overwrite others not yet read")
        self._announced = value

    def advance(self) -> bool:
        """Do all packets."""
        begun = self._taken
        while self._taken < self._announced:
            self._taken += self._one(self._taken)
            self._queue.set_read_pointer(self._taken)
        return self._taken != begun

    def _one(self, position: int) -> int:
        """Do the packet at a position; return its size."""
        room = min(self._announced - position, self._size - position % self._size)
        place = self._ring + position % self._size
        data = ctypes.string_at(place, min(room, COPY.size))
        opcode = int.from_bytes(data[:4], "little")
        kind = opcode & _OPCODE_MASK
        if kind == NOP:
            return 4
        if kind == COPY_LINEAR and len(data) >= COPY.size:
            _, count, _, source, destination = COPY.unpack(data)
            size = (count & _COUNT_MASK) + 1
            start = self._queue.host(source, size, "source of a copy")
            target = self._queue.host(destination, size, "destination of a copy")
            ctypes.memmove(target, start, size)
            return COPY.size
        if kind == FENCE and len(data) >= FENCE_PACKET.size:
            _, address, number = FENCE_PACKET.unpack(data[: FENCE_PACKET.size])
            ctypes.c_uint32.from_address(self._queue.host(address, 4, "fence")).value = number
            return FENCE_PACKET.size
        raise RuleViolation(
            f"{self._queue.name}: {opcode:#010x} at byte {position} is no whole packet that we know"
        )
