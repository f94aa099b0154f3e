"""Endless kernels, forks, interrupted waits, and thousands of cycles without a leak."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlrift.backends.amdgcn.codeobject.read import LoadedObject
from mlrift.runtime.kfd import Device, DeviceError, DeviceLost, KfdError
from mlrift.runtime.kfd.driver import RealDriver
from mlrift.runtime.kfd.emulated.driver import EmulatedDriver
from mlrift.runtime.kfd.emulated.emulator_executor import EmulatorExecutor, ExecutionOptions
from mlrift.runtime.kfd.emulated.execution import CardLaunch
from tests.harness.run_files import IS_THOROUGH
from tests.kfd.cards import code_object, emulated_driver

ENDLESS = """
@kernel
fn endless(uint64 p) {
    uint64 i = 0
    while i < 18446744073709551615 {
        i = i + 1
        unsafe { *((p + tid_local_x() * 8) as uint64) = i }
    }
    assume_group_size(32, 1, 1)
}
"""
CYCLES = 10_000 if IS_THOROUGH else 400
ROOT = Path(__file__).resolve().parents[2]


class NullExecutor:
    """Runs nothing: what is looked at is what is around launches."""

    def note_code(self, loaded: LoadedObject) -> None:
        """Forget it."""

    def run(self, launch: CardLaunch) -> None:
        """Do nothing."""


def test_a_kernel_that_never_ends_is_named_and_the_process_lives() -> None:
    executor = EmulatorExecutor(ExecutionOptions(budget=100_000))
    with Device.open(driver=EmulatedDriver(executor)) as device:
        kernel = device.load(code_object("gfx1100", ENDLESS))["endless"]
        array = device.empty(32, np.uint64)
        with pytest.raises(DeviceLost, match="kernel `endless`: more than 100000 wave-instruct"):
            kernel.launch(1, 32, [array])
        assert device.is_lost
        with pytest.raises(DeviceLost, match="nothing can be launched after this"):
            kernel.launch(1, 32, [array])
    with Device.open(driver=emulated_driver("gfx1100")) as device:
        assert device.empty(4).to_host().tolist() == [0.0] * 4


def test_a_child_after_a_fork_has_to_open_its_own() -> None:
    program = """
import os
from mlrift.runtime.kfd import Device, DeviceError
from tests.kfd.cards import emulated_driver
device = Device.open(driver=emulated_driver("gfx1100"))
device.stream()
child = os.fork()
if child == 0:
    try:
        device.empty(4)
    except DeviceError as error:
        print(error, flush=True)
    own = Device.open(driver=emulated_driver("gfx1100"))
    print(own.empty(4).to_host().sum(), flush=True)
    raise SystemExit(5)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), device.empty(3).to_host().sum())
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    made = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=60,
    )
    wanted = "the device belongs to the parent process: open it anew after a fork\n0.0\n5 0.0\n"
    assert (made.stdout, made.stderr) == (wanted, "")


def test_a_wait_that_is_interrupted_can_be_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = emulated_driver("gfx1100")
    with Device.open(driver=driver) as device:
        kernel = device.load(code_object("gfx1100"))["saxpy"]
        x, y = device.array(np.ones(64, np.float32)), device.empty(64)
        first, second = device.stream(), device.stream()
        first.queue.hold()
        event = first.record()
        second.wait_for(event)
        kernel.launch(1, 256, [x, y, 64, 3.0], stream=second)

        def interrupted(_waited: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(driver, "pause", interrupted)
        with pytest.raises(KeyboardInterrupt):
            second.synchronize()
        monkeypatch.undo()
        first.queue.release()
        second.synchronize()
        assert y.to_host().tolist() == [3.0] * 64


def test_nothing_leaks_over_many_cycles() -> None:
    """`make test-all` makes ten thousand."""
    code = code_object("gfx1100")

    def cycle() -> None:
        with Device.open(driver=EmulatedDriver(NullExecutor())) as device:
            array = device.empty(1000)
            device.load(code)["sizes"].launch(2, 32, [array])
            device.synchronize()
            array.free()

    for _ in range(20):
        cycle()
    before = len(os.listdir("/proc/self/fd")), mappings(), resident_pages()
    for _ in range(CYCLES):
        cycle()
    files, maps, pages = len(os.listdir("/proc/self/fd")), mappings(), resident_pages()
    assert files == before[0]
    assert maps <= before[1] + 16
    assert pages <= before[2] + 4096


def test_queues_and_arrays_of_one_device_come_and_go() -> None:
    with Device.open(driver=EmulatedDriver(NullExecutor())) as device:
        _, free = device.memory_bytes()
        maps = mappings()
        for _ in range(300):
            array = device.empty(5000)
            array.free()
        assert device.memory_bytes()[1] == free
        assert mappings() <= maps + 4
        with pytest.raises(DeviceError, match="was freed"):
            array.numpy()


def mappings() -> int:
    return len(Path("/proc/self/maps").read_text().splitlines())


def resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


def test_device_files_are_opened_once_a_process(tmp_path: Path) -> None:
    path = tmp_path / "renderD128"
    path.write_bytes(b"")
    first, second = RealDriver(), RealDriver()
    descriptor = first.open(str(path))
    first.close(descriptor)
    assert second.open(str(path)) == descriptor
    assert os.fstat(descriptor).st_ino == path.stat().st_ino
    child = os.fork()
    if child == 0:
        try:
            os.fstat(descriptor)
        except OSError:
            os._exit(7)
        os._exit(8)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    with pytest.raises(KfdError, match="missing; in a container"):
        first.open(str(tmp_path / "nothing"))
