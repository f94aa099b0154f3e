"""Launches from Python on emulated cards: three chips, both kinds of queues."""

from typing import Any

import numpy as np
import pytest

from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.runtime.kfd import (
    Device,
    DeviceError,
    DeviceLost,
    LaunchError,
    Placement,
    QueueKind,
)
from tests.kfd.cards import CHIPS, code_object, emulated, emulated_driver

every_queue = pytest.mark.parametrize("kind", QueueKind, ids=lambda kind: kind.value)
every_chip = pytest.mark.parametrize("gfx", CHIPS)


@every_chip
@every_queue
def test_numpy_arrays_come_back_changed(gfx: str, kind: QueueKind) -> None:
    x = np.arange(1000, dtype=np.float32)
    y = np.ones(1000, np.float32)
    with emulated(gfx, kind) as device:
        device.load(code_object(gfx))["saxpy"].launch(4, 256, [x, y, 1000, 2.0])
    assert np.array_equal(y, 2 * x + 1)


@every_chip
@every_queue
def test_a_chain_of_40_runs_in_order(gfx: str, kind: QueueKind) -> None:
    with emulated(gfx, kind) as device:
        kernel = device.load(code_object(gfx))["saxpy"]
        x = device.array(np.ones(300, np.float32))
        y = device.array(np.zeros(300, np.float32), Placement.DEVICE)
        with device.default_stream.batch():
            for turn in range(40):
                source, target = (x, y) if turn % 2 == 0 else (y, x)
                kernel.launch(2, 256, [source, target, 300, -1.0 if turn % 2 else 1.0])
        device.synchronize()
        first, second = 1, 0
        for turn in range(40):
            if turn % 2 == 0:
                second += first
            else:
                first -= second
        assert x.to_host().tolist() == [first] * 300
        assert y.to_host().tolist() == [second] * 300


@every_chip
def test_hidden_arguments_are_the_sizes_of_the_launch(gfx: str) -> None:
    with emulated(gfx) as device:
        out = device.empty((5, 2), np.uint64)
        device.load(code_object(gfx))["sizes"].launch(5, 96, [out])
        device.synchronize()
        assert out.numpy().tolist() == [[96, 5]] * 5


@every_chip
@every_queue
def test_lds_and_barriers(gfx: str, kind: QueueKind) -> None:
    values = np.arange(64, dtype=np.float32)
    with emulated(gfx, kind) as device:
        device.load(code_object(gfx))["reversed"].launch(1, 64, [values])
    assert np.array_equal(values, np.arange(64, dtype=np.float32)[::-1])


@every_queue
def test_arguments_of_every_size(kind: QueueKind) -> None:
    with emulated(kind=kind) as device:
        out = device.empty(24, np.uint8)
        kernel = device.load(code_object("gfx1100"))["narrow"]
        kernel.launch(1, 32, [out, 0.1, 7, np.float32(1.5), np.uint64(1 << 60)])
        device.synchronize()
        made = out.numpy().tobytes()
    assert np.frombuffer(made[:8], np.float64)[0] == 0.1
    assert np.frombuffer(made[8:12], np.uint32)[0] == 7
    assert np.frombuffer(made[12:16], np.float32)[0] == 1.5
    assert np.frombuffer(made[16:], np.uint64)[0] == 1 << 60


@every_queue
def test_two_streams_with_an_event_between_them(kind: QueueKind) -> None:
    with emulated(kind=kind) as device:
        kernel = device.load(code_object("gfx1100"))["saxpy"]
        x, y = device.array(np.ones(64, np.float32)), device.array(np.zeros(64, np.float32))
        first, second = device.stream(), device.stream()
        event = first.record()
        kernel.launch(1, 256, [x, y, 64, 3.0], stream=first)
        ready = first.record()
        second.wait_for(ready)
        kernel.launch(1, 256, [y, x, 64, 2.0], stream=second)
        second.synchronize()
        assert x.numpy()[0] == 7
        assert ready.seconds_since(event) >= 0
        ready.close()
        with pytest.raises(DeviceError, match="the event was closed"):
            ready.wait()


