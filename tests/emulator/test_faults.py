"""What a kernel must not do, and launches that cannot begin: each ends in a message."""

import numpy as np
import pytest

from mlrift.backends.amdgcn.codeobject.model import ArgumentKind
from mlrift.emulator import BudgetExceeded, Device, EmulatorError, EmulatorFault
from mlrift.emulator.layout import FaultCode
from mlrift.emulator.machine import check_host
from tests.support.assembled_kernels import (
    BUFFER,
    VALUE,
    WAIT,
    assembled_kernel,
    chip_of,
    kernel_object,
)

CHIP = "gfx1100"
POINTER = ["s_load_b64 s[4:5], s[0:1], 0x0", *WAIT[chip_of(CHIP).generation]]
LANE_OFFSET = "v_lshlrev_b32_e32 v1, 2, v0"


def fault_of(lines: list[str], block: int = 32, **options: int) -> EmulatorFault:
    kernel = assembled_kernel(CHIP, [*POINTER, *lines, "s_endpgm"], ("out",), **options)
    with pytest.raises(EmulatorFault) as caught:
        kernel.launch(2, block, [np.zeros(32, np.uint32)])
    return caught.value


def test_a_load_behind_a_buffer_names_buffer_distance_line_and_work_item() -> None:
    found = fault_of([LANE_OFFSET, "global_load_b32 v2, v1, s[4:5] offset:100"])
    assert str(found) == (
        "kernel `test`: load outside every buffer: 4 bytes at 0x700000000080, 0 bytes after the end"
        " of `out` (128 bytes); at `global_load_b32 v2, v1, s[4:5] offset:100` at +0x10"
        " (test.s:4), work item (7, 0, 0) of group (0, 0, 0)"
    )
    assert found.report.code is FaultCode.OUT_OF_BOUNDS
    assert found.report.address == 0x700000000080
    assert found.report.place.line == 4


def test_an_access_across_the_end_of_a_buffer() -> None:
    found = fault_of([LANE_OFFSET, "global_load_b64 v[2:3], v1, s[4:5]"])
    assert "8 bytes at 0x70000000007c, at byte 124 of `out` (128 bytes)" in str(found)


def test_a_store_before_a_buffer() -> None:
    found = fault_of(["v_mov_b32_e32 v1, 0", "global_store_b32 v1, v0, s[4:5] offset:-8"])
    assert "store outside every buffer" in str(found)
    assert "8 bytes before `out`" in str(found)


def test_a_store_to_arguments_is_refused() -> None:
    found = fault_of(["v_mov_b32_e32 v1, 0", "global_store_b32 v1, v0, s[0:1]"])
    assert found.report.code is FaultCode.READ_ONLY
    assert "`kernel arguments`" in str(found)


def test_a_scalar_load_outside_has_no_work_item() -> None:
    found = fault_of(["s_load_b128 s[8:11], s[4:5], 0x78"])
    assert found.report.code is FaultCode.OUT_OF_BOUNDS
    assert found.report.item is None


def test_lds_is_as_large_as_the_kernel_says() -> None:
    found = fault_of([LANE_OFFSET, "ds_store_b32 v1, v0"], lds_bytes=64)
    assert found.report.code is FaultCode.LDS_OUT_OF_BOUNDS
    assert "store of 4 bytes outside the group's LDS: byte 64 of 64" in str(found)
    assert found.report.item == (16, 0, 0)


def test_private_memory_is_as_large_as_the_kernel_says() -> None:
    found = fault_of(["scratch_store_b32 off, v0, off offset:16"], scratch_bytes=16)
    assert "store of 4 bytes outside the lane's private memory: byte 16 of 16" in str(found)


def test_an_atomic_has_to_be_aligned() -> None:
    lines = ["v_mov_b32_e32 v1, 2", "global_atomic_add_u32 v1, v0, s[4:5]"]
    assert fault_of(lines).report.code is FaultCode.MISALIGNED


