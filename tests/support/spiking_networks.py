"""Spike trains of networks of examples/snn by Brian2, which runs this file with its own Python.

    spiking_networks.py NETWORK STEPS FOLDER

Enters: FOLDER/NAME.npy, the (source, target) pairs of each set of connections. Leaves:
FOLDER/brian.npy, the (step, neuron) pairs of all spikes, in that order.

Brian2 moves all equations from the same old values; in the programs the potential sees conductances
that have decayed already, hence the factors 0.99 and 0.98. After a refractory time of 2 ms a neuron
would go on one step too early.
"""

import sys
from pathlib import Path

import numpy as np
from brian2 import Network, NeuronGroup, SpikeMonitor, Synapses, defaultclock, ms, prefs

STEP_MS = 0.1
CELL = """
dv/dt = (-70 - v + (ri + 2*0.99*se - 8*0.98*si))/(20*ms) : 1 (unless refractory)
dse/dt = -se/(10*ms) : 1
dsi/dt = -si/(5*ms) : 1
ri : 1 (constant)
"""
TRACES = """
dxp/dt = -xp/(20*ms) : 1
dxq/dt = -xq/(20*ms) : 1
"""
WEIGHT = 0.1
# What arrives before the step's potential is computed is not decayed; here it comes after the
# step before.
EARLY_WEIGHT = WEIGHT / 0.99


class Builder:
    """A hundred neurons with rising drives, and connections between them."""

    def __init__(self, folder: Path, equations: str, reset: str) -> None:
        self._folder = folder
        self.neurons = NeuronGroup(
            100, equations, threshold="v>=-55", reset=reset, refractory=2.1 * ms, method="euler"
        )
        self.neurons.v = -70
        self.neurons.ri = 10.0 + 0.2 * np.arange(100)
        self.parts: list[Synapses] = []

    def connect(self, name: str, on_pre: str, delay_steps: int = 0, **others: str) -> Synapses:
        """Connect the pairs of a file."""
        made = Synapses(self.neurons, self.neurons, on_pre=on_pre, **others)
        pairs = np.load(self._folder / f"{name}.npy").reshape(-1, 2)
        made.connect(i=pairs[:, 0], j=pairs[:, 1])
        if delay_steps:
            made.delay = delay_steps * STEP_MS * ms
        self.parts.append(made)
        return made


def excitation_and_inhibition(folder: Path) -> Builder:
    """Build ei_100."""
    made = Builder(folder, CELL, "v = -75")
    made.connect("excitation", f"se_post += {WEIGHT}")
    made.connect("inhibition", f"si_post += {WEIGHT}")
    return made


def delayed_pathways(folder: Path) -> Builder:
    """Build delay_100."""
    made = Builder(folder, CELL, "v = -75")
    made.connect("fast", f"se_post += {EARLY_WEIGHT!r}", 19)
    made.connect("slow", f"se_post += {EARLY_WEIGHT!r}", 99)
    made.connect("inhibition", f"si_post += {WEIGHT}")
    return made


def learning(folder: Path) -> Builder:
    """Build stdp_100."""
    made = Builder(folder, CELL + TRACES, "v = -75; xp += 1; xq += 1")
    synapses = made.connect(
        "learning",
        on_pre="se_post += w; w = clip(w - 0.012*xq_post, 0, 0.3)",
        on_post="w = clip(w + 0.01*xp_pre, 0, 0.3)",
        model="w : 1",
    )
    synapses.w = WEIGHT
    synapses.pre.order, synapses.post.order = 0, 2
    made.connect("inhibition", f"si_post += {WEIGHT}").pre.order = 1
    return made


NETWORKS = {
    "ei_100": excitation_and_inhibition,
    "delay_100": delayed_pathways,
    "stdp_100": learning,
}


def main() -> None:
    """Run a network and keep its spikes."""
    name, steps, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    prefs.codegen.target = "numpy"
    defaultclock.dt = STEP_MS * ms
    made = NETWORKS[name](folder)
    monitor = SpikeMonitor(made.neurons)
    network = Network(made.neurons, *made.parts, monitor)
    network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    network.run(steps * STEP_MS * ms)
    times = np.rint(np.asarray(monitor.t / ms) / STEP_MS).astype(np.int64)
    spikes = np.column_stack((times, np.asarray(monitor.i, dtype=np.int64)))
    np.save(folder / "brian.npy", spikes[np.lexsort((spikes[:, 1], spikes[:, 0]))])


if __name__ == "__main__":
    main()
