"""The rows of std/qwen3.mlr against numpy: every bit, odd sizes; tables of positions to a unit."""

from pathlib import Path

import numpy as np

from tests.llm_compat import arithmetic, rows
from tests.llm_compat.arithmetic import EPSILON_ONE_MILLIONTH, F32, bits_of, from_bits
from tests.llm_compat.calls import Calls, Place
from tests.llm_compat.layers import Matrix
from tests.llm_compat.library import FUNCTIONS

SIZES = (1, 7, 8, 24, 61, 128, 1024, 1029)


def numbers(seed: int, *shape: int) -> F32:
    """Return numbers of very different sizes."""
    chance = np.random.default_rng(seed)
    sizes = np.exp2(chance.integers(-5, 4, shape))
    return (chance.standard_normal(shape) * sizes).astype(np.float32)


class Expected:
    """What functions are to write."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Place, F32]] = []

    def add(self, name: str, place: Place, values: F32) -> None:
        self.rows.append((name, place, values))

    def check(self, calls: Calls, library: Path, folder: Path) -> None:
        memory = calls.run(library, folder)
        wrong = [
            name
            for name, place, row in self.rows
            if not (bits_of(memory.numbers(place)).ravel() == bits_of(row).ravel()).all()
        ]
        assert wrong == []


def test_sums_and_scaling(library: Path, tmp_path: Path) -> None:
    calls, expected = Calls(FUNCTIONS), Expected()
    for n in SIZES:
        a, b = numbers(n, n), numbers(n + 1, n)
        halves = arithmetic.bf16(b)
        wide = arithmetic.widened(halves)
        pa, pb, ph = calls.array(a), calls.array(b), calls.array(halves)
        total, axpy = calls.room(1), calls.array(a)
        calls.call("dot", total, pa, pb, n)
        expected.add(f"dot {n}", total, rows.dot(a, b))
        calls.call("qwen3_axpy_avx2", axpy, pb, np.float32(0.3), n)
        expected.add(f"axpy {n}", axpy, a + np.float32(0.3) * b)
        for name, weights, values in (
            ("qwen3_scale_vvw_avx2", pb, b),
            ("qwen3_scale_vv_bf16w_avx2", ph, wide),
        ):
            out = calls.room(n)
            calls.call(name, out, pa, weights, np.float32(0.7), n)
            expected.add(f"{name} {n}", out, (a * values) * np.float32(0.7))
        out = calls.room(n)
        calls.call("qwen3_bf16_row_to_f32", out, ph, n)
        expected.add(f"widened {n}", out, wide)
    expected.check(calls, library, tmp_path)


def test_norms(library: Path, tmp_path: Path) -> None:
    calls, expected = Calls(FUNCTIONS), Expected()
    for n in SIZES:
        x, w = numbers(n, n), numbers(n + 1, n)
        halves = arithmetic.bf16(w)
        px, pw, ph = calls.array(x), calls.array(w), calls.array(halves)
        from_f32 = rows.norm(x, w, EPSILON_ONE_MILLIONTH)
        from_bf16 = rows.norm(x, arithmetic.widened(halves), EPSILON_ONE_MILLIONTH)
        calls.call("qwen3_set_norm_kind", n % 2)
        for name, weights, values in (
            ("qwen3_rmsnorm_f32_weights", pw, from_f32),
            ("qwen3_rmsnorm_bf16", ph, from_bf16),
            ("qwen3_main_rmsnorm", (ph, pw)[n % 2], (from_bf16, from_f32)[n % 2]),
        ):
            out = calls.array(x)
            calls.call(name, out, out if n > 100 else px, weights, n)
            expected.add(f"{name} {n}", out, values)
        total = np.float32(0)
        for one in x:
            total = total + one * one
        r = np.float32(1) / np.sqrt(total / np.float32(n) + from_bits(0x35861861))
        out, bare = calls.room(n), calls.room(n)
        calls.call("rmsnorm_bf16_weights_f32", out, px, ph, n)
        weight = np.float32(1) + arithmetic.widened(halves)
        expected.add(f"gemma {n}", out, (x * r) * weight)
        calls.call("rmsnorm_bf16_weights_f32", bare, px, 0, n)
        expected.add(f"gemma without weights {n}", bare, x * r)
        out = calls.room(n)
        calls.call("embed_bf16_scaled_f32", out, ph.plus(-n * 6), 3, n, np.float32(1.5))
        expected.add(f"embed {n}", out, arithmetic.widened(halves) * np.float32(1.5))
    expected.check(calls, library, tmp_path)


def test_exponentials(library: Path, tmp_path: Path) -> None:
    calls, expected = Calls(FUNCTIONS), Expected()
    halves = (np.arange(-120, 121) + 0.5) / np.float64(1.4426950408889634)
    x = np.concatenate([
        numbers(1, 5000) * np.float32(8), halves, np.nextafter(halves, 0.0),
        [0, -0.0, 100, -200, 88],
    ]).astype(np.float32)  # fmt: skip
    place, out = calls.array(x), calls.room(len(x))
    calls.call("exponential", out, place, len(x))
    expected.add("exp", out, rows.exp(x))
    for value, bits in ((100, 0x7EF88299), (-200, 0x00B3368B)):
        one = calls.room(1)
        calls.call("exponential", one, calls.array(np.array([value], np.float32)), 1)
        expected.add(f"exp({value})", one, np.array([from_bits(bits)]))
    for n in SIZES:
        gate, up = numbers(n, n) * np.float32(6), numbers(n + 1, n)
        for name in ("qwen3_silu_mul", "qwen3_silu_mul_avx2"):
            out = calls.room(n)
            calls.call(name, out, calls.array(gate), calls.array(up), n)
            expected.add(f"{name} {n}", out, rows.silu_times(gate, up))
    expected.check(calls, library, tmp_path)


def test_tables_of_positions(library: Path, tmp_path: Path) -> None:
    calls = Calls(FUNCTIONS)
    factors = np.linspace(1, 32, 32).astype(np.float32)
    cases: list[tuple[Place, Place, np.ndarray[tuple[int], np.dtype[np.float64]]]] = []
    for position in (0, 1, 17, 511, 131071):
        for given in (None, factors):
            calls.call("qwen3_set_rope_freqs", 0 if given is None else calls.array(given))
            cos, sin = calls.room(32), calls.room(32)
            calls.call("qwen3_rope_compute", cos, sin, position, 64, np.float64(500000))
            cases.append((cos, sin, rows.angles(position, 64, 500000.0, given)))
        for dims, sections in ((128, (24, 20, 20, 0)), (64, (11, 11, 10, 0))):
            calls.call("qwen3_set_imrope_sections", *sections)
            cos, sin = calls.room(dims // 2), calls.room(dims // 2)
            calls.call("qwen3_rope_compute_imrope_text", cos, sin, position, dims, np.float64(1e7))
            cases.append((cos, sin, rows.axes(position, dims, 1e7, sections)))
    memory = calls.run(library, tmp_path)
    for cos, sin, angle in cases:
        for place, exact in ((cos, np.cos(angle)), (sin, np.sin(angle))):
            found = memory.numbers(place)
            unit = np.spacing(np.abs(exact).astype(np.float32))
            assert (np.abs(found - exact) <= 0.51 * unit + 1e-10).all()
    still = [pair for pair in range(64) if (rows.axes(9, 128, 1e7, (24, 20, 20, 0)))[pair] == 0]
    assert still == [61, 62]


def test_heads_turn(library: Path, tmp_path: Path) -> None:
    calls, expected = Calls(FUNCTIONS), Expected()
    for heads, dim in ((1, 8), (3, 64), (2, 6)):
        x = numbers(dim, heads, dim)
        angle = rows.angles(5, dim, 10000.0, None)
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        pc, ps = calls.array(cos), calls.array(sin)
        for layout in (0, 1):
            out = calls.array(x)
            calls.call("qwen3_set_rope_pair_layout", layout)
            calls.call("qwen3_rope_apply", out, pc, ps, heads, dim)
            expected.add(f"turn {layout} {dim}", out, rows.rotated(x, cos, sin, layout))
        part = dim // 4 * 2
        out = calls.array(x)
        calls.call("qwen3_rope_apply_partial", out, pc, ps, heads, dim, part)
        few = part // 2
        expected.add(f"partial {dim}", out, rows.rotated(x, cos[:few], sin[:few], 0))
    expected.check(calls, library, tmp_path)


def test_attention(library: Path, tmp_path: Path) -> None:
    calls, expected = Calls(FUNCTIONS), Expected()
    shapes = (
        (1, 1, 1, 8),
        (5, 4, 2, 16),
        (33, 6, 3, 24),
        (300, 8, 2, 64),
        (7, 3, 3, 10),
        (9, 4, 3, 8),
    )
    for at, (positions, heads, kv_heads, dim) in enumerate(shapes):
        q = numbers(at, heads, dim)
        keys, values = (
            numbers(at + 50, positions, kv_heads, dim),
            numbers(at + 90, positions, kv_heads, dim),
        )
        out = calls.room(heads * dim)
        pq, pk, pv = calls.array(q), calls.array(keys), calls.array(values)
        calls.call("qwen3_attn_cached", out, pq, pk, pv, positions, heads, kv_heads, dim)
        expected.add(f"attention {positions} {heads} {dim}", out, rows.attention(q, keys, values))
    expected.check(calls, library, tmp_path)


def test_products_by_kind(library: Path, tmp_path: Path) -> None:
    calls, expected = Calls(FUNCTIONS), Expected()
    x, w = numbers(1, 2, 64), numbers(2, 5, 64)
    halves, blocks = arithmetic.bf16(w), arithmetic.quantised(w)
    wide = arithmetic.widened(halves)
    kinds: list[tuple[int, int, int, Matrix, F32]] = [
        (0, 0, 0, halves, arithmetic.product_fused(x, wide)),
        (0, 0, 1, halves, arithmetic.product_kahan(x, wide)),
        (1, 0, 0, blocks, arithmetic.product_q8_0(x, blocks)),
        (1, 1, 0, blocks, arithmetic.product_q8_0_q8_0(x, blocks)),
        (2, 0, 0, w, arithmetic.product_fused(x, w)),
    ]
    for kind, exact, kahan, weights, values in kinds:
        calls.call("qwen3_set_matmul_kind", kind)
        calls.call("qwen3_set_q8_bitexact", exact)
        out = calls.room(10)
        calls.call(
            "qwen3_main_matmul", out, calls.array(x), calls.array(weights), 2, 5, 64, 2, kahan
        )
        expected.add(f"kind {kind} {exact} {kahan}", out, values)
    expected.check(calls, library, tmp_path)
