"""Two streams that hand work to each other through events: python two_streams.py [DEVICE]."""

import sys

import numpy as np

from mlrift.gpu import compile_kernels, library_kernels, open_device
from mlrift.runtime.kfd import Device


def main(device: Device) -> None:
    """Let each stream use what the other has just made."""
    add = device.load(compile_kernels(library_kernels("pointwise"), device.gfx))["residual_add_f32"]
    a, b = device.array(np.ones(256, np.float32)), device.array(np.ones(256, np.float32))
    first, second = device.stream(), device.stream()
    for _ in range(5):
        add.launch(1, 256, [a, b, a, 256], stream=first)
        ready = first.record()
        second.wait_for(ready)
        add.launch(1, 256, [a, b, b, 256], stream=second)
        done = second.record()
        first.wait_for(done)
    first.synchronize()
    second.synchronize()
    print(int(a.numpy()[0]), int(b.numpy()[0]))


if __name__ == "__main__":
    with open_device(*sys.argv[1:]) as opened:
        main(opened)
