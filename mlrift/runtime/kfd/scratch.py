"""Private memory of kernels: backing for as many waves as the card can hold (gpu.md 5.10).

The queue descriptor's fields tell the firmware where it is; on PM4 queues registers do.
"""

import struct

from mlrift.runtime.kfd.errors import LaunchError
from mlrift.runtime.kfd.memory import Allocation, Placement
from mlrift.runtime.kfd.session import Session
from mlrift.runtime.kfd.topology import PAGE, align

_LANES = 32
_TMPRING_PLACE = 0x8C
_DESCRIPTOR_PLACE = 0x90
_BACKING_PLACE = 0xA0
_LANE_BYTES_PLACE = 0xB0
_WAVES_BITS = 12
_GRANULE_GFX10, _SIZE_BITS_GFX10 = 1024, 13
_GRANULE_GFX11, _SIZE_BITS_GFX11 = 256, 15
_GFX11_VERSION = 110000
_SWIZZLE_ENABLE = 1 << 31
_SELECT_XYZW = 4 | 5 << 3 | 6 << 6 | 7 << 9
_FORMAT_32_UINT = 20 << 12
_ADD_THREAD_ID = 1 << 23
_RESOURCE_LEVEL_GFX10 = 1 << 24
_OUT_OF_BOUNDS_RAW = 2 << 28


class Scratch:
    """The backing of one queue. `lane_bytes` is what a lane has now; `ring_size` the register."""

    def __init__(self, session: Session, descriptor: Allocation) -> None:
        self._session = session
        self._descriptor = descriptor
        self._backing: Allocation | None = None
        self.lane_bytes = 0
        self.ring_size = 0

    @property
    def address(self) -> int:
        """Where the backing is; 0 without one."""
        return self._backing.address if self._backing else 0

    def grow(self, lane_bytes: int) -> None:
        """Give every lane at least so many bytes; no kernel may run. Raises LaunchError."""
        node = self._session.node
        is_gfx10 = node.number_of("gfx_target_version") < _GFX11_VERSION
        granule = _GRANULE_GFX10 if is_gfx10 else _GRANULE_GFX11
        bits = _SIZE_BITS_GFX10 if is_gfx10 else _SIZE_BITS_GFX11
        wave_bytes = align(lane_bytes * _LANES, granule)
        if wave_bytes // granule >= 1 << bits:
            raise LaunchError(f"{lane_bytes} bytes of private memory a lane are more than any has")
        self.free()
        size = align(wave_bytes * node.waves, PAGE)
        self._backing = self._session.memory.allocate(size, Placement.DEVICE, "private memory")
        engines = 1 if is_gfx10 else node.shader_engines
        waves = min(node.waves // engines, (1 << _WAVES_BITS) - 1)
        self.ring_size = waves | wave_bytes // granule << _WAVES_BITS
        self.lane_bytes = wave_bytes // _LANES
        self._describe(self._backing, size, is_gfx10)

    def free(self) -> None:
        """Give the backing back."""
        if self._backing is not None:
            self._session.memory.free(self._backing)
        self._backing, self.lane_bytes, self.ring_size = None, 0, 0

    def _describe(self, backing: Allocation, size: int, is_gfx10: bool) -> None:
        """Fill the queue descriptor: ring size, a buffer resource, address and bytes."""
        content = self._descriptor.bytes()
        high = backing.address >> 32 & 0xFFFF | _SWIZZLE_ENABLE
        word3 = _SELECT_XYZW | _FORMAT_32_UINT | _ADD_THREAD_ID | _OUT_OF_BOUNDS_RAW
        if is_gfx10:
            word3 |= _RESOURCE_LEVEL_GFX10
        struct.pack_into("<I", content, _TMPRING_PLACE, self.ring_size)
        low = backing.address & 0xFFFFFFFF
        struct.pack_into("<IIII", content, _DESCRIPTOR_PLACE, low, high, size & 0xFFFFFFFF, word3)
        struct.pack_into("<QQ", content, _BACKING_PLACE, backing.address, size)
        struct.pack_into("<I", content, _LANE_BYTES_PLACE, self.lane_bytes * _LANES // 64)
