"""Matrix products of all kinds against numpy, with fragments laid out by hand (gpu.md 4.7).

A kernel loads fragments as rows of registers, multiplies, and stores the registers of the result.
"""

import numpy as np
import pytest

from tests.emulator.vector_models import Array
from tests.support.assembled_kernels import WAIT, assembled_kernel, chip_of

A, B, C = 8, 16, 24
LANES = np.arange(32)


def multiply(chip: str, instruction: str, a: Array, b: Array, c: Array) -> Array:
    """Run one instruction on rows of dwords (register, lane); return v[24:31] afterwards."""
    lines = [
        "s_load_b128 s[4:7], s[0:1], 0x0",
        *WAIT[chip_of(chip).generation],
        "v_lshlrev_b32_e32 v1, 2, v0",
    ]
    table = np.zeros((24, 32), np.uint32)
    for first, rows in ((0, a), (8, b), (16, c)):
        table[first : first + len(rows)] = rows
    for row in range(24):
        lines.append(f"global_load_b32 v{8 + row}, v1, s[6:7] offset:{128 * row}")
    lines.append(instruction)
    for row in range(8):
        lines.append(f"global_store_b32 v1, v{C + row}, s[4:5] offset:{128 * row}")
    out = np.zeros((8, 32), np.uint32)
    kernel = assembled_kernel(chip, [*lines, "s_endpgm"], ("out", "table"))
    kernel.launch(1, 32, [out, table])
    return out


def packed(elements: Array, bits: int) -> Array:
    """Return rows of dwords from (lane, element) integers of some bits."""
    count = 32 // bits
    values = elements.astype(np.int64) & (1 << bits) - 1
    groups = values.reshape(32, -1, count)
    words = (groups << np.arange(0, 32, bits)).sum(2)
    return words.T.astype(np.uint32)


