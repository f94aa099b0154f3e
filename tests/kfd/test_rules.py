"""The emulated card refuses what a kernel refuses, and says which rule; silence breaks no rule."""

import ctypes
from collections.abc import Callable

import numpy as np
import pytest

from mlrift.runtime.kfd import Device, DeviceError, KfdError, abi
from mlrift.runtime.kfd.abi import CreateQueue, MemoryFlag, QueueType
from mlrift.runtime.kfd.aql import AqlQueue
from mlrift.runtime.kfd.driver import KFD_PATH
from mlrift.runtime.kfd.emulated.driver import EmulatedDriver
from mlrift.runtime.kfd.emulated.rules import RefusedRequest, RuleViolation
from mlrift.runtime.kfd.hardware_queue import HardwareQueue
from mlrift.runtime.kfd.memory import Allocation, Memory, Placement
from mlrift.runtime.kfd.packets import (
    BODY_OFFSET,
    DISPATCH_BODY,
    DISPATCH_HEADER,
    HEADER,
    PacketType,
)
from mlrift.runtime.kfd.session import Session
from mlrift.runtime.kfd.topology import read_nodes
from tests.kfd.cards import code_object, emulated, emulated_driver

Change = Callable[[CreateQueue], None]


def session() -> Session:
    driver = emulated_driver("gfx1100")
    return Session(driver, read_nodes(driver)[0])


def prepared() -> tuple[Session, CreateQueue]:
    """Return a session and a request for an AQL queue with which nothing is wrong."""
    opened = session()
    memory = opened.memory
    sizes = opened.node.context_save()
    ring = memory.allocate(65536, Placement.RING, "ring")
    descriptor = memory.allocate(4096, Placement.SIGNALS, "descriptor")
    end = memory.allocate(4096, Placement.END_OF_PIPE, "end of pipe")
    saved = memory.allocate(sizes.buffer_bytes, Placement.CONTEXT_SAVE, "saved")
    return opened, CreateQueue(
        ring_base_address=ring.address,
        write_pointer_address=descriptor.address + 0x38,
        read_pointer_address=descriptor.address + 0x80,
        ring_size=65536,
        gpu_id=opened.node.gpu_id,
        queue_type=QueueType.COMPUTE_AQL,
        queue_percentage=100,
        queue_priority=7,
        eop_buffer_address=end.address,
        eop_buffer_size=4096,
        ctx_save_restore_address=saved.address,
        ctx_save_restore_size=sizes.save_bytes,
        ctl_stack_size=sizes.control_bytes,
    )


def test_the_request_for_a_queue_is_granted() -> None:
    opened, asked = prepared()
    opened.ioctl(asked)
    assert asked.queue_id > 0


WRONG_QUEUES: dict[str, Change] = {
    "a power of two from 4096 on": lambda q: setattr(q, "ring_size", 3000),
    "a buffer of its own with 32768 bytes": lambda q: setattr(q, "ring_size", 32768),
    "the ring at 0x10000 is in no mapped buffer": lambda q: setattr(
        q, "ring_base_address", 0x10000
    ),
    "queue_percentage is 101": lambda q: setattr(q, "queue_percentage", 101),
    "queue_priority is 16": lambda q: setattr(q, "queue_priority", 16),
    "queue_type is 9": lambda q: setattr(q, "queue_type", 9),
    "has 8192 bytes, not 4096": lambda q: setattr(q, "eop_buffer_size", 8192),
    "the end-of-pipe buffer at 0x0": lambda q: setattr(q, "eop_buffer_address", 0),
    "ctl_stack_size is 0x1000, this chip's is": lambda q: setattr(q, "ctl_stack_size", 0x1000),
    "ctx_save_restore_size is 0x1000": lambda q: setattr(q, "ctx_save_restore_size", 0x1000),
    "the write pointer at 0x7": lambda q: setattr(q, "write_pointer_address", 7),
    "write_dispatch_id (+0x38) and read_dispatch_id": lambda q: setattr(
        q, "read_pointer_address", q.read_pointer_address + 8
    ),
}


@pytest.mark.parametrize("rule", WRONG_QUEUES)
def test_a_queue_with_one_thing_wrong_is_refused(rule: str) -> None:
    opened, asked = prepared()
    WRONG_QUEUES[rule](asked)
    with pytest.raises(RefusedRequest) as found:
        opened.ioctl(asked)
    assert rule in str(found.value)


def test_a_ring_that_is_not_executable_is_refused() -> None:
    opened, asked = prepared()
    asked.ring_base_address = opened.memory.allocate(65536, Placement.HOST, "ring").address
    with pytest.raises(RefusedRequest, match="not in EXECUTABLE memory"):
        opened.ioctl(asked)


def wrong_memory(memory_flags: int, address: int = 1 << 40, size: int = 4096) -> str:
    opened = session()
    asked = abi.AllocMemoryOfGpu(address, size, 0, 0, opened.node.gpu_id, memory_flags)
    with pytest.raises(RefusedRequest) as found:
        opened.ioctl(asked)
    return str(found.value)


