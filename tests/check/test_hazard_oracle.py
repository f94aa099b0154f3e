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
