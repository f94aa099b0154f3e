"""The shortest form of an operation, and text that is easy to get wrong."""

import pytest

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import (
    encode,
    instruction_of,
    parse,
    print_instruction,
    select_row,
)
from mlrift.backends.amdgcn.isa.formats import Encoding
from mlrift.backends.amdgcn.isa.instruction import Inline, Literal, Operand
from mlrift.backends.amdgcn.isa.packed_numbers import depctr, waitcnt
from mlrift.backends.amdgcn.isa.registers import NULL, VCC, sgpr, vgpr

GFX10, GFX11, GFX12 = Generation.GFX10, Generation.GFX11, Generation.GFX12

CHOICES: list[tuple[str, tuple[Operand, ...], dict[str, int], str]] = [
    ("v_add_f32", (vgpr(1), vgpr(2), vgpr(3)), {}, "v_add_f32_e32 v1, v2, v3"),
    ("v_add_f32", (vgpr(1), vgpr(2), sgpr(3)), {}, "v_add_f32_e32 v1, s3, v2"),
    ("v_sub_f32", (vgpr(1), vgpr(2), sgpr(3)), {}, "v_subrev_f32_e32 v1, s3, v2"),
    ("v_add_f32", (vgpr(1), sgpr(3), sgpr(4)), {}, "v_add_f32_e64 v1, s3, s4"),
    ("v_add_f32", (vgpr(1), vgpr(2), vgpr(3)), {"neg": 2}, "v_add_f32_e64 v1, v2, -v3"),
    ("v_ldexp_f16", (vgpr(200), vgpr(2), vgpr(3)), {}, "v_ldexp_f16_e64 v200.l, v2.l, v3.l"),
    ("v_cmp_lt_u32", (VCC, vgpr(2), sgpr(3)), {}, "v_cmp_gt_u32_e32 vcc_lo, s3, v2"),
    ("v_cmp_lt_u32", (sgpr(8), vgpr(2), sgpr(3)), {}, "v_cmp_lt_u32_e64 s8, v2, s3"),
    ("v_cmp_class_f32", (VCC, vgpr(2), Inline(3)), {}, "v_cmp_class_f32_e64 vcc_lo, v2, 3"),
    (
        "v_add_co_ci_u32",
        (vgpr(1), VCC, vgpr(2), sgpr(3), VCC),
        {},
        "v_add_co_ci_u32_e32 v1, vcc_lo, s3, v2, vcc_lo",
    ),
    (
        "v_sub_co_ci_u32",
        (vgpr(1), VCC, vgpr(2), vgpr(3), sgpr(4)),
        {},
        "v_sub_co_ci_u32_e64 v1, vcc_lo, v2, v3, s4",
    ),
    (
        "v_mov_b32",
        (vgpr(1), vgpr(2)),
        {"dpp_ctrl": 0x111, "bound_ctrl": 1},
        "v_mov_b32_dpp v1, v2 row_shr:1 row_mask:0xf bank_mask:0xf bound_ctrl:1",
    ),
    ("v_mov_b32", (vgpr(1), Literal(0x3F800000)), {}, "v_mov_b32_e32 v1, lit(0x3f800000)"),
    (
        "s_load_b64",
        (sgpr(2, 2), sgpr(4, 2), NULL),
        {"offset": -8},
        "s_load_b64 s[2:3], s[4:5], -0x8",
    ),
]


@pytest.mark.parametrize("case", CHOICES, ids=lambda case: case[3])
def test_the_shortest_form_is_chosen(
    case: tuple[str, tuple[Operand, ...], dict[str, int], str],
) -> None:
    operation, operands, modifiers, text = case
    chosen = instruction_of(operation, operands, modifiers, GFX11)
    assert print_instruction(chosen, GFX11) == text
    assert parse(text, GFX11).row is chosen.row
    assert encode(parse(text, GFX11), GFX11) == encode(chosen, GFX11)


def test_gfx12_has_short_forms_of_doubles() -> None:
    operands = (vgpr(0, 2), vgpr(2, 2), vgpr(4, 2))
    encodings = [
        select_row("v_add_f64", operands, {}, generation).format.encoding
        for generation in (GFX10, GFX11, GFX12)
    ]
    assert encodings == [Encoding.VOP3, Encoding.VOP3, Encoding.VOP2]


TEXTS = [
    (GFX10, "s_waitcnt vmcnt(0)", "703f8cbf"),
    (GFX11, "s_waitcnt vmcnt(0)", "f70389bf"),
    (GFX11, "s_waitcnt vmcnt(0) lgkmcnt(0)", "070089bf"),
    (GFX11, "s_waitcnt_vscnt null, 0", "00007cbc"),
    (GFX12, "s_wait_loadcnt_dscnt 0x0", "0000c8bf"),
    (GFX11, "s_waitcnt_depctr depctr_va_vdst(0)", "9f0f88bf"),
    (GFX12, "s_wait_alu depctr_va_vcc(0) depctr_sa_sdst(0)", "9cff88bf"),
    (
        GFX11,
        "s_delay_alu instid0(VALU_DEP_1) | instskip(NEXT) | instid1(TRANS32_DEP_1)",
        "910287bf",
    ),
    (GFX11, "s_getreg_b32 s4, hwreg(HW_REG_MODE, 0, 4)", "011884b8"),
    (GFX11, "s_sendmsg sendmsg(MSG_DEALLOC_VGPRS)", "0300b6bf"),
    (GFX11, "s_branch -3", "fdffa0bf"),
    (GFX11, "s_branch 65533", "fdffa0bf"),
    (GFX12, "s_barrier_signal -1", "c14e80be"),
    (GFX11, "global_load_b32 v1, v[2:3], off", "000052dc02007c01"),
    (GFX12, "global_load_b32 v1, v2, s[4:5] offset:16 scope:SCOPE_DEV", "040005ee0100080002100000"),
    (
        GFX12,
        "global_atomic_add_u32 v1, v2, v3, s[4:5] th:TH_ATOMIC_RETURN",
        "04400dee0100900102000000",
    ),
    (GFX11, "v_fma_f32 v1, -v2, |v3|, -|v4| clamp mul:4", "018613d60207 12b4".replace(" ", "")),
]


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case[1])
def test_text_means_these_bytes(case: tuple[Generation, str, str]) -> None:
    generation, text, code = case
    assert encode(parse(text, generation), generation).hex() == code


def test_numbers_of_waits() -> None:
    assert waitcnt(GFX10, vmcnt=0) == 0x3F70
    assert waitcnt(GFX11, vmcnt=0, lgkmcnt=0) == 0x0007
    assert depctr(va_vdst=0) == 0x0F9F
    assert depctr(va_vcc=0) == 0xFF9D
