"""A spiking network whose state stays on the card: python spiking.py [DEVICE].

Each step decays the synapses, delivers the spikes of the step before and integrates the neurons:
three launches, and nothing comes back before the end. Weights are whole numbers and halve with each
step, so that no order of additions changes a bit: the spikes are those of numpy exactly.
"""

import sys

import numpy as np

from mlrift.gpu import compile_kernels, library_kernels, open_device
from mlrift.runtime.kfd import Device

N, PER, STEPS, GOLDEN = 200, 10, 40, 7919
DECAY, DT, TAU = 0.5, 0.5, 10.0
REST, RESET, THRESHOLD, J_E, J_I, WAIT = -65.0, -65.0, -50.0, 1.0, 1.0, 4


def main(device: Device) -> None:
    """Simulate on the card and in numpy."""
    rng = np.random.default_rng(4)
    targets = (np.arange(N * PER, dtype=np.uint64) * GOLDEN) % N
    weights = rng.integers(1, 16, N * PER) * 4.0
    inhibitory = np.repeat(np.arange(N) % 5 == 0, PER).astype(np.uint64)
    drive = np.linspace(10.0, 60.0, N)
    state = {
        "v": np.full(N, REST),
        "wait": np.zeros(N, np.uint64),
        "drive": drive,
        "excited": np.zeros(N),
        "inhibited": np.zeros(N),
        "spikes": np.zeros(N, np.uint64),
        "fired": np.zeros(N, np.uint8),
    }
    on_card = {name: device.array(row) for name, row in state.items()}
    edges = [device.array(row) for row in (targets, weights, inhibitory)]
    program = device.load(compile_kernels(library_kernels("spiking"), device.gfx))
    decay, deliver, integrate = (
        program[name] for name in ("decay_step", "delivery_step", "lif_step")
    )
    edge_groups, groups = (N * PER + 63) // 64, (N + 255) // 256
    with device.default_stream.batch():
        for _ in range(STEPS):
            for name in ("excited", "inhibited"):
                decay.launch(groups, 256, [on_card[name], N, DECAY, 256])
            synapses = [on_card["excited"], on_card["inhibited"]]
            deliver.launch(edge_groups, 64, [on_card["fired"], *edges, *synapses, N, PER])
            neurons = [on_card[name] for name in ("v", "wait", "drive")]
            neurons += [*synapses, on_card["spikes"], on_card["fired"]]
            scalars = [N, DT, REST, RESET, THRESHOLD, TAU, J_E, J_I, WAIT]
            integrate.launch(groups, 256, [*neurons, *scalars])
    device.synchronize()
    wanted = simulate(state, targets, weights, inhibitory)
    found = on_card["spikes"].numpy()
    same = bool(np.array_equal(found, wanted["spikes"]))
    bits = on_card["v"].numpy().tobytes() == wanted["v"].tobytes()
    print(f"{int(found.sum())} spikes; the same: {same}; the same voltages to the bit: {bits}")


def simulate(
    state: dict[str, np.ndarray], targets: np.ndarray, weights: np.ndarray, inhibitory: np.ndarray
) -> dict[str, np.ndarray]:
    """Do the same in numpy."""
    made = {name: row.copy() for name, row in state.items()}
    for _ in range(STEPS):
        for name in ("excited", "inhibited"):
            made[name] -= made[name] * DECAY
        for edge in np.nonzero(np.repeat(made["fired"], PER))[0]:
            name = "inhibited" if inhibitory[edge] else "excited"
            made[name][int(targets[edge])] += weights[edge]
        driven = REST - made["v"] + made["drive"] + made["excited"] * J_E - made["inhibited"] * J_I
        moved = made["v"] + DT * driven / TAU
        waits = made["wait"] > 0
        fires = ~waits & (moved >= THRESHOLD)
        made["v"] = np.where(waits | fires, RESET, moved)
        left = np.where(fires, WAIT, 0)
        made["wait"] = np.where(waits, made["wait"] - waits, left).astype(np.uint64)
        made["spikes"] += fires
        made["fired"] = fires.astype(np.uint8)
    return made


if __name__ == "__main__":
    with open_device(*sys.argv[1:]) as opened:
        main(opened)