def test_memory_requests_with_one_thing_wrong() -> None:
    writable, gtt = int(MemoryFlag.WRITABLE), int(MemoryFlag.GTT)
    assert "name no one domain" in wrong_memory(writable)
    assert "name no one domain" in wrong_memory(writable | gtt | MemoryFlag.VRAM)
    assert "multiples of 4096" in wrong_memory(writable | gtt, size=100)
    assert "multiples of 4096" in wrong_memory(writable | gtt, address=100)
    assert "halve the ring" in wrong_memory(writable | gtt | MemoryFlag.AQL_QUEUE_MEM)
    assert "mmap_offset of a USERPTR" in wrong_memory(writable | MemoryFlag.USERPTR)


def test_memory_at_address_0_cannot_be_mapped() -> None:
    opened = session()
    flags = int(MemoryFlag.WRITABLE | MemoryFlag.GTT)
    asked = abi.AllocMemoryOfGpu(0, 4096, 0, 0, opened.node.gpu_id, flags)
    opened.ioctl(asked)
    ids = (ctypes.c_uint32 * 1)(opened.node.gpu_id)
    mapping = abi.MapMemoryToGpu(asked.handle, ctypes.addressof(ids), 1, 0)
    with pytest.raises(KfdError, match="address 0"):
        opened.ioctl(mapping)


def test_memory_is_unmapped_before_it_is_freed_and_freed_once() -> None:
    opened = session()
    made = opened.memory.allocate(4096, Placement.HOST, "block")
    with pytest.raises(RefusedRequest, match="UNMAP_MEMORY_FROM_GPU comes first"):
        opened.ioctl(abi.FreeMemoryOfGpu(made.handle))
    opened.memory.free(made)
    with pytest.raises(DeviceError, match=r"block at 0x[0-9a-f]+ was freed before"):
        opened.memory.free(made)
    with pytest.raises(RefusedRequest, match="there is no buffer"):
        opened.ioctl(abi.FreeMemoryOfGpu(made.handle))


def test_a_fault_says_which_memory_is_near() -> None:
    memory: Memory = session().memory
    block = memory.allocate(5000, Placement.HOST, "block")
    assert memory.describe(block.address + 10).endswith("byte 10 of block (5000 bytes)")
    last = memory.live()[-1]
    assert f"0 bytes behind {last.name} (" in memory.describe(last.address + last.asked_bytes)
    assert "below every allocation" in memory.describe(16)


def test_a_process_that_leaves_queues_or_memory_is_reported() -> None:
    driver = emulated_driver("gfx1100")
    opened = Session(driver, read_nodes(driver)[0])
    opened.memory.allocate(8192, Placement.HOST, "block")
    HardwareQueue(opened, QueueType.SDMA, 4096, lambda _ring, _descriptor: None)
    driver.close(opened._render)
    with pytest.raises(RuleViolation) as found:
        driver.close(opened.kfd)
    assert "SDMA queue 257 was not destroyed" in str(found.value)
    assert "(8192 bytes) was not freed" in str(found.value)


def rung(change: Callable[[memoryview, HardwareQueue, Allocation], int]) -> str:
    """Ring the doorbell of a queue with one packet that `change` has spoilt; return the rule."""
    with emulated() as device:
        kernel = device.load(code_object("gfx1100"))["sizes"]
        own: Session = device._session
        counter = own.signals.take(0)
        queue = HardwareQueue(own, QueueType.COMPUTE_AQL, 4096, lambda _ring, _descriptor: None)
        arguments = own.memory.allocate(4096, Placement.HOST, "arguments")
        out = own.memory.allocate(4096, Placement.HOST, "out")
        arguments.bytes()[:8] = out.address.to_bytes(8, "little")
        code = kernel.code.descriptor_address
        fields = (32, 1, 1, 0, 32, 1, 1, 0, 0, code, arguments.address, 0, counter.address)
        DISPATCH_BODY.pack_into(queue.ring, BODY_OFFSET, *fields)
        HEADER.pack_into(queue.ring, 0, DISPATCH_HEADER | 1 << 16)
        queue.written = 1
        value = change(queue.ring, queue, arguments)
        message = ""
        try:
            queue.publish(value)
        except RuleViolation as error:
            message = str(error)
        own.lost = "the test ends here"
        card = own.driver.machine.card(own.node.gpu_id)  # type: ignore[attr-defined]  # emulated
        card.has_faulted = True
        return message


def store(place: int, text: str) -> Callable[[memoryview, HardwareQueue, Allocation], int]:
    """Return a change that stores bytes into the packet and rings properly."""

    def change(ring: memoryview, _queue: HardwareQueue, _arguments: Allocation) -> int:
        data = bytes.fromhex(text)
        ring[place : place + len(data)] = data
        return 0

    return change


