"""Layers of every family against numpy: every bit of six tokens, with odd and even sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.llm_compat import arithmetic, layers, rows
from tests.llm_compat.arithmetic import F32
from tests.llm_compat.calls import Calls, Memory, Place
from tests.llm_compat.layers import Cache, Delta, DeltaState, Dense, Gemma, Matrix, Sizes, Weights
from tests.llm_compat.library import FUNCTIONS

TOKENS = 6
DENSE_SLOTS = (
    "input_norm", "q", "k", "v", "q_norm", "k_norm", "o", "post_norm", "gate", "up", "down",
)  # fmt: skip
ATTENTION_SLOTS = (
    "input_norm", "q", "k", "v", "q_norm", "k_norm", "o", "post_norm", "gate", "up", "down",
)  # fmt: skip
DELTA_SLOTS = (
    "input_norm", "qkv", "z", "conv", "dt_bias", "a", "alpha", "beta", "ssm_norm", "o", "post_norm",
    "gate", "up", "down",
)  # fmt: skip
GEMMA_SLOTS = (
    "attn_norm", "q", "k", "v", "o", "q_norm", "k_norm", "post_attn_norm", "ffn_norm", "gate", "up",
    "down", "post_ffn_norm",
)  # fmt: skip
NORMS = ("norm", "conv", "dt_bias", "a")


class Layers(Calls):
    """Calls of layers: weights get records, tokens go through in order."""

    def __init__(self) -> None:
        super().__init__(FUNCTIONS)
        self.start = self.array(np.zeros(1, np.float32))
        self.call("reset_records")

    def record(self, places: Sequence["Place | int"]) -> Place:
        """Return a record with the addresses of arrays."""
        offsets = [row.offset if isinstance(row, Place) else row for row in places]
        made = self.array(np.array(offsets, np.uint64))
        self.call("rebase", made, self.start, len(offsets))
        return made

    def cache(self, sizes: Sizes) -> tuple[Place, Place]:
        """Return empty caches of keys and values."""
        count = TOKENS * sizes.kv_heads * sizes.head_dim
        empty = np.zeros(count, np.float32)
        return self.array(empty), self.array(empty)


def random_weights(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, F32]:
    """Return weights: those of norms around 1, matrices so that rows keep their size."""
    chance = np.random.default_rng(seed)
    made: dict[str, F32] = {}
    for name, shape in shapes.items():
        values = chance.standard_normal(shape)
        if "norm" in name:
            values = 1.0 + 0.1 * values
        elif name == "a":
            values = -np.abs(values)
        elif len(shape) == 2:
            values = values / np.sqrt(shape[1])
        made[name] = values.astype(np.float32)
    return made


def dense_shapes(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    q, kv = sizes.heads * sizes.head_dim, sizes.kv_heads * sizes.head_dim
    return {
        "input_norm": (sizes.hidden,), "q": (q, sizes.hidden), "k": (kv, sizes.hidden),
        "v": (kv, sizes.hidden), "q_norm": (sizes.head_dim,), "k_norm": (sizes.head_dim,),
        "o": (sizes.hidden, q), "post_norm": (sizes.hidden,), "gate": (sizes.ff, sizes.hidden),
        "up": (sizes.ff, sizes.hidden), "down": (sizes.hidden, sizes.ff),
    }  # fmt: skip


def is_small(name: str) -> bool:
    """Say whether a weight is no factor of a product."""
    return any(word in name for word in NORMS) and name not in {"alpha", "gate"}


def as_stored(weights: Weights, kind: int, norm_kind: int) -> tuple[dict[str, Matrix], Weights]:
    """Return weights as a program has them, and as the products of numpy take them."""
    stored: dict[str, Matrix] = {}
    seen: dict[str, Matrix] = {}
    for name, full in weights.items():
        values = full.astype(np.float32)
        is_half = (is_small(name) and norm_kind == 0) or (not is_small(name) and kind == 0)
        if is_half:
            stored[name] = arithmetic.bf16(values)
            seen[name] = arithmetic.widened(arithmetic.bf16(values))
        elif not is_small(name) and kind == 1:
            stored[name] = seen[name] = arithmetic.quantised(values)
        else:
            stored[name] = seen[name] = values
    return stored, seen


def tokens(sizes: Sizes, seed: int) -> F32:
    chance = np.random.default_rng(seed)
    return chance.standard_normal((TOKENS, sizes.hidden)).astype(np.float32)


def product_of(kind: int, is_exact: bool) -> layers.Product:
    """Return how numpy computes the products of a kind of weights."""
    if kind != 1:
        return lambda x, w: arithmetic.product_fused(x, w.astype(np.float32, copy=False))
    made = arithmetic.product_q8_0_q8_0 if is_exact else arithmetic.product_q8_0
    return lambda x, w: made(x, w.astype(np.uint8, copy=False))


def kahan(x: F32, w: Matrix) -> F32:
    return arithmetic.product_kahan(x, w.astype(np.float32, copy=False))


def compare(memory: Memory, outs: list[Place], expected: list[F32]) -> None:
    for position, (place, row) in enumerate(zip(outs, expected, strict=True)):
        found = memory.numbers(place)
        assert np.isfinite(row).all()
        assert (found.view(np.uint32) == row.view(np.uint32)).all(), (position, found, row)


SIZES = Sizes(64, 32, 4, 2, 96)
ODD = Sizes(40, 20, 6, 3, 52)


@dataclass(frozen=True, slots=True)
class Case:
    """A model of the qwen3 family, and how a program has its weights."""

    name: str
    kind: int
    norm_kind: int
    is_fused: bool
    is_exact: bool
    dense: Dense


PLAIN, BLOCKS, EXACT = product_of(2, False), product_of(1, False), product_of(1, True)
DENSE = [
    Case("qwen3 bf16", 0, 0, True, False, Dense(SIZES, product_of(0, False), kahan)),
    Case("qwen3 odd f32", 2, 1, False, False, Dense(ODD, PLAIN, PLAIN)),
    Case("qwen3 q8_0", 1, 1, False, False, Dense(SIZES, BLOCKS, BLOCKS)),
    Case(
        "llama q8_0", 1, 1, False, True,
        Dense(
            SIZES, EXACT, EXACT, has_head_norms=False, theta=500000.0, epsilon_bits=0x3727C5AC,
            layout=1, factors=np.linspace(1, 8, 16).astype(np.float32),
        ),
    ),
    Case(
        "qwen36", 2, 1, True, False,
        Dense(SIZES, PLAIN, PLAIN, theta=5e6, sections=(3, 3, 2, 0), rope_dim=32),
    ),
]  # fmt: skip


def set_up_dense(calls: Layers, case: Case) -> None:
    """Call the setters."""
    dense, sizes = case.dense, case.dense.sizes
    arch = (sizes.hidden, sizes.head_dim, sizes.heads, sizes.kv_heads, sizes.ff)
    if dense.sections is None:
        calls.call("qwen3_set_arch", *arch)
        calls.call("qwen3_set_rope_base", int(dense.theta))
    else:
        calls.call("qwen36_set_arch", *arch, dense.rope_dim, int(dense.theta), *dense.sections)
    calls.call("qwen3_set_matmul_kind", case.kind)
    calls.call("qwen3_set_norm_kind", case.norm_kind)
    calls.call("qwen3_set_fuse_qkv", int(case.is_fused))
    calls.call("qwen3_set_q8_bitexact", int(case.is_exact))
    calls.call("qwen3_set_down_proj_kahan", int(dense.down_product is kahan))
    calls.call("qwen3_set_qknorm", int(dense.has_head_norms))
    calls.call("qwen3_set_rmsnorm_eps_bits", dense.epsilon_bits)
    calls.call("qwen3_set_rope_pair_layout", dense.layout)
    calls.call("qwen3_set_rope_freqs", 0 if dense.factors is None else calls.array(dense.factors))


def fused_slots(stored: Weights) -> dict[str, Matrix]:
    """Return the weights with q, k and v in one matrix, and gate and up."""
    joined = dict(stored)
    joined["q"] = np.concatenate([stored["q"], stored["k"], stored["v"]])
    joined["gate"] = np.concatenate([stored["gate"], stored["up"]])
    for name in ("k", "v", "up"):
        del joined[name]
    return joined


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("case", DENSE, ids=lambda row: row.name)
def test_dense_layers(library: Path, tmp_path: Path, workers: int, case: Case) -> None:
    dense, sizes = case.dense, case.dense.sizes
    weights = random_weights(dense_shapes(sizes), 5)
    stored, seen = as_stored(weights, case.kind, case.norm_kind)
    if case.is_fused:
        stored = fused_slots(stored)
    calls = Layers()
    set_up_dense(calls, case)
    record = calls.record(
        [calls.array(stored[name]) if name in stored else 0 for name in DENSE_SLOTS]
    )
    keys, values = calls.cache(sizes)
    cache = Cache(TOKENS, sizes)
    outs, expected = [], []
    for position, x in enumerate(tokens(sizes, 9)):
        out = calls.array(x)
        calls.call("qwen3_forward_layer", out, out, record, position, keys, values, workers)
        outs.append(out)
        expected.append(layers.qwen3_layer(x, seen, position, cache, dense))
    memory = calls.run(library, tmp_path)
    compare(memory, outs, expected)
    assert (memory.numbers(keys) == cache.keys.ravel()).all()
    assert (memory.numbers(values) == cache.values.ravel()).all()


DELTAS = [
    Delta(4, 16, 2, 2, 32, False),
    Delta(4, 16, 2, 4, 64, False),
    Delta(3, 8, 2, 6, 48, True),
]


def delta_shapes(sizes: Sizes, delta: Delta) -> dict[str, tuple[int, ...]]:
    return {
        "input_norm": (sizes.hidden,), "qkv": (delta.channels, sizes.hidden),
        "z": (delta.inner, sizes.hidden), "conv": (delta.channels, delta.width),
        "dt_bias": (delta.value_heads,), "a": (delta.value_heads,),
        "alpha": (delta.value_heads, sizes.hidden), "beta": (delta.value_heads, sizes.hidden),
        "ssm_norm": (delta.inner // delta.value_heads,), "o": (sizes.hidden, delta.inner),
        "post_norm": (sizes.hidden,), "gate": (sizes.ff, sizes.hidden),
        "up": (sizes.ff, sizes.hidden), "down": (sizes.hidden, sizes.ff),
    }  # fmt: skip


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("workers", [1, 2])
def test_hybrid_layers(library: Path, tmp_path: Path, delta: Delta, workers: int) -> None:
    sections = (3, 3, 2, 0)
    dense = Dense(SIZES, PLAIN, PLAIN, theta=1e7, sections=sections, rope_dim=8)
    calls = Layers()
    arch = (SIZES.hidden, SIZES.head_dim, SIZES.heads, SIZES.kv_heads, SIZES.ff)
    ssm = (delta.width, delta.state, delta.key_heads, delta.value_heads, delta.inner, 2)
    calls.call("qwen35_set_arch", *arch, 8, 10000000, *sections, *ssm)
    calls.call("qwen35_set_head_order", int(delta.is_grouped))
    calls.call("qwen3_set_matmul_kind", 2)
    calls.call("qwen3_set_norm_kind", 1)
    shapes = dense_shapes(SIZES)
    shapes["q"] = (2 * shapes["q"][0], SIZES.hidden)
    attention, net = random_weights(shapes, 3), random_weights(delta_shapes(SIZES, delta), 4)
    records = [
        calls.record([*[calls.array(net[name]) for name in DELTA_SLOTS], 0, 0]),
        calls.record([*[calls.array(attention[name]) for name in ATTENTION_SLOTS], *[0] * 5]),
    ]
    keys, values = calls.cache(SIZES)
    cache, state = Cache(TOKENS, SIZES), DeltaState(delta)
    kept = calls.array(np.frombuffer(state.bytes(), np.float32))
    outs, expected = [], []
    for position, x in enumerate(tokens(SIZES, 9)):
        out = calls.array(x)
        for layer in (0, 1):
            calls.call(
                "qwen35_forward_layer", out, out, records[layer], layer, position, keys, values,
                kept, workers,
            )  # fmt: skip
        outs.append(out)
        mid = layers.delta_layer(x, net, state, delta, dense)
        row = layers.gated_attention_layer(mid, attention, position, cache, dense)
        expected.append(row)
    memory = calls.run(library, tmp_path)
    compare(memory, outs, expected)
    assert memory.of(kept).tobytes() == state.bytes()


def gemma_shapes(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    shapes = dense_shapes(sizes)
    norms = ("attn_norm", "post_attn_norm", "ffn_norm", "post_ffn_norm")
    del shapes["input_norm"], shapes["post_norm"]
    return {**shapes, **dict.fromkeys(norms, (sizes.hidden,))}


@pytest.mark.parametrize("family", ["gemma2", "gemma3"])
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("sizes", [SIZES, ODD], ids=["even", "odd"])
def test_gemma_layers(library: Path, tmp_path: Path, family: str, layer: int, sizes: Sizes) -> None:
    calls = Layers()
    is_second = family == "gemma2"
    arch = (sizes.hidden, sizes.head_dim, sizes.heads, sizes.kv_heads, sizes.ff)
    calls.call("qwen3_set_matmul_kind", 2)
    calls.call(f"{family}_set_arch", *arch)
    calls.call(f"{family}_set_sliding_window", 3)
    if not is_second:
        calls.call("gemma3_set_swa_period", 2)
        calls.call("gemma3_set_rope_bases", 10000, 1000000)
    theta = 10000.0 if is_second or layer == 0 else 1000000.0
    cap = 50.0 if is_second else 0.0
    gemma = Gemma(sizes, PLAIN, theta, cap, 3, layer == 0, not is_second, is_second)
    weights = random_weights(gemma_shapes(sizes), 11)
    slots = [name for name in GEMMA_SLOTS if not is_second or name not in ("q_norm", "k_norm")]
    record = calls.record([calls.array(weights[name]) for name in slots])
    keys, values = calls.cache(sizes)
    cache = Cache(TOKENS, sizes)
    outs, expected = [], []
    for position, x in enumerate(tokens(sizes, 9)):
        big = x * np.float32(3)
        out = calls.array(big)
        calls.call(f"{family}_forward_layer", out, out, record, position, keys, values, 2, layer)
        outs.append(out)
        expected.append(layers.gemma_layer(big, weights, position, cache, gemma))
    compare(calls.run(library, tmp_path), outs, expected)


def test_gelu_and_caps(library: Path, tmp_path: Path) -> None:
    calls = Layers()
    chance = np.random.default_rng(3)
    gate = (chance.standard_normal(5000) * 5).astype(np.float32)
    gate[:6] = [-10, 10, 0, -9.9999, 9.9999, 1e-7]
    up = chance.standard_normal(5000).astype(np.float32)
    places = [
        calls.room(5000),
        calls.room(5000),
        calls.array(gate * np.float32(9)),
        calls.array(up),
    ]
    calls.call("gemma2_gelu_mul", places[0], calls.array(gate), calls.array(up), 5000)
    calls.call("gemma3_gelu_mul_direct", places[1], calls.array(gate), calls.array(up), 5000)
    calls.call("gemma2_softcap_logits", places[2], 5000)
    calls.call("gemma2_scale_embed_inplace", places[3], 5000)
    capped = np.float32(30) * rows.tanh(gate * np.float32(9) / np.float32(30))
    expected = [
        layers.gelu_by_table(gate) * up, layers.gelu(gate) * up, capped,
        up * np.sqrt(np.float32(5000)),
    ]  # fmt: skip
    compare(calls.run(library, tmp_path), places, expected)
