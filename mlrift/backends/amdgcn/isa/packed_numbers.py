"""Numbers of one instruction word that hold several: counters to wait for, delays, registers.

Each kind has its parts as rows (name, lowest bit, width, by generation where that differs). A part
that is all ones means "do not wait".
"""

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.fields import Field, Piece


def _part(name: str, *pieces: tuple[int, int, int]) -> Field:
    return Field(
        name, tuple(Piece(*piece) for piece in pieces), sum(width for _, width, _ in pieces)
    )


WAIT_COUNTS = {
    Generation.GFX10: (
        _part("vmcnt", (0, 4, 0), (14, 2, 4)),
        _part("expcnt", (4, 3, 0)),
        _part("lgkmcnt", (8, 6, 0)),
    ),
    Generation.GFX11: (
        _part("vmcnt", (10, 6, 0)),
        _part("expcnt", (0, 3, 0)),
        _part("lgkmcnt", (4, 6, 0)),
    ),
}
"""The parts of s_waitcnt."""

DEPENDENCY_COUNTS = (
    _part("depctr_hold_cnt", (7, 1, 0)),
    _part("depctr_sa_sdst", (0, 1, 0)),
    _part("depctr_va_vdst", (12, 4, 0)),
    _part("depctr_va_sdst", (9, 3, 0)),
    _part("depctr_va_ssrc", (8, 1, 0)),
    _part("depctr_va_vcc", (1, 1, 0)),
    _part("depctr_vm_vsrc", (2, 3, 0)),
)
"""The parts of s_waitcnt_depctr and s_wait_alu."""

DEPENDENCY_DEFAULT = 0xFF9F
"""All parts say "do not wait", the bits of none are 0."""

DELAY_FIRST = _part("instid0", (0, 4, 0))
DELAY_SKIP = _part("instskip", (4, 3, 0))
DELAY_SECOND = _part("instid1", (7, 4, 0))
DELAYS = (
    "NO_DEP",
    "VALU_DEP_1",
    "VALU_DEP_2",
    "VALU_DEP_3",
    "VALU_DEP_4",
    "TRANS32_DEP_1",
    "TRANS32_DEP_2",
    "TRANS32_DEP_3",
    "FMA_ACCUM_CYCLE_1",
    "SALU_CYCLE_1",
    "SALU_CYCLE_2",
    "SALU_CYCLE_3",
)
SKIPS = ("SAME", "NEXT", "SKIP_1", "SKIP_2", "SKIP_3", "SKIP_4")

HARDWARE_REGISTER = (
    _part("id", (0, 6, 0)),
    _part("offset", (6, 5, 0)),
    _part("size less one", (11, 5, 0)),
)
_COMMON_REGISTERS = {
    "HW_REG_MODE": 1,
    "HW_REG_STATUS": 2,
    "HW_REG_TRAPSTS": 3,
    "HW_REG_GPR_ALLOC": 5,
    "HW_REG_LDS_ALLOC": 6,
    "HW_REG_IB_STS": 7,
    "HW_REG_SH_MEM_BASES": 15,
    "HW_REG_FLAT_SCR_LO": 20,
    "HW_REG_FLAT_SCR_HI": 21,
    "HW_REG_HW_ID1": 23,
    "HW_REG_HW_ID2": 24,
    "HW_REG_SHADER_CYCLES": 29,
}
HARDWARE_REGISTER_NAMES = {
    Generation.GFX10: _COMMON_REGISTERS,
    Generation.GFX11: _COMMON_REGISTERS,
    Generation.GFX12: {
        "HW_REG_WAVE_MODE": 1,
        "HW_REG_WAVE_STATUS": 2,
        "HW_REG_WAVE_STATE_PRIV": 4,
        "HW_REG_WAVE_GPR_ALLOC": 5,
        "HW_REG_WAVE_LDS_ALLOC": 6,
        "HW_REG_IB_STS": 7,
        "HW_REG_WAVE_EXCP_FLAG_PRIV": 17,
        "HW_REG_WAVE_EXCP_FLAG_USER": 18,
        "HW_REG_WAVE_TRAP_CTRL": 19,
        "HW_REG_WAVE_SCRATCH_BASE_LO": 20,
        "HW_REG_WAVE_SCRATCH_BASE_HI": 21,
        "HW_REG_WAVE_HW_ID1": 23,
        "HW_REG_WAVE_HW_ID2": 24,
        "HW_REG_WAVE_SCHED_MODE": 26,
        "HW_REG_SHADER_CYCLES_LO": 29,
        "HW_REG_SHADER_CYCLES_HI": 30,
    },
}
MESSAGE_NAMES = {"MSG_INTERRUPT": 1, "MSG_DEALLOC_VGPRS": 3}


def pack(parts: tuple[Field, ...], numbers: dict[str, int], default: int) -> int:
    """Return a number with the given parts, the others from the default."""
    packed = default
    for part in parts:
        if part.name in numbers:
            packed = packed & ~part.mask | part.insert(numbers[part.name])
    return packed


def wait_default(generation: Generation) -> int:
    """Return the number of s_waitcnt that waits for nothing."""
    return sum(part.mask for part in WAIT_COUNTS[generation])


def waitcnt(generation: Generation, **counts: int) -> int:
    """Return the number of s_waitcnt that waits until counters (`vmcnt`, ...) are that low."""
    return pack(WAIT_COUNTS[generation], counts, wait_default(generation))


def depctr(**counts: int) -> int:
    """Return the number of s_waitcnt_depctr (s_wait_alu): `va_vdst`, `va_vcc`, `sa_sdst`, ..."""
    numbers = {f"depctr_{name}": count for name, count in counts.items()}
    return pack(DEPENDENCY_COUNTS, numbers, DEPENDENCY_DEFAULT)
