"""What rows say beside their encoding: accesses, implicit registers, units, effects, sizes."""

import pytest

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import rows_of, rows_of_operation, rows_with_lanes
from mlrift.backends.amdgcn.isa.formats import Encoding
from mlrift.backends.amdgcn.isa.instruction import Access, Effects, OperandKind, Row, Unit
from mlrift.backends.amdgcn.isa.limits import offset_range
from mlrift.backends.amdgcn.isa.registers import EXEC, M0, SCC, VCC, Register

GENERATIONS = list(Generation)
GFX11 = Generation.GFX11


def row(operation: str, encoding: Encoding, generation: Generation = GFX11) -> Row:
    """Return the row of an operation in a format."""
    found = [
        each
        for each in rows_of_operation(operation, generation)
        if each.format.encoding is encoding
    ]
    assert len(found) == 1, (operation, encoding)
    return found[0]


IMPLICIT: list[tuple[str, Encoding, tuple[Register, ...], tuple[Register, ...]]] = [
    ("v_cndmask_b32", Encoding.VOP2, (EXEC, VCC), ()),
    ("v_cndmask_b32", Encoding.VOP3, (EXEC,), ()),
    ("v_add_co_ci_u32", Encoding.VOP2, (EXEC, VCC), (VCC,)),
    ("v_add_co_ci_u32", Encoding.VOP3SD, (EXEC,), ()),
    ("v_cmp_lt_u32", Encoding.VOPC, (EXEC,), (VCC,)),
    ("v_cmp_lt_u32", Encoding.VOP3, (EXEC,), ()),
    ("v_cmpx_lt_u32", Encoding.VOPC, (EXEC,), (EXEC,)),
    ("v_cmpx_lt_u32", Encoding.VOP3, (EXEC,), (EXEC,)),
    ("v_div_fmas_f32", Encoding.VOP3, (EXEC, VCC), ()),
    ("v_readlane_b32", Encoding.VOP3, (), ()),
    ("v_readfirstlane_b32", Encoding.VOP1, (EXEC,), ()),
    ("v_movrels_b32", Encoding.VOP1, (EXEC, M0), ()),
    ("s_addc_u32", Encoding.SOP2, (SCC,), (SCC,)),
    ("s_cselect_b32", Encoding.SOP2, (SCC,), ()),
    ("s_mul_i32", Encoding.SOP2, (), ()),
    ("s_and_b32", Encoding.SOP2, (), (SCC,)),
    ("s_cmp_lt_u32", Encoding.SOPC, (), (SCC,)),
    ("s_and_saveexec_b32", Encoding.SOP1, (EXEC,), (SCC, EXEC)),
    ("s_cbranch_vccz", Encoding.SOPP, (VCC,), ()),
    ("s_cbranch_scc1", Encoding.SOPP, (SCC,), ()),
    ("s_cbranch_execz", Encoding.SOPP, (EXEC,), ()),
    ("s_sendmsg", Encoding.SOPP, (M0,), ()),
    ("ds_load_b32", Encoding.DS, (EXEC,), ()),
    ("ds_append", Encoding.DS, (EXEC, M0), ()),
    ("s_load_b32", Encoding.SMEM, (), ()),
]


@pytest.mark.parametrize("case", IMPLICIT, ids=lambda case: f"{case[0]} {case[1].value}")
def test_registers_that_no_operand_names(
    case: tuple[str, Encoding, tuple[Register, ...], tuple[Register, ...]],
) -> None:
    operation, encoding, reads, writes = case
    found = row(operation, encoding)
    assert set(found.reads) == set(reads)
    assert set(found.writes) == set(writes)


ACCUMULATORS = {
    "v_fmac_f32": ["vdst"],
    "v_writelane_b32": ["vdst"],
    "v_swap_b32": ["vdst", "src0"],
    "v_permlane16_b32": ["vdst"],
    "v_fma_mixlo_f16": ["vdst"],
    "v_dot2acc_f32_f16": ["vdst"],
    "s_cmovk_i32": ["sdst"],
    "s_cmov_b32": ["sdst"],
    "s_addk_i32": ["sdst"],
    "s_bitset1_b32": ["sdst"],
    "ds_load_u16_d16_hi": ["vdst"],
    "global_load_d16_b16": ["vdst"],
    "v_dual_fmac_f32 :: v_dual_add_f32": ["vdstx"],
}


@pytest.mark.parametrize("operation", ACCUMULATORS)
def test_operands_that_are_read_and_written(operation: str) -> None:
    for found in rows_of_operation(operation, GFX11):
        both = [spec.field for spec in found.operands if spec.access is Access.BOTH]
        assert both == ACCUMULATORS[operation]


