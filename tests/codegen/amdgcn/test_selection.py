"""Which instructions kernels become: addresses, fused operations, EXEC only where lanes part."""

import pytest

from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.errors import KernelError
from mlrift.backends.amdgcn.kernel_facts import kernel_facts
from mlrift.backends.amdgcn.mir import MachineFunction, MachineInstruction
from mlrift.backends.amdgcn.mir_text import print_mir
from mlrift.backends.amdgcn.selection.select import select
from mlrift.backends.amdgcn.verify_mir import Stage, verify_mir
from mlrift.driver.kernels import kernels_of
from mlrift.ir.passes.device_pipeline import prepare_kernels


def _selected(body: str, chip: str = "gfx1100") -> MachineFunction:
    """Return the machine IR of a kernel with buffers `a` and `b`, words `n` and `m`, an f32 `f`."""
    source = f"""
@kernel
fn k(uint64 a, uint64 b, uint64 n, uint64 m, f32 f) {{
    assume_group_size(256, 1, 1)
    uint64 i = tid_x()
    f32 x = 0.0f
    f32 y = 0.0f
    uint64 w = 0
{body}
}}
"""
    module = prepare_kernels(kernels_of(source))
    row = chip_named(chip)
    assert row is not None
    function = module.functions["k"]
    made = select(function, kernel_facts(function), row).function
    assert verify_mir(made, row.generation, Stage.SELECTED) == []
    return made


def _named(made: MachineFunction, operation: str) -> list[MachineInstruction]:
    return [row for row in made.instructions() if row.operation == operation]


def _operations(made: MachineFunction) -> list[str]:
    return [row.operation for row in made.instructions() if isinstance(row.operation, str)]


def _writes_exec(made: MachineFunction) -> list[str]:
    text = [line.strip() for line in print_mir(made).splitlines()]
    return [line for line in text if line.startswith(("exec_lo =", "v_cmpx")) or "saveexec" in line]


def test_address_is_scalar_base_lane_offset_and_constant() -> None:
    made = _selected(
        """
    unsafe { *((a + i * 4 + 8) as f32) -> x }
    unsafe { *((a + i * 4 + 16) as f32) -> y }
    unsafe { *((b + i * 4) as f32) = x - y }
"""
    )
    loads = _named(made, "global_load_b32")
    assert [row.modifiers for row in loads] == [{"offset": 8}, {"offset": 16}]
    assert loads[0].operands[1:] == loads[1].operands[1:]
    assert not _named(made, "v_add_co_u32")


def test_arguments_side_by_side_are_loaded_together() -> None:
    made = _selected("    unsafe { *((a + i * 4) as f32) = f + (n + m) as f32 }")
    loads = [row for row in _operations(made) if row.startswith("s_load")]
    assert loads == ["s_load_b256", "s_load_b32"]


@pytest.mark.parametrize(
    ("expression", "operation"),
    [
        ("(w & 255) * (i & 255) + i", "v_mad_u32_u24"),
        ("(w >> 5) & 7", "v_bfe_u32"),
        ("(w * 8 + i) & 4294967295", "v_lshl_add_u32"),
        ("((w + i) << 3) & 4294967295", "v_add_lshl_u32"),
        ("((w & i) | n) & 4294967295", "v_and_or_b32"),
        ("((w * w) >> 32) & 4294967295", "v_mul_hi_u32"),
    ],
)
def test_two_operations_become_one(expression: str, operation: str) -> None:
    made = _selected(
        f"""
    unsafe {{ *((a + i * 4) as uint32) -> w }}
    unsafe {{ *((b + i * 4) as uint32) = {expression} }}
"""
    )
    assert operation in _operations(made)


def test_upper_half_of_a_word_is_stored_as_it_is() -> None:
    made = _selected(
        """
    unsafe { *((a + i * 4) as uint32) -> w }
    unsafe { *((b + i * 2) as uint16) = w >> 16 }
"""
    )
    assert "global_store_d16_hi_b16" in _operations(made)
    assert "v_lshrrev_b32" not in _operations(made)


