"""Loads, stores, LDS, private and flat memory, assembled by ourselves, one lane a work item."""

import numpy as np
import pytest

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import rows_of_operation
from mlrift.emulator import LaunchReport
from tests.emulator.vector_models import Array
from tests.support.assembled_kernels import WAIT, assembled_kernel, chip_of

CHIPS = ("gfx1030", "gfx1100", "gfx1201")
LANES = np.arange(32, dtype=np.uint32)

pytestmark = pytest.mark.parametrize("chip", CHIPS)


def named(chip: str, operation: str) -> str:
    return rows_of_operation(operation, chip_of(chip).generation)[0].name


def run(
    chip: str, lines: list[str], *arrays: Array, block: int = 32, **options: int
) -> LaunchReport:
    """Run lines with the first two arrays in s[4:5] and s[6:7], and v1 = 4 * lane.

    A word in braces is an operation, written as the chip's mnemonic.
    """
    text = [
        "{s_load_b128} s[4:7], s[0:1], 0x0",
        *WAIT[chip_of(chip).generation],
        "v_lshlrev_b32_e32 v1, 2, v0",
        *lines,
        "s_endpgm",
    ]
    named_text = [named_line(chip, line) for line in text]
    names = ("first", "second")[: len(arrays)]
    kernel = assembled_kernel(chip, named_text, names, **options)
    return kernel.launch(1, block, list(arrays))


def zeros(count: int = 32) -> Array:
    return np.zeros(count, np.uint32)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("global_load_u8", 0xF1),
        ("global_load_i8", 0xFFFFFFF1),
        ("global_load_u16", 0xE2F1),
        ("global_load_i16", 0xFFFFE2F1),
        ("global_load_b32", 0xC4D3E2F1),
        ("global_load_d16_u8", 0x5555_00F1),
        ("global_load_d16_i8", 0x5555_FFF1),
        ("global_load_d16_b16", 0x5555_E2F1),
        ("global_load_d16_hi_u8", 0x00F1_5555),
        ("global_load_d16_hi_i8", 0xFFF1_5555),
        ("global_load_d16_hi_b16", 0xE2F1_5555),
    ],
)
def test_loads_of_parts_of_a_dword(chip: str, operation: str, expected: int) -> None:
    out, source = zeros(), np.full(32, 0xC4D3E2F1, np.uint32)
    lines = [
        "v_mov_b32_e32 v2, 0x55555555",
        f"{{{operation}}} v2, v1, s[6:7]",
        "{global_store_b32} v1, v2, s[4:5]",
    ]
    run(chip, lines, out, source)
    assert (out == expected).all()


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("global_store_b8", 0x9999_99F1),
        ("global_store_b16", 0x9999_E2F1),
        ("global_store_d16_hi_b8", 0x9999_99D3),
        ("global_store_d16_hi_b16", 0x9999_C4D3),
    ],
)
def test_stores_of_parts_of_a_dword(chip: str, operation: str, expected: int) -> None:
    out = np.full(32, 0x99999999, np.uint32)
    run(chip, ["v_mov_b32_e32 v2, 0xc4d3e2f1", f"{{{operation}}} v1, v2, s[4:5]"], out, zeros())
    assert (out == expected).all()


def test_only_active_lanes_load_and_store(chip: str) -> None:
    out, source = np.full(32, 7, np.uint32), LANES * np.uint32(3)
    lines = [
        "v_mov_b32_e32 v2, 5",
        "s_mov_b32 exec_lo, 0xf0f0f0f0",
        "{global_load_b32} v2, v1, s[6:7]",
        "s_mov_b32 exec_lo, 0xff00ff00",
        "{global_store_b32} v1, v2, s[4:5]",
    ]
    run(chip, lines, out, source)
    loaded = np.where(0xF0F0F0F0 >> LANES & 1, source, 5)
    np.testing.assert_array_equal(out, np.where(0xFF00FF00 >> LANES & 1, loaded, 7))


