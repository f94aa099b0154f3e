"""The hazard rules beside LLVM's own passes: both must find the same random code wrong."""

import random

import pytest

from tests.support.checked_text import rules_of
from tests.support.machine_ir import Form, Shape, output_of_pass, text_of

_CASES = 150
_SCALARS: list[Form] = [
    form
    for number in (0, 1, 2)
    for form in (
        (f"$vgpr0 = V_MOV_B32_e32 $sgpr{number}, implicit $exec", f"v_mov_b32 v0, s{number}"),
        (f"$sgpr{number} = S_MOV_B32 0", f"s_mov_b32 s{number}, 0"),
        (f"$sgpr20 = S_MOV_B32 $sgpr{number}", f"s_mov_b32 s20, s{number}"),
        (
            f"$sgpr{number} = V_CMP_EQ_U32_e64 $vgpr0, $vgpr1, implicit $exec",
            f"v_cmp_eq_u32 s{number}, v0, v1",
        ),
    )
]
_SCALARS += [
    (
        "V_CMP_EQ_U32_e32 $vgpr0, $vgpr1, implicit-def $vcc, implicit $exec",
        "v_cmp_eq_u32 vcc_lo, v0, v1",
    ),
    (
        "$vgpr2 = V_CNDMASK_B32_e32 $vgpr0, $vgpr1, implicit $vcc, implicit $exec",
        "v_cndmask_b32 v2, v0, v1, vcc_lo",
    ),
    ("$vcc_lo = S_MOV_B32 0", "s_mov_b32 vcc_lo, 0"),
    ("$sgpr40 = S_LOAD_DWORD_IMM $sgpr42_sgpr43, 0, 0", "s_load_b32 s40, s[42:43], 0x0"),
]
_TRANSCENDENTALS: list[Form] = [
    ("$vgpr1 = V_EXP_F32_e32 $vgpr0, implicit $mode, implicit $exec", "v_exp_f32 v1, v0"),
    ("$vgpr4 = V_RCP_F32_e32 $vgpr0, implicit $mode, implicit $exec", "v_rcp_f32 v4, v0"),
    (
        "$vgpr2 = V_ADD_F32_e32 $vgpr1, $vgpr3, implicit $mode, implicit $exec",
        "v_add_f32 v2, v1, v3",
    ),
    ("$vgpr9 = V_MOV_B32_e32 0, implicit $exec", "v_mov_b32 v9, 0"),
    ("$vgpr8 = V_MOV_B32_e32 1, implicit $exec", "v_mov_b32 v8, 1"),
    ("$sgpr9 = S_MOV_B32 0", "s_mov_b32 s9, 0"),
    (
        "GLOBAL_STORE_DWORD $vgpr4_vgpr5, $vgpr6, 0, 0, implicit $exec",
        "global_store_b32 v[4:5], v6, off",
    ),
]

