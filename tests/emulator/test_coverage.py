"""Every instruction of the tables is executed, or listed here with what it would need."""

import pytest

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import rows_of
from mlrift.emulator.semantics import semantics_of

MISSING = {
    "cube maps": {"v_cubeid_f32", "v_cubema_f32", "v_cubesc_f32", "v_cubetc_f32", "v_mullit_f32"},
    "argument reduction of sin and cos in f64": {"v_trig_preop_f64"},
    "video coding": {"v_mqsad_pk_u16_u8", "v_mqsad_u32_u8", "v_qsad_pk_u16_u8"},
    "two registers chosen by M0": {
        "s_movrelsd_2_b32",
        "v_movrelsd_2_b32",
        "v_movrelsd_b32",
        "v_swaprel_b32",
    },
    "messages that are answered": {"s_sendmsg_rtn_b32", "s_sendmsg_rtn_b64"},
    "named barriers": {
        "s_barrier_init",
        "s_barrier_join",
        "s_barrier_leave",
        "s_barrier_signal_isfirst",
        "s_get_barrier_state",
    },
    "a lock of the LDS": {"ds_condxchg32_rtn_b64"},
    "counters of append buffers": {"ds_append", "ds_consume"},
    "halves that change places": {"v_swap_b16"},
    "loads that transpose tiles": {"global_load_tr_b128", "global_load_tr_b64"},
    "random rounding to fp8 and bf8": {"v_cvt_sr_bf8_f32", "v_cvt_sr_fp8_f32"},
}


@pytest.mark.parametrize("generation", Generation)
def test_what_is_not_executed_is_listed(generation: Generation) -> None:
    operations = {row.operation for row in rows_of(generation)}
    missing = {operation for operation in operations if semantics_of(operation) is None}
    listed = set().union(*MISSING.values())
    assert missing - listed == set()


def test_what_is_listed_is_missing() -> None:
    listed = set().union(*MISSING.values())
    assert {operation for operation in listed if semantics_of(operation) is not None} == set()
