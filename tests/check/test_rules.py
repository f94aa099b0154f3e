"""Each rule of the checker: code that breaks it, and code like it that does not."""

import pytest

from tests.support.checked_text import rules_of

ALL = ("gfx1030", "gfx1100", "gfx1201")
OLD = ("gfx1030", "gfx1100")

LOADS = {
    "gfx1030": "global_load_dword v1, v0, s[0:1]",
    "gfx1100": "global_load_b32 v1, v0, s[0:1]",
    "gfx1201": "global_load_b32 v1, v0, s[0:1]",
}
STORES = {
    "gfx1030": "global_store_dword v0, v1, s[0:1]",
    "gfx1100": "global_store_b32 v0, v1, s[0:1]",
    "gfx1201": "global_store_b32 v0, v1, s[0:1]",
}
LOAD_WAITS = {"gfx1030": "s_waitcnt vmcnt(0)", "gfx1100": "s_waitcnt vmcnt(0)"}
LOAD_WAITS["gfx1201"] = "s_wait_loadcnt 0x0"
SCALAR_LOADS = {
    "gfx1030": "s_load_dword s4, s[0:1], 0x0",
    "gfx1100": "s_load_b32 s4, s[0:1], 0x0",
    "gfx1201": "s_load_b32 s4, s[0:1], 0x0",
}
SCALAR_WAITS = {"gfx1030": "s_waitcnt lgkmcnt(0)", "gfx1100": "s_waitcnt lgkmcnt(0)"}
SCALAR_WAITS["gfx1201"] = "s_wait_kmcnt 0x0"
BARRIERS = {
    "gfx1030": "s_barrier",
    "gfx1100": "s_barrier",
    "gfx1201": "s_barrier_signal -1\ns_barrier_wait 0xffff",
}


@pytest.mark.parametrize("chip", ALL)
def test_result_of_a_load_needs_a_wait(chip: str) -> None:
    """A wait between load and use is enough, and needed."""
    use = "v_add_nc_u32 v2, v1, v1\ns_endpgm"
    assert rules_of(f"{LOADS[chip]}\n{LOAD_WAITS[chip]}\n{use}", chip) == []
    assert rules_of(f"{LOADS[chip]}\n{use}", chip) == ["wait.read"]


@pytest.mark.parametrize("chip", ALL)
def test_destination_of_a_load_is_not_overwritten(chip: str) -> None:
    """Writing it too early loses the write."""
    assert rules_of(f"{LOADS[chip]}\nv_mov_b32 v1, 0\ns_endpgm", chip) == ["wait.write"]
    assert rules_of(f"{LOADS[chip]}\nv_mov_b32 v0, 0\ns_endpgm", chip) == []


@pytest.mark.parametrize("chip", ALL)
def test_stored_data_may_be_overwritten(chip: str) -> None:
    """The hardware keeps the order by itself."""
    text = f"v_mov_b32 v1, 0\n{STORES[chip]}\nv_mov_b32 v1, 1\ns_endpgm"
    assert rules_of(text, chip) == []


def test_wait_may_leave_younger_loads() -> None:
    """Loads arrive in order: one left is the younger one."""
    text = "global_load_b32 v1, v0, s[0:1]\nglobal_load_b32 v2, v0, s[0:1]\ns_waitcnt vmcnt(1)\n"
    assert rules_of(text + "v_mov_b32 v3, v1\ns_endpgm", "gfx1100") == []
    assert rules_of(text + "v_mov_b32 v3, v2\ns_endpgm", "gfx1100") == ["wait.read"]


def test_scalar_loads_arrive_in_any_order() -> None:
    """Only a wait for all of them says something."""
    text = "s_load_b32 s4, s[0:1], 0x0\ns_load_b32 s5, s[0:1], 0x4\ns_waitcnt lgkmcnt({})\n"
    text += "s_mov_b32 s6, s4\ns_endpgm"
    assert rules_of(text.format(0), "gfx1100") == []
    assert rules_of(text.format(1), "gfx1100") == ["wait.read"]


