"""The AQL queue: packets that the card's own firmware reads (gpu.md 5.6).

A dispatch is 64 bytes in the ring and a slot of arguments. One signal counts all of them down, so
nothing is allocated for a launch.
"""

import contextlib
import struct

from mlrift.runtime.kfd.abi import QueueType
from mlrift.runtime.kfd.hardware_queue import READ_POINTER, HardwareQueue
from mlrift.runtime.kfd.launch import ARGUMENT_SLOT_BYTES, Layout, Shape
from mlrift.runtime.kfd.memory import Allocation, Placement
from mlrift.runtime.kfd.packets import (
    BARRIER_BODY,
    BARRIER_HEADER,
    BARRIER_SIGNALS,
    BODY_OFFSET,
    DISPATCH_BODY,
    DISPATCH_HEADER,
    HEADER,
    PACKET_BYTES,
    PacketType,
)
from mlrift.runtime.kfd.scratch import Scratch
from mlrift.runtime.kfd.session import Session
from mlrift.runtime.kfd.signals import Signal
from mlrift.static_types import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKETS = 1024
_MASK = PACKETS - 1
_DIMENSIONS_SHIFT = 16
_PROPERTIES = 0xA
"""64-bit pointers, and timestamps in signals."""
_FEATURE_DISPATCH = 1
_QUEUE = struct.Struct("<IIQQIIQ16xQIIII")
"""`amd_queue_t` up to the largest wave number."""
_TYPE_MULTIPLE = 0
_READ_OFFSET_PLACE = 0x88
_PROPERTIES_PLACE = 0xB4


class AqlQueue:
    """Launches, signals and waits as AQL packets."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._counter = session.signals.take(0)
        self._queue = HardwareQueue(
            session, QueueType.COMPUTE_AQL, PACKETS * PACKET_BYTES, self._prepare
        )
        size = PACKETS * ARGUMENT_SLOT_BYTES
        slots = session.memory.allocate(size, Placement.HOST, "arguments of launches")
        self._slots = slots
        self._arguments = slots.bytes()
        self._scratch = Scratch(session, self._queue.descriptor)
        self._dispatched = 0
        self._safe = PACKETS
        self._is_held = False
        self._counter_address = self._counter.address

    def dispatch(self, shape: Shape, layout: Layout, given: "Sequence[Any]") -> None:
        """Append a launch."""
        if shape.scratch_bytes > self._scratch.lane_bytes:
            self.synchronize()
            self._scratch.grow(shape.scratch_bytes)
        number = self._dispatched
        if number >= self._safe:
            self._wait_for_window()
        numbers = [convert(row) for convert, row in zip(layout.converters, given, strict=True)]
        start = (number & _MASK) * ARGUMENT_SLOT_BYTES
        layout.packer.pack_into(self._arguments, start, *numbers)
        if shape.hidden:
            begin = start + shape.hidden_offset
            self._arguments[begin : begin + len(shape.hidden)] = shape.hidden
        blocks, group = shape.blocks, shape.group
        place = self._place()
        DISPATCH_BODY.pack_into(
            self._queue.ring,
            place + BODY_OFFSET,
            *group,
            0,
            blocks[0] * group[0],
            blocks[1] * group[1],
            blocks[2] * group[2],
            shape.scratch_bytes,
            shape.lds_bytes,
            shape.code.descriptor_address,
            self._slots.address + start,
            0,
            self._counter_address,
        )
        self._dispatched = number + 1
        self._commit(place, DISPATCH_HEADER | shape.dimensions << _DIMENSIONS_SHIFT)

    def signal(self, signal: Signal) -> None:
        """Append a barrier that completes into a signal."""
        self._barrier(0, signal.address)

    def wait_for(self, signal: Signal) -> None:
        """Append a barrier that waits for a signal."""
        self._barrier(signal.address, 0)

    def hold(self) -> None:
        """Ring no doorbell until `release`."""
        self._is_held = True

    def release(self) -> None:
        """Ring the doorbell for everything written."""
        self._is_held = False
        if self._queue.written:
            self._queue.publish(self._queue.written - 1)

    def synchronize(self) -> None:
        """Wait for the last dispatch."""
        if self._is_held:
            self.release()
        self._wait(self._dispatched)
        self._safe = self._dispatched + PACKETS

    def destroy(self) -> None:
        """Wait, remove the queue, and give its memory back."""
        with contextlib.ExitStack() as last:
            last.callback(self._session.signals.give_back, self._counter)
            if not self._session.lost:
                last.callback(self._session.memory.free, self._slots)
                last.callback(self._scratch.free)
                last.callback(self._queue.destroy)
                self.synchronize()

    def _completed(self) -> int:
        return -int(self._counter.value)

    def _wait(self, count: int) -> None:
        self._queue.wait_until(lambda: self._completed() >= count, self._progress)

    def _progress(self) -> int:
        return self._completed() + self._queue.read

    def _wait_for_window(self) -> None:
        """Let the slot of the oldest launch become free; its kernel may still read it."""
        if self._is_held:
            self.release()
            self._is_held = True
        self._wait(self._dispatched - PACKETS + 1)
        self._safe = self._completed() + PACKETS

    def _barrier(self, dependency: int, completion: int) -> None:
        place = self._place()
        dependencies = (dependency, *(0,) * (BARRIER_SIGNALS - 1))
        BARRIER_BODY.pack_into(
            self._queue.ring, place + BODY_OFFSET, 0, *dependencies, 0, completion
        )
        self._commit(place, BARRIER_HEADER)

    def _place(self) -> int:
        """Return the offset of the next packet's place, when the card has left it."""
        queue = self._queue
        if queue.written - queue.read >= PACKETS:
            if self._is_held:
                queue.publish(queue.written - 1)
            queue.wait_until(lambda: queue.written - queue.read < PACKETS, self._progress)
        return (queue.written & _MASK) * PACKET_BYTES

    def _commit(self, place: int, header: int) -> None:
        """Write the word that makes a packet valid, after all its others, and ring."""
        queue = self._queue
        HEADER.pack_into(queue.ring, place, header)
        queue.written += 1
        if not self._is_held:
            queue.publish(queue.written - 1)

    def _prepare(self, ring: Allocation, descriptor: Allocation) -> None:
        """Make every packet invalid and fill the queue descriptor."""
        for place in range(0, ring.size, PACKET_BYTES):
            HEADER.pack_into(ring.bytes(), place, PacketType.INVALID)
        node = self._session.node
        content = descriptor.bytes()
        apertures = self._session.apertures
        _QUEUE.pack_into(
            content,
            0,
            _TYPE_MULTIPLE,
            _FEATURE_DISPATCH,
            ring.address,
            0,
            PACKETS,
            0,
            1,
            0,
            apertures.lds_base >> 32 if apertures else 0,
            apertures.scratch_base >> 32 if apertures else 0,
            node.compute_units - 1,
            node.waves - 1,
        )
        struct.pack_into("<I", content, _READ_OFFSET_PLACE, READ_POINTER)
        struct.pack_into("<I", content, _PROPERTIES_PLACE, _PROPERTIES)
