"""The copy engine: bytes from anywhere to anywhere, on a queue of its own (gpu.md 5.8)."""

import contextlib
import ctypes
import struct

from mlrift.runtime.kfd.abi import QueueType
from mlrift.runtime.kfd.hardware_queue import HardwareQueue
from mlrift.runtime.kfd.memory import Allocation, Placement
from mlrift.runtime.kfd.session import Session
from mlrift.runtime.kfd.topology import PAGE

RING_BYTES = 64 << 10
COPY_LINEAR = 1
FENCE = 5
_FENCE_UNCACHED = 3 << 16
NOP = 0
COPY = struct.Struct("<IIIQQ")
"""Opcode, bytes - 1, 0, source, destination."""
FENCE_PACKET = struct.Struct("<IQI")
"""Opcode, address, number."""
MAXIMUM_COPY_BYTES = 1 << 22
_COUNT_BITS = 32


class CopyQueue:
    """Copies between buffers of the card and of the host."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._queue = HardwareQueue(session, QueueType.SDMA, RING_BYTES, _nothing)
        self._fence = session.memory.allocate(PAGE, Placement.SIGNALS, "fence of the copy engine")
        self._done = ctypes.c_uint32.from_address(self._fence.address)
        self._copies = 0

    def copy(self, destination: int, source: int, size: int) -> None:
        """Copy bytes and return when they are there; raises DeviceLost."""
        for offset in range(0, size, MAXIMUM_COPY_BYTES):
            part = min(size - offset, MAXIMUM_COPY_BYTES)
            self._append(COPY.pack(COPY_LINEAR, part - 1, 0, source + offset, destination + offset))
        self._copies = self._copies + 1 & (1 << _COUNT_BITS) - 1
        opcode = FENCE | _FENCE_UNCACHED
        self._append(FENCE_PACKET.pack(opcode, self._fence.address, self._copies))
        self._queue.publish(self._queue.written)
        self._queue.wait_until(
            lambda: self._done.value == self._copies, lambda: self._done.value + self._queue.read
        )

    def destroy(self) -> None:
        """Remove the queue."""
        if self._session.lost:
            return
        with contextlib.ExitStack() as last:
            last.callback(self._session.memory.free, self._fence)
            self._queue.destroy()

    def _append(self, packet: bytes) -> None:
        """Write a packet; one that would straddle the ring's end begins at its start instead."""
        queue = self._queue
        room = RING_BYTES - queue.written % RING_BYTES
        skipped = room if room < len(packet) else 0
        if queue.written + skipped + len(packet) - queue.read > RING_BYTES:
            queue.publish(queue.written)
            queue.wait_until(
                lambda: queue.written + skipped + len(packet) - queue.read <= RING_BYTES,
                lambda: queue.read,
            )
        if skipped:
            queue.ring[queue.written % RING_BYTES :] = bytes(skipped)
            queue.written += skipped
        place = queue.written % RING_BYTES
        queue.ring[place : place + len(packet)] = packet
        queue.written += len(packet)


def _nothing(_ring: Allocation, _descriptor: Allocation) -> None:
    """The ring of a copy queue needs no preparation."""
