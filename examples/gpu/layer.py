"""One layer of a language model shaped like Qwen3-0.6B, a token at a time: python layer.py [DEVICE].

Random bf16 weights, a cache that stays on the card, fifteen launches for each token, compared with
numpy in f64. LAYER_HIDDEN makes it smaller or larger (a multiple of 128).
"""

import os
import sys
import time

import numpy as np

from mlrift.gpu import compile_kernels, library_kernels, open_device
from mlrift.runtime.kfd import Device
from mlrift.selftest.case import bf16_bits, bf16_numbers

HIDDEN = int(os.environ.get("LAYER_HIDDEN", "1024"))
HEADS, KV_HEADS, SIZE, FORWARD = HIDDEN // 64, HIDDEN // 128, 128, 3 * HIDDEN
TOKENS, LONGEST, BASE, EPSILON = 2, 16, 1e6, 1e-5
Q, KV = HEADS * SIZE, KV_HEADS * SIZE
ROWS = {"qkv": (Q + 2 * KV, HIDDEN), "o": (HIDDEN, Q), "gate": (FORWARD, HIDDEN)}
ROWS |= {"up": (FORWARD, HIDDEN), "down": (HIDDEN, FORWARD)}


def main(device: Device) -> None:
    """Run some tokens through the layer, and say how far they are from numpy's."""
    rng = np.random.default_rng(5)
    weights = {
        name: bf16_bits(rng.standard_normal(shape).astype(np.float32) / np.sqrt(shape[1]))
        for name, shape in ROWS.items()
    }
    norms = {
        name: rng.uniform(0.5, 1.5, size).astype(np.float32)
        for name, size in (("in", HIDDEN), ("post", HIDDEN), ("q", SIZE), ("k", SIZE))
    }
    tokens = rng.standard_normal((TOKENS, HIDDEN)).astype(np.float32)
    layer = Layer(device, weights, norms)
    begun = time.perf_counter()
    found = [layer.forward(token, position) for position, token in enumerate(tokens)]
    seconds = time.perf_counter() - begun
    wanted = reference(weights, norms, tokens)
    error = np.abs(np.stack(found) - wanted).max() / np.abs(wanted).max()
    print(f"{TOKENS} tokens, hidden {HIDDEN}: {'right' if error < 1e-5 else error}")
    print(f"{seconds:.1f} s", file=sys.stderr)


