"""Vector instructions, assembled by ourselves, against models in numpy on special and random bits.

One kernel a chip runs all of them: it loads three sources of 64 bits and VCC for each lane, and
stores two dwords and VCC of each instruction.
"""

import functools

import numpy as np
import pytest

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import rows_of_operation
from mlrift.backends.amdgcn.isa.instruction import OperandKind, OperandSpec, Row
from tests.emulator.vector_models import (
    COMPARISONS,
    FLOAT_OPERATIONS,
    INTEGER_OPERATIONS,
    Array,
    Model,
    f16,
    f32,
    f64,
)
from tests.support.assembled_kernels import GROUP_ID, WAIT, assembled_kernel, chip_of

CHIPS = ("gfx1030", "gfx1100", "gfx1201")
GROUPS = 16
COUNT = 32 * GROUPS
SOURCES = (8, 10, 12)
RESULT = 16
INPUT_DWORDS, OUTPUT_DWORDS = 7, 3
MODELS: dict[str, Model] = {**INTEGER_OPERATIONS, **FLOAT_OPERATIONS, **COMPARISONS}

_WITHOUT_KNOWN_CARRY = "v_mad_i64_i32"

SPECIAL32 = (
    0, 1, 2, 31, 32, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x3C00, 0xBC01, 0x7C00, 0xFC00,
    0x7E00, 0x7BFF, 0x0001, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x00000001,
    0x80000000, 0x807FFFFF, 0x7F7FFFFF, 0x4F000000, 0xCF000000, 0x4F800000, 0x3F000000, 0x40200000,
    0xC0200000, 0xFFFFFFFF, 0x7FFFFFFF, 0x33800000, 0x477FF000, 0x0C060D01, 0x0B0A0908,
)  # fmt: skip
SPECIAL64 = (
    0, 1, 0x3FF0000000000000, 0xBFF8000000000000, 0x7FF0000000000000, 0xFFF0000000000000,
    0x7FF8000000000000, 0x0000000000000001, 0x8000000000000000, 0x7FEFFFFFFFFFFFFF,
    0x41E0000000000000, 0xC1E0000000000000, 0x41EFFFFFFFE00000, 0x4004000000000000,
    0x380FFFFFF0000000, 0x36A0000000000000, 0xFFFFFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF,
)  # fmt: skip


@functools.cache
def inputs() -> tuple[Array, ...]:
    """Three sources of 64 bits and a bit; half of the numbers are special."""
    random = np.random.default_rng(2024)
    sources = []
    for _ in range(3):
        wide = random.integers(0, 1 << 64, COUNT, dtype=np.uint64)
        wide >>= random.integers(0, 40, COUNT, dtype=np.uint64)
        small = random.choice(np.array(SPECIAL32, np.uint64), COUNT)
        other = random.choice(np.array(SPECIAL64, np.uint64), COUNT)
        kind = random.integers(0, 4, COUNT)
        sources.append(np.where(kind == 0, small, np.where(kind == 1, other, wide)))
    sources[1][::5] = sources[0][::5]
    return (*sources, random.integers(0, 2, COUNT).astype(np.uint64))


def _text(spec: OperandSpec, register: int) -> str:
    if spec.kind in (OperandKind.MASK_TARGET, OperandKind.MASK_SOURCE):
        return "vcc_lo"
    return f"v{register}" if spec.dwords == 1 else f"v[{register}:{register + 1}]"


def instruction_text(row: Row, suffix: str) -> str:
    """Return a row with its result in v[16:17] and its sources in v[8:9], v[10:11], v[12:13]."""
    sources = iter(SOURCES)
    operands = []
    for spec in row.operands:
        is_source = spec.field.startswith(("src", "vsrc")) and spec.kind not in (
            OperandKind.MASK_SOURCE,
            OperandKind.MASK_TARGET,
        )
        operands.append(_text(spec, next(sources) if is_source else RESULT))
    return f"{row.name}{suffix} {', '.join(operands)}"


def _name(operation: str, generation: Generation) -> str:
    return rows_of_operation(operation, generation)[0].name


@functools.cache
def cases(chip: str) -> tuple[tuple[str, str], ...]:
    """Return operations of a chip with their instruction: the VOP3 form, which names all."""
    generation = chip_of(chip).generation
    found = []
    for operation in MODELS:
        rows = rows_of_operation(operation, generation)
        if rows:
            row = rows[-1]
            suffix = "_e64" if row.format.encoding.name in ("VOP3", "VOP3SD") else ""
            text = instruction_text(row, "")
            if len(rows) > 1:
                text = instruction_text(row, suffix)
            found.append((operation, text))
    return tuple(found)


def _kernel_text(chip: str) -> list[str]:
    generation = chip_of(chip).generation
    load, store = (_name(f"global_{verb}_b32", generation) for verb in ("load", "store"))
    wide = _name("s_load_b128", generation)
    lines = [
        f"{wide} s[4:7], s[0:1], 0x0",
        *WAIT[generation],
        f"s_lshl_b32 s8, {GROUP_ID[generation]}, 5",
        f"{_name('v_add_nc_u32', generation)} v0, s8, v0",
        f"v_mul_lo_u32 v1, v0, {4 * INPUT_DWORDS}",
        f"s_mov_b32 s9, {4 * OUTPUT_DWORDS * len(cases(chip))}",
        "v_mul_lo_u32 v2, v0, s9",
        *(f"{load} v{8 + n}, v1, s[4:5] offset:{4 * n}" for n in range(INPUT_DWORDS)),
        *WAIT[generation],
    ]
    for _, text in cases(chip):
        lines += [
            f"v_mov_b32_e32 v{RESULT}, v12",
            f"v_mov_b32_e32 v{RESULT + 1}, v13",
            "v_cmp_ne_u32_e64 vcc_lo, 0, v14",
            text,
            "v_cndmask_b32_e64 v18, 0, 1, vcc_lo",
            *(f"{store} v2, v{RESULT + n}, s[6:7] offset:{4 * n}" for n in range(3)),
            f"{_name('v_add_nc_u32', generation)} v2, {4 * OUTPUT_DWORDS}, v2",
        ]
    return [*lines, "s_endpgm"]