def test_a_trap_and_the_end_of_the_code() -> None:
    assert fault_of(["s_trap 2"]).report.code is FaultCode.TRAP
    assert fault_of(["s_code_end"]).report.code is FaultCode.CODE_END


def test_a_jump_into_nowhere() -> None:
    found = fault_of(["s_mov_b32 s8, 0x1234", "s_mov_b32 s9, 0", "s_setpc_b64 s[8:9]"])
    assert found.report.code is FaultCode.BAD_JUMP
    assert "jump to 0x1234" in str(found)


def test_a_vector_register_that_is_not_allocated() -> None:
    found = fault_of(["v_mov_b32_e32 v40, 0"], vector_registers=40)
    assert "v40 is used, but the kernel's descriptor allocates 40" in str(found)


def test_an_instruction_without_semantics_is_named_when_it_is_reached() -> None:
    found = fault_of(["v_trig_preop_f64 v[2:3], v[4:5], v6"])
    assert found.report.code is FaultCode.NO_SEMANTICS
    assert "`v_trig_preop_f64` is not executed by the emulator" in str(found)


def test_what_is_not_reached_does_no_harm() -> None:
    kernel = assembled_kernel(CHIP, [*POINTER, "s_branch end", "s_trap 2", "end:", "s_endpgm"])
    kernel.launch(1, 32, [np.zeros(1, np.uint32)])


def test_waves_that_spin_for_ever_are_a_deadlock() -> None:
    found = fault_of(["again:", "s_sleep 1", "s_branch again"])
    assert found.report.code is FaultCode.DEADLOCK
    found = fault_of(["again:", "s_nop 0", "s_branch again"])
    assert found.report.code is FaultCode.DEADLOCK


def test_a_loop_that_counts_is_stopped_by_a_budget() -> None:
    lines = ["s_mov_b32 s8, 0", "again:", "s_add_u32 s8, s8, 1", "s_cbranch_scc0 again"]
    kernel = assembled_kernel(CHIP, [*lines, "s_endpgm"])
    with pytest.raises(BudgetExceeded, match="more than 5000000 wave-instructions"):
        kernel.launch(1, 32, [np.zeros(1, np.uint32)], budget=5_000_000)


def test_registers_hold_poison_before_they_are_written() -> None:
    lines = [*POINTER, LANE_OFFSET, "global_store_b32 v1, v9, s[4:5]", "s_endpgm"]
    out = np.zeros(32, np.float32)
    assembled_kernel(CHIP, lines).launch(1, 32, [out])
    assert np.isnan(out).all()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["global_store_b32 v1, v9, s[4:5]"], "v9 is used before it is written"),
        (["v_add_nc_u32_e32 v2, v1, v8", "global_load_b32 v3, v2, s[4:5]"], "v2 is used"),
        (["s_add_u32 s8, s9, 1", "s_cbranch_scc1 end"], "scc is used"),
        (["s_and_saveexec_b32 s8, s20"], "a source of EXEC is used"),
        (["v_cmp_eq_u32_e32 vcc_lo, v7, v0", "s_cbranch_vccz end"], "vcc_lo is used"),
        (["s_mov_b32 exec_lo, 3", "v_mov_b32_e32 v2, 1", "s_mov_b32 exec_lo, 7",
          "global_store_b32 v1, v2, s[4:5]"], "v2 is used"),
    ],
)  # fmt: skip
def test_tracking_finds_uses_of_registers_that_were_never_written(
    lines: list[str], message: str
) -> None:
    kernel = assembled_kernel(CHIP, [*POINTER, LANE_OFFSET, *lines, "end:", "s_endpgm"])
    with pytest.raises(EmulatorFault, match=message) as caught:
        kernel.launch(1, 32, [np.zeros(32, np.uint32)], track=True)
    assert caught.value.report.code is FaultCode.UNWRITTEN_REGISTER


