"""AQL packets of an emulated queue: checked at the doorbell, executed in order."""

import ctypes

from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.codeobject.descriptor import DESCRIPTOR_BYTES, Descriptor, unpack
from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.runtime.kfd.abi import MemoryFlag
from mlrift.runtime.kfd.emulated.execution import CardLaunch, MemoryRange
from mlrift.runtime.kfd.emulated.queue_processor import SIGNAL_BYTES, SIGNAL_VALUE, CardQueue
from mlrift.runtime.kfd.emulated.rules import RuleViolation
from mlrift.runtime.kfd.hardware_queue import WRITE_POINTER
from mlrift.runtime.kfd.packets import (
    BARRIER_BODY,
    BARRIER_SIGNALS,
    BODY_OFFSET,
    DISPATCH_BODY,
    HEADER,
    PACKET_BYTES,
    PacketType,
)
from mlrift.values import replace

_TYPE_MASK = 0xFF
_DIMENSIONS_SHIFT = 16
_MAXIMUM_GROUP = 1024
_DESCRIPTOR_ALIGNMENT = 64
_CODE_ALIGNMENT = 256
_ARGUMENT_ALIGNMENT = 16
_KNOWN = (PacketType.DISPATCH, PacketType.BARRIER_AND, PacketType.BARRIER_OR)