def test_a_stream_waits_for_work_that_is_launched_later() -> None:
    with emulated() as device:
        kernel = device.load(code_object("gfx1100"))["saxpy"]
        x, y = device.array(np.ones(64, np.float32)), device.array(np.zeros(64, np.float32))
        first, second = device.stream(), device.stream()
        with first.batch():
            kernel.launch(1, 256, [x, y, 64, 3.0], stream=first)
            ready = first.record()
            second.wait_for(ready)
            kernel.launch(1, 256, [y, x, 64, 2.0], stream=second)
            assert x.numpy()[0] == 1
        second.synchronize()
        assert x.numpy()[0] == 7


@every_queue
def test_more_launches_than_the_ring_holds(kind: QueueKind) -> None:
    with emulated(kind=kind) as device:
        kernel = device.load(code_object("gfx1100"))["saxpy"]
        x, y = device.array(np.ones(1, np.float32)), device.array(np.zeros(1, np.float32))
        for _ in range(2500):
            kernel.launch(1, 256, [x, y, 1, 1.0])
        with device.default_stream.batch():
            for _ in range(1500):
                kernel.launch(1, 256, [x, y, 1, 1.0])
        device.synchronize()
        assert y.numpy()[0] == 4000


def test_two_cards_have_their_own_memory() -> None:
    driver = emulated_driver("gfx1100", "gfx1030")
    with Device.open(0, driver=driver) as one, Device.open(1, driver=driver) as other:
        for device in (one, other):
            values = np.zeros(8, np.float32)
            ones = np.ones(8, np.float32)
            kernel = device.load(code_object(device.gfx))["saxpy"]
            kernel.launch(1, 256, [ones, values, 8, 2.0])
            assert values.tolist() == [2.0] * 8


def test_device_memory_is_copied_in_pieces_of_any_size() -> None:
    rng = np.random.default_rng(1)
    with emulated() as device:
        for size in (1, 3, 4097, (4 << 20) + 5):
            content = rng.integers(0, 256, size, dtype=np.uint8)
            array = device.array(content, Placement.DEVICE)
            assert np.array_equal(array.to_host(), content)
            array.free()


def test_memory_of_the_process_is_shared_in_place() -> None:
    whole = np.zeros(3 * 4096, np.uint8)
    start = -whole.ctypes.data % 4096
    values = whole[start : start + 4096].view(np.float32)
    with emulated() as device:
        shared = device.share(values)
        ones = device.array(np.ones(1024, np.float32))
        device.load(code_object("gfx1100"))["saxpy"].launch(4, 256, [ones, shared, 1024, 5.0])
        device.synchronize()
        assert np.all(values == 5)
        with pytest.raises(DeviceError, match="begins at a page"):
            device.share(values[1:])


def test_views_are_the_memory_itself() -> None:
    with emulated() as device:
        array = device.array(np.arange(6, dtype=np.int32).reshape(2, 3))
        array.numpy()[1, 2] = 50
        assert array.to_host().tolist() == [[0, 1, 2], [3, 4, 50]]
        hidden = device.empty(4, placement=Placement.DEVICE)
        with pytest.raises(DeviceError, match="which the host cannot see: use to_host"):
            hidden.numpy()
        hidden.fill(2.5)
        assert hidden.to_host().tolist() == [2.5] * 4


def test_overrun_ends_with_buffer_address_and_line() -> None:
    with emulated() as device:
        kernel = device.load(code_object("gfx1100"))["saxpy"]
        x, y = device.array(np.ones(300, np.float32)), device.array(np.zeros(300, np.float32))
        with pytest.raises(DeviceLost) as found:
            kernel.launch(2, 256, [x, y, 301, 1.0])
        message = str(found.value)
        assert "kernel `saxpy`: load outside every buffer: 4 bytes" in message
        assert "0 bytes after the end of `array of (300,) float32` (1200 bytes)" in message
        assert "kernels.mlr:8)" in message
        with pytest.raises(DeviceLost, match="nothing can be launched after this"):
            kernel.launch(2, 256, [x, y, 300, 1.0])


