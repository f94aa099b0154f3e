"""The wait rules beside LLVM's wait insertion: both must find the same random code wrong."""

import random

import pytest

from tests.support.checked_text import rules_of
from tests.support.machine_ir import Form, Shape, output_of_pass, text_of

_CASES = 200


def _forms(chip: str) -> list[Form]:
    is_old = chip == "gfx1030"
    word = "dword" if is_old else "b32"
    read, write = ("read", "write") if is_old else ("load", "store")
    found: list[Form] = []
    for number in (1, 2, 3):
        scalar = number + 3
        address, stored = "$sgpr0_sgpr1, $vgpr0", f"$vgpr0, $vgpr{number}"
        found += [
            (
                f"$vgpr{number} = GLOBAL_LOAD_DWORD_SADDR {address}, 0, 0, implicit $exec",
                f"global_load_{word} v{number}, v0, s[0:1]",
            ),
            (
                f"$vgpr{number} = DS_READ_B32_gfx9 $vgpr0, 0, 0, implicit $exec",
                f"ds_{read}_b32 v{number}, v0",
            ),
            (
                f"GLOBAL_STORE_DWORD_SADDR {stored}, $sgpr0_sgpr1, 0, 0, implicit $exec",
                f"global_store_{word} v0, v{number}, s[0:1]",
            ),
            (
                f"DS_WRITE_B32_gfx9 $vgpr0, $vgpr{number}, 0, 0, implicit $exec",
                f"ds_{write}_b32 v0, v{number}",
            ),
            (f"$vgpr{number} = V_MOV_B32_e32 0, implicit $exec", f"v_mov_b32 v{number}, 0"),
            (
                f"$vgpr9 = V_MOV_B32_e32 $vgpr{number}, implicit $exec",
                f"v_mov_b32 v9, v{number}",
            ),
            (
                f"$sgpr{scalar} = S_LOAD_DWORD_IMM $sgpr0_sgpr1, 0, 0",
                f"s_load_{word} s{scalar}, s[0:1], 0x0",
            ),
            (f"$sgpr9 = S_MOV_B32 $sgpr{scalar}", f"s_mov_b32 s9, s{scalar}"),
            (f"$sgpr{scalar} = S_MOV_B32 0", f"s_mov_b32 s{scalar}, 0"),
        ]
    return found


def _rarer_forms(chip: str) -> list[Form]:
    """Return wide and half loads, atomics, flat and private memory."""
    is_old = chip == "gfx1030"
    word, pair = ("dword", "dwordx2") if is_old else ("b32", "b64")
    add = "global_atomic_add" if is_old else "global_atomic_add_u32"
    returning = "th:TH_ATOMIC_RETURN" if chip == "gfx1201" else "glc"
    low, high = ("short_d16", "short_d16_hi") if is_old else ("d16_b16", "d16_hi_b16")
    address, flat = "$sgpr0_sgpr1, $vgpr0, 0, 0", "implicit $exec, implicit $flat_scr"
    found: list[Form] = [
        (
            "$sgpr4_sgpr5 = S_LOAD_DWORDX2_IMM $sgpr0_sgpr1, 0, 0",
            f"s_load_{pair} s[4:5], s[0:1], 0x0",
        ),
        (
            f"$vgpr1 = GLOBAL_LOAD_SHORT_D16_SADDR {address}, $vgpr1, implicit $exec",
            f"global_load_{low} v1, v0, s[0:1]",
        ),
        (
            f"$vgpr1 = GLOBAL_LOAD_SHORT_D16_HI_SADDR {address}, $vgpr1, implicit $exec",
            f"global_load_{high} v1, v0, s[0:1]",
        ),
    ]
    for number in (1, 2):
        found += [
            (
                f"$vgpr{number} = FLAT_LOAD_DWORD $vgpr4_vgpr5, 0, 0, {flat}",
                f"flat_load_{word} v{number}, v[4:5]",
            ),
            (
                f"$vgpr{number} = SCRATCH_LOAD_DWORD_SADDR $sgpr30, 0, 0, {flat}",
                f"scratch_load_{word} v{number}, off, s30",
            ),
            (
                f"SCRATCH_STORE_DWORD_SADDR $vgpr{number}, $sgpr30, 0, 0, {flat}",
                f"scratch_store_{word} off, v{number}, s30",
            ),
            (
                f"$vgpr{number}_vgpr{number + 1} = GLOBAL_LOAD_DWORDX2_SADDR {address}, "
                "implicit $exec",
                f"global_load_{pair} v[{number}:{number + 1}], v0, s[0:1]",
            ),
            (
                f"$vgpr{number} = GLOBAL_ATOMIC_ADD_SADDR_RTN $vgpr0, $vgpr8, $sgpr0_sgpr1, 0, 1, "
                "implicit $exec",
                f"{add} v{number}, v0, v8, s[0:1] {returning}",
            ),
            (
                f"GLOBAL_ATOMIC_ADD_SADDR $vgpr0, $vgpr{number}, $sgpr0_sgpr1, 0, 0, "
                "implicit $exec",
                f"{add} v0, v{number}, s[0:1]",
            ),
            (
                f"$vgpr{number} = DS_ADD_RTN_U32_gfx9 $vgpr0, $vgpr8, 0, 0, implicit $exec",
                f"ds_add_rtn_u32 v{number}, v0, v8",
            ),
            (
                f"$vgpr{number} = DS_BPERMUTE_B32 $vgpr0, $vgpr8, 0, implicit $exec",
                f"ds_bpermute_b32 v{number}, v0, v8",
            ),
        ]
    return found


@pytest.mark.parametrize("chip", ["gfx1030", "gfx1100", "gfx1201"])
def test_same_code_needs_waits(chip: str) -> None:
    """On random loads, stores, uses and overwrites, without and with branches."""
    chooser = random.Random(3)
    forms = _forms(chip) + _rarer_forms(chip)
    cases = [
        ([[chooser.choice(forms) for _ in range(2)] for _ in range(3)], chooser.choice(list(Shape)))
        for _ in range(_CASES)
    ]
    made = output_of_pass(cases, chip, "si-insert-waitcnts")
    mended = ["S_WAIT" in body for body in made]
    assert any(mended) and not all(mended)
    texts = [text_of(parts, shape) for parts, shape in cases]
    wrong = [
        text
        for text, theirs in zip(texts, mended, strict=True)
        if theirs != any(rule.startswith("wait.") for rule in rules_of(text, chip))
    ]
    assert wrong == []