def test_tracking_lets_unwritten_values_be_moved_and_masked_away() -> None:
    lines = [
        "v_mov_b32_e32 v2, v9",
        "v_cmp_gt_u32_e32 vcc_lo, 0, v0",
        "v_cndmask_b32_e32 v2, v0, v9, vcc_lo",
        "s_or_b32 s9, s20, -1",
        "s_and_b32 exec_lo, s9, 0xff",
        "global_store_b32 v1, v2, s[4:5]",
    ]
    kernel = assembled_kernel(CHIP, [*POINTER, LANE_OFFSET, *lines, "s_endpgm"])
    kernel.launch(1, 32, [np.zeros(32, np.uint32)], track=True)


ARGUMENTS = (("data", 8, BUFFER), ("count", 4, VALUE), ("scale", 4, VALUE))


def launch_with(*arguments: object) -> None:
    data = kernel_object(CHIP, ["s_endpgm"], ARGUMENTS)
    Device(CHIP).load(data)["test"].launch(1, 32, list(arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "takes 3 arguments"),
        ((np.zeros(1), 1 << 32, 0.0), "does not fit 4 bytes"),
        ((np.zeros(1), 1, np.float64(0.0)), "found float64 of 8 bytes, expected 4 bytes"),
        ((np.zeros(1), 1, "x"), "found str, expected an array or a number"),
        ((np.zeros(1), np.zeros(1), 0.0), "found an array"),
        ((np.zeros((4, 4))[:, ::2], 1, 0.0), "not contiguous"),
        ((np.zeros(1), 1, 1e60), "does not fit"),
    ],
)
def test_arguments_that_do_not_fit(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(EmulatorError, match=message):
        launch_with(*arguments)


def test_shapes_that_do_not_fit() -> None:
    data = kernel_object(CHIP, ["s_endpgm"], (), lds_bytes=60000)
    kernel = Device(CHIP).load(data)["test"]
    with pytest.raises(EmulatorError, match="2048 work items"):
        kernel.launch(1, (64, 32), [])
    with pytest.raises(EmulatorError, match="one to three positive numbers"):
        kernel.launch((1, 0), 32, [])
    with pytest.raises(EmulatorError, match="bytes of LDS"):
        kernel.launch(1, 32, [], dynamic_lds_bytes=10000)


def test_unknown_chips_kernels_and_files() -> None:
    with pytest.raises(EmulatorError, match="`gfx9000` is not a known chip"):
        Device("gfx9000")
    program = Device(CHIP).load(kernel_object(CHIP, ["s_endpgm"], ()))
    assert program.names == ("test",)
    with pytest.raises(EmulatorError, match="no kernel `other`, only: test"):
        program["other"]
    with pytest.raises(EmulatorError, match="cannot read"):
        Device(CHIP).load("/nowhere/at/all.co")
    with pytest.raises(EmulatorError, match="for gfx1100, the device is gfx1201"):
        Device("gfx1201").load(kernel_object(CHIP, ["s_endpgm"], ()))


def test_a_processor_that_is_too_old_is_refused() -> None:
    check_host("x86_64-unknown-linux-gnu", {"f16c": True, "fma": True})
    check_host("aarch64-unknown-linux-gnu", {})
    with pytest.raises(EmulatorError, match="needs a processor with fma"):
        check_host("x86_64-unknown-linux-gnu", {"f16c": True})


def test_damaged_files_end_in_a_message() -> None:
    lines = [*POINTER, LANE_OFFSET, "global_store_b32 v1, v0, s[4:5]", "s_endpgm"]
    good = kernel_object(CHIP, lines, (("out", 8, ArgumentKind.GLOBAL_BUFFER),))
    random = np.random.default_rng(7)
    for _ in range(150):
        data = bytearray(good)
        for place in random.integers(0, len(data), random.integers(1, 6)):
            data[place] = random.integers(0, 256)
        if random.integers(0, 4) == 0:
            data = data[: random.integers(0, len(data))]
        try:
            program = Device(CHIP).load(bytes(data))
            for name in program.names:
                program[name].launch(1, 32, [np.zeros(32, np.uint32)], budget=100_000)
        except (EmulatorError, EmulatorFault):
            continue