BAD_LAUNCHES: dict[str, tuple[str, Any, Any, list[Any]]] = {
    "takes 4 arguments (x, y, n, a), given 3": ("saxpy", 1, 256, [0, 0, 1]),
    "was compiled for groups of 256 x 1 x 1, launched with 128 x 1 x 1": (
        "saxpy",
        1,
        128,
        [0, 0, 1, 1.0],
    ),
    "the grid is 0; one to three positive numbers are needed": ("sizes", 0, 32, [0]),
    "the block is (32, -1); one to three": ("sizes", 1, (32, -1), [0]),
    "a group of 2048 work items; the limit is": ("sizes", 1, 2048, [0]),
    "argument 4 `a` has 4 bytes, given float64 with 8": (
        "saxpy",
        1,
        256,
        [0, 0, 1, np.float64(1)],
    ),
    "argument 1 `x` is a buffer, given 'text'": ("saxpy", 1, 256, ["text", 0, 1, 1.0]),
    "argument 1 `x` is a buffer, given 1.5": ("saxpy", 1, 256, [1.5, 0, 1, 1.0]),
    "argument 5 `d` is uint64, given the float 1.5": ("narrow", 1, 32, [0, 0.0, 1, 0.0, 1.5]),
}


@pytest.mark.parametrize("message", BAD_LAUNCHES)
def test_what_cannot_be_launched_is_not(message: str) -> None:
    name, grid, block, arguments = BAD_LAUNCHES[message]
    with emulated() as device:
        kernel = device.load(code_object("gfx1100"))[name]
        with pytest.raises(LaunchError) as found:
            kernel.launch(grid, block, arguments)
        assert message in str(found.value)


def test_too_much_lds_is_refused() -> None:
    with emulated() as device:
        kernel = device.load(code_object("gfx1100"))["reversed"]
        with pytest.raises(LaunchError, match=r"bytes of LDS a group; the card has 65536"):
            kernel.launch(1, 64, [0], shared_bytes=65000)


def test_unknown_names_and_foreign_files() -> None:
    with emulated("gfx1030") as device:
        program = device.load(code_object("gfx1030"))
        assert list(program) == ["saxpy", "sizes", "reversed", "narrow"]
        with pytest.raises(LaunchError, match="no kernel `sax`, only: saxpy, sizes"):
            program["sax"]
        with pytest.raises(DeviceError, match="is for gfx1100, the device is gfx1030: compile"):
            device.load(code_object("gfx1100"))
        with pytest.raises(CodeObjectError):
            device.load(b"\x7fELF not really")
        program.unload()
        with pytest.raises(LaunchError, match="was unloaded"):
            program["saxpy"]
        with pytest.raises(DeviceError, match="unloaded before"):
            program.unload()


def test_freed_arrays_and_closed_devices_say_so() -> None:
    device = emulated()
    array = device.empty(4)
    array.free()
    for misuse in (array.free, array.numpy, array.to_host):
        with pytest.raises(DeviceError, match="was freed"):
            misuse()
    device.close()
    device.close()
    with pytest.raises(DeviceError, match="the device was closed"):
        device.stream()


def test_memory_that_is_not_there() -> None:
    with emulated() as device:
        total, free = device.memory_bytes()
        assert free <= total == 24 << 30
        with pytest.raises(OSError, match="ALLOC_MEMORY_OF_GPU"):
            device.empty(25 << 30, np.uint8, Placement.DEVICE)
        assert device.memory_bytes()[1] == free


SCRATCH = """
@kernel
fn shuffled(uint64 out, uint64 n) {
    uint64 t = tid_local_x()
    u64[40] own
    u64 i = 0
    while i < 40 { own[i] = t * 100 + i  i = i + 1 }
    unsafe { *((out + t * 8) as uint64) = own[(t * 7 + n) % 40] }
    assume_group_size(64, 1, 1)
}
"""


@every_chip
@every_queue
def test_private_memory(gfx: str, kind: QueueKind) -> None:
    with emulated(gfx, kind) as device:
        kernel = device.load(code_object(gfx, SCRATCH))["shuffled"]
        assert kernel.code.kernel.metadata.scratch_bytes > 0
        out = device.empty(64, np.uint64)
        if kind is QueueKind.PM4 and gfx == "gfx1030":
            with pytest.raises(LaunchError, match="flat_scratch_init in its first registers"):
                kernel.launch(1, 64, [out, 3])
            return
        for n in (3, 4):
            kernel.launch(1, 64, [out, n])
            device.synchronize()
            wanted = [t * 100 + (t * 7 + n) % 40 for t in range(64)]
            assert out.numpy().tolist() == wanted