def test_lds_pairs_and_strides(chip: str) -> None:
    out, other = zeros(64), zeros()
    lines = [
        "v_add_nc_u32_e32 v2, 100, v0",
        "v_add_nc_u32_e32 v3, 200, v0",
        "{ds_store_2addr_b32} v1, v2, v3 offset0:1 offset1:40",
        "{ds_store_2addr_stride64_b32} v1, v3, v2 offset0:2 offset1:3",
        "{ds_load_2addr_b32} v[4:5], v1 offset0:40 offset1:1",
        "{ds_load_2addr_stride64_b32} v[6:7], v1 offset0:3 offset1:2",
        "v_sub_nc_u32_e32 v4, v4, v5",
        "v_sub_nc_u32_e32 v5, v6, v7",
        "v_lshlrev_b32_e32 v8, 3, v0",
        "{global_store_b64} v8, v[4:5], s[4:5]",
    ]
    run(chip, lines, out, other, lds_bytes=1024)
    np.testing.assert_array_equal(out.reshape(32, 2).view(np.int32), [[100, -100]] * 32)


def test_lds_atomics_return_the_old_value_in_lane_order(chip: str) -> None:
    out, other = zeros(), zeros()
    lines = [
        "v_mov_b32_e32 v2, 0",
        "v_mov_b32_e32 v3, 10",
        "{ds_store_b32} v2, v3",
        "{ds_add_rtn_u32} v4, v2, v0",
        "{global_store_b32} v1, v4, s[4:5]",
    ]
    run(chip, lines, out, other, lds_bytes=16)
    np.testing.assert_array_equal(out, 10 + np.cumsum(LANES) - LANES)


def test_compare_and_store_has_its_sources_in_the_generations_order(chip: str) -> None:
    is_old = chip_of(chip).generation is Generation.GFX10
    operation = "ds_cmpst_rtn_b32" if is_old else "ds_cmpstore_rtn_b32"
    compared_and_new = "v3, v5" if is_old else "v5, v3"
    out, other = zeros(), zeros()
    lines = [
        "v_mov_b32_e32 v2, 0",
        "v_mov_b32_e32 v3, 10",
        "v_mov_b32_e32 v5, 77",
        "s_mov_b32 exec_lo, 1",
        "{ds_store_b32} v2, v3",
        f"{{{operation}}} v4, v2, {compared_and_new}",
        "{ds_load_b32} v6, v2",
        "{global_store_b64} v2, v[4:5], s[4:5]",
        "{global_store_b32} v2, v6, s[6:7]",
    ]
    run(chip, lines, out, other, lds_bytes=16)
    assert (out[0], other[0]) == (10, 77)


def test_flat_addresses_reach_lds_private_and_global_memory(chip: str) -> None:
    out, source = zeros(), LANES + np.uint32(50)
    set_up = []
    if chip_of(chip).generation is Generation.GFX10:
        set_up = [
            "s_add_u32 s2, s2, s5",
            "s_addc_u32 s3, s3, 0",
            "s_setreg_b32 hwreg(HW_REG_FLAT_SCR_LO), s2",
            "s_setreg_b32 hwreg(HW_REG_FLAT_SCR_HI), s3",
        ]
    lines = [
        "v_add_nc_u32_e32 v2, 1, v0",
        "{ds_store_b32} v1, v2",
        "v_mov_b32_e32 v4, v1",
        "s_mov_b64 s[10:11], src_shared_base",
        "v_mov_b32_e32 v5, s11",
        "{flat_load_b32} v6, v[4:5]",
        "v_mov_b32_e32 v4, 8",
        "s_mov_b64 s[10:11], src_private_base",
        "v_mov_b32_e32 v5, s11",
        "{flat_store_b32} v[4:5], v6",
        "{scratch_load_b32} v7, off, off offset:8",
        "v_mov_b32_e32 v9, s7",
        "v_add_co_u32 v8, vcc_lo, s6, v1",
        "{v_add_co_ci_u32} v9, vcc_lo, 0, v9, vcc_lo",
        "{flat_load_b32} v10, v[8:9]",
        "v_add_nc_u32_e32 v7, v7, v10",
        "{global_store_b32} v1, v7, s[4:5]",
    ]
    text = [*set_up, *lines] if set_up else lines
    kernel_lines = [named_line(chip, line) for line in text]
    head = [named_line(chip, "{s_load_b128} s[4:7], s[0:1], 0x0"), *WAIT[chip_of(chip).generation]]
    # The private memory's registers come before the arguments are loaded over them.
    whole = [*kernel_lines[: len(set_up)], *head, "v_lshlrev_b32_e32 v1, 2, v0"]
    whole += [*kernel_lines[len(set_up) :], "s_endpgm"]
    kernel = assembled_kernel(chip, whole, ("first", "second"), lds_bytes=128, scratch_bytes=16)
    kernel.launch(1, 32, [out, source])
    np.testing.assert_array_equal(out, LANES + 1 + source)


