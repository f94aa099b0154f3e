"""DPP, dual issue, modifiers and jumps, assembled by ourselves."""

import numpy as np
import pytest

from mlrift.backends.amdgcn.isa import rows_of_operation
from mlrift.emulator.semantics.lanes import swizzle_lanes
from tests.emulator.vector_models import Array
from tests.support.assembled_kernels import WAIT, assembled_kernel, chip_of

CHIPS = ("gfx1030", "gfx1100", "gfx1201")
WITH_PAIRS = CHIPS[1:]
LANES = np.arange(32)


def results(chip: str, lines: list[str]) -> Array:
    """Run lines and return v2; v1 = 4 * lane, v3 = lane + 100, v2 = lane + 500."""
    generation = chip_of(chip).generation
    load, store = (
        rows_of_operation(name, generation)[0].name for name in ("s_load_b64", "global_store_b32")
    )
    text = [
        f"{load} s[4:5], s[0:1], 0x0",
        *WAIT[generation],
        "v_lshlrev_b32_e32 v1, 2, v0",
        "v_add_nc_u32_e32 v3, 0x64, v0",
        "v_add_nc_u32_e32 v2, 0x1f4, v0",
        *lines,
        "s_mov_b32 exec_lo, -1",
        f"{store} v1, v2, s[4:5]",
        "s_endpgm",
    ]
    out = np.zeros(32, np.uint32)
    assembled_kernel(chip, text).launch(1, 32, [out])
    return out


ROW, PLACE = LANES // 16 * 16, LANES % 16
DPP = {
    "quad_perm:[3,0,2,1]": LANES & ~3 | np.array([3, 0, 2, 1])[LANES & 3],
    "row_shl:3": np.where(PLACE + 3 < 16, LANES + 3, -1),
    "row_shr:5": np.where(PLACE >= 5, LANES - 5, -1),
    "row_ror:4": ROW + (PLACE - 4) % 16,
    "row_mirror": ROW + 15 - PLACE,
    "row_half_mirror": LANES ^ 7,
    "row_share:6": ROW + 6,
    "row_xmask:9": LANES ^ 9,
}


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("control", DPP)
def test_dpp_takes_the_lane_that_the_control_names(chip: str, control: str) -> None:
    source = DPP[control]
    valid = source >= 0
    text = f"v_mov_b32_dpp v2, v3 {control} row_mask:0xf bank_mask:0xf"
    np.testing.assert_array_equal(results(chip, [text]), np.where(valid, source + 100, LANES + 500))
    found = results(chip, [text + " bound_ctrl:1"])
    np.testing.assert_array_equal(found, np.where(valid, source + 100, 0))