_LANES = "0, $vgpr2, 0, $sgpr1, 0, $sgpr0, $vgpr1, 0, implicit $exec"
_ANY: list[Form] = [
    (
        "V_CMPX_EQ_U32_nosdst_e32 $vgpr0, $vgpr1, implicit-def $exec, implicit $exec",
        "v_cmpx_eq_u32 v0, v1",
    ),
    (f"$vgpr1 = V_PERMLANE16_B32_e64 {_LANES}", "v_permlane16_b32 v1, v2, s1, s0"),
    (f"$vgpr1 = V_PERMLANEX16_B32_e64 {_LANES}", "v_permlanex16_b32 v1, v2, s1, s0"),
    ("$sgpr0 = V_READFIRSTLANE_B32 $vgpr0, implicit $exec", "v_readfirstlane_b32 s0, v0"),
    ("$sgpr1 = V_READLANE_B32 $vgpr0, $sgpr0", "v_readlane_b32 s1, v0, s0"),
    ("$vgpr2 = V_WRITELANE_B32 $sgpr0, $sgpr1, $vgpr2", "v_writelane_b32 v2, s0, s1"),
    (
        "$vgpr1 = V_MOV_B32_dpp $vgpr1, $vgpr2, 273, 15, 15, 0, implicit $exec",
        "v_mov_b32_dpp v1, v2 row_shr:1 row_mask:0xf bank_mask:0xf",
    ),
    ("$exec_lo = S_MOV_B32 $sgpr0", "s_mov_b32 exec_lo, s0"),
    (
        "$sgpr3 = S_AND_SAVEEXEC_B32 $sgpr0, implicit-def $exec, implicit-def $scc, implicit $exec",
        "s_and_saveexec_b32 s3, s0",
    ),
    ("$vcc_lo = S_MOV_B32 0", "s_mov_b32 vcc_lo, 0"),
    (
        "$vgpr3 = V_DIV_FMAS_F32_e64 0, $vgpr0, 0, $vgpr1, 0, $vgpr2, 0, 0, implicit $mode, "
        "implicit $vcc, implicit $exec",
        "v_div_fmas_f32 v3, v0, v1, v2",
    ),
    ("$sgpr0 = S_MOV_B32 0", "s_mov_b32 s0, 0"),
    ("$m0 = S_MOV_B32 0", "s_mov_b32 m0, 0"),
    ("$sgpr4 = S_GETREG_B32 2049, implicit $mode", "s_getreg_b32 s4, hwreg(1, 0, 2)"),
    (
        "S_SETREG_B32 $sgpr0, 2049, implicit-def $mode, implicit $mode",
        "s_setreg_b32 hwreg(1, 0, 2), s0",
    ),
    ("$vgpr4 = V_MOV_B32_e32 0, implicit $exec", "v_mov_b32 v4, 0"),
    ("V_NOP_e32 implicit $exec", "v_nop"),
    ("S_NOP 0", "s_nop 0"),
]


@pytest.mark.parametrize("chip", ["gfx1030", "gfx1100", "gfx1201"])
def test_no_other_hazard_is_known(chip: str) -> None:
    """LLVM mends what the checker reports, and nothing else, whatever follows whatever."""
    chooser = random.Random(4)
    forms = _ANY + (_TRANSCENDENTALS[:3] if chip != "gfx1030" else [])
    cases = [
        ([[chooser.choice(forms) for _ in range(2)] for _ in range(3)], Shape.STRAIGHT)
        for _ in range(_CASES)
    ]
    made = output_of_pass(cases, chip, "post-RA-hazard-rec")
    wrong = []
    for (parts, shape), body in zip(cases, made, strict=True):
        lines = body.partition("bb.0:")[2].partition("...")[0].split("\n")
        added = sum(bool(line.strip()) for line in lines) - 1 - sum(map(len, parts))
        text = text_of(parts, shape)
        found = [rule for rule in rules_of(text, chip) if rule in _OF_THE_PASS]
        if bool(added) != bool(found):
            wrong.append((text, added, found))
    assert wrong == []


_OF_THE_PASS = ("hazard.transcendental-use", "hazard.compare-permute", "hazard.matrix-overlap")


@pytest.mark.parametrize(
    ("chip", "forms", "machine_pass", "rule"),
    [
        ("gfx1201", _SCALARS, "amdgpu-wait-sgpr-hazards", "hazard.scalar-read"),
        ("gfx1100", _TRANSCENDENTALS, "post-RA-hazard-rec", "hazard.transcendental-use"),
    ],
)
def test_same_code_is_wrong(chip: str, forms: list[Form], machine_pass: str, rule: str) -> None:
    """On random instructions of those that matter, without and with branches."""
    chooser = random.Random(5)
    cases = [
        ([[chooser.choice(forms) for _ in range(3)] for _ in range(3)], chooser.choice(list(Shape)))
        for _ in range(_CASES)
    ]
    made = output_of_pass(cases, chip, machine_pass)
    mended = ["S_WAITCNT_DEPCTR" in body for body in made]
    assert any(mended) and not all(mended)
    texts = [text_of(parts, shape) for parts, shape in cases]
    wrong = [
        text
        for text, theirs in zip(texts, mended, strict=True)
        if theirs != (rule in rules_of(text, chip))
    ]
    assert wrong == []
