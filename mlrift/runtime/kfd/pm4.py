"""The PM4 queue: registers and dispatches written as the firmware's own packets (gpu.md 5.7).

It needs no descriptor of the queue and no signals of AQL; a kernel that wants what only AQL has in
its first registers, such as the packet, is refused.
"""

import contextlib
import ctypes
import struct

from mlrift.backends.amdgcn.chips import Generation
from mlrift.runtime.kfd import pm4_packets as pm4
from mlrift.runtime.kfd.abi import QueueType
from mlrift.runtime.kfd.errors import LaunchError
from mlrift.runtime.kfd.hardware_queue import HardwareQueue
from mlrift.runtime.kfd.launch import ARGUMENT_SLOT_BYTES, Layout, Shape
from mlrift.runtime.kfd.memory import Allocation, Placement
from mlrift.runtime.kfd.pm4_packets import Register
from mlrift.runtime.kfd.scratch import Scratch
from mlrift.runtime.kfd.session import Session
from mlrift.runtime.kfd.signals import Signal
from mlrift.runtime.kfd.topology import PAGE
from mlrift.static_types import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

RING_BYTES = 256 << 10
_RING_DWORDS = RING_BYTES // 4
SLOTS = 1024
_PRIVILEGED_GFX11 = 1 << 20
_LDS_SHIFT = 15
_LDS_GRANULE = 512
_PROGRAM_ALIGNMENT = 256
_NOT_GIVEN = ("dispatch_packet", "queue", "dispatch_id")
_SCRATCH_OF_GFX10 = ("private_segment_buffer", "flat_scratch_init")


