"""What CREATE_QUEUE demands: every size and place (gpu.md 5.5), each refusal with its rule."""

import errno

from mlrift.runtime.kfd import abi
from mlrift.runtime.kfd.abi import CreateQueue, MemoryFlag, QueueType
from mlrift.runtime.kfd.emulated.buffers import Buffer, Buffers
from mlrift.runtime.kfd.emulated.rules import RefusedRequest
from mlrift.runtime.kfd.topology import EOP_BYTES, PAGE, Node

_AQL_WRITE, _AQL_READ = 0x38, 0x80
_QUEUE_STRUCTURE_BYTES = 0x100


def check_queue(asked: CreateQueue, buffers: Buffers, node: Node) -> None:
    """Raise RefusedRequest unless a kernel would make this queue and it would work."""
    _check_numbers(asked)
    ring = _whole_buffer(buffers, asked.ring_base_address, asked.ring_size, "the ring")
    if not ring.flags & MemoryFlag.EXECUTABLE:
        raise _refused("the ring is not in EXECUTABLE memory")
    _check_pointers(asked, buffers)
    if asked.queue_type in {QueueType.COMPUTE, QueueType.COMPUTE_AQL}:
        _check_compute(asked, buffers, node)


def _check_numbers(asked: CreateQueue) -> None:
    size = asked.ring_size
    if size < PAGE or size & size - 1:
        raise _refused(f"the ring has {size} bytes: a power of two from {PAGE} on is needed")
    if asked.queue_percentage > abi.MAX_QUEUE_PERCENTAGE:
        raise _refused(f"queue_percentage is {asked.queue_percentage}, at most 100")
    if asked.queue_priority > abi.MAX_QUEUE_PRIORITY:
        raise _refused(f"queue_priority is {asked.queue_priority}, at most 15")
    if asked.queue_type not in {QueueType.COMPUTE, QueueType.COMPUTE_AQL, QueueType.SDMA}:
        raise _refused(f"queue_type is {asked.queue_type}")


def _check_pointers(asked: CreateQueue, buffers: Buffers) -> None:
    places = (
        ("write pointer", asked.write_pointer_address),
        ("read pointer", asked.read_pointer_address),
    )
    for what, address in places:
        if address % 8 or buffers.find(address, 8) is None:
            raise _refused(f"the {what} at {address:#x} is in no mapped buffer, or not aligned")
    if asked.queue_type != QueueType.COMPUTE_AQL:
        return
    base = asked.write_pointer_address - _AQL_WRITE
    if asked.read_pointer_address != base + _AQL_READ:
        raise _refused(
            "the pointers of an AQL queue are write_dispatch_id (+0x38) and read_dispatch_id"
            " (+0x80) of one queue descriptor"
        )
    if buffers.find(base, _QUEUE_STRUCTURE_BYTES) is None:
        raise _refused(f"the queue descriptor at {base:#x} is not in one mapped buffer")


def _check_compute(asked: CreateQueue, buffers: Buffers, node: Node) -> None:
    if asked.eop_buffer_size != EOP_BYTES:
        raise _refused(f"the end-of-pipe buffer has {asked.eop_buffer_size} bytes, not {EOP_BYTES}")
    end = _whole_buffer(buffers, asked.eop_buffer_address, EOP_BYTES, "the end-of-pipe buffer")
    if not end.flags & MemoryFlag.EXECUTABLE:
        raise _refused("the end-of-pipe buffer is not in EXECUTABLE memory")
    wanted = node.context_save()
    if asked.ctl_stack_size != wanted.control_bytes:
        raise _refused(
            f"ctl_stack_size is {asked.ctl_stack_size:#x}, this chip's is {wanted.control_bytes:#x}"
        )
    if asked.ctx_save_restore_size < wanted.save_bytes:
        raise _refused(
            f"ctx_save_restore_size is {asked.ctx_save_restore_size:#x}, this chip needs"
            f" {wanted.save_bytes:#x}"
        )
    address = asked.ctx_save_restore_address
    _whole_buffer(buffers, address, wanted.buffer_bytes, "the context save area")


def _whole_buffer(buffers: Buffers, address: int, size: int, what: str) -> Buffer:
    """Return the buffer that is exactly these bytes."""
    found = buffers.find(address)
    if found is None:
        raise _refused(f"{what} at {address:#x} is in no mapped buffer")
    if found.address != address or found.size != size:
        raise _refused(
            f"{what} has to be a buffer of its own with {size} bytes at its start; {address:#x} is"
            f" in one of {found.size} bytes at {found.address:#x}"
        )
    return found


def _refused(rule: str) -> RefusedRequest:
    return RefusedRequest(errno.EINVAL, "CREATE_QUEUE", rule)