def test_smaller_of_two_words_is_one_instruction() -> None:
    made = _selected(
        """
    unsafe { *((a + i * 4) as uint32) -> w }
    if w > 1000 { w = 1000 }
    unsafe { *((b + i * 4) as uint32) = w }
"""
    )
    assert "v_min_u32" in _operations(made)


def test_sign_goes_into_the_instruction() -> None:
    made = _selected(
        """
    unsafe { *((a + i * 4) as f32) -> x }
    unsafe { *((b + i * 4 + 1024) as f32) = f - x * f }
"""
    )
    assert any(row.modifiers.get("neg") for row in _named(made, "v_fma_f32"))


def test_uniform_branches_leave_exec_alone() -> None:
    made = _selected(
        """
    uint64 j = 0
    while j < n {
        if j > m { w = w + 3 } else { w = w * 5 }
        j = j + 1
    }
    unsafe { *((b + i * 4) as uint32) = w }
"""
    )
    assert _writes_exec(made) == []


def test_lanes_that_return_are_taken_out_once() -> None:
    made = _selected(
        """
    if i >= n { return }
    unsafe { *((b + i * 4) as f32) = f }
"""
    )
    assert len(_writes_exec(made)) == 1


def test_one_side_costs_a_save_and_a_restore() -> None:
    made = _selected(
        """
    if i < n { unsafe { *((b + i * 4) as f32) = f } }
    unsafe { *((a + i * 4) as f32) = f }
"""
    )
    exec_writes = _writes_exec(made)
    assert ["saveexec" in line for line in exec_writes] == [True, False]
    assert "s_mov_b32" in exec_writes[1]
    assert _operations(made).count("s_cbranch_execz") == 1


def test_two_sides_cost_a_save_a_turn_and_a_restore() -> None:
    made = _selected(
        """
    if i < n { unsafe { *((b + i * 4) as f32) = f } } else { unsafe { *((b + i * 8) as f32) = x } }
    unsafe { *((a + i * 4) as f32) = f }
"""
    )
    kinds = [line.split("= ")[-1].split()[0] for line in _writes_exec(made)]
    assert kinds[1:] == ["s_and_not1_b32", "s_mov_b32"]


def test_a_loop_that_lanes_leave_one_by_one_narrows_exec() -> None:
    made = _selected(
        """
    uint64 j = i
    while j < n {
        w = w + j
        j = j * 2 + 1
    }
    unsafe { *((b + i * 4) as uint32) = w }
"""
    )
    masks = [row for row in _operations(made) if row == "s_or_b32"]
    assert masks == []
    assert any("v_cmpx" in line for line in _writes_exec(made))


def test_lanes_that_leave_by_different_ways_are_collected() -> None:
    made = _selected(
        """
    uint64 j = 0
    while j < n {
        unsafe { *((a + (i + j) * 4) as uint32) -> w }
        if w == 7 { break }
        if w == 9 { unsafe { *((b + i * 4) as uint32) = j }; return }
        j = j + 1
    }
    unsafe { *((b + i * 4) as uint32) = w + 100 }
"""
    )
    assert "s_or_b32" in _operations(made)


def test_group_barriers_of_generations() -> None:
    body = """
    lds_store_f32(tid_local_x(), f)
    sync_block()
    unsafe { *((b + i * 4) as f32) = lds_load_f32(tid_local_x() ^ 1) }
"""
    assert "s_barrier" in _operations(_selected(body, "gfx1030"))
    twelve = _operations(_selected(body, "gfx1201"))
    assert twelve.index("s_barrier_wait") == twelve.index("s_barrier_signal") + 1


def test_matrices_are_refused_where_there_are_none() -> None:
    body = "    wmma_store(0, b, 64)"
    with pytest.raises(KernelError, match="gfx1030 has no matrix instructions"):
        _selected(body, "gfx1030")