def named_line(chip: str, line: str) -> str:
    if not line.startswith("{"):
        return line
    operation, _, rest = line[1:].partition("}")
    return named(chip, operation) + rest


def test_scalar_loads_of_all_sizes(chip: str) -> None:
    out, source = zeros(64), np.arange(100, 164, dtype=np.uint32)
    lines = [
        "{s_load_b512} s[16:31], s[6:7], 0x40",
        "{s_load_b256} s[32:39], s[6:7], 0x20",
        "{s_load_b64} s[40:41], s[6:7], 0x8",
        *WAIT[chip_of(chip).generation],
        "s_mov_b32 exec_lo, 1",
    ]
    for number in range(16, 42):
        lines += [
            f"v_mov_b32_e32 v2, {4 * (number - 16)}",
            f"v_mov_b32_e32 v3, s{number}",
            "{global_store_b32} v2, v3, s[4:5]",
        ]
    run(chip, lines, out, source)
    expected = [*source[16:32], *source[8:16], *source[2:4]]
    np.testing.assert_array_equal(out[:26], expected)


def test_counts_of_bytes_lines_and_bank_conflicts(chip: str) -> None:
    out, source = zeros(32 * 32), zeros(32 * 32)
    lines = [
        "{global_load_b32} v2, v1, s[6:7]",
        "v_lshlrev_b32_e32 v3, 7, v0",
        "{global_store_b32} v3, v2, s[4:5]",
        "{ds_store_b32} v3, v2",
        "{ds_load_b32} v4, v1",
        "v_mov_b32_e32 v5, 0",
        "{ds_load_b32} v4, v5",
    ]
    report = run(chip, lines, out, source, lds_bytes=4096)
    arguments_bytes = 16
    assert report.bytes_loaded == 128 + arguments_bytes
    assert report.bytes_stored == 128
    assert report.cache_lines == 1 + 32 + 1
    assert report.bank_conflict_cycles == 31
    assert report.active_lanes == 32
    text = str(report)
    assert "test.s:5" in report.line_table() and report.by_line()["test.s", 5] == 1
    assert "LDS bank conflict cycles" in text and "kernel test: 1 groups, 1 waves" in text


def test_results_do_not_depend_on_the_order_of_waves(chip: str) -> None:
    lines = [
        "{ds_store_b32} v1, v0",
        *(
            ["s_barrier_signal -1", "s_barrier_wait -1"]
            if chip_of(chip).generation is Generation.GFX12
            else ["s_barrier"]
        ),
        "v_sub_nc_u32_e32 v2, 0x3fc, v1",
        "{ds_load_b32} v3, v2",
        "{global_store_b32} v1, v3, s[4:5]",
    ]
    text = [
        named_line(chip, line)
        for line in [
            "{s_load_b128} s[4:7], s[0:1], 0x0",
            *WAIT[chip_of(chip).generation],
            "v_lshlrev_b32_e32 v1, 2, v0",
            *lines,
            "s_endpgm",
        ]
    ]
    kernel = assembled_kernel(chip, text, ("first", "second"), lds_bytes=1024)
    for options in ({}, {"quantum": 1}, {"quantum": 3}, *({"seed": seed} for seed in range(4))):
        out = zeros(256)
        kernel.launch(3, 256, [out, zeros()], **options)  # type: ignore[arg-type]
        np.testing.assert_array_equal(out, np.arange(255, -1, -1))
