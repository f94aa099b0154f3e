"""The network that does not learn in PyTorch: `lif_torch.py N K STEPS f64|f32 THREADS`.

The rows of the cells that fired are added with `index_add_`. Prints `spikes=`, `build_ns=`,
`sim_ns=`.
"""

import sys
import time

import network
import torch
from cells_torch import Cells, initial_weights, real_type


def main() -> None:
    """Build, simulate, print."""
    cells, fan_out, steps = map(int, sys.argv[1:4])
    real = real_type(sys.argv[4])
    torch.set_num_threads(int(sys.argv[5]))
    torch.set_grad_enabled(False)
    started = time.monotonic_ns()
    exciting = network.exciting_cells(cells)
    target = torch.from_numpy(network.targets(cells, fan_out)).long()
    weight = initial_weights(target, exciting, network.lif_weights(fan_out), real)
    state = Cells(torch.from_numpy(network.lif_drive(cells)).to(real))
    spikes = 0
    built = time.monotonic_ns()
    for _ in range(steps):
        fired = state.step()
        spikes += fired.numel()
        split = int(torch.searchsorted(fired, exciting))
        for sources, conductance in ((fired[:split], state.s_exc), (fired[split:], state.s_inh)):
            if sources.numel():
                conductance.index_add_(0, target[sources].flatten(), weight[sources].flatten())
    ended = time.monotonic_ns()
    print(f"spikes={spikes}\nbuild_ns={built - started}\nsim_ns={ended - built}")


if __name__ == "__main__":
    main()
