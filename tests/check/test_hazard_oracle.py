"""The hazard rules beside LLVM's own passes: both must find the same random sequences wrong.

Each sequence is written twice, as machine IR for `llc` and as text for the checker. LLVM mends
what is wrong by an `S_WAITCNT_DEPCTR`, the checker reports it.
"""

import random
import re
from collections.abc import Sequence

import pytest

from tests.support.checked_text import rules_of
from tests.support.llvm_tools import run_llvm_tool

Form = tuple[str, str]
_SEQUENCES = 120
_LENGTH = 9
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
        (
            "gfx1100",
            _TRANSCENDENTALS,
            "post-RA-hazard-rec",
            "hazard.transcendental-use",
        ),
    ],
)
def test_same_sequences_are_wrong(
    chip: str, forms: list[Form], machine_pass: str, rule: str
) -> None:
    """On random sequences of instructions that matter."""
    chooser = random.Random(5)
    sequences = [[chooser.choice(forms) for _ in range(_LENGTH)] for _ in range(_SEQUENCES)]
    mended = _mended(sequences, chip, machine_pass)
    reported = [
        rule in rules_of("\n".join([*(text for _, text in row), "s_endpgm"]), chip)
        for row in sequences
    ]
    assert any(mended) and not all(mended)
    wrong = [
        [text for _, text in row]
        for row, theirs, ours in zip(sequences, mended, reported, strict=True)
        if theirs != ours
    ]
    assert wrong == []


def _mended(sequences: Sequence[Sequence[Form]], chip: str, machine_pass: str) -> list[bool]:
    """Return for each sequence whether LLVM puts a wait in."""
    names = [f"f{index}" for index in range(len(sequences))]
    declared = "".join(f"  define amdgpu_kernel void @{name}() {{ ret void }}\n" for name in names)
    parts = [f"--- |\n{declared}...\n"]
    for name, sequence in zip(names, sequences, strict=True):
        body = "".join(f"    {form}\n" for form, _ in sequence)
        parts.append(f"---\nname: {name}\nbody: |\n  bb.0:\n{body}    S_ENDPGM 0\n...\n")
    output = run_llvm_tool(
        "llc",
        *("-mtriple=amdgcn-amd-amdhsa", f"-mcpu={chip}", "-x", "mir"),
        *(f"-run-pass={machine_pass}", "-o", "-", "-"),
        stdin="".join(parts).encode(),
    )
    bodies = re.split(r"^name: ", output, flags=re.MULTILINE)[1:]
    assert len(bodies) == len(sequences)
    return ["S_WAITCNT_DEPCTR" in body for body in bodies]
