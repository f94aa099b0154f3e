"""Scalar instructions, assembled by ourselves, against models on special and random numbers.

A group is a case: it loads two sources of 64 bits and SCC, and stores the result and SCC of each
instruction.
"""

import functools
from collections.abc import Callable

import numpy as np
import pytest

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import rows_of_operation
from mlrift.backends.amdgcn.isa.instruction import OperandKind, Row
from mlrift.static_types import Any
from tests.emulator.scalar_models import MODELS
from tests.emulator.vector_models import Array
from tests.support.assembled_kernels import GROUP_ID, WAIT, assembled_kernel, chip_of

CHIPS = ("gfx1030", "gfx1100", "gfx1201")
GROUPS = 200
SPECIAL = (0, 1, 31, 32, 63, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x50004, 0x400010, 0x200000,
           0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF, 0x100000000)  # fmt: skip


@functools.cache
def inputs() -> tuple[Array, Array]:
    """Two sources a case; of the third column only the low bit counts."""
    random = np.random.default_rng(5)
    found = random.integers(0, 1 << 64, (GROUPS, 2), dtype=np.uint64)
    found >>= random.integers(0, 60, (GROUPS, 2), dtype=np.uint64)
    special = random.choice(np.array(SPECIAL, np.uint64), (GROUPS, 2))
    found = np.where(random.integers(0, 3, (GROUPS, 2)) == 0, special, found)
    found[::7, 1] = found[::7, 0]
    return found, random.integers(0, 2, GROUPS).astype(np.uint64)


def _register(first: int, dwords: int) -> str:
    return f"s{first}" if dwords == 1 else f"s[{first}:{first + dwords - 1}]"


def _text(row: Row) -> str:
    sources = iter((20, 22))
    operands = [
        _register(24 if spec.kind is OperandKind.SGPR_TARGET else next(sources), spec.dwords)
        for spec in row.operands
    ]
    return f"{row.name} {', '.join(operands)}"


def _cases(generation: Generation) -> list[tuple[str, Row]]:
    found = [(name, rows_of_operation(name, generation)) for name in MODELS]
    return [(name, rows[0]) for name, rows in found if rows]


def _name(operation: str, generation: Generation) -> str:
    return rows_of_operation(operation, generation)[0].name


def _kernel_text(generation: Generation) -> list[str]:
    store = _name("global_store_b96", generation)
    add = _name("s_add_u32", generation)
    cases = _cases(generation)
    lines = [
        f"{_name('s_load_b128', generation)} s[4:7], s[0:1], 0x0",
        *WAIT[generation],
        f"s_mov_b32 s10, {GROUP_ID[generation]}",
        "s_mul_i32 s11, s10, 24",
        f"{add} s4, s4, s11",
        f"{_name('s_addc_u32', generation)} s5, s5, 0",
        f"{_name('s_load_b128', generation)} s[20:23], s[4:5], 0x0",
        f"{_name('s_load_b64', generation)} s[28:29], s[4:5], 0x10",
        f"s_mul_i32 s11, s10, {12 * len(cases)}",
        "v_mov_b32_e32 v4, s11",
        *WAIT[generation],
    ]
    for _, row in cases:
        lines += [
            "s_mov_b64 s[24:25], 0",
            "s_cmp_lg_u32 s28, 0",
            _text(row),
            "s_cselect_b32 s26, 1, 0",
            "v_mov_b32_e32 v1, s24",
            "v_mov_b32_e32 v2, s25",
            "v_mov_b32_e32 v3, s26",
            f"{store} v4, v[1:3], s[6:7]",
            f"{_name('v_add_nc_u32', generation)} v4, 12, v4",
        ]
    return [*lines, "s_endpgm"]


@pytest.mark.parametrize("chip", CHIPS)
def test_scalar_instructions_compute_what_the_manual_says(chip: str) -> None:
    generation = chip_of(chip).generation
    sources, conditions = inputs()
    cases = _cases(generation)
    table = np.concatenate([sources, conditions[:, None]], axis=1)
    out = np.zeros((GROUPS, len(cases), 3), np.uint32)
    kernel = assembled_kernel(chip, _kernel_text(generation), ("table", "out"))
    kernel.launch(GROUPS, 1, [table, out])
    wrong = []
    for number, (name, row) in enumerate(cases):
        for group in range(GROUPS):
            a, b = sources[group].tolist()
            result, scc = MODELS[name](a, b, int(conditions[group]))
            low, high, condition = out[group, number].tolist()
            expected = (result, int(conditions[group]) if scc is None else scc)
            if (low | high << 32, condition) != expected:
                found = f"{low | high << 32:x} scc {condition}"
                wrong.append(f"{_text(row)}: {a:x} {b:x}: {found}, expected {expected}")
                break
    assert not wrong, "\n".join(wrong)
    assert len(cases) > 70


MASK_CASES: dict[str, Callable[[int, int], int]] = {
    "and": lambda source, active: source & active,
    "or": lambda source, active: source | active,
    "xor": lambda source, active: source ^ active,
    "nand": lambda source, active: ~(source & active),
    "nor": lambda source, active: ~(source | active),
    "xnor": lambda source, active: ~(source ^ active),
    "and_not0": lambda source, active: ~source & active,
    "and_not1": lambda source, active: source & ~active,
    "or_not0": lambda source, active: ~source | active,
    "or_not1": lambda source, active: source | ~active,
}


