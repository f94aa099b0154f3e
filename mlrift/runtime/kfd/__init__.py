"""AMD cards through the kernel driver: a ctypes shim on /dev/kfd that needs no ROCm.

    from mlrift.runtime.kfd import Device
    with Device.open() as device:
        device.load("saxpy.co")["saxpy"].launch(grid=4, block=256, args=[x, y, 1000, 2.0])

Nothing above `driver.py` differs between a card, a recording of one and the emulated device.
"""

from mlrift.runtime.kfd.arrays import DeviceArray
from mlrift.runtime.kfd.device import Device, QueueKind
from mlrift.runtime.kfd.errors import DeviceError, DeviceLost, KfdError, LaunchError
from mlrift.runtime.kfd.memory import Placement

__all__ = [
    "Device",
    "DeviceArray",
    "DeviceError",
    "DeviceLost",
    "KfdError",
    "LaunchError",
    "Placement",
    "QueueKind",
]