def test_counter_of_lds_and_scalar_loads() -> None:
    """With both in flight lgkmcnt(1) still says that the older LDS load has arrived."""
    text = "ds_load_b32 v1, v0\ns_load_b32 s4, s[0:1], 0x0\ns_waitcnt lgkmcnt(1)\n"
    assert rules_of(text + "v_mov_b32 v2, s4\ns_endpgm", "gfx1100") == ["wait.read"]


@pytest.mark.parametrize("chip", ALL)
def test_paths_that_meet_need_the_stronger_wait(chip: str) -> None:
    """The load of one path is pending after the join."""
    text = f"""
        v_mov_b32 v1, 0
        s_cmp_eq_u32 s0, 0
        s_cbranch_scc1 skip
        {LOADS[chip]}
        skip:
        {{}}
        v_mov_b32 v2, v1
        s_endpgm
    """
    assert rules_of(text.format(LOAD_WAITS[chip]), chip) == []
    assert rules_of(text.format(""), chip) == ["wait.read"]


@pytest.mark.parametrize("chip", ALL)
def test_load_of_the_iteration_before(chip: str) -> None:
    """Around the loop the load at its end is still in flight at its start."""
    text = f"""
        v_mov_b32 v1, 0
        loop:
        {{}}
        v_mov_b32 v2, v1
        {LOADS[chip]}
        s_sub_u32 s0, s0, 1
        s_cmp_lg_u32 s0, 0
        s_cbranch_scc1 loop
        s_endpgm
    """
    if chip == "gfx1201":
        text = text.replace("s_sub_u32", "s_sub_co_u32")
    assert rules_of(text.format(LOAD_WAITS[chip]), chip) == []
    assert rules_of(text.format(""), chip) == ["wait.read"]


@pytest.mark.parametrize("chip", ALL)
def test_barrier_drains_lds(chip: str) -> None:
    """A store to LDS is finished before the others of the group go on."""
    store = "ds_write_b32 v0, v0" if chip == "gfx1030" else "ds_store_b32 v0, v0"
    wait = "s_wait_dscnt 0x0" if chip == "gfx1201" else "s_waitcnt lgkmcnt(0)"
    assert rules_of(f"{store}\n{wait}\n{BARRIERS[chip]}\ns_endpgm", chip) == []
    assert rules_of(f"{store}\n{BARRIERS[chip]}\ns_endpgm", chip) == ["wait.barrier"]


@pytest.mark.parametrize("chip", ALL)
def test_registers_that_nothing_wrote(chip: str) -> None:
    """v0 is the local id; v1 is anything."""
    assert rules_of("v_mov_b32 v2, v0\ns_endpgm", chip) == []
    assert rules_of("v_mov_b32 v2, v1\ns_endpgm", chip) == ["register.never-written"]
    assert rules_of("s_mov_b32 s20, s21\ns_endpgm", chip) == ["register.never-written"]


def test_group_id_arrives_after_the_user_registers() -> None:
    """On gfx12 it is in a trap temporary instead."""
    assert rules_of("s_mov_b32 s20, s15\ns_endpgm", "gfx1100") == []
    assert rules_of("s_mov_b32 s20, s2\ns_endpgm", "gfx1100") == ["register.never-written"]
    assert rules_of("s_mov_b32 s20, s2\ns_endpgm", "gfx1030") == []
    assert rules_of("s_mov_b32 s20, ttmp9\ns_endpgm", "gfx1201") == []
    assert rules_of("s_mov_b32 s20, s2\ns_endpgm", "gfx1201") == ["register.never-written"]


@pytest.mark.parametrize("chip", ALL)
def test_vector_registers_beyond_the_allocation(chip: str) -> None:
    """The images of these tests allocate 64."""
    assert rules_of("v_mov_b32 v63, 0\ns_endpgm", chip) == []
    assert rules_of("v_mov_b32 v64, 0\ns_endpgm", chip) == ["register.count"]