@pytest.mark.parametrize("chip", CHIPS)
def test_saveexec_keeps_the_old_mask_and_sets_scc(chip: str) -> None:
    generation = chip_of(chip).generation
    store = _name("global_store_b96", generation)
    lines = [f"{_name('s_load_b64', generation)} s[4:5], s[0:1], 0x0", *WAIT[generation]]
    for number, name in enumerate(MASK_CASES):
        lines += [
            "s_mov_b32 exec_lo, 0xff00ff0f",
            "s_mov_b32 s8, 0x0ff0f0ff",
            f"{_name(f's_{name}_saveexec_b32', generation)} s9, s8",
            "s_cselect_b32 s10, 1, 0",
            "s_mov_b32 s11, exec_lo",
            "s_mov_b32 exec_lo, 1",
            *(f"v_mov_b32_e32 v{1 + n}, s{9 + n}" for n in range(3)),
            f"v_mov_b32_e32 v4, {12 * number}",
            f"{store} v4, v[1:3], s[4:5]",
        ]
    out = np.zeros((len(MASK_CASES), 3), np.uint32)
    assembled_kernel(chip, [*lines, "s_endpgm"]).launch(1, 32, [out])
    expected = [
        [0xFF00FF0F, 1, combine(0x0FF0F0FF, 0xFF00FF0F) & 0xFFFFFFFF]
        for combine in MASK_CASES.values()
    ]
    np.testing.assert_array_equal(out, expected)


def _single(number: Any) -> int:
    return int(np.float32(number).view(np.uint32))


SCALAR_FLOATS: tuple[tuple[str, Any], ...] = (
    ("s_add_f32 s10, s8, s9", np.float32(2.75)),
    ("s_sub_f32 s10, s8, s9", np.float32(-5.75)),
    ("s_mul_f32 s10, s8, s9", np.float32(-6.375)),
    ("s_min_num_f32 s10, s8, s9", np.float32(-1.5)),
    ("s_maximum_f32 s10, s8, s9", np.float32(4.25)),
    ("s_fmac_f32 s10, s8, s9", np.float32(-6.375 + 0.5)),
    ("s_fmaak_f32 s10, s8, s9, 0x41200000", np.float32(-6.375 + 10)),
    ("s_fmamk_f32 s10, s8, 0x41200000, s9", np.float32(-15 + 4.25)),
    ("s_floor_f32 s10, s8", np.float32(-2)),
    ("s_ceil_f32 s10, s8", np.float32(-1)),
    ("s_trunc_f32 s10, s9", np.float32(4)),
    ("s_rndne_f32 s10, s8", np.float32(-2)),
    ("s_cvt_i32_f32 s10, s8", -1),
    ("s_cvt_u32_f32 s10, s9", 4),
    ("s_cvt_f32_i32 s10, -7", np.float32(-7)),
    ("s_cvt_f32_u32 s10, 7", np.float32(7)),
    ("s_cvt_pk_rtz_f16_f32 s10, s8, s9", 0x4440BE00),
    ("s_cvt_hi_f32_f16 s10, 0x3c000000", np.float32(1)),
    ("s_add_f16 s10, 0x3c00, 0x4000", 0x4200),
    ("v_s_exp_f32 s10, 2.0", np.float32(4)),
    ("v_s_rcp_f32 s10, -4.0", np.float32(-0.25)),
    ("v_s_sqrt_f32 s10, s9", np.float32(np.sqrt(np.float32(4.25)))),
)


def test_scalar_floats_of_gfx12() -> None:
    lines = ["s_load_b64 s[4:5], s[0:1], 0x0", *WAIT[Generation.GFX12], "v_mov_b32_e32 v1, 0"]
    for text, _ in SCALAR_FLOATS:
        lines += [
            f"s_mov_b32 s8, {_single(-1.5):#x}",
            f"s_mov_b32 s9, {_single(4.25):#x}",
            "s_mov_b32 s10, 0.5",
            text,
            "v_mov_b32_e32 v2, s10",
            "global_store_b32 v1, v2, s[4:5]",
            "v_add_nc_u32_e32 v1, 4, v1",
        ]
    for predicate in ("lt", "gt", "neq", "u"):
        lines += [
            f"s_cmp_{predicate}_f32 s8, s9",
            "s_cselect_b32 s10, 1, 0",
            "v_mov_b32_e32 v2, s10",
            "global_store_b32 v1, v2, s[4:5]",
            "v_add_nc_u32_e32 v1, 4, v1",
        ]
    out = np.zeros(len(SCALAR_FLOATS) + 4, np.uint32)
    assembled_kernel("gfx1201", [*lines, "s_endpgm"]).launch(1, 1, [out])
    expected = [
        _single(number) if isinstance(number, np.float32) else number & 0xFFFFFFFF
        for _, number in SCALAR_FLOATS
    ]
    np.testing.assert_array_equal(out, [*expected, 1, 0, 1, 0])
