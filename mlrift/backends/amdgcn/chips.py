"""The chips we compile for: machine number, generation, and what bounds occupancy.

Sources: gpu.md 3.2 (numbers as clang 22 writes them) and 4.8.
"""

from enum import Enum, unique

from mlrift.values import value


@unique
class Generation(Enum):
    """An instruction set: gfx10.3 (RDNA 2), gfx11 (RDNA 3), gfx12 (RDNA 4)."""

    GFX10 = "gfx10"
    GFX11 = "gfx11"
    GFX12 = "gfx12"


@value
class Chip:
    """One gfx name. Registers are dwords a lane of a SIMD in wave32; LDS is bytes.

    `pads_user_sgprs`: fewer than 16 initialised scalar registers fail to be set (gpu.md 3.5).
    """

    name: str
    generation: Generation
    machine: int
    vgprs_per_simd: int
    vgpr_granule: int
    waves_per_simd: int
    lds_bytes_per_group: int
    lds_bytes_per_wgp: int
    pads_user_sgprs: bool


def _rdna2(name: str, machine: int) -> Chip:
    return Chip(name, Generation.GFX10, machine, 1024, 16, 16, 65536, 131072, False)


def _rdna3(name: str, machine: int, registers: int, granule: int, pads: bool) -> Chip:
    return Chip(name, Generation.GFX11, machine, registers, granule, 16, 65536, 131072, pads)


def _rdna4(name: str, machine: int) -> Chip:
    return Chip(name, Generation.GFX12, machine, 1536, 24, 16, 65536, 131072, False)


CHIPS: tuple[Chip, ...] = (
    _rdna2("gfx1030", 0x36),
    _rdna2("gfx1031", 0x37),
    _rdna2("gfx1032", 0x38),
    _rdna2("gfx1033", 0x39),
    _rdna2("gfx1034", 0x3E),
    _rdna2("gfx1035", 0x3D),
    _rdna2("gfx1036", 0x45),
    _rdna3("gfx1100", 0x41, 1536, 24, pads=True),
    _rdna3("gfx1101", 0x46, 1536, 24, pads=True),
    _rdna3("gfx1102", 0x47, 1024, 16, pads=True),
    _rdna3("gfx1103", 0x44, 1024, 16, pads=True),
    _rdna3("gfx1150", 0x43, 1024, 16, pads=False),
    _rdna3("gfx1151", 0x4A, 1536, 24, pads=False),
    _rdna4("gfx1200", 0x48),
    _rdna4("gfx1201", 0x4E),
)

DEFAULT_CHIP = "gfx1100"


def chip_named(name: str) -> Chip | None:
    """Return the chip of a gfx name, or None when we have no row for it."""
    for row in CHIPS:
        if row.name == name:
            return row
    return None


def chip_of_machine(machine: int) -> Chip | None:
    """Return the chip of an ELF machine number, or None."""
    for row in CHIPS:
        if row.machine == machine:
            return row
    return None
