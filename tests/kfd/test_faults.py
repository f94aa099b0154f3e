"""What the driver tells of faults and resets, and what a program says of it."""

import numpy as np
import pytest

from mlrift.runtime.kfd import Device, DeviceLost, abi
from mlrift.runtime.kfd.emulated.card import EmulatedCard
from tests.kfd.cards import code_object, emulated_driver


def opened() -> tuple[Device, EmulatedCard]:
    """Return a device, and its card."""
    driver = emulated_driver("gfx1100")
    device = Device.open(driver=driver)
    (card,) = driver.machine.cards()
    return device, card


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (abi.MemoryExceptionFailure(NotPresent=1), "no page there"),
        (abi.MemoryExceptionFailure(ReadOnly=1), "a store to read-only memory"),
        (abi.MemoryExceptionFailure(NoExecute=1), "code in memory that is not executable"),
        (abi.MemoryExceptionFailure(), "access refused"),
    ],
)
def test_a_fault_says_where_and_why(failure: abi.MemoryExceptionFailure, why: str) -> None:
    device, card = opened()
    array = device.array(np.ones(300, np.float32))
    kernel = device.load(code_object("gfx1100"))["saxpy"]
    first, stream = device.stream(), device.stream()
    first.queue.hold()
    stream.wait_for(first.record())
    kernel.launch(1, 256, [array, array, 300, 1.0], stream=stream)
    card.report_fault(array.address + 1208, failure)
    with pytest.raises(DeviceLost) as found:
        stream.synchronize()
    text = str(found.value)
    assert text.startswith(f"memory fault at 0x{array.address + 1208:x}")
    assert "8 bytes behind array of (300,) float32 (1200 bytes)" in text
    assert text.endswith(why)
    with pytest.raises(DeviceLost, match="nothing can be launched after this: memory fault"):
        kernel.launch(1, 256, [array, array, 300, 1.0], stream=stream)
    device.close()


def test_a_reset_loses_the_device() -> None:
    device, card = opened()
    card.report_reset()
    with pytest.raises(DeviceLost, match=r"the card was reset \(type 0, cause 0\), memory lost"):
        device._session.check_faults()
    assert device.is_lost
    device.close()
