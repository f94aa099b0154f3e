"""A matrix-vector product in every type of weights: python gemv_types.py [DEVICE]."""

import sys

import numpy as np

from mlrift.gpu import compile_kernels, library_kernels, open_device
from mlrift.runtime.kfd import Device
from mlrift.selftest.case import bf16_bits, bf16_numbers
from mlrift.selftest.quantised import FORMATS

M, K = 24, 512


def main(device: Device) -> None:
    """Multiply with each type, and print how far the result is from numpy's in f64."""
    program = device.load(compile_kernels(library_kernels("gemv"), device.gfx))
    rng = np.random.default_rng(1)
    wide = rng.standard_normal((M, K)).astype(np.float32)
    half, cut = wide.astype(np.float16), bf16_bits(wide)
    types = {
        "f32": (wide, wide.astype(np.float64)),
        "f16_f32": (half, half.astype(np.float64)),
        "bf16_f32": (cut, bf16_numbers(cut)),
    }
    for name, (_, make) in FORMATS.items():
        types[f"{name}_f32"] = make(M, K)
    b = rng.standard_normal(K).astype(np.float32)
    for name, (weights, numbers) in types.items():
        out = np.zeros(M, np.float32)
        program[f"gemv_coop_{name}"].launch(M, 32, [weights, b, out, M, K])
        wanted = numbers @ b.astype(np.float64)
        error = np.abs(out - wanted).max() / np.abs(wanted).max()
        print(f"{name:9} {weights.nbytes:6} bytes  {'right' if error < 3e-6 else error}")


if __name__ == "__main__":
    with open_device(*sys.argv[1:]) as opened:
        main(opened)
