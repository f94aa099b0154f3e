"""The rows of std/qwen3.mlr in numpy, bit for bit: sums, norms, exp, SiLU, rotation, attention."""

import numpy as np

from tests.llm_compat.arithmetic import F32, LANES, from_bits, halves_summed

ONE = np.float32(1)
SERIES = (0.00133335, 0.00960802, 0.05550411, 0.24022651, 0.69314718, 1.0)
LOG2_E = np.float32(1.4426950408889634)


def dot(a: F32, b: F32) -> F32:
    """Return inner products along the last axis: eight lanes, then what is left over."""
    terms = a * b
    whole = terms.shape[-1] // LANES * LANES
    lanes = np.zeros((*terms.shape[:-1], LANES), np.float32)
    for k in range(0, whole, LANES):
        lanes = lanes + terms[..., k : k + LANES]
    total = halves_summed(lanes)
    for k in range(whole, terms.shape[-1]):
        total = np.add(total, terms[..., k])
    return total


def norm(x: F32, w: F32, epsilon_bits: int) -> F32:
    """Return the RMS norm along the last axis."""
    n = x.shape[-1]
    mean = dot(x, x) / np.float32(n)
    r = ONE / np.sqrt(mean + from_bits(epsilon_bits))
    made: F32 = (x * w) * r[..., None]
    whole = n // LANES * LANES
    made[..., whole:] = (x[..., whole:] * r[..., None]) * w[..., whole:]
    return made


def _series(f: F32) -> F32:
    total = np.full_like(f, SERIES[0])
    for factor in SERIES[1:]:
        total = total * f + np.float32(factor)
    return total


def _power(whole: F32, f: F32) -> F32:
    two = ((whole.astype(np.int64) + 127) << 23).astype(np.uint32).view(np.float32)
    return two * _series(f)


def exp(x: F32) -> F32:
    """Return `exp_f32_fast`: halves are rounded away from zero."""
    r = np.clip(x, np.float32(-87), np.float32(88)) * LOG2_E
    wide = r.astype(np.float64)
    whole = (np.sign(wide) * np.floor(np.abs(wide) + 0.5)).astype(np.float32)
    return _power(whole, r - whole)


def _exp_in_lanes(x: F32) -> F32:
    r = np.clip(x, np.float32(-87), np.float32(87)) * LOG2_E
    whole = np.rint(r)
    return _power(whole, r - whole)


def sigmoid(x: F32) -> F32:
    """Return 1 / (1 + e^-x)."""
    return ONE / (ONE + exp(-x))


def silu_times(gate: F32, up: F32) -> F32:
    """Return silu(gate) up: lanes of eight, then what is left over."""
    whole = gate.shape[-1] // LANES * LANES
    power = np.concatenate([_exp_in_lanes(-gate[:whole]), exp(-gate[whole:])])
    return (gate * (ONE / (ONE + power))) * up


def angles(
    position: int, dims: int, theta: float, factors: F32 | None
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the angles of the pairs."""
    powers = theta ** (np.arange(0, dims, 2, dtype=np.float64) / dims)
    inverse = 1.0 / powers
    if factors is not None:
        inverse = inverse / factors.astype(np.float64)
    made: np.ndarray[tuple[int], np.dtype[np.float64]] = position * inverse
    return made


def axes(
    position: int, dims: int, theta: float, sections: tuple[int, int, int, int]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the angles of text with several axes."""
    made = angles(position, dims, theta, None)
    for pair in range(dims // 2):
        sector = pair % sum(sections)
        if sector >= 3 * sections[sector % 3]:
            made[pair] = 0.0
    return made


def rotated(x: F32, cos: F32, sin: F32, layout: int) -> F32:
    """Return heads [heads][head_dim] whose first numbers are turned; layout 1: neighbours."""
    half = len(cos)
    made = x.copy()
    first, second = x[:, :half], x[:, half : 2 * half]
    if layout == 1:
        first, second = x[:, 0 : 2 * half : 2], x[:, 1 : 2 * half : 2]
    one, two = first * cos - second * sin, first * sin + second * cos
    if layout == 1:
        made[:, 0 : 2 * half : 2], made[:, 1 : 2 * half : 2] = one, two
    else:
        made[:, :half], made[:, half : 2 * half] = one, two
    return made


def tanh(x: F32) -> F32:
    """Return the hyperbolic tangent that Gemma takes, in f64."""
    wide = x.astype(np.float64)
    size = np.abs(wide)
    value = np.where(size > 20, 1.0, 1.0 - 2.0 / (np.exp(2.0 * np.minimum(size, 30)) + 1.0))
    return (np.sign(wide) * value).astype(np.float32)


def attention(q: F32, keys: F32, values: F32, cap: float = 0.0) -> F32:
    """Return attention of q [heads][dim] to a cache [positions][kv heads][dim]."""
    heads, dim = q.shape
    scale = ONE / np.sqrt(np.float32(dim))
    made = np.zeros_like(q)
    for head in range(heads):
        kv = head * keys.shape[1] // heads
        scores = dot(np.broadcast_to(q[head], keys[:, kv].shape), keys[:, kv]) * scale
        if cap > 0:
            scores = np.float32(cap) * tanh(scores / np.float32(cap))
        weights = exp(scores - scores.max())
        total, row = np.float32(0), np.zeros(dim, np.float32)
        for at, weight in enumerate(weights):
            total = total + weight
            row = row + weight * values[at, kv]
        made[head] = row * (ONE / total)
    return made
