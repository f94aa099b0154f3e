"""What can go wrong with a device: exceptions that name the call, its arguments and the cause."""

import errno
import os


class KfdError(OSError):
    """A call to the driver failed: `call` and what it was asked, with the usual cause."""

    def __init__(self, number: int, call: str, asked: str, cause: str = "") -> None:
        super().__init__(number, _message(number, call, asked, cause))
        self.call = call


class DeviceError(Exception):
    """The device or a request to it is not as it must be; says what, and what to do."""


class DeviceLost(DeviceError):
    """The device makes no progress or has faulted; nothing more can be launched on it."""


class LaunchError(DeviceError):
    """A launch that the kernel's metadata or the chip's limits forbid; nothing was launched."""


USUAL_CAUSES: dict[tuple[str, int], str] = {
    ("open /dev/kfd", errno.ENOENT): (
        "there is no /dev/kfd: no AMD card, or the amdgpu driver is not loaded (`modprobe amdgpu`)"
    ),
    ("open /dev/kfd", errno.EACCES): (
        "no permission: add yourself to the group that owns the file"
        " (`ls -l /dev/kfd`, mostly `render`) and log in again"
    ),
    ("open render node", errno.ENOENT): (
        "the card's render node is missing; in a container, pass /dev/dri as well"
    ),
    ("open render node", errno.EACCES): (
        "no permission: add yourself to the group `render` (or `video`) and log in again"
    ),
    ("ACQUIRE_VM", errno.EBUSY): "this process has already acquired the device",
    ("ALLOC_MEMORY_OF_GPU", errno.ENOMEM): "the device has not that much memory free",
    ("MAP_MEMORY_TO_GPU", errno.EINVAL): "the address given to ALLOC_MEMORY_OF_GPU was 0",
    ("CREATE_QUEUE", errno.EINVAL): (
        "a size does not fit the topology: ring, end-of-pipe buffer, context save area"
        " or control stack"
    ),
    ("CREATE_QUEUE", errno.ENOMEM): "no queue slots or doorbells are left on the device",
}


def failed(number: int, call: str, asked: str) -> KfdError:
    """Return the exception for a failed call with its usual cause."""
    return KfdError(number, call, asked, USUAL_CAUSES.get((call, number), ""))


def _message(number: int, call: str, asked: str, cause: str) -> str:
    text = f"{call}({asked}) failed: {os.strerror(number)}"
    return f"{text}; {cause}" if cause else text