@functools.cache
def results(chip: str) -> Array:
    """Return result dwords and VCC, by lane and case."""
    a, b, c, bit = inputs()
    table = np.zeros((COUNT, INPUT_DWORDS), np.uint32)
    for number, source in enumerate((a, b, c)):
        table[:, 2 * number : 2 * number + 2] = source.view(np.uint32).reshape(COUNT, 2)
    table[:, 6] = bit
    out = np.zeros((COUNT, len(cases(chip)), OUTPUT_DWORDS), np.uint32)
    kernel = assembled_kernel(chip, _kernel_text(chip), ("table", "out"))
    kernel.launch(GROUPS, 32, [table, out])
    return out


def _as_floats(operation: str, bits: Array) -> Array | None:
    name = operation.removeprefix("v_cvt_").removeprefix("v_pk_")
    kind = name.split("_")[0] if operation.startswith("v_cvt") else name.split("_")[-1]
    reader = {"f16": f16, "f32": f32, "f64": f64}.get(kind)
    return None if reader is None or operation.startswith("v_cmp") else reader(bits)


def _same(operation: str, found: Array, expected: Array) -> Array:
    same = found == expected
    if operation.startswith("v_pk_") and operation.endswith("f16"):
        for shift in (np.uint64(0), np.uint64(16)):
            both = np.isnan(f16(found >> shift)) & np.isnan(f16(expected >> shift))
            rest = ~(np.uint64(0xFFFF) << shift)
            same |= both & ((found & rest) == (expected & rest))
        return same | (
            np.isnan(f16(found))
            & np.isnan(f16(expected))
            & np.isnan(f16(found >> np.uint64(16)))
            & np.isnan(f16(expected >> np.uint64(16)))
        )
    floats, wanted = _as_floats(operation, found), _as_floats(operation, expected)
    if floats is not None and wanted is not None:
        same |= np.isnan(floats) & np.isnan(wanted)
    return same


def _quieted(operation: str, chip: str, found: Array, sources: tuple[Array, ...]) -> Array:
    """On gfx10 and 11, in IEEE mode, an extreme of a signalling NaN is a quiet NaN."""
    is_old = chip_of(chip).generation is not Generation.GFX12
    reader = {"f16": f16, "f32": f32, "f64": f64}.get(operation[-3:])
    if not is_old or reader is None or not operation.startswith(("v_min", "v_max")):
        return np.zeros(COUNT, bool)
    quiet_bit = np.uint64({"f16": 1 << 9, "f32": 1 << 22, "f64": 1 << 51}[operation[-3:]])
    loud = [np.isnan(reader(bits)) & ((bits & quiet_bit) == 0) for bits in sources[:2]]
    return (loud[0] | loud[1]) & np.isnan(reader(found)) & ((found & quiet_bit) != 0)


def _width(operation: str, chip: str) -> int:
    row = rows_of_operation(operation, chip_of(chip).generation)[-1]
    element = row.operands[0].element.value
    return 64 if element in ("b64", "i64", "u64", "f64") else 16 if element.endswith("16") else 32


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("chip", CHIPS)
def test_vector_instructions_compute_what_the_manual_says(chip: str) -> None:
    a, b, c, bit = inputs()
    wrong = []
    for number, (operation, text) in enumerate(cases(chip)):
        made = MODELS[operation](a, b, c, bit)
        expected, carry = made if isinstance(made, tuple) else (made, bit != 0)
        dwords = results(chip)[:, number].astype(np.uint64)
        found = dwords[:, 0] | dwords[:, 1] << np.uint64(32)
        if operation in COMPARISONS:
            fine = (dwords[:, 2] != 0) == carry
        else:
            bits = _width(operation, chip)
            mask = np.uint64((1 << bits) - 1)
            fine = _same(operation, found & mask, expected & mask)
            if operation != _WITHOUT_KNOWN_CARRY:
                fine &= (dwords[:, 2] != 0) == carry
            fine |= _quieted(operation, chip, found & mask, (a, b, c))
            packed = operation.startswith("v_pk") or operation.startswith("v_cvt_pk")
            if bits == 16 and not packed:
                fine &= (dwords[:, 0] >> np.uint64(16)) == (c >> np.uint64(16) & np.uint64(0xFFFF))
        if not fine.all():
            lane = int(np.flatnonzero(~fine)[0])
            wrong.append(
                f"{text}: {a[lane]:x} {b[lane]:x} {c[lane]:x} vcc {bit[lane]}: found"
                f" {found[lane]:x} vcc {dwords[lane, 2]}, expected {expected[lane]:x} {carry[lane]}"
                f" ({(~fine).sum()} lanes)"
            )
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("chip", CHIPS)
def test_most_operations_have_a_model(chip: str) -> None:
    assert len(cases(chip)) > 200