EFFECTS: list[tuple[str, Unit, Effects, int]] = [
    ("global_load_b128", Unit.GLOBAL, Effects.LOADS, 16),
    ("global_store_b16", Unit.GLOBAL, Effects.STORES, 2),
    ("flat_load_u8", Unit.FLAT, Effects.LOADS, 1),
    ("scratch_store_b64", Unit.SCRATCH, Effects.STORES, 8),
    ("global_atomic_add_u32", Unit.GLOBAL, Effects.ATOMIC | Effects.LOADS | Effects.STORES, 4),
    (
        "global_atomic_cmpswap_b64_rtn",
        Unit.GLOBAL,
        Effects.ATOMIC | Effects.LOADS | Effects.STORES | Effects.RETURNS,
        8,
    ),
    ("ds_load_2addr_b64", Unit.LDS, Effects.LOADS, 16),
    ("ds_bpermute_b32", Unit.LDS, Effects.NONE, 0),
    ("ds_add_rtn_u32", Unit.LDS, Effects.RETURNS, 4),
    ("s_load_b256", Unit.SMEM, Effects.LOADS | Effects.IGNORES_EXEC, 32),
    ("s_dcache_inv", Unit.CACHE, Effects.IGNORES_EXEC, 0),
    ("buffer_gl0_inv", Unit.CACHE, Effects.IGNORES_EXEC, 0),
    ("v_exp_f32", Unit.TRANSCENDENTAL, Effects.NONE, 0),
    ("v_rcp_iflag_f32", Unit.TRANSCENDENTAL, Effects.NONE, 0),
    ("v_wmma_f32_16x16x16_f16", Unit.MATRIX, Effects.NONE, 0),
    ("s_barrier", Unit.BARRIER, Effects.IGNORES_EXEC, 0),
    ("s_waitcnt_vscnt", Unit.WAIT, Effects.IGNORES_EXEC, 0),
    ("s_endpgm", Unit.END, Effects.TERMINATES, 0),
    ("s_branch", Unit.BRANCH, Effects.TERMINATES, 0),
    ("s_cbranch_scc0", Unit.BRANCH, Effects.CONDITIONAL, 0),
    ("s_and_saveexec_b32", Unit.SALU, Effects.WRITES_EXEC, 0),
    ("v_cmpx_lt_f32", Unit.VALU, Effects.WRITES_EXEC, 0),
    ("s_nop", Unit.MESSAGE, Effects.IGNORES_EXEC, 0),
    ("s_delay_alu", Unit.MESSAGE, Effects.IGNORES_EXEC, 0),
]


@pytest.mark.parametrize("case", EFFECTS, ids=lambda case: case[0])
def test_units_effects_and_sizes(case: tuple[str, Unit, Effects, int]) -> None:
    operation, unit, effects, size = case
    for found in rows_of_operation(operation, GFX11):
        assert found.unit is unit
        assert effects in found.effects or effects is Effects.NONE
        assert found.access_bytes == size


@pytest.mark.parametrize("generation", GENERATIONS)
def test_memory_rows_move_bytes_and_others_do_not(generation: Generation) -> None:
    touching = Effects.LOADS | Effects.STORES
    for found in rows_of(generation):
        assert bool(found.access_bytes) == bool(found.effects & touching), found.name


@pytest.mark.parametrize("generation", GENERATIONS)
def test_only_scalar_units_and_exceptions_ignore_exec(generation: Generation) -> None:
    scalar = {Unit.SALU, Unit.SMEM, Unit.BRANCH, Unit.WAIT, Unit.BARRIER, Unit.MESSAGE, Unit.END}
    for found in rows_of(generation):
        ignores = Effects.IGNORES_EXEC in found.effects
        if found.unit in scalar | {Unit.CACHE}:
            assert ignores, found.name
        elif not found.name.startswith(("v_readlane", "v_writelane", "v_s_", "v_nop")):
            assert not ignores and EXEC in found.reads, found.name


@pytest.mark.parametrize("generation", GENERATIONS)
def test_targets_come_first_and_are_written(generation: Generation) -> None:
    targets = (OperandKind.SGPR_TARGET, OperandKind.MASK_TARGET)
    for base in rows_of(generation):
        for found in (base, *rows_with_lanes(base, generation)):
            for spec in found.operands:
                if spec.kind in targets or spec.field in ("vdst", "vdstx", "vdsty"):
                    assert spec.access is not Access.READ, found.name
                elif spec.field != "vdata" and not found.name.startswith("v_swap"):
                    assert spec.access is Access.READ, found.name


def test_the_same_operation_has_different_names() -> None:
    names = {
        generation: rows_of_operation("v_max_f32", generation)[0].name for generation in GENERATIONS
    }
    assert names[Generation.GFX10] == names[GFX11] == "v_max_f32"
    assert names[Generation.GFX12] == "v_max_num_f32"
    assert rows_of_operation("ds_load_b32", Generation.GFX10)[0].name == "ds_read_b32"
    assert rows_of_operation("s_add_u32", Generation.GFX12)[0].name == "s_add_co_u32"


RANGES = {
    ("global_load_b32", Generation.GFX10): range(-2048, 2048),
    ("global_load_b32", Generation.GFX11): range(-4096, 4096),
    ("global_load_b32", Generation.GFX12): range(-(1 << 23), 1 << 23),
    ("flat_load_b32", Generation.GFX10): range(2048),
    ("flat_load_b32", Generation.GFX11): range(4096),
    ("scratch_load_b32", Generation.GFX11): range(-4096, 4096),
    ("ds_load_b32", Generation.GFX11): range(65536),
    ("s_load_b32", Generation.GFX10): range(-(1 << 20), 1 << 20),
    ("s_load_b32", Generation.GFX12): range(-(1 << 23), 1 << 23),
    ("ds_load_2addr_b32", Generation.GFX11): range(0),
    ("v_add_f32", Generation.GFX11): range(0),
}


@pytest.mark.parametrize("case", RANGES, ids=lambda case: f"{case[0]} {case[1].value}")
def test_offsets_that_an_instruction_can_add(case: tuple[str, Generation]) -> None:
    operation, generation = case
    assert offset_range(rows_of_operation(operation, generation)[0]) == RANGES[case]
