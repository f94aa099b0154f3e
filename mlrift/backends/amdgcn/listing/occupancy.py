"""How many waves of a kernel a SIMD holds at once, and what limits them (gpu.md 4.8)."""

from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.codeobject.model import KernelImage
from mlrift.values import value

_LANES = 32
_SIMDS_OF_WGP = 4
_LDS_GRANULE_BYTES = 512
_GROUPS_OF_WGP = 32
_LARGEST_GROUP = 1024
LIMITED_BY_LDS = "LDS"
ASSUMED_GROUP = 256
"""Work items of a group whose size the kernel does not fix."""


@value
class Occupancy:
    """Waves of 32 work items on a SIMD; `limit` says what would have to be less for more."""

    waves: int
    limit: str
    vector_registers: int
    """As they are allocated: in granules."""


def occupancy_of(kernel: KernelImage, chip: Chip) -> Occupancy:
    """Return the occupancy of a kernel; without a declared size, for groups of ASSUMED_GROUP."""
    granule = chip.vgpr_granule
    allocated = max(-(-kernel.registers_vector // granule), 1) * granule
    by_registers = min(chip.vgprs_per_simd // allocated, chip.waves_per_simd)
    limit = "VGPRs" if by_registers < chip.waves_per_simd else "waves of a SIMD"
    waves = by_registers
    if kernel.lds_bytes:
        lds = -(-kernel.lds_bytes // _LDS_GRANULE_BYTES) * _LDS_GRANULE_BYTES
        groups = min(chip.lds_bytes_per_wgp // lds, _GROUPS_OF_WGP)
        by_lds = groups * waves_of_group(kernel) // _SIMDS_OF_WGP
        if by_lds < waves:
            waves, limit = max(by_lds, 1), LIMITED_BY_LDS
    return Occupancy(waves, limit, allocated)


def waves_of_group(kernel: KernelImage) -> int:
    """Return the waves of a group."""
    x, y, z = kernel.required_group or (ASSUMED_GROUP, 1, 1)
    return -(-min(x * y * z, _LARGEST_GROUP) // _LANES)