class Pm4Queue:
    """Launches, signals and waits as PM4 packets."""

    def __init__(self, session: Session, generation: Generation) -> None:
        self._session = session
        self._is_gfx11 = generation is Generation.GFX11
        self._queue = HardwareQueue(session, QueueType.COMPUTE, RING_BYTES, _nothing)
        size = SLOTS * ARGUMENT_SLOT_BYTES
        self._slots = session.memory.allocate(size, Placement.HOST, "arguments of launches")
        self._arguments = self._slots.bytes()
        self._fence = session.memory.allocate(PAGE, Placement.SIGNALS, "fence of a PM4 queue")
        self._done = ctypes.c_uint64.from_address(self._fence.address)
        self._scratch = Scratch(session, self._queue.descriptor)
        self._dispatched = 0
        self._is_held = False

    def dispatch(self, shape: Shape, layout: Layout, given: "Sequence[Any]") -> None:
        """Append a launch."""
        _check_registers(shape)
        if shape.scratch_bytes > self._scratch.lane_bytes:
            self.synchronize()
            self._scratch.grow(shape.scratch_bytes)
        number = self._dispatched
        if number - self._completed() >= SLOTS:
            self._flush()
            self._wait(number - SLOTS + 1)
        start = number % SLOTS * ARGUMENT_SLOT_BYTES
        numbers = [convert(row) for convert, row in zip(layout.converters, given, strict=True)]
        layout.packer.pack_into(self._arguments, start, *numbers)
        if shape.hidden:
            begin = start + shape.hidden_offset
            self._arguments[begin : begin + len(shape.hidden)] = shape.hidden
        self._dispatched = number + 1
        self._append(self._words(shape, self._slots.address + start, number + 1))

    def signal(self, signal: Signal) -> None:
        """Append a store of the time and of 0 to a signal that was 1."""
        words = pm4.wait_for_kernels()
        words += pm4.release_memory(signal.address + Signal.end_ts.offset, 0, pm4.DATA_CLOCK)
        words += pm4.release_memory(signal.address + Signal.start_ts.offset, 0, pm4.DATA_CLOCK)
        words += pm4.release_memory(signal.address + Signal.value.offset, 0, pm4.DATA_64)
        self._append(words)

    def wait_for(self, signal: Signal) -> None:
        """Append a wait for a signal."""
        self._append(pm4.wait_for_memory(signal.address + Signal.value.offset, 0))

    def hold(self) -> None:
        """Ring no doorbell until `release`."""
        self._is_held = True

    def release(self) -> None:
        """Ring the doorbell for everything written."""
        self._is_held = False
        self._flush()

    def synchronize(self) -> None:
        """Wait for the last dispatch."""
        self._is_held = False
        self._flush()
        self._wait(self._dispatched)

    def destroy(self) -> None:
        """Wait, remove the queue, and give its memory back."""
        if self._session.lost:
            return
        with contextlib.ExitStack() as last:
            last.callback(self._session.memory.free, self._slots)
            last.callback(self._session.memory.free, self._fence)
            last.callback(self._scratch.free)
            last.callback(self._queue.destroy)
            self.synchronize()

    def _words(self, shape: Shape, arguments: int, number: int) -> list[int]:
        descriptor = shape.code.kernel.descriptor
        first = descriptor.resources1 | (_PRIVILEGED_GFX11 if self._is_gfx11 else 0)
        lds = (shape.lds_bytes + _LDS_GRANULE - 1) // _LDS_GRANULE
        second = descriptor.resources2 | lds << _LDS_SHIFT
        words = pm4.acquire_memory()
        entry = shape.code.entry_address // _PROGRAM_ALIGNMENT
        words += pm4.set_registers(Register.PGM_LO, pm4.halves(entry))
        words += pm4.set_registers(Register.PGM_RSRC1, (first, second))
        words += pm4.set_registers(Register.PGM_RSRC3, (descriptor.resources3,))
        words += pm4.set_registers(Register.TMPRING_SIZE, (self._scratch.ring_size,))
        if self._scratch.address:
            base = pm4.halves(self._scratch.address // _PROGRAM_ALIGNMENT)
            words += pm4.set_registers(Register.DISPATCH_SCRATCH_BASE_LO, base)
        users = _user_data(shape, arguments)
        if users:
            words += pm4.set_registers(Register.USER_DATA_0, users)
        words += pm4.set_registers(Register.START_X, (0, 0, 0))
        words += pm4.set_registers(Register.NUM_THREAD_X, shape.group)
        words += pm4.dispatch(shape.blocks)
        words += pm4.wait_for_kernels()
        words += pm4.release_memory(self._fence.address, number, pm4.DATA_64)
        return words

    def _append(self, words: list[int]) -> None:
        """Copy dwords into the ring, round its end if need be, and ring."""
        queue = self._queue
        if queue.written - queue.read + len(words) > _RING_DWORDS:
            self._flush()
            queue.wait_until(
                lambda: queue.written - queue.read + len(words) <= _RING_DWORDS, self._progress
            )
        place = queue.written % _RING_DWORDS
        first = min(len(words), _RING_DWORDS - place)
        struct.pack_into(f"<{first}I", queue.ring, 4 * place, *words[:first])
        struct.pack_into(f"<{len(words) - first}I", queue.ring, 0, *words[first:])
        queue.written += len(words)
        if not self._is_held:
            self._flush()

    def _flush(self) -> None:
        if self._queue.written:
            self._queue.publish(self._queue.written)

    def _completed(self) -> int:
        return self._done.value

    def _wait(self, count: int) -> None:
        self._queue.wait_until(lambda: self._completed() >= count, self._progress)

    def _progress(self) -> int:
        return self._completed() + self._queue.read


def _check_registers(shape: Shape) -> None:
    kernel = shape.code.kernel
    wanted = {row.what for row in kernel.descriptor.user_registers()}
    missing = sorted(wanted & set(_NOT_GIVEN))
    if shape.scratch_bytes:
        missing += sorted(wanted & set(_SCRATCH_OF_GFX10))
    if missing:
        raise LaunchError(
            f"{kernel.image.name} wants {', '.join(missing)} in its first registers, which PM4"
            " launches do not give: use an AQL queue"
        )


def _user_data(shape: Shape, arguments: int) -> list[int]:
    """Return the first scalar registers: the address of the arguments, 0 for what is not used."""
    words: list[int] = []
    for row in shape.code.kernel.descriptor.user_registers():
        given = {"kernarg": arguments, "private_segment_size": shape.scratch_bytes}
        number = given.get(row.what, 0)
        words += [number >> 32 * place & 0xFFFFFFFF for place in range(row.count)]
    return words


def _nothing(_ring: Allocation, _descriptor: Allocation) -> None:
    """The ring of a PM4 queue needs no preparation."""
