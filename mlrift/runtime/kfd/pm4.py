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
from mlrift.values import record

if TYPE_CHECKING:
    from collections.abc import Sequence

RING_BYTES = 256 << 10
_RING_DWORDS = RING_BYTES // 4
SLOTS = 1024
_PRIVILEGED_GFX11 = 1 << 20
_LDS_SHIFT = 15
_LDS_GRANULE = 512
_PROGRAM_ALIGNMENT = 256
_SET_REGISTERS_WORDS = 2
_LONG = struct.Struct("<Q")
_NOT_GIVEN = ("dispatch_packet", "queue", "dispatch_id")
_SCRATCH_OF_GFX10 = ("private_segment_buffer", "flat_scratch_init")


@record
class _Template:
    """The packets of a launch. It keeps its shape, whose id is its key."""

    content: bytearray
    arguments_at: int
    fence_at: int
    scratch: int
    shape: Shape


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
        self._templates: dict[int, _Template] = {}

    def dispatch(self, shape: Shape, layout: Layout, given: "Sequence[Any]") -> None:
        """Append a launch."""
        template = self._templates.get(id(shape))
        if template is None or template.scratch != self._scratch.address:
            template = self._prepare(shape)
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
        content = template.content
        if template.arguments_at:
            _LONG.pack_into(content, template.arguments_at, self._slots.address + start)
        _LONG.pack_into(content, template.fence_at, number + 1)
        self._append(content)

    def signal(self, signal: Signal) -> None:
        """Append a store of the time and of 0 to a signal that was 1."""
        words = pm4.wait_for_kernels()
        words += pm4.release_memory(signal.address + Signal.end_ts.offset, 0, pm4.DATA_CLOCK)
        words += pm4.release_memory(signal.address + Signal.start_ts.offset, 0, pm4.DATA_CLOCK)
        words += pm4.release_memory(signal.address + Signal.value.offset, 0, pm4.DATA_64)
        self._append(_packed(words))

    def wait_for(self, signal: Signal) -> None:
        """Append a wait for a signal."""
        self._append(_packed(pm4.wait_for_memory(signal.address + Signal.value.offset, 0)))

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

    def _prepare(self, shape: Shape) -> "_Template":
        """Return the packets of launches of a shape, for which there is private memory then."""
        _check_registers(shape)
        if shape.scratch_bytes > self._scratch.lane_bytes:
            self.synchronize()
            self._scratch.grow(shape.scratch_bytes)
        template = self._templates[id(shape)] = self._template(shape)
        return template

    def _template(self, shape: Shape) -> "_Template":
        """Return the packets of a launch, but for the address of its arguments and its number."""
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
        users, place = _user_data(shape)
        arguments_at = 0
        if users:
            arguments_at = 4 * (len(words) + _SET_REGISTERS_WORDS + place) if place >= 0 else 0
            words += pm4.set_registers(Register.USER_DATA_0, users)
        words += pm4.set_registers(Register.START_X, (0, 0, 0))
        words += pm4.set_registers(Register.NUM_THREAD_X, shape.group)
        words += pm4.dispatch(shape.blocks)
        words += pm4.wait_for_kernels()
        fence_at = 4 * (len(words) + pm4.RELEASE_DATA_PLACE)
        words += pm4.release_memory(self._fence.address, 0, pm4.DATA_64)
        return _Template(_packed(words), arguments_at, fence_at, self._scratch.address, shape)

    def _append(self, content: bytearray) -> None:
        """Copy packets into the ring, round its end if need be, and ring."""
        queue = self._queue
        count = len(content) // 4
        if queue.written - queue.read + count > _RING_DWORDS:
            self._flush()
            queue.wait_until(
                lambda: queue.written - queue.read + count <= _RING_DWORDS, self._progress
            )
        place = 4 * (queue.written % _RING_DWORDS)
        room = RING_BYTES - place
        if room >= len(content):
            queue.ring[place : place + len(content)] = content
        else:
            queue.ring[place:] = content[:room]
            queue.ring[: len(content) - room] = content[room:]
        queue.written += count
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


def _user_data(shape: Shape) -> tuple[list[int], int]:
    """Return the first scalar registers, 0 where nothing is given, and where the arguments go.

    The place is -1 for a kernel without arguments.
    """
    words: list[int] = []
    place = -1
    for row in shape.code.kernel.descriptor.user_registers():
        if row.what == "kernarg":
            place = len(words)
        number = shape.scratch_bytes if row.what == "private_segment_size" else 0
        words += [number, *(0,) * (row.count - 1)]
    return words, place


def _packed(words: list[int]) -> bytearray:
    return bytearray(struct.pack(f"<{len(words)}I", *words))


def _nothing(_ring: Allocation, _descriptor: Allocation) -> None:
    """The ring of a PM4 queue needs no preparation."""
