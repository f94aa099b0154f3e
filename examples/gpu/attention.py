"""One step of attention with a cache that stays on the card: python attention.py [DEVICE]."""

import sys

import numpy as np

from mlrift.gpu import compile_kernels, library_kernels, open_device
from mlrift.runtime.kfd import Device, Placement

HEADS, KV_HEADS, SIZE, LENGTH = 8, 2, 64, 50


def main(device: Device) -> None:
    """Attend over a cache of 50 positions, and compare with numpy in f64."""
    rng = np.random.default_rng(3)
    q = rng.standard_normal((HEADS, SIZE)).astype(np.float32)
    keys, values = rng.standard_normal((2, LENGTH, KV_HEADS, SIZE)).astype(np.float32)
    cache = [device.array(row, Placement.DEVICE) for row in (keys, values)]
    out = device.empty((HEADS, SIZE))
    kernel = device.load(compile_kernels(library_kernels("attention"), device.gfx))
    arguments = [device.array(q), *cache, out, LENGTH, HEADS, KV_HEADS, SIZE]
    kernel["attn_decode_any_f32"].launch(HEADS, 32, arguments)
    device.synchronize()
    wanted = np.zeros((HEADS, SIZE))
    for head in range(HEADS):
        group = head // (HEADS // KV_HEADS)
        scores = keys[:, group].astype(np.float64) @ q[head] / np.sqrt(SIZE)
        weights = np.exp(scores - scores.max())
        wanted[head] = weights / weights.sum() @ values[:, group]
    error = np.abs(out.numpy() - wanted).max()
    print(f"{HEADS} heads over {LENGTH} positions: {'right' if error < 5e-6 else error}")


if __name__ == "__main__":
    with open_device(*sys.argv[1:]) as opened:
        main(opened)
