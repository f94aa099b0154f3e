"""The network that learns in PyTorch: `stdp_torch.py N K STEPS f64|f32 THREADS`.

Prints `spikes=`, `build_ns=`, `sim_ns=`, `sum_w_ppm=`.
"""

import sys
import time

import network
import torch
from cells_torch import Cells, initial_weights, real_type
from torch import Tensor


class IncomingIndex:
    """Which learning synapses lead to a cell: the rows of a transposed compressed matrix."""

    def __init__(self, target: Tensor, exciting: int, cells: int) -> None:
        self.synapses = (target[:exciting] < exciting).flatten().nonzero().flatten()
        targets = target[:exciting].flatten()[self.synapses]
        self.by_target = self.synapses[torch.argsort(targets, stable=True)]
        self.counts = torch.bincount(targets, minlength=cells)
        zero = torch.zeros(1, dtype=torch.long)
        self.first = torch.cumsum(torch.cat([zero, self.counts]), 0)

    def onto(self, cells: Tensor) -> Tensor:
        """Return the numbers of the synapses onto some cells."""
        counts = self.counts[cells]
        before = torch.cumsum(counts, 0) - counts
        starts = torch.repeat_interleave(self.first[cells] - before, counts)
        return self.by_target[starts + torch.arange(int(counts.sum()))]


class LearningNetwork:
    """Cells, traces and synapses."""

    def __init__(self, cells: int, fan_out: int, real: torch.dtype) -> None:
        self.fan_out, self.exciting = fan_out, network.exciting_cells(cells)
        self.weights = network.stdp_weights(fan_out)
        self.target = torch.from_numpy(network.targets(cells, fan_out)).long()
        self.weight = initial_weights(self.target, self.exciting, self.weights, real)
        self.flat = self.weight.view(-1)
        self.incoming = IncomingIndex(self.target, self.exciting, cells)
        self.cells = Cells(torch.from_numpy(network.stdp_drive(cells)).to(real))
        self.before, self.after = torch.zeros(cells, dtype=real), torch.zeros(cells, dtype=real)

    def step(self) -> int:
        """Advance by a step; returns how many cells fire."""
        share = network.STEP_MS / network.TAU_TRACE_MS
        self.before -= self.before * share
        self.after -= self.after * share
        fired = self.cells.step()
        if not fired.numel():
            return 0
        self.before[fired] += 1
        self.after[fired] += 1
        split = int(torch.searchsorted(fired, self.exciting))
        excite, inhibit = fired[:split], fired[split:]
        if inhibit.numel():
            to, w = self.target[inhibit], self.weight[inhibit]
            self.cells.s_inh.index_add_(0, to.flatten(), w.flatten())
        if excite.numel():
            self._deliver_and_depress(excite)
            self._potentiate(excite)
        return int(fired.numel())

    def _deliver_and_depress(self, excite: Tensor) -> None:
        to, w = self.target[excite], self.weight[excite]
        self.cells.s_exc.index_add_(0, to.flatten(), w.flatten())
        weaker = torch.clamp(w + self.weights.depression * self.after[to], 0, self.weights.most)
        self.weight[excite] = torch.where(to < self.exciting, weaker, w)

    def _potentiate(self, excite: Tensor) -> None:
        synapses = self.incoming.onto(excite)
        trace = self.before[synapses // self.fan_out]
        stronger = self.flat[synapses] + self.weights.potentiation * trace
        self.flat[synapses] = torch.clamp(stronger, 0, self.weights.most)


def main() -> None:
    """Build, simulate, print."""
    cells, fan_out, steps = map(int, sys.argv[1:4])
    torch.set_num_threads(int(sys.argv[5]))
    torch.set_grad_enabled(False)
    started = time.monotonic_ns()
    model = LearningNetwork(cells, fan_out, real_type(sys.argv[4]))
    built = time.monotonic_ns()
    spikes = sum(model.step() for _ in range(steps))
    ended = time.monotonic_ns()
    print(f"spikes={spikes}\nbuild_ns={built - started}\nsim_ns={ended - built}")
    print(f"sum_w_ppm={float(model.flat[model.incoming.synapses].double().sum()) * 1e6:.0f}")


if __name__ == "__main__":
    main()
