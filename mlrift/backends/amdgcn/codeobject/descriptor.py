"""Kernel descriptors: the 64 bytes by which a loader starts a kernel (gpu.md 3.4).

A kernel image and its chip in, a `Descriptor` out, and between a descriptor and its bytes. What
the bits of the three resource words and of the properties mean is known here only.
"""

import struct

from mlrift.backends.amdgcn.chips import Chip, Generation
from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.backends.amdgcn.codeobject.model import KernelImage
from mlrift.values import value

DESCRIPTOR_BYTES = 64
_LAYOUT = struct.Struct("<IIIIq20xIIIHH4x")

_VGPR_GRANULE_WAVE32 = 8
_VGPR_GRANULE_WAVE64 = 4
_DENORMALS_KEPT = 0xF << 16
_DX10_CLAMP = 1 << 21
_IEEE_MODE = 1 << 23
_WGP_MODE = 1 << 29
_MEMORY_ORDERED = 1 << 30
_FORWARD_PROGRESS = 1 << 31
_MODES = {
    Generation.GFX10: _DX10_CLAMP | _IEEE_MODE,
    Generation.GFX11: _DX10_CLAMP | _IEEE_MODE,
    Generation.GFX12: 0,
}
_PREFETCH_LINE_BYTES = 128
_PREFETCH_SHIFT = 4
_PREFETCH_BITS = {Generation.GFX10: 0, Generation.GFX11: 6, Generation.GFX12: 8}

_KERNARG_POINTER = 1 << 3
_FLAT_SCRATCH_INIT = 1 << 5
_WAVE32 = 1 << 10
_DYNAMIC_STACK = 1 << 11
# What each property delivers, in the order of the registers: bit, name, dwords.
_USER_DATA = (
    (0, "private_segment_buffer", 4),
    (1, "dispatch_packet", 2),
    (2, "queue", 2),
    (3, "kernarg", 2),
    (4, "dispatch_id", 2),
    (5, "flat_scratch_init", 2),
    (6, "private_segment_size", 1),
)


@value
class UserRegisters:
    """Scalar registers that hold something when a wave starts: s[first : first + count]."""

    what: str
    first: int
    count: int


@value
class Descriptor:
    """A kernel descriptor; `entry_offset` counts from the descriptor to the code, in bytes."""

    lds_bytes: int
    scratch_bytes: int
    kernarg_bytes: int
    entry_offset: int
    resources1: int
    resources2: int
    resources3: int
    properties: int
    preloaded_dwords: int = 0

    @property
    def is_wave32(self) -> bool:
        """Whether waves have 32 lanes (else 64)."""
        return bool(self.properties & _WAVE32)

    @property
    def has_dynamic_stack(self) -> bool:
        """Whether the private memory a lane needs is not known."""
        return bool(self.properties & _DYNAMIC_STACK)

    @property
    def vector_registers(self) -> int:
        """How many vector registers a lane of a wave may use."""
        granule = _VGPR_GRANULE_WAVE32 if self.is_wave32 else _VGPR_GRANULE_WAVE64
        return ((self.resources1 & 0x3F) + 1) * granule

    @property
    def has_scratch(self) -> bool:
        """Whether the wave gets private memory."""
        return bool(self.resources2 & 1)

    @property
    def user_sgprs(self) -> int:
        """How many user registers come before the group ids."""
        return self.resources2 >> 1 & 0x1F

    @property
    def group_ids(self) -> tuple[bool, bool, bool]:
        """Which axes of the group id are delivered."""
        bits = self.resources2 >> 7
        return bool(bits & 1), bool(bits & 2), bool(bits & 4)

    @property
    def local_ids(self) -> int:
        """How many axes of the local id are delivered: 1 to 3."""
        return (self.resources2 >> 11 & 3) + 1

    @property
    def keeps_denormals_f32(self) -> bool:
        """Whether f32 arithmetic takes and gives denormal numbers."""
        return self.resources1 >> 16 & 3 == 3

    @property
    def keeps_denormals_f64(self) -> bool:
        """Whether f16 and f64 arithmetic takes and gives denormal numbers."""
        return self.resources1 >> 18 & 3 == 3

    def user_registers(self) -> tuple[UserRegisters, ...]:
        """Return what the first scalar registers hold, in their order."""
        first = 0
        found: list[UserRegisters] = []
        for bit, what, count in _USER_DATA:
            if self.properties >> bit & 1:
                found.append(UserRegisters(what, first, count))
                first += count
        return tuple(found)


def describe(kernel: KernelImage, chip: Chip, entry_offset: int) -> Descriptor:
    """Return the descriptor of a kernel whose code begins `entry_offset` bytes after it."""
    generation = chip.generation
    granules = max(kernel.registers_vector + _VGPR_GRANULE_WAVE32 - 1, 1) // _VGPR_GRANULE_WAVE32
    fixed = _DENORMALS_KEPT | _WGP_MODE | _MEMORY_ORDERED | _FORWARD_PROGRESS
    properties = _WAVE32
    if kernel.kernarg_bytes:
        properties |= _KERNARG_POINTER
    if kernel.scratch_bytes and generation is Generation.GFX10:
        properties |= _FLAT_SCRATCH_INIT
    return Descriptor(
        lds_bytes=kernel.lds_bytes,
        scratch_bytes=kernel.scratch_bytes,
        kernarg_bytes=kernel.kernarg_bytes,
        entry_offset=entry_offset,
        resources1=max(granules - 1, 0) | fixed | _MODES[generation],
        resources2=_resources2(kernel),
        resources3=_resources3(kernel, generation),
        properties=properties,
    )


def _resources2(kernel: KernelImage) -> int:
    word = int(kernel.scratch_bytes > 0) | kernel.user_sgprs << 1 | (kernel.local_ids - 1) << 11
    for axis, is_wanted in enumerate(kernel.group_ids):
        word |= int(is_wanted) << 7 + axis
    return word


def _resources3(kernel: KernelImage, generation: Generation) -> int:
    """Return how much code to fetch ahead, in lines of the instruction cache."""
    bits = _PREFETCH_BITS[generation]
    lines = (len(kernel.code) + _PREFETCH_LINE_BYTES - 1) // _PREFETCH_LINE_BYTES
    return min(lines, (1 << bits) - 1) << _PREFETCH_SHIFT


def pack(descriptor: Descriptor) -> bytes:
    """Return the 64 bytes."""
    return _LAYOUT.pack(
        descriptor.lds_bytes,
        descriptor.scratch_bytes,
        descriptor.kernarg_bytes,
        0,
        descriptor.entry_offset,
        descriptor.resources3,
        descriptor.resources1,
        descriptor.resources2,
        descriptor.properties,
        descriptor.preloaded_dwords,
    )


def unpack(data: bytes, where: str) -> Descriptor:
    """Return what 64 bytes say; raises CodeObjectError when there are fewer."""
    if len(data) < DESCRIPTOR_BYTES:
        raise CodeObjectError(f"{len(data)} bytes, but a kernel descriptor has 64", where)
    row = _LAYOUT.unpack_from(data)
    lds, scratch, kernarg, _, entry, third, first, second, properties, preloaded = row
    return Descriptor(lds, scratch, kernarg, entry, first, second, third, properties, preloaded)
