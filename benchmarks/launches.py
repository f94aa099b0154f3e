"""What a launch costs the host: `python -m benchmarks.launches`.

The shim runs on an emulated card whose doorbell completes everything at once, so that what is
timed is packing arguments, writing the packet and ringing; the doorbell's own cost, which is the
stand-in's, is measured apart and taken off. Medians of 200 rounds of 200 launches.
"""

import ctypes
import statistics
import time

import numpy as np

from benchmarks.result_page import table, write_page
from mlrift.runtime.kfd import Device, QueueKind
from mlrift.runtime.kfd.aql import AqlQueue
from mlrift.runtime.kfd.emulated.driver import EmulatedDriver
from mlrift.runtime.kfd.emulated.emulator_executor import EmulatorExecutor
from mlrift.runtime.kfd.pm4 import Pm4Queue
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


def main() -> None:
    """Measure, print and store the table."""
    rows = []
    for kind in QueueKind:
        alone, together = measure(kind, is_batched=False), measure(kind, is_batched=True)
        rows.append([kind.value, f"{alone:.2f}", f"{together:.2f}"])
    body = table(["queue", "us a launch", "us a launch in a batch"], rows)
    print(body)
    write_page("launches", ["python", "-m", "benchmarks.launches"], "", body)


if __name__ == "__main__":
    main()