class AqlProcessor:
    """The packet processor of one AQL queue."""

    def __init__(self, queue: CardQueue, chip: Chip) -> None:
        self._queue = queue
        self._chip = chip
        self._packets = int(queue.asked.ring_size) // PACKET_BYTES
        self._ring = queue.host(queue.asked.ring_base_address, queue.asked.ring_size, "ring")
        self._taken = 0
        self._announced = 0

    @property
    def is_idle(self) -> bool:
        """Whether all announced packets have completed."""
        return self._taken == self._announced

    def ring(self, value: int) -> None:
        """A doorbell holds the index of the last packet; all up to it have to be valid."""
        queue = self._queue
        written = queue.write_pointer
        if value >= written:
            raise RuleViolation(
                f"{queue.name}: the doorbell says packet {value}, the write index is {written}:"
                " the index of the last packet is rung, after the index was advanced"
            )
        if value + 1 - self._taken > self._packets:
            raise RuleViolation(
                f"{queue.name}: packet {value} overwrites packet {value - self._packets}, which was"
                " not read yet"
            )
        for index in range(self._announced, value + 1):
            self._check_header(index)
        self._announced = max(self._announced, value + 1)

    def advance(self) -> bool:
        """Execute packets until one has to wait."""
        begun = self._taken
        while self._taken < self._announced and self._execute(self._taken):
            self._taken += 1
            self._invalidate(self._taken - 1)
            self._queue.set_read_pointer(self._taken)
        return self._taken != begun

    def _check_header(self, index: int) -> None:
        header = self._header(index)
        kind = header & _TYPE_MASK
        if kind == PacketType.INVALID:
            raise RuleViolation(
                f"{self._queue.name}: the header of packet {index} is still INVALID when the"
                " doorbell is rung"
            )
        if kind not in _KNOWN:
            raise RuleViolation(f"{self._queue.name}: packet {index} has the unknown type {kind}")

    def _place(self, index: int) -> int:
        """Return where in this process a packet is."""
        return self._ring + index % self._packets * PACKET_BYTES

    def _packet_address(self, index: int) -> int:
        base = int(self._queue.asked.ring_base_address)
        return base + index % self._packets * PACKET_BYTES

    def _header(self, index: int) -> int:
        return int(ctypes.c_uint32.from_address(self._place(index)).value)

    def _invalidate(self, index: int) -> None:
        """Give a packet's place back as the card does."""
        ctypes.c_uint16.from_address(self._place(index)).value = PacketType.INVALID

    def _execute(self, index: int) -> bool:
        packet = ctypes.string_at(self._place(index), PACKET_BYTES)
        (header,) = HEADER.unpack_from(packet)
        kind = header & _TYPE_MASK
        if kind == PacketType.DISPATCH:
            self._dispatch(index, header >> _DIMENSIONS_SHIFT, packet)
            return True
        return self._barrier(kind, packet)

    def _barrier(self, kind: int, packet: bytes) -> bool:
        _, *rows = BARRIER_BODY.unpack_from(packet, BODY_OFFSET)
        wanted = [row for row in rows[:BARRIER_SIGNALS] if row]
        done = []
        for row in wanted:
            place = self._queue.host(row, SIGNAL_BYTES, "signal of a barrier")
            done.append(ctypes.c_int64.from_address(place + SIGNAL_VALUE).value == 0)
        is_reached = any(done) if kind == PacketType.BARRIER_OR and done else all(done)
        if is_reached:
            self._queue.complete(rows[-1], self._queue.clock())
        return is_reached

    def _dispatch(self, index: int, dimensions: int, packet: bytes) -> None:
        queue = self._queue
        where = f"{queue.name}: dispatch packet {index}"
        (gx, gy, gz, _, ix, iy, iz, scratch, lds, kernel, arguments, _, signal) = (
            DISPATCH_BODY.unpack_from(packet, BODY_OFFSET)
        )
        group, items = (gx, gy, gz), (ix, iy, iz)
        _check_extents(where, dimensions, group, items)
        descriptor = self._descriptor(where, kernel)
        _check_sizes(where, descriptor, scratch, lds)
        entry = kernel + descriptor.entry_offset
        code = self._code(where, entry)
        if descriptor.kernarg_bytes:
            if arguments % _ARGUMENT_ALIGNMENT:
                raise RuleViolation(f"{where}: arguments at {arguments:#x} are not 16-byte aligned")
            queue.host(arguments, descriptor.kernarg_bytes, "kernel arguments")
        start = queue.clock()
        queue.launch(
            CardLaunch(
                chip=self._chip,
                code=ctypes.string_at(code.host, code.size),
                code_address=code.address,
                entry_address=entry,
                descriptor=replace(descriptor, lds_bytes=lds, scratch_bytes=scratch),
                user_data=(
                    ("dispatch_packet", self._packet_address(index)),
                    ("queue", int(queue.asked.write_pointer_address) - WRITE_POINTER),
                    ("kernarg", arguments),
                ),
                blocks=(-(-ix // gx), -(-iy // gy), -(-iz // gz)),
                group=group,
                ranges=ranges_of(queue),
            )
        )
        queue.complete(signal, start)

    def _descriptor(self, where: str, address: int) -> Descriptor:
        if address % _DESCRIPTOR_ALIGNMENT:
            raise RuleViolation(f"{where}: the kernel descriptor at {address:#x} is not aligned")
        data = self._queue.read(address, DESCRIPTOR_BYTES, "kernel descriptor")
        try:
            return unpack(data, where)
        except CodeObjectError as error:
            raise RuleViolation(f"{where}: {error}") from error

    def _code(self, where: str, entry: int) -> MemoryRange:
        found = self._queue.buffers.find(entry, 4)
        if found is None or entry % _CODE_ALIGNMENT:
            raise RuleViolation(f"{where}: there is no code at {entry:#x}, or it is not aligned")
        if not found.flags & MemoryFlag.EXECUTABLE:
            raise RuleViolation(f"{where}: the code at {entry:#x} is not in EXECUTABLE memory")
        return MemoryRange(found.address, found.size, found.host, "code")


def ranges_of(queue: CardQueue) -> tuple[MemoryRange, ...]:
    """Return the memory that kernels of the card may use."""
    rows = [row for row in queue.buffers.live() if row.is_mapped]
    return tuple(MemoryRange(row.address, row.asked_bytes, row.host, row.name) for row in rows)


def _check_extents(
    where: str, dimensions: int, group: tuple[int, int, int], items: tuple[int, int, int]
) -> None:
    if not 1 <= dimensions <= 3:
        raise RuleViolation(f"{where}: {dimensions} dimensions")
    if 0 in group or 0 in items:
        raise RuleViolation(f"{where}: an extent of group {group} or grid {items} is 0")
    if group[0] * group[1] * group[2] > _MAXIMUM_GROUP:
        raise RuleViolation(f"{where}: a group of {group} has over {_MAXIMUM_GROUP} work items")
    for one, two in zip(group, items, strict=True):
        if two < one:
            raise RuleViolation(
                f"{where}: a grid of {items} is smaller than its group {group}: the grid counts"
                " work items, not groups"
            )


def _check_sizes(where: str, descriptor: Descriptor, scratch: int, lds: int) -> None:
    if lds < descriptor.lds_bytes:
        raise RuleViolation(
            f"{where}: {lds} bytes of LDS, the kernel's own are {descriptor.lds_bytes}: the field"
            " has to include them"
        )
    if scratch < descriptor.scratch_bytes:
        raise RuleViolation(
            f"{where}: {scratch} bytes of private memory, the kernel needs"
            f" {descriptor.scratch_bytes}"
        )
    if not descriptor.is_wave32:
        raise RuleViolation(f"{where}: code for waves of 64 lanes")
