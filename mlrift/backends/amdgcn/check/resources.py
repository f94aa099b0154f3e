"""Rule `object.descriptor`: what a descriptor asks for exists and agrees with the metadata."""

from collections.abc import Iterator

from mlrift.backends.amdgcn.chips import Chip, Generation
from mlrift.backends.amdgcn.codeobject.descriptor import Descriptor
from mlrift.backends.amdgcn.codeobject.model import KernelImage
from mlrift.backends.amdgcn.isa.registers import GENERAL_VGPRS

_MOST_USER_REGISTERS = 16
_FEWEST_INITIALISED = 16
_NEEDS_SIXTEEN = ("gfx1100", "gfx1102")
"""gpu.md 3.5; we pad for their sisters, too, clang does not."""
_RESERVED_SCALAR_GRANULES = 0xF << 6
_OLD_PROPERTIES = {0: "a private segment buffer", 5: "flat scratch"}
"""Bits of properties that gfx11 and later do not have."""


def check_resources(kernel: KernelImage, descriptor: Descriptor, chip: Chip) -> Iterator[str]:
    """Yield what is wrong with a kernel's descriptor."""
    if not descriptor.is_wave32:
        yield "waves of 64 lanes are not checked"
        return
    if descriptor.lds_bytes > chip.lds_bytes_per_group:
        yield f"{descriptor.lds_bytes} bytes of LDS, but a group has {chip.lds_bytes_per_group}"
    if descriptor.vector_registers > GENERAL_VGPRS:
        yield f"{descriptor.vector_registers} vector registers, but there are {GENERAL_VGPRS}"
    if kernel.registers_vector > descriptor.vector_registers:
        yield (
            f"the metadata says {kernel.registers_vector} vector registers, "
            f"the descriptor allocates {descriptor.vector_registers}"
        )
    if descriptor.resources1 & _RESERVED_SCALAR_GRANULES:
        yield "the scalar register granules of rsrc1 have to be 0"
    yield from _user_registers(descriptor, chip)
    needed = max((row.offset + row.size for row in kernel.arguments), default=0)
    if needed > kernel.kernarg_bytes:
        yield f"arguments end at byte {needed} of a kernarg segment of {kernel.kernarg_bytes}"


def _user_registers(descriptor: Descriptor, chip: Chip) -> Iterator[str]:
    filled = (
        sum(row.count for row in descriptor.user_registers()) + descriptor.preloaded_dwords % 128
    )
    count = descriptor.user_sgprs
    if filled > count:
        yield f"the properties fill {filled} user registers, but rsrc2 has {count}"
    if count > _MOST_USER_REGISTERS:
        yield f"{count} user registers, but there are {_MOST_USER_REGISTERS}"
    system = sum(descriptor.group_ids)
    if chip.name in _NEEDS_SIXTEEN and count + system < _FEWEST_INITIALISED:
        yield (
            f"{count} user registers and {system} group ids: {chip.name} fails to set them "
            f"when there are fewer than {_FEWEST_INITIALISED}"
        )
    if chip.generation is not Generation.GFX10:
        for bit, name in _OLD_PROPERTIES.items():
            if descriptor.properties >> bit & 1:
                yield f"the properties ask for {name}, which {chip.name} does not have"
