"""Which registers hold something when a wave starts (gpu.md 3.4 and 3.5).

A descriptor and its chip in, a set of dwords out. User registers that only pad the count up to 16
hold nothing.
"""

from mlrift.backends.amdgcn.check.steps import mask_of
from mlrift.backends.amdgcn.chips import Chip, Generation
from mlrift.backends.amdgcn.codeobject.descriptor import Descriptor
from mlrift.backends.amdgcn.isa.registers import EXEC, sgpr, vgpr

_GROUP_INFORMATION = 1 << 10
_TRAP_TEMPORARIES = 108
_TEMPORARY_GROUP_IDS = (7, 9)
"""On gfx12: Y and Z in ttmp7, X in ttmp9."""

_CONSTANT_SOURCES = mask_of(sgpr(235, 4)) | mask_of(sgpr(251, 2))
"""Source codes that read as registers: apertures of LDS and private memory, VCCZ and EXECZ."""


def written_at_start(descriptor: Descriptor, chip: Chip) -> int:
    """Return the dwords that the hardware fills."""
    written = mask_of(EXEC) | _CONSTANT_SOURCES
    for row in descriptor.user_registers():
        written |= mask_of(sgpr(row.first, row.count))
    if chip.generation is Generation.GFX12:
        for number in _TEMPORARY_GROUP_IDS:
            written |= mask_of(sgpr(_TRAP_TEMPORARIES + number))
    else:
        count = _system_registers(descriptor, chip.generation)
        written |= mask_of(sgpr(descriptor.user_sgprs, count)) if count else 0
    vectors = descriptor.local_ids if chip.generation is Generation.GFX10 else 1
    return written | mask_of(vgpr(0, vectors))


def _system_registers(descriptor: Descriptor, generation: Generation) -> int:
    """Return how many registers after the user registers are filled."""
    count = sum(descriptor.group_ids) + bool(descriptor.resources2 & _GROUP_INFORMATION)
    if generation is not Generation.GFX10:
        return count
    sets_flat_scratch = any(row.what == "flat_scratch_init" for row in descriptor.user_registers())
    return count + (descriptor.has_scratch or sets_flat_scratch)
