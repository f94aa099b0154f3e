"""A chain of 40 dependent launches, one ring of the doorbell: python chain.py [DEVICE] [pm4]."""

import sys

import numpy as np

from mlrift.gpu import compile_kernels, library_kernels, open_device
from mlrift.runtime.kfd import Device, QueueKind


def main(device: Device) -> None:
    """Double an array 40 times over, by adding it to itself."""
    kernel = device.load(compile_kernels(library_kernels("pointwise"), device.gfx))
    add = kernel["residual_add_f32"]
    x, y = device.array(np.ones(1000, np.float32)), device.empty(1000)
    before = device.default_stream.record()
    with device.default_stream.batch():
        for turn in range(40):
            source, target = (x, y) if turn % 2 == 0 else (y, x)
            add.launch(4, 256, [source, source, target, 1000])
    after = device.default_stream.record()
    device.synchronize()
    print(f"2^40 = {int(x.numpy()[0])}; took time: {after.seconds_since(before) > 0}")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "pm4"]
    kind = QueueKind.PM4 if "pm4" in sys.argv else QueueKind.AQL
    with open_device(*words, queue_kind=kind) as opened:
        main(opened)
