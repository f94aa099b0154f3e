"""A product of matrices on the matrix units, bf16 in and f32 out: python gemm_wmma.py [DEVICE].

A chip without matrix units (gfx10.3) takes the kernel with tiles in LDS instead.
"""

import sys

import numpy as np

from mlrift.gpu import compile_kernels, library_kernels, open_device
from mlrift.runtime.kfd import Device
from mlrift.selftest.case import bf16_bits, bf16_numbers

M, N, K = 64, 48, 96


def main(device: Device) -> None:
    """Multiply and compare."""
    rng = np.random.default_rng(2)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((M, K), (K, N)))
    out = np.zeros((M, N), np.float32)
    if device.gfx.startswith("gfx10"):
        source = library_kernels("gemm")
        program = device.load(compile_kernels(source, device.gfx, ("gemm_f32_lds",)))
        grid, block = ((N + 15) // 16, (M + 15) // 16), (16, 16)
        program["gemm_f32_lds"].launch(grid, block, [a, b, out, M, N, K])
        wanted = a.astype(np.float64) @ b.astype(np.float64)
    else:
        left, right = bf16_bits(a), bf16_bits(b)
        program = device.load(compile_kernels(library_kernels("gemm"), device.gfx))
        grid = (N // 16, M // 16)
        program["gemm_bf16f32_wmma"].launch(grid, 32, [left, right, out, M, N, K])
        wanted = bf16_numbers(left) @ bf16_numbers(right)
    error = np.abs(out - wanted).max() / np.abs(wanted).max()
    print(f"{M} x {N} x {K}: {'right' if error < 1e-5 else error}")


if __name__ == "__main__":
    with open_device(*sys.argv[1:]) as opened:
        main(opened)