def test_transcendental_results_are_late_on_gfx11() -> None:
    """Six vector instructions or a wait have to come between."""
    text = "v_exp_f32 v1, v0\n{}v_add_f32 v2, v1, v1\ns_endpgm"
    assert rules_of(text.format(""), "gfx1100") == ["hazard.transcendental-use"]
    assert rules_of(text.format("v_mov_b32 v3, 0\n" * 5), "gfx1100") == [
        "hazard.transcendental-use"
    ]
    assert rules_of(text.format("v_mov_b32 v3, 0\n" * 6), "gfx1100") == []
    assert rules_of(text.format("s_waitcnt_depctr 0xfff\n"), "gfx1100") == []
    assert rules_of(text.format(""), "gfx1030") == []
    assert rules_of(text.format(""), "gfx1201") == []


def test_permute_after_comparison_into_exec() -> None:
    """One vector instruction in between is enough; `v_nop` is none."""
    text = "v_cmpx_eq_u32 v0, v0\n{}v_permlane16_b32 v1, v0, s0, s1\ns_endpgm"
    assert rules_of("v_mov_b32 v1, 0\n" + text.format(""), "gfx1100") == ["hazard.compare-permute"]
    assert rules_of("v_mov_b32 v1, 0\n" + text.format("v_mov_b32 v2, v0\n"), "gfx1100") == []
    assert rules_of("v_mov_b32 v1, 0\n" + text.format("v_nop\n"), "gfx1100") == [
        "hazard.compare-permute"
    ]


def test_matrix_result_as_factor() -> None:
    """The factors of the next WMMA are not the result of this one."""
    zeros = "".join(f"v_mov_b32 v{n}, 0\n" for n in range(1, 33))
    text = zeros + "v_wmma_f32_16x16x16_f16 v[1:8], v[9:16], v[17:24], v[1:8]\n{}"
    text += "v_wmma_f32_16x16x16_f16 v[25:32], v[1:8], v[17:24], v[25:32]\ns_endpgm"
    assert rules_of(text.format(""), "gfx1100") == ["hazard.matrix-overlap"]
    assert rules_of(text.format("v_nop\n"), "gfx1100") == []


def test_scalar_register_that_was_read_by_a_vector_instruction() -> None:
    """On gfx12 a rewrite of it is seen after a wait only."""
    text = "v_mov_b32 v1, s0\ns_mov_b32 s0, 1\n{}v_mov_b32 v2, s0\ns_endpgm"
    assert rules_of(text.format(""), "gfx1201") == ["hazard.scalar-read"]
    assert rules_of(text.format("s_wait_alu 0xfffe\n"), "gfx1201") == []
    assert rules_of(text.format("s_wait_alu 0xfffd\n"), "gfx1201") == ["hazard.scalar-read"]
    assert rules_of(text.format(""), "gfx1100") == []
    assert rules_of("s_mov_b32 s0, 1\nv_mov_b32 v2, s0\ns_endpgm", "gfx1201") == []


def test_comparison_result_read_twice() -> None:
    """VCC written again by a vector instruction and read by one needs va_vcc(0)."""
    compare = "v_cmp_eq_u32 vcc_lo, v0, v0\n"
    use = "v_cndmask_b32 v1, v0, v0, vcc_lo\n"
    text = compare + use + compare + "{}" + use + "s_endpgm"
    assert rules_of(text.format(""), "gfx1201") == ["hazard.scalar-read"]
    assert rules_of(text.format("s_wait_alu 0xfffd\n"), "gfx1201") == []


@pytest.mark.parametrize("chip", ALL)
def test_barrier_that_not_all_lanes_reach(chip: str) -> None:
    """Lanes switched off by a condition have to be back."""
    text = f"""
        v_cmp_gt_u32 vcc_lo, 7, v0
        s_and_saveexec_b32 s4, vcc_lo
        v_mov_b32 v1, 1
        {{}}
        {BARRIERS[chip]}
        s_endpgm
    """
    assert rules_of(text.format("s_or_b32 exec_lo, exec_lo, s4"), chip) == []
    assert rules_of(text.format(""), chip)[0] == "exec.barrier"