@pytest.mark.parametrize("chip", CHIPS)
def test_dpp_masks_rows_banks_and_inactive_lanes(chip: str) -> None:
    found = results(chip, ["v_mov_b32_dpp v2, v3 row_mirror row_mask:0x2 bank_mask:0x5"])
    written = (LANES >= 16) & (PLACE // 4 % 2 == 0)
    mirrored = ROW + 15 - PLACE
    np.testing.assert_array_equal(found, np.where(written, mirrored + 100, LANES + 500))
    found = results(
        chip,
        [
            "s_mov_b32 exec_lo, 0x0ffffff0",
            "v_mov_b32_dpp v2, v3 row_shr:1 row_mask:0xf bank_mask:0xf",
        ],
    )
    written = (LANES >= 5) & (LANES < 28) & (PLACE != 0)
    np.testing.assert_array_equal(found, np.where(written, LANES + 99, LANES + 500))


@pytest.mark.parametrize("chip", CHIPS)
def test_dpp_of_an_operation_with_two_sources(chip: str) -> None:
    text = "v_add_nc_u32_dpp v2, v3, v1 row_ror:2 row_mask:0xf bank_mask:0xf"
    expected = ROW + (PLACE - 2) % 16 + 100 + 4 * LANES
    np.testing.assert_array_equal(results(chip, [text]), expected)


def test_swizzle_patterns() -> None:
    assert swizzle_lanes(0x041F) == [lane ^ 1 for lane in range(32)]
    assert swizzle_lanes(0x8000 | 0b00_01_10_11) == [lane & ~3 | 3 - lane % 4 for lane in range(32)]
    assert swizzle_lanes(0xC020) == [(lane + 1) % 32 for lane in range(32)]


@pytest.mark.parametrize("chip", WITH_PAIRS)
def test_both_halves_of_a_pair_read_before_they_write(chip: str) -> None:
    lines = [
        "v_cvt_f32_u32_e32 v4, v0",
        "v_mov_b32_e32 v5, 2.0",
        "v_dual_mul_f32 v4, v5, v4 :: v_dual_add_f32 v7, v4, v5",
        "v_mul_f32_e32 v4, 0x42c80000, v4",
        "v_add_f32_e32 v4, v4, v7",
        "v_cvt_u32_f32_e32 v2, v4",
    ]
    np.testing.assert_array_equal(results(chip, lines), 200 * LANES + LANES + 2)


@pytest.mark.parametrize("chip", CHIPS)
def test_source_and_output_modifiers(chip: str) -> None:
    lines = [
        "v_cvt_f32_i32_e32 v4, v0",
        "v_add_f32_e64 v5, -v4, |v4| mul:2",
        "v_fma_f32 v6, -|v4|, 0.5, 1.0 clamp",
        "v_mul_f32_e64 v7, v4, v4 div:2",
        "v_add_f32_e32 v5, v5, v7",
        "v_sub_f32_e32 v5, v5, v6",
        "v_cvt_i32_f32_e32 v2, v5",
    ]
    expected = np.trunc(LANES * LANES / 2 - np.clip(1 - LANES / 2, 0, 1)).astype(np.int32)
    np.testing.assert_array_equal(results(chip, lines).view(np.int32), expected)


@pytest.mark.parametrize("chip", CHIPS)
def test_denormal_modes_flush_sources_and_results(chip: str) -> None:
    lines = [
        "v_mov_b32_e32 v4, 0x00400000",
        "s_denorm_mode 0xc",
        "v_add_f32_e32 v5, v4, v4",
        "s_denorm_mode 0xf",
        "v_add_f32_e32 v6, v4, v4",
        "v_sub_nc_u32_e32 v2, v6, v5",
    ]
    assert (results(chip, lines) == 0x00800000).all()


@pytest.mark.parametrize("chip", CHIPS)
def test_calls_and_computed_jumps(chip: str) -> None:
    lines = [
        "s_getpc_b64 s[8:9]",
        "s_add_u32 s8, s8, 28" if chip != "gfx1201" else "s_add_co_u32 s8, s8, 28",
        "s_addc_u32 s9, s9, 0" if chip != "gfx1201" else "s_add_co_ci_u32 s9, s9, 0",
        "s_swappc_b64 s[10:11], s[8:9]",
        "v_add_nc_u32_e32 v2, 3, v2",
        "s_mov_b32 exec_lo, -1",
        "s_branch after",
        "s_nop 0",
        "v_mov_b32_e32 v2, 7",
        "s_setpc_b64 s[10:11]",
        "after:",
    ]
    assert (results(chip, lines) == 10).all()


@pytest.mark.parametrize("chip", CHIPS)
def test_registers_chosen_by_m0(chip: str) -> None:
    lines = [
        *(f"v_mov_b32_e32 v{10 + n}, {n}" for n in range(4)),
        "s_mov_b32 m0, 2",
        "v_movrels_b32_e32 v2, v10",
        "s_mov_b32 m0, 3",
        "v_movreld_b32_e32 v10, v2",
        "v_add_nc_u32_e32 v2, v2, v13",
    ]
    assert (results(chip, lines) == 4).all()


@pytest.mark.parametrize("chip", CHIPS)
def test_lanes_are_read_and_written_by_number(chip: str) -> None:
    lines = [
        "v_readlane_b32 s8, v3, 9",
        "s_mov_b32 s9, 17",
        "v_writelane_b32 v2, s8, s9",
        "s_mov_b32 exec_lo, 0xff00",
        "v_readfirstlane_b32 s10, v3",
        "v_mov_b32_e32 v2, s10",
    ]
    expected = LANES + 500
    expected[17] = 109
    expected[8:16] = 108
    np.testing.assert_array_equal(results(chip, lines), expected)


@pytest.mark.parametrize(("kind", "largest"), [("fp8", 448.0), ("bf8", 57344.0)])
def test_small_floats_are_rounded_to_nearest_even_and_read_back(kind: str, largest: float) -> None:
    def there_and_back(value: str) -> Array:
        lines = [
            "v_cvt_f32_u32_e32 v4, v0",
            value,
            "v_mov_b32_e32 v6, 0",
            f"v_cvt_pk_{kind}_f32 v6, v5, v4",
            f"v_cvt_f32_{kind}_e32 v2, v6",
        ]
        return results("gfx1201", lines).view(np.float32)

    bits = 3 if kind == "fp8" else 2
    numbers = LANES + 16.0
    unit = 2.0 ** (np.floor(np.log2(numbers)) - bits)
    expected = np.rint(numbers / unit) * unit
    np.testing.assert_array_equal(there_and_back("v_add_f32_e32 v5, 0x41800000, v4"), expected)
    # Denormal numbers: multiples of the smallest one.
    smallest = 2.0**-9 if kind == "fp8" else 2.0**-16
    scale = int(np.float32(smallest / 4).view(np.uint32))
    found = there_and_back(f"v_mul_f32_e32 v5, {scale:#x}, v4")
    places = LANES < 16
    np.testing.assert_array_equal(found[places] / smallest, np.rint(LANES / 4)[places])
    huge = there_and_back(f"v_mov_b32_e32 v5, {int(np.float32(largest * 1.5).view(np.uint32)):#x}")
    assert np.isnan(huge).all() if kind == "fp8" else np.isinf(huge).all()
    full = there_and_back(f"v_mov_b32_e32 v5, {int(np.float32(-largest).view(np.uint32)):#x}")
    assert (full == -largest).all()