def held(matrix: Array, chip: str) -> Array:
    """Return (lane, element) of a 16 x depth matrix: A by rows, B given transposed."""
    depth = matrix.shape[1]
    if chip == "gfx1100":
        return matrix[LANES % 16]
    half = depth // 2
    return np.stack([matrix[lane % 16, half * (lane // 16) :][:half] for lane in range(32)])


def rows_of_result(chip: str) -> Array:
    """Return the row of D in register r, lane l."""
    register = np.arange(8)[:, None]
    if chip == "gfx1100":
        return 2 * register + LANES // 16
    return register + 8 * (LANES // 16)


def spread(matrix: Array, chip: str) -> Array:
    """Return C or D as registers of 32 lanes."""
    return matrix[rows_of_result(chip), LANES % 16]


@pytest.mark.parametrize(
    ("chip", "name", "depth", "bits"),
    [
        ("gfx1100", "v_wmma_i32_16x16x16_iu8", 16, 8),
        ("gfx1201", "v_wmma_i32_16x16x16_iu8", 16, 8),
        ("gfx1100", "v_wmma_i32_16x16x16_iu4", 16, 4),
        ("gfx1201", "v_wmma_i32_16x16x16_iu4", 16, 4),
        ("gfx1201", "v_wmma_i32_16x16x32_iu4", 32, 4),
    ],
)
@pytest.mark.parametrize("signs", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_integer_products(
    chip: str, name: str, depth: int, bits: int, signs: tuple[int, int]
) -> None:
    random = np.random.default_rng(depth + bits)
    registers = depth * bits // (32 if chip == "gfx1100" else 64)
    a, b = (
        random.integers(-(1 << bits - 1), 1 << bits - 1, (16, depth))
        if sign
        else random.integers(0, 1 << bits, (16, depth))
        for sign in signs
    )
    c = random.integers(-1000, 1000, (16, 16))
    last = f"v[{A}:{A + registers - 1}], v[{B}:{B + registers - 1}]"
    if registers == 1:
        last = f"v{A}, v{B}"
    text = f"{name} v[{C}:{C + 7}], {last}, v[{C}:{C + 7}] neg_lo:[{signs[0]},{signs[1]},0]"
    found = multiply(
        chip, text, packed(held(a, chip), bits), packed(held(b, chip), bits), spread(c, chip)
    )
    np.testing.assert_array_equal(found.view(np.int32), spread(a @ b.T + c, chip))


@pytest.mark.parametrize("high", [0, 1])
def test_halves_as_results_on_gfx11_take_one_half_of_their_registers(high: int) -> None:
    random = np.random.default_rng(9)
    a, b, c = (random.standard_normal((16, 16)).astype(np.float16) for _ in range(3))
    start = spread(c, "gfx1100").view(np.uint16).astype(np.uint32) << 16 * high
    other = np.uint32(0x1234) << np.uint32(16 - 16 * high)
    text = (
        f"v_wmma_f16_16x16x16_f16 v[{C}:{C + 7}], v[{A}:{A + 7}], v[{B}:{B + 7}], v[{C}:{C + 7}]"
        f" op_sel:[0,0,{high}]"
    )
    rows_a, rows_b = (packed(held(found, "gfx1100").view(np.int16), 16) for found in (a, b))
    found = multiply("gfx1100", text, rows_a, rows_b, start | other)
    expected = a.astype(np.float64) @ b.T.astype(np.float64) + c
    halves = (found >> 16 * high & 0xFFFF).astype(np.uint16).view(np.float16)
    np.testing.assert_allclose(halves, spread(expected, "gfx1100"), atol=2e-2, rtol=2e-3)
    assert (found & np.uint32(0xFFFF << 16 - 16 * high) == other).all()


def test_halves_as_results_on_gfx12_are_packed() -> None:
    random = np.random.default_rng(10)
    a, b, c = (random.standard_normal((16, 16)).astype(np.float16) for _ in range(3))
    halves = spread(c, "gfx1201").view(np.uint16).astype(np.uint32)
    start = halves[::2] | halves[1::2] << 16
    text = f"v_wmma_f16_16x16x16_f16 v[{C}:{C + 3}], v[{A}:{A + 3}], v[{B}:{B + 3}], v[{C}:{C + 3}]"
    rows_a, rows_b = (packed(held(found, "gfx1201").view(np.int16), 16) for found in (a, b))
    found = multiply("gfx1201", text, rows_a, rows_b, start)[:4]
    made = np.empty((8, 32), np.uint16)
    made[::2], made[1::2] = found & 0xFFFF, found >> 16
    expected = spread(a.astype(np.float64) @ b.T.astype(np.float64) + c, "gfx1201")
    np.testing.assert_allclose(made.view(np.float16), expected, atol=2e-2, rtol=2e-3)


def small_float(byte: int, exponent_bits: int) -> float:
    """fp8 is e4m3 (bias 7), bf8 is e5m2 (bias 15); no special numbers here."""
    mantissa_bits = 7 - exponent_bits
    bias = (1 << exponent_bits - 1) - 1
    exponent = byte >> mantissa_bits & (1 << exponent_bits) - 1
    fraction = (byte & (1 << mantissa_bits) - 1) / (1 << mantissa_bits)
    size = (1 + fraction) * 2.0 ** (exponent - bias) if exponent else fraction * 2.0 ** (1 - bias)
    return -size if byte >> 7 else size


@pytest.mark.parametrize(("left", "right"), [("fp8", "fp8"), ("fp8", "bf8"), ("bf8", "bf8")])
def test_products_of_small_floats(left: str, right: str) -> None:
    random = np.random.default_rng(11)
    bytes_of = [random.integers(0, 256, (16, 16)) for _ in range(2)]
    widths = [4 if kind == "fp8" else 5 for kind in (left, right)]
    for found, width in zip(bytes_of, widths, strict=True):
        found[(found & 0x7F) >= (0x70 if width == 4 else 0x50)] &= 0x8F
    numbers = [
        np.vectorize(small_float)(found, width)
        for found, width in zip(bytes_of, widths, strict=True)
    ]
    c = random.standard_normal((16, 16)).astype(np.float32)
    text = (
        f"v_wmma_f32_16x16x16_{left}_{right} v[{C}:{C + 7}], v[{A}:{A + 1}], v[{B}:{B + 1}],"
        f" v[{C}:{C + 7}]"
    )
    rows = [packed(held(found, "gfx1201"), 8) for found in bytes_of]
    found = multiply("gfx1201", text, rows[0], rows[1], spread(c, "gfx1201").view(np.uint32))
    expected = spread(numbers[0] @ numbers[1].T + c, "gfx1201")
    np.testing.assert_allclose(found.view(np.float32), expected, rtol=1e-5, atol=1e-3)
