"""What selection has to know of a generation: a row each, no questions by name elsewhere."""

from enum import Enum, unique

from mlrift.backends.amdgcn.chips import Generation
from mlrift.values import value


@unique
class Barrier(Enum):
    """How a workgroup meets."""

    ONE = "s_barrier"
    SPLIT = "s_barrier_signal and s_barrier_wait"


@unique
class Coherence(Enum):
    """How caches are made to show what others wrote, and how an access goes past them."""

    GL0_AND_GL1 = "buffer_gl0_inv, buffer_gl1_inv; glc and dlc"
    SCOPES = "global_inv and global_wb; scope"


@unique
class LocalIds(Enum):
    """How the item's index in its workgroup arrives."""

    SEPARATE = "v0, v1, v2"
    PACKED = "bits 9:0, 19:10 and 29:20 of v0"


@unique
class GroupIds(Enum):
    """How the workgroup's index arrives."""

    AFTER_USER_SGPRS = "scalar registers after the user's"
    TRAP_TEMPORARIES = "ttmp9 and ttmp7"


@unique
class Matrices(Enum):
    """The layout of WMMA fragments (gpu.md 4.7)."""

    NONE = "none"
    DUPLICATED = "A and B in 8 registers, both halves alike"
    SPLIT = "A and B in 4 registers, a half of k each"


@unique
class Dot4(Enum):
    """The instruction for four products of signed bytes."""

    SIGNED = "v_dot4_i32_i8"
    BY_MODIFIER = "v_dot4_i32_iu8, signed where neg_lo says so"


@value
class GenerationRules:
    """How selection differs between generations. Offsets of memory instructions are in bytes."""

    generation: Generation
    barrier: Barrier
    coherence: Coherence
    local_ids: LocalIds
    group_ids: GroupIds
    matrices: Matrices
    dot4: Dot4
    global_offsets: range
    scalar_offsets: range
    adds_floats_in_memory: bool
    shift64_scalars: int
    """Scalar sources that a 64-bit vector shift may have."""
    has_short_loads: bool
    """Scalar loads of 8 and 16 bits."""
    has_wide_scalar: bool
    """s_add_nc_u64, s_sub_nc_u64 and s_mul_u64."""


_RULES: dict[Generation, GenerationRules] = {
    Generation.GFX10: GenerationRules(
        Generation.GFX10,
        Barrier.ONE,
        Coherence.GL0_AND_GL1,
        LocalIds.SEPARATE,
        GroupIds.AFTER_USER_SGPRS,
        Matrices.NONE,
        Dot4.SIGNED,
        range(-(1 << 11), 1 << 11),
        range(0, 1 << 20),
        adds_floats_in_memory=False,
        shift64_scalars=1,
        has_short_loads=False,
        has_wide_scalar=False,
    ),
    Generation.GFX11: GenerationRules(
        Generation.GFX11,
        Barrier.ONE,
        Coherence.GL0_AND_GL1,
        LocalIds.PACKED,
        GroupIds.AFTER_USER_SGPRS,
        Matrices.DUPLICATED,
        Dot4.BY_MODIFIER,
        range(-(1 << 12), 1 << 12),
        range(0, 1 << 20),
        adds_floats_in_memory=True,
        shift64_scalars=2,
        has_short_loads=False,
        has_wide_scalar=False,
    ),
    Generation.GFX12: GenerationRules(
        Generation.GFX12,
        Barrier.SPLIT,
        Coherence.SCOPES,
        LocalIds.PACKED,
        GroupIds.TRAP_TEMPORARIES,
        Matrices.SPLIT,
        Dot4.BY_MODIFIER,
        range(-(1 << 23), 1 << 23),
        range(0, 1 << 23),
        adds_floats_in_memory=True,
        shift64_scalars=2,
        has_short_loads=True,
        has_wide_scalar=True,
    ),
}


def rules_of(generation: Generation) -> GenerationRules:
    """Return the row of a generation."""
    return _RULES[generation]
