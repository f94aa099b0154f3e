"""The rule for WMMA results beside LLVM's hazard pass: overlap of a result and the next factors."""

import itertools

import pytest

from tests.support.checked_text import rules_of
from tests.support.machine_ir import Form, Shape, output_of_pass, text_of

_PRODUCTS = {
    "gfx1100": ("V_WMMA_F32_16X16X16_F16_twoaddr_w32", 8),
    "gfx1201": ("V_WMMA_F32_16X16X16_F16_w32_twoaddr", 4),
}
_BETWEEN: list[list[Form]] = [
    [],
    [("$vgpr60 = V_MOV_B32_e32 0, implicit $exec", "v_mov_b32 v60, 0")],
    [("$sgpr9 = S_MOV_B32 0", "s_mov_b32 s9, 0")],
    [
        (
            "GLOBAL_STORE_DWORD_SADDR $vgpr60, $vgpr61, $sgpr0_sgpr1, 0, 0, implicit $exec",
            "global_store_b32 v60, v61, s[0:1]",
        )
    ],
]
_FACTORS = ((16, 8), (0, 16), (0, 8), (0, 20), (24, 32))


@pytest.mark.parametrize("chip", list(_PRODUCTS))
def test_same_pairs_overlap(chip: str) -> None:
    """The first product goes to v[16:23]; the second takes different registers as factors."""
    cases = [
        ([[_product(chip, 16, 0, 8)], between, [_product(chip, 40, *factors)]], Shape.STRAIGHT)
        for between, factors in itertools.product(_BETWEEN, _FACTORS)
    ]
    made = output_of_pass(cases, chip, "post-RA-hazard-rec")
    theirs = ["V_NOP" in body for body in made]
    ours = ["hazard.matrix-overlap" in rules_of(text_of(*case), chip) for case in cases]
    assert any(theirs)
    assert ours == theirs


def _product(chip: str, result: int, left: int, right: int) -> Form:
    name, size = _PRODUCTS[chip]
    registers = [(left, size), (right, size), (result, 8)]
    machine = ["$" + "_".join(f"vgpr{first + at}" for at in range(n)) for first, n in registers]
    text = [f"v[{first}:{first + n - 1}]" for first, n in registers]
    return (
        f"early-clobber {machine[2]} = {name} 8, {machine[0]}, 8, {machine[1]}, 8, {machine[2]}, "
        "0, 0, implicit $exec",
        f"v_wmma_f32_16x16x16_f16 {text[2]}, {text[0]}, {text[1]}, {text[2]}",
    )
