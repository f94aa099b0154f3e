"""What a launch costs the host: `python -m benchmarks.launches`.

The shim runs on an emulated card whose doorbell completes everything at once, so that what is
timed is packing arguments, writing the packet and ringing; the doorbell's own cost, which is the
stand-in's, is measured apart and taken off. Medians of 200 rounds of 200 launches.

A native program (launches.mlr) runs under the supervisor, whose card executes nothing and works
beside it; its own processor time is what counts. Medians of 60 rounds of 900 launches.
"""

import ctypes
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.result_page import table, write_page
from mlrift.backends.amdgcn.codeobject.read import LoadedObject
from mlrift.runtime.kfd import Device, QueueKind
from mlrift.runtime.kfd.aql import AqlQueue
from mlrift.runtime.kfd.emulated.driver import EmulatedDriver
from mlrift.runtime.kfd.emulated.emulator_executor import EmulatorExecutor
from mlrift.runtime.kfd.emulated.execution import CardLaunch
from mlrift.runtime.kfd.pm4 import Pm4Queue
from mlrift.runtime.kfd.supervisor.supervisor import Supervisor
from tests.kfd.cards import code_object

ROUNDS, LAUNCHES = 200, 200


class PromptDriver(EmulatedDriver):
    """A card that has done everything as soon as its doorbell rings."""

    def __init__(self) -> None:
        super().__init__(EmulatorExecutor())
        self.queue: AqlQueue | Pm4Queue | None = None
        self.seconds = 0.0

    def ring_doorbell(self, address: int, count: int) -> None:
        """Complete everything, and note how long that took."""
        if self.queue is None:
            super().ring_doorbell(address, count)
            return
        begun = time.perf_counter()
        hardware = self.queue._queue
        hardware._read_pointer.value = hardware.written
        if isinstance(self.queue, AqlQueue):
            self.queue._counter.value = -self.queue._dispatched
        else:
            self.queue._done.value = self.queue._dispatched
        ctypes.c_uint64.from_address(address).value = count
        self.seconds += time.perf_counter() - begun


def measure(kind: QueueKind, is_batched: bool) -> float:
    """Return the median microseconds of one launch with four arguments."""
    driver = PromptDriver()
    device = Device.open(driver=driver, queue_kind=kind)
    kernel = device.load(code_object("gfx1100"))["saxpy"]
    x, y = device.array(np.ones(256, np.float32)), device.array(np.zeros(256, np.float32))
    arguments = [x, y, 256, 1.0]
    kernel.launch(1, 256, arguments)
    device.synchronize()
    queue = device.default_stream.queue
    assert isinstance(queue, AqlQueue | Pm4Queue)
    driver.queue = queue
    found = []
    for _ in range(ROUNDS):
        driver.seconds = 0.0
        begun = time.perf_counter()
        if is_batched:
            with device.default_stream.batch():
                for _ in range(LAUNCHES):
                    kernel.launch(1, 256, arguments)
        else:
            for _ in range(LAUNCHES):
                kernel.launch(1, 256, arguments)
        found.append((time.perf_counter() - begun - driver.seconds) / LAUNCHES * 1e6)
    return statistics.median(found)


class Idle:
    """Executes nothing: launches cost the card no time."""

    def note_code(self, loaded: LoadedObject) -> None:
        """Forget it."""

    def run(self, launch: CardLaunch) -> None:
        """Do nothing."""


def measure_native() -> tuple[float, float]:
    """Return the median microseconds of a launch of a native program, by hip.mlr and by kfd.mlr."""
    source = Path(__file__).with_suffix(".mlr")
    with tempfile.TemporaryDirectory(prefix="mlrift-launches-") as folder:
        program, output = Path(folder, "launches"), Path(folder, "output")
        words = [sys.executable, "-m", "mlrift.cli.mlrc", "--target=amdgpu-native", str(source)]
        subprocess.run([*words, "-o", str(program)], check=True, stdout=subprocess.DEVNULL)
        with output.open("wb") as file:
            before = os.dup(1)
            os.dup2(file.fileno(), 1)
            try:
                status = Supervisor(("gfx1100",), Idle()).run(program, [str(program)])
            finally:
                os.dup2(before, 1)
                os.close(before)
        if status != 0:
            raise RuntimeError(f"{source.name} ended with status {status}")
        rows = [[int(word) for word in line.split()] for line in output.read_text().splitlines()]
    by_hip, by_kfd = (statistics.median(column) / 1e3 for column in zip(*rows, strict=True))
    return by_hip, by_kfd


def main() -> None:
    """Measure, print and store the table."""
    rows = []
    for kind in QueueKind:
        alone, together = measure(kind, is_batched=False), measure(kind, is_batched=True)
        rows.append([kind.value, f"{alone:.2f}", f"{together:.2f}"])
    body = table(["queue, from Python", "us a launch", "us a launch in a batch"], rows)
    by_hip, by_kfd = measure_native()
    native = [["hipModuleLaunchKernel", f"{by_hip:.2f}"], ["kfd_dispatch_async", f"{by_kfd:.2f}"]]
    body += "\n" + table(["from a native program", "us a launch"], native)
    print(body)
    write_page("launches", ["python", "-m", "benchmarks.launches"], "", body)


if __name__ == "__main__":
    main()
