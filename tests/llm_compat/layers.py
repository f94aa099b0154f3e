"""Layers of the model families in numpy, one token at a time, with the arithmetic of std.md 5.

Weights are f32 rows as the products see them; `Products` says how a product is computed. A cache is
a pair of arrays [positions][kv heads][head_dim] that a layer fills.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.llm_compat import rows
from tests.llm_compat.arithmetic import EPSILON_ONE_MILLIONTH, F32

Matrix = npt.NDArray[np.generic]
Product = Callable[[F32, Matrix], F32]
Weights = Mapping[str, Matrix]
ONE = np.float32(1)


@dataclass(frozen=True, slots=True)
class Sizes:
    """What all families have."""

    hidden: int
    head_dim: int
    heads: int
    kv_heads: int
    ff: int


@dataclass(frozen=True, slots=True)
class Dense:
    """The sizes and switches of the qwen3 family."""

    sizes: Sizes
    product: Product
    down_product: Product
    has_head_norms: bool = True
    theta: float = 1e6
    epsilon_bits: int = EPSILON_ONE_MILLIONTH
    layout: int = 0
    factors: F32 | None = None
    sections: tuple[int, int, int, int] | None = None
    rope_dim: int = 0


class Cache:
    """Keys and values of a layer."""

    def __init__(self, positions: int, sizes: Sizes) -> None:
        """Start empty."""
        shape = (positions, sizes.kv_heads, sizes.head_dim)
        self.keys: F32 = np.zeros(shape, np.float32)
        self.values: F32 = np.zeros(shape, np.float32)

    def seen(self, first: int, position: int) -> tuple[F32, F32]:
        """Return what a position sees."""
        return self.keys[first : position + 1], self.values[first : position + 1]


def f32(w: Weights, name: str) -> F32:
    """Return a weight of f32."""
    return w[name].astype(np.float32, copy=False)


def _multiplied(product: Product, x: F32, matrix: Matrix) -> F32:
    made: F32 = product(x[None, :], matrix)[0]
    return made


def _tables(dense: Dense, position: int) -> tuple[F32, F32]:
    if dense.sections is None:
        angle = rows.angles(position, dense.sizes.head_dim, dense.theta, dense.factors)
    else:
        angle = rows.axes(position, dense.rope_dim, dense.theta, dense.sections)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def _heads(row: F32, dim: int) -> F32:
    return row.reshape(-1, dim)


def _feed_forward(mid: F32, w: Weights, dense: Dense) -> F32:
    normed = rows.norm(mid, f32(w, "post_norm"), dense.epsilon_bits)
    gate = _multiplied(dense.product, normed, w["gate"])
    up = _multiplied(dense.product, normed, w["up"])
    return mid + _multiplied(dense.down_product, rows.silu_times(gate, up), w["down"])


def _turned(x: F32, tables: tuple[F32, F32], layout: int) -> F32:
    return rows.rotated(x, tables[0], tables[1], layout)


def qwen3_layer(x: F32, w: Weights, position: int, cache: Cache, dense: Dense) -> F32:
    """Return the result of a decoder layer of Qwen3, Llama or Mistral."""
    normed = rows.norm(x, f32(w, "input_norm"), dense.epsilon_bits)
    q = _heads(_multiplied(dense.product, normed, w["q"]), dense.sizes.head_dim)
    k = _heads(_multiplied(dense.product, normed, w["k"]), dense.sizes.head_dim)
    cache.values[position] = _heads(
        _multiplied(dense.product, normed, w["v"]), dense.sizes.head_dim
    )
    if dense.has_head_norms:
        q = rows.norm(q, f32(w, "q_norm"), dense.epsilon_bits)
        k = rows.norm(k, f32(w, "k_norm"), dense.epsilon_bits)
    tables = _tables(dense, position)
    cache.keys[position] = _turned(k, tables, dense.layout)
    attended = rows.attention(_turned(q, tables, dense.layout), *cache.seen(0, position))
    mid = x + _multiplied(dense.product, attended.ravel(), w["o"])
    return _feed_forward(mid, w, dense)


def gated_attention_layer(x: F32, w: Weights, position: int, cache: Cache, dense: Dense) -> F32:
    """Return the result of an attention layer of a hybrid model."""
    normed = rows.norm(x, f32(w, "input_norm"), dense.epsilon_bits)
    both = _multiplied(dense.product, normed, w["q"]).reshape(-1, 2, dense.sizes.head_dim)
    q, gate = both[:, 0].copy(), both[:, 1].copy()
    k = _heads(_multiplied(dense.product, normed, w["k"]), dense.sizes.head_dim)
    cache.values[position] = _heads(
        _multiplied(dense.product, normed, w["v"]), dense.sizes.head_dim
    )
    tables = _tables(dense, position)
    q = _turned(rows.norm(q, f32(w, "q_norm"), dense.epsilon_bits), tables, 0)
    k = rows.norm(k, f32(w, "k_norm"), dense.epsilon_bits)
    cache.keys[position] = _turned(k, tables, 0)
    attended = rows.attention(q, *cache.seen(0, position)) * rows.sigmoid(gate)
    mid = x + _multiplied(dense.product, attended.ravel(), w["o"])
    return _feed_forward(mid, w, dense)


# ---- Delta nets ----


@dataclass(frozen=True, slots=True)
class Delta:
    """The sizes of delta nets."""

    width: int
    state: int
    key_heads: int
    value_heads: int
    inner: int
    is_grouped: bool

    @property
    def channels(self) -> int:
        """Return the length of q, k and v."""
        return 2 * self.key_heads * self.state + self.inner

    def key_head(self, head: int) -> int:
        """Return the key head of a value head."""
        if self.is_grouped:
            return head * self.key_heads // self.value_heads
        return head % self.key_heads


class DeltaState:
    """What a delta net keeps."""

    def __init__(self, delta: Delta) -> None:
        """Start with zeros."""
        size = delta.inner // delta.value_heads
        self.inputs: F32 = np.zeros((delta.channels, delta.width - 1), np.float32)
        self.cells: F32 = np.zeros((delta.value_heads, delta.state, size), np.float32)

    def bytes(self) -> bytes:
        """Return it as a program has it."""
        return self.inputs.tobytes() + self.cells.tobytes()


def _softplus(x: F32) -> F32:
    wide = x.astype(np.float64)
    rest = np.log(1.0 + np.exp(-np.abs(wide)))
    return np.where(wide < 0, rest, wide + rest).astype(np.float32)


def _convolved(x: F32, w: F32, state: DeltaState) -> F32:
    taps = np.concatenate([state.inputs, x[:, None]], axis=1) * w
    total = taps[:, 0]
    for tap in range(1, taps.shape[1]):
        total = total + taps[:, tap]
    if state.inputs.shape[1]:
        state.inputs = np.concatenate([state.inputs[:, 1:], x[:, None]], axis=1)
    return total * rows.sigmoid(total)


def _unit(x: F32, epsilon: np.float32) -> F32:
    made: F32 = x * (ONE / np.sqrt(rows.dot(x, x) + epsilon))[:, None]
    return made


def _stepped(cells: F32, q: F32, k: F32, v: F32, gates: F32) -> F32:
    """Change the state of a head by its decay and its beta; return what it gives."""
    decay, beta = gates
    seen = np.zeros_like(v)
    for i in range(len(k)):
        cells[i] = cells[i] * decay
        seen = seen + cells[i] * k[i]
    step = (v - seen) * beta
    made = np.zeros_like(v)
    for i in range(len(k)):
        cells[i] = cells[i] + k[i] * step
        made = made + cells[i] * q[i]
    return made


def delta_layer(x: F32, w: Weights, state: DeltaState, delta: Delta, dense: Dense) -> F32:
    """Return the result of a delta net of a hybrid model."""
    epsilon = np.uint32(dense.epsilon_bits).view(np.float32)
    normed = rows.norm(x, f32(w, "input_norm"), dense.epsilon_bits)
    raw = _multiplied(dense.product, normed, w["qkv"])
    z = _multiplied(dense.product, normed, w["z"])
    beta = rows.sigmoid(_multiplied(dense.product, normed, w["beta"]))
    alpha = _multiplied(dense.product, normed, w["alpha"])
    decay = rows.exp(_softplus(alpha + f32(w, "dt_bias")) * f32(w, "a"))
    mixed = _convolved(raw, f32(w, "conv"), state)
    keys = delta.key_heads * delta.state
    q = _unit(mixed[:keys].reshape(-1, delta.state), epsilon)
    k = _unit(mixed[keys : 2 * keys].reshape(-1, delta.state), epsilon)
    q = q * (ONE / np.sqrt(np.float32(delta.state)))
    v = mixed[2 * keys :].reshape(delta.value_heads, -1)
    made = np.zeros_like(v)
    for head in range(delta.value_heads):
        key = delta.key_head(head)
        gates = np.array([decay[head], beta[head]])
        made[head] = _stepped(state.cells[head], q[key], k[key], v[head], gates)
    gate = z.reshape(v.shape)
    gated = rows.norm(made, f32(w, "ssm_norm"), dense.epsilon_bits) * (gate * rows.sigmoid(gate))
    mid = x + _multiplied(dense.product, gated.ravel(), w["o"])
    return _feed_forward(mid, w, dense)


# ---- Gemma ----


@dataclass(frozen=True, slots=True)
class Gemma:
    """The sizes and switches of a Gemma layer."""

    sizes: Sizes
    product: Product
    theta: float
    cap: float
    window: int
    is_sliding: bool
    has_head_norms: bool
    has_table: bool


def gelu(x: F32) -> F32:
    """Return gelu, rounded to f32 after each step."""
    inner = (np.float32(0.7978845608028654) * x) * (ONE + (np.float32(0.044715) * x) * x)
    return (np.float32(0.5) * x) * (ONE + rows.tanh(inner))


def gelu_by_table(x: F32) -> F32:
    """Return gelu by f16 values, for numbers between -10 and 10."""
    with np.errstate(over="ignore"):
        half = x.astype(np.float16).astype(np.float32)
        made = gelu(np.where(np.abs(half) < 20, half, 0)).astype(np.float16).astype(np.float32)
    return np.where(x <= -10, np.float32(0), np.where(x >= 10, x, made)).astype(np.float32)


def gemma_layer(x: F32, w: Weights, position: int, cache: Cache, gemma: Gemma) -> F32:
    """Return the result of a decoder layer of Gemma 2 or 3."""

    def normed(row: F32, name: str) -> F32:
        return rows.norm(row, f32(w, name), EPSILON_ONE_MILLIONTH)

    row = normed(x, "attn_norm")
    q = _heads(_multiplied(gemma.product, row, w["q"]), gemma.sizes.head_dim)
    k = _heads(_multiplied(gemma.product, row, w["k"]), gemma.sizes.head_dim)
    cache.values[position] = _heads(_multiplied(gemma.product, row, w["v"]), gemma.sizes.head_dim)
    if gemma.has_head_norms:
        q, k = normed(q, "q_norm"), normed(k, "k_norm")
    angle = rows.angles(position, gemma.sizes.head_dim, gemma.theta, None)
    tables = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    cache.keys[position] = _turned(k, tables, 0)
    first = 0
    if gemma.is_sliding and gemma.window and position + 1 > gemma.window:
        first = position + 1 - gemma.window
    attended = rows.attention(_turned(q, tables, 0), *cache.seen(first, position), gemma.cap)
    mid = x + normed(_multiplied(gemma.product, attended.ravel(), w["o"]), "post_attn_norm")
    row = normed(mid, "ffn_norm")
    gate = _multiplied(gemma.product, row, w["gate"])
    up = _multiplied(gemma.product, row, w["up"])
    active = gelu_by_table(gate) if gemma.has_table else gelu(gate)
    return mid + normed(_multiplied(gemma.product, active * up, w["down"]), "post_ffn_norm")
