"""A queue of the card: its buffers with the exact sizes that kernels demand, pointers, doorbell.

What goes into the ring is the business of `aql.py`, `pm4.py` and `sdma.py` (gpu.md 5.5).
"""

import ctypes

from mlrift.runtime.kfd import abi
from mlrift.runtime.kfd.abi import QueueType
from mlrift.runtime.kfd.errors import DeviceError, DeviceLost
from mlrift.runtime.kfd.memory import Allocation, Placement
from mlrift.runtime.kfd.session import Session
from mlrift.runtime.kfd.topology import EOP_BYTES, PAGE
from mlrift.static_types import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WRITE_POINTER = 0x38
READ_POINTER = 0x80
SPIN_SECONDS = 50e-6
LOST_SECONDS = 5.0
_PRIORITY_NORMAL = 7


class HardwareQueue:
    """One queue. Attributes: `ring` (bytes), `descriptor` (a page), `written` (units so far).

    A unit is a packet (AQL), a dword (PM4) or a byte (SDMA). `prepare` fills the ring and the
    descriptor before the card looks at them.
    """

    def __init__(
        self,
        session: Session,
        kind: QueueType,
        ring_bytes: int,
        prepare: "Callable[[Allocation, Allocation], None]",
    ) -> None:
        if ring_bytes < PAGE or ring_bytes & ring_bytes - 1:
            raise DeviceError(
                f"a ring of {ring_bytes} bytes: it has to be a power of two >= {PAGE}"
            )
        self.session = session
        self.kind = kind
        self.written = 0
        self._buffers: list[Allocation] = []
        try:
            self._ring = self._allocate(ring_bytes, Placement.RING, "ring")
            self.descriptor = self._allocate(PAGE, Placement.SIGNALS, "queue descriptor")
            self.ring = self._ring.bytes()
            prepare(self._ring, self.descriptor)
            self._create(ring_bytes)
        except BaseException:
            self._free_buffers()
            raise
        self._write_pointer = ctypes.c_uint64.from_address(self.descriptor.address + WRITE_POINTER)
        self._read_pointer = ctypes.c_uint64.from_address(self.descriptor.address + READ_POINTER)
        self._ring_doorbell = session.driver.ring_doorbell

    @property
    def read(self) -> int:
        """How many units the card has taken from the ring."""
        return self._read_pointer.value

    def publish(self, doorbell_value: int) -> None:
        """Tell the card of everything up to `written`."""
        if self.session.lost:
            self.session.refuse_when_lost()
        self._write_pointer.value = self.written
        try:
            self._ring_doorbell(self._doorbell, doorbell_value)
        except DeviceLost as error:
            self.session.lost = str(error)
            raise

    def wait_until(self, is_done: "Callable[[], bool]", progress: "Callable[[], int]") -> None:
        """Spin, then wait, until `is_done()`; 5 s without `progress()` is a DeviceLost."""
        if is_done():
            return
        session = self.session
        session.refuse_when_lost()
        begun = moved = session.driver.now()
        last = progress()
        while not is_done():
            now = session.driver.now()
            if now - begun > SPIN_SECONDS:
                session.check_faults()
            session.driver.pause(now - begun)
            if progress() != last:
                last, moved = progress(), session.driver.now()
            elif session.driver.now() - moved > LOST_SECONDS:
                session.lost = (
                    f"the {self.kind.name} queue made no progress for {LOST_SECONDS:.0f} s:"
                    f" {self.written} written, {self.read} read, {last} completed"
                )
                raise DeviceLost(session.lost)

    def destroy(self) -> None:
        """Remove the queue. One that hangs is left: removing it takes the machine down."""
        if not self.session.lost and self._buffers:
            self.session.ioctl(abi.DestroyQueue(self._number))
            self._free_buffers()

    def _create(self, ring_bytes: int) -> None:
        asked = abi.CreateQueue(
            ring_base_address=self._ring.address,
            write_pointer_address=self.descriptor.address + WRITE_POINTER,
            read_pointer_address=self.descriptor.address + READ_POINTER,
            ring_size=ring_bytes,
            gpu_id=self.session.node.gpu_id,
            queue_type=self.kind,
            queue_percentage=abi.MAX_QUEUE_PERCENTAGE,
            queue_priority=_PRIORITY_NORMAL,
        )
        if self.kind in (QueueType.COMPUTE, QueueType.COMPUTE_AQL):
            sizes = self.session.node.context_save()
            end_of_pipe = self._allocate(EOP_BYTES, Placement.END_OF_PIPE, "end-of-pipe buffer")
            saved = self._allocate(sizes.buffer_bytes, Placement.CONTEXT_SAVE, "context save area")
            asked.eop_buffer_address, asked.eop_buffer_size = end_of_pipe.address, EOP_BYTES
            asked.ctx_save_restore_address = saved.address
            asked.ctx_save_restore_size = sizes.save_bytes
            asked.ctl_stack_size = sizes.control_bytes
        self.session.ioctl(asked)
        self._number = int(asked.queue_id)
        self._doorbell = self.session.doorbell(int(asked.doorbell_offset))

    def _allocate(self, size: int, placement: Placement, what: str) -> Allocation:
        name = f"{what} of a {self.kind.name} queue"
        self._buffers.append(self.session.memory.allocate(size, placement, name))
        return self._buffers[-1]

    def _free_buffers(self) -> None:
        while self._buffers:
            self.session.memory.free(self._buffers.pop())