class Layer:
    """Weights, cache and buffers on the card."""

    def __init__(
        self, device: Device, weights: dict[str, np.ndarray], norms: dict[str, np.ndarray]
    ) -> None:
        self.device = device
        self.weights = {name: device.array(row) for name, row in weights.items()}
        self.norms = {name: device.array(row) for name, row in norms.items()}
        self.kernels = {}
        for name in ("gemv", "rows", "positions", "attention", "pointwise"):
            program = device.load(compile_kernels(library_kernels(name), device.gfx))
            self.kernels |= {row: program[row] for row in program}
        sizes = {"normed": HIDDEN, "qkv": Q + 2 * KV, "attended": Q, "projected": HIDDEN}
        sizes |= {"mid": HIDDEN, "gate": FORWARD, "up": FORWARD, "act": FORWARD}
        sizes |= {"down": HIDDEN, "out": HIDDEN, "x": HIDDEN, "cos": SIZE // 2, "sin": SIZE // 2}
        self.buffers = {name: device.empty(size) for name, size in sizes.items()}
        self.keys, self.values = (device.empty((LONGEST, KV)) for _ in range(2))

    def forward(self, token: np.ndarray, position: int) -> np.ndarray:
        """Return the layer's output for one token."""
        b, launch = self.buffers, self.launch
        b["x"].fill(token)
        angles = position / BASE ** (np.arange(SIZE // 2) / (SIZE // 2))
        b["cos"].fill(np.cos(angles))
        b["sin"].fill(np.sin(angles))
        q = b["qkv"].address
        k, v = q + 4 * Q, q + 4 * (Q + KV)
        key = self.keys.address + 4 * KV * position
        value = self.values.address + 4 * KV * position
        with self.device.default_stream.batch():
            self.norm(b["x"], b["normed"], "in")
            self.product("qkv", b["normed"], b["qkv"])
            for start, heads, gamma in ((q, HEADS, "q"), (k, KV_HEADS, "k")):
                launch("qknorm_f32", heads, 128, start, start, self.norms[gamma], heads, SIZE)
                launch("rope_qwen3_f32", heads, SIZE // 2, start, b["cos"], b["sin"], heads)
            for start, place in ((k, key), (v, value)):
                launch("_kfd_copy_u64", (KV // 2 + 255) // 256, 256, place, start, KV // 2)
            caches = (self.keys, self.values)
            shape = (position + 1, HEADS, KV_HEADS, SIZE)
            launch("attn_decode_any_f32", HEADS, 32, q, *caches, b["attended"], *shape)
            self.product("o", b["attended"], b["projected"])
            self.add(b["x"], b["projected"], b["mid"])
            self.norm(b["mid"], b["normed"], "post")
            self.product("gate", b["normed"], b["gate"])
            self.product("up", b["normed"], b["up"])
            groups = (FORWARD + 255) // 256
            launch("silu_mul_f32", groups, 256, b["gate"], b["up"], b["act"], FORWARD)
            self.product("down", b["act"], b["down"])
            self.add(b["mid"], b["down"], b["out"])
        self.device.synchronize()
        return b["out"].to_host()

    def launch(self, name: str, grid: int, block: int, *arguments: object) -> None:
        """Launch a kernel of std."""
        self.kernels[name].launch(grid, block, arguments)

    def norm(self, x: object, out: object, gamma: str) -> None:
        """Normalise one row."""
        self.launch("rmsnorm_f32", 1, 256, x, out, self.norms[gamma], 1, HIDDEN)

    def product(self, name: str, x: object, out: object) -> None:
        """Multiply by a matrix."""
        m, k = ROWS[name]
        self.launch("gemv_coop_bf16_f32", m, 32, self.weights[name], x, out, m, k)

    def add(self, a: object, b: object, out: object) -> None:
        """Add two rows."""
        self.launch("residual_add_f32", (HIDDEN + 255) // 256, 256, a, b, out, HIDDEN)


def reference(
    weights: dict[str, np.ndarray], norms: dict[str, np.ndarray], tokens: np.ndarray
) -> np.ndarray:
    """Do the same in numpy, in f64."""
    w = {name: bf16_numbers(row) for name, row in weights.items()}
    keys, values, found = [], [], []
    for position, token in enumerate(tokens.astype(np.float64)):
        qkv = w["qkv"] @ normalised(token, norms["in"], EPSILON)
        q = normalised(qkv[:Q].reshape(HEADS, SIZE), norms["q"], 1e-6)
        k = normalised(qkv[Q : Q + KV].reshape(KV_HEADS, SIZE), norms["k"], 1e-6)
        keys.append(turned(k, position))
        values.append(qkv[Q + KV :].reshape(KV_HEADS, SIZE))
        seen, kept = np.stack(keys), np.stack(values)
        attended = np.zeros((HEADS, SIZE))
        for head, row in enumerate(turned(q, position)):
            group = head // (HEADS // KV_HEADS)
            scores = seen[:, group] @ row / np.sqrt(SIZE)
            share = np.exp(scores - scores.max())
            attended[head] = share / share.sum() @ kept[:, group]
        mid = token + w["o"] @ attended.reshape(-1)
        normed = normalised(mid, norms["post"], EPSILON)
        gate = w["gate"] @ normed
        found.append(mid + w["down"] @ (gate / (1 + np.exp(-gate)) * (w["up"] @ normed)))
    return np.stack(found)


def normalised(x: np.ndarray, gamma: np.ndarray, epsilon: float) -> np.ndarray:
    """Return x over the root of its mean square, times gamma."""
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * gamma


def turned(x: np.ndarray, position: int) -> np.ndarray:
    """Return heads with their position, pairs half a head apart."""
    half = SIZE // 2
    angles = position / BASE ** (np.arange(half) / half)
    first, second = x[..., :half], x[..., half:]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


if __name__ == "__main__":
    with open_device(*sys.argv[1:]) as opened:
        main(opened)
