"""Adds two vectors on a card: python vector_add.py [DEVICE], for example emulated:gfx1100."""

import sys

import numpy as np

from mlrift.gpu import compile_kernels, open_device
from mlrift.runtime.kfd import Device

SOURCE = """
@kernel
fn add(uint64 a, uint64 b, uint64 out, uint64 n) {
    uint64 i = block_idx_x() * 256 + tid_local_x()
    if i < n {
        f32 x = 0.0f
        f32 y = 0.0f
        unsafe { *((a + i * 4) as f32) -> x }
        unsafe { *((b + i * 4) as f32) -> y }
        unsafe { *((out + i * 4) as f32) = x + y }
    }
}
"""


def main(device: Device) -> None:
    """Add and print."""
    n = 1000
    a = device.array(np.arange(n, dtype=np.float32))
    b = device.array(np.full(n, 0.5, np.float32))
    out = device.empty(n)
    kernel = device.load(compile_kernels(SOURCE, device.gfx))["add"]
    kernel.launch((n + 255) // 256, 256, [a, b, out, n])
    device.synchronize()
    print(out.numpy()[:4], out.numpy()[-1])


if __name__ == "__main__":
    with open_device(*sys.argv[1:]) as opened:
        main(opened)