def test_the_packet_itself_breaks_no_rule() -> None:
    assert rung(lambda _ring, _queue, _arguments: 0) == ""


@pytest.mark.parametrize(
    ("rule", "place", "text"),
    [
        ("the header of packet 0 is still INVALID", 0, f"{PacketType.INVALID:02x}"),
        ("packet 0 has the unknown type 9", 0, "09"),
        ("4 dimensions", 2, "0400"),
        ("is 0", 4, "0000"),
        ("over 1024 work items", 4, "0008"),
        ("the grid counts work items, not groups", 12, "02000000"),
        ("is not aligned", 0x20, "01"),
        ("kernel descriptor of 64 bytes at", 0x20, "0000000000010000"),
        ("are not 16-byte aligned", 0x28, "08"),
        ("kernel arguments of", 0x28, "0000000000010000"),
        ("completion signal of 64 bytes", 0x38, "0000000000010000"),
    ],
)
def test_a_packet_with_one_thing_wrong(rule: str, place: int, text: str) -> None:
    assert rule in rung(store(place, text))


def test_the_doorbell_is_the_index_of_the_last_packet() -> None:
    assert "the index of the last packet is rung" in rung(lambda _ring, _queue, _arguments: 1)


def test_a_packet_may_not_be_overwritten_before_it_was_read() -> None:
    def change(_ring: memoryview, queue: HardwareQueue, _arguments: Allocation) -> int:
        queue.written = 100
        return 99

    assert "overwrites packet 35, which was not read yet" in rung(change)


def test_a_doorbell_that_is_nobodys() -> None:
    driver: EmulatedDriver = emulated_driver("gfx1100")
    with pytest.raises(RuleViolation, match="in no doorbell page"):
        driver.ring_doorbell(0x1234, 1)
    with pytest.raises(RuleViolation, match="is not open"):
        driver.ioctl(3, abi.GetVersion())
    descriptor = driver.open(KFD_PATH)
    with pytest.raises(KfdError, match="render node is missing"):
        driver.open("/dev/dri/renderD200")
    driver.close(descriptor)


def test_no_progress_is_noticed_and_the_queue_left_alone() -> None:
    with emulated() as device:
        never = device.default_stream.record
        first, second = device.stream(), device.stream()
        del never
        with first.batch():
            event = first.record()
            second.wait_for(event)
            kernel = device.load(code_object("gfx1100"))["sizes"]
            out = device.empty(8, np.uint64)
            kernel.launch(1, 32, [out], stream=second)
            with pytest.raises(DeviceError, match="COMPUTE_AQL queue made no progress for 5 s"):
                second.synchronize()
            card = device._session.driver.machine.card(device.node.gpu_id)  # type: ignore[attr-defined]
            card.has_faulted = True
            device._session.lost = ""
        device._session.lost = "seen"


def test_a_device_that_cannot_be_emulated() -> None:
    with pytest.raises(DeviceError, match="gfx906 cannot be emulated, only: gfx1030, gfx1100"):
        emulated_driver("gfx906")


def test_a_card_we_do_not_compile_for() -> None:
    driver = emulated_driver("gfx1100")
    for path, text in driver.machine.files.items():
        driver.machine.files[path] = text.replace("110000", "90010")
    with pytest.raises(DeviceError, match="gfx90a is not a chip that we compile for"):
        Device.open(driver=driver)


def test_the_driver_keeps_the_first_page_of_events_of_a_process() -> None:
    driver = emulated_driver("gfx1100")
    with Device.open(driver=driver) as first, Device.open(driver=driver) as second:
        assert first.empty(4).to_host().tolist() == second.empty(4).to_host().tolist()
    opened = session()
    page = opened.memory.allocate(32768, Placement.SIGNALS, "page")
    with pytest.raises(RefusedRequest, match="the process has given a page of events before"):
        opened.ioctl(abi.CreateEvent(page.handle, 0, 0, 0, opened.node.gpu_id))
    opened.close()


def test_the_page_of_events_is_not_given_back() -> None:
    driver = emulated_driver("gfx1100")
    opened = Session(driver, read_nodes(driver)[0])
    (card,) = driver.machine.cards()
    handles = [row.handle for row in card.buffers.live()]
    kept = set(handles) - {row.handle for row in opened.memory.live()}
    assert len(kept) == 1
    with pytest.raises(RefusedRequest, match="it is the page of events, which the driver keeps"):
        opened.ioctl(abi.FreeMemoryOfGpu(kept.pop()))
    opened.close()


def test_a_mailbox_is_the_place_of_its_event() -> None:
    device = emulated("gfx1100")
    kernel = device.load(code_object("gfx1100"))["sizes"]
    array = device.empty(64)
    queue = device.default_stream.queue
    assert isinstance(queue, AqlQueue)
    queue._counter.event_mailbox_ptr = queue._counter.address
    queue._counter.event_id = 3
    with pytest.raises(RuleViolation, match="the mailbox of event 3 is 0x"):
        kernel.launch(2, 32, [array])