@pytest.mark.parametrize("chip", ALL)
def test_barrier_after_both_sides_of_an_if(chip: str) -> None:
    """The usual code of if and else brings all lanes back."""
    other = "s_andn2_saveexec_b32" if chip == "gfx1030" else "s_and_not1_saveexec_b32"
    text = f"""
        v_cmp_gt_u32 vcc_lo, 7, v0
        s_and_saveexec_b32 s4, vcc_lo
        s_xor_b32 s4, exec_lo, s4
        s_cbranch_execz else
        v_mov_b32 v1, 1
        else:
        {other} s4, s4
        s_cbranch_execz end
        v_mov_b32 v1, 2
        end:
        {{}}
        {BARRIERS[chip]}
        s_endpgm
    """
    assert rules_of(text.format("s_or_b32 exec_lo, exec_lo, s4"), chip) == []
    assert rules_of(text.format(""), chip)[0] == "exec.barrier"


@pytest.mark.parametrize("chip", ALL)
def test_barrier_after_a_loop_that_lanes_leave(chip: str) -> None:
    """The lanes that left are collected and come back after the loop."""
    less = "s_andn2_b32" if chip == "gfx1030" else "s_and_not1_b32"
    text = f"""
        s_mov_b32 s4, 0
        v_mov_b32 v1, v0
        loop:
        v_add_nc_u32 v1, 1, v1
        v_cmp_gt_u32 vcc_lo, v1, v0
        s_or_b32 s4, vcc_lo, s4
        {less} exec_lo, exec_lo, s4
        s_cbranch_execnz loop
        {{}}
        {BARRIERS[chip]}
        s_endpgm
    """
    assert "exec.barrier" not in rules_of(text.format("s_or_b32 exec_lo, exec_lo, s4"), chip)
    assert "exec.barrier" in rules_of(text.format(""), chip)


def test_matrix_instruction_needs_all_lanes() -> None:
    """EXEC has to be full for WMMA."""
    zeros = "".join(f"v_mov_b32 v{n}, 0\n" for n in range(1, 25))
    narrowed = zeros + "v_cmpx_gt_u32 7, v0\n"
    product = "v_wmma_f32_16x16x16_f16 v[1:8], v[9:16], v[17:24], v[1:8]\ns_endpgm"
    assert rules_of(zeros + product, "gfx1100") == []
    assert rules_of(narrowed + product, "gfx1100") == ["exec.matrix"]


@pytest.mark.parametrize("chip", ALL)
def test_kernarg_bounds(chip: str) -> None:
    """The segment of these tests has 64 bytes."""
    load = SCALAR_LOADS[chip].rsplit(" ", maxsplit=1)[0]
    end = f"\n{SCALAR_WAITS[chip]}\ns_endpgm"
    assert rules_of(f"{load} 0x3c{end}", chip) == []
    assert rules_of(f"{load} 0x40{end}", chip) == ["memory.kernarg-bounds"]


@pytest.mark.parametrize("chip", ALL)
def test_lds_bounds_of_known_addresses(chip: str) -> None:
    """An address that is a constant, plus the instruction's offset."""
    store = "ds_write_b32" if chip == "gfx1030" else "ds_store_b32"
    text = f"v_mov_b32 v1, 64\n{store} v1, v0 offset:{{}}\ns_endpgm"
    assert rules_of(text.format(1024 - 68), chip) == []
    assert rules_of(text.format(1024 - 67), chip) == ["memory.lds-bounds"]


@pytest.mark.parametrize("chip", ALL)
def test_code_that_leaves_the_kernel(chip: str) -> None:
    """Branches go to instructions of the kernel, and the last one ends it."""
    assert rules_of("v_mov_b32 v1, v0", chip) == ["code.falls-off"]
    assert rules_of("s_branch skip\nskip:\ns_endpgm", chip) == []
    assert rules_of("s_branch far\nfar:", chip) == ["code.branch-target"]


def test_clause_of_one_kind() -> None:
    """Only memory accesses of one kind are in a clause."""
    loads = "global_load_b32 v1, v0, s[0:1]\nglobal_load_b32 v2, v0, s[0:1]\n"
    assert rules_of(f"s_clause 0x1\n{loads}s_endpgm", "gfx1100") == []
    assert rules_of(f"s_clause 0x2\n{loads}s_endpgm", "gfx1100") == ["hazard.clause"]
