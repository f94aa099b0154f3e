"""Build a network with Brian2's C++ standalone mode.

    brian.py FOLDER lif|stdp N K STEPS f64|f32 THREADS

FOLDER gets the program `main`, which prints `spikes=`, `build_ns=`, `sim_ns=` and, for stdp,
`sum_w_ppm=`. 0 threads builds without OpenMP.
"""

import sys

import network
import numpy as np
from brian2 import (
    Network,
    NeuronGroup,
    SpikeMonitor,
    Synapses,
    defaultclock,
    device,
    float32,
    ms,
    prefs,
    set_device,
)

# Brian2 moves all equations from the same old values; in the model v sees conductances that have
# decayed already, hence the factors.
CELL = """
dv/dt = (-65 - v + drive + 0.99*s_exc - 0.98*s_inh)/(10*ms) : 1 (unless refractory)
ds_exc/dt = -s_exc/(10*ms) : 1
ds_inh/dt = -s_inh/(5*ms) : 1
drive : 1 (constant)
"""
TRACES = """
dbefore/dt = -before/(20*ms) : 1
dafter/dt = -after/(20*ms) : 1
"""
# After 2 ms a cell would go on one step too early.
REFRACTORY = 2.1 * ms
CLOCK = (
    "auto _clock_ns = [] { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);"
    " return t.tv_sec * 1000000000LL + t.tv_nsec; };"
)


def lif_network(cells: int, fan_out: int) -> Network:
    """Connect the network that does not learn; as in GeNN, two sets of synapses with weights."""
    weights = network.lif_weights(fan_out)
    group = NeuronGroup(
        cells, CELL, threshold="v>=-50", reset="v=-70", refractory=REFRACTORY, method="euler"
    )
    group.v = -65
    group.drive = network.lif_drive(cells)
    exciting = network.exciting_cells(cells)
    table = network.targets(cells, fan_out)
    excitation = Synapses(group, group, "w : 1 (constant)", on_pre="s_exc_post += w")
    inhibition = Synapses(group, group, "w : 1 (constant)", on_pre="s_inh_post += w")
    sources = np.repeat(np.arange(cells, dtype=np.int32), fan_out)
    split = exciting * fan_out
    flat = table.ravel()
    excitation.connect(i=sources[:split], j=flat[:split])
    inhibition.connect(i=sources[split:], j=flat[split:])
    excitation.w = np.where(flat[:split] >= exciting, weights.ei, weights.ee)
    inhibition.w = weights.ie
    return Network(group, excitation, inhibition, SpikeMonitor(group, record=False, name="monitor"))


def stdp_network(cells: int, fan_out: int) -> Network:
    """Connect the network whose synapses between exciting cells learn."""
    weights = network.stdp_weights(fan_out)
    group = NeuronGroup(
        cells,
        CELL + TRACES,
        threshold="v>=-50",
        reset="v=-70; before += 1; after += 1",
        refractory=REFRACTORY,
        method="euler",
    )
    group.v = -65
    group.drive = network.stdp_drive(cells)
    learning = Synapses(
        group,
        group,
        "w : 1",
        on_pre="s_exc_post += w; w = clip(w + depression*after_post, 0, most)",
        on_post="w = clip(w + potentiation*before_pre, 0, most)",
        namespace={
            "depression": weights.depression,
            "potentiation": weights.potentiation,
            "most": weights.most,
        },
        name="learning",
    )
    learning.pre.order, learning.post.order = 0, 1
    onto_inhibiting = Synapses(group, group, on_pre=f"s_exc_post += {weights.ei!r}")
    inhibition = Synapses(group, group, on_pre=f"s_inh_post += {weights.ie!r}")
    exciting = network.exciting_cells(cells)
    flat = network.targets(cells, fan_out).ravel()
    sources = np.repeat(np.arange(cells, dtype=np.int32), fan_out)
    from_exciting, to_exciting = sources < exciting, flat < exciting
    for synapses, chosen in (
        (learning, from_exciting & to_exciting),
        (onto_inhibiting, from_exciting & ~to_exciting),
        (inhibition, ~from_exciting),
    ):
        synapses.connect(i=sources[chosen], j=flat[chosen])
    learning.w = weights.ee
    monitor = SpikeMonitor(group, record=False, name="monitor")
    return Network(group, learning, onto_inhibiting, inhibition, monitor)


def main() -> None:
    """Write and compile the program."""
    folder, kind = sys.argv[1:3]
    cells, fan_out, steps = map(int, sys.argv[3:6])
    set_device("cpp_standalone", directory=folder, build_on_run=False)
    prefs.devices.cpp_standalone.openmp_threads = int(sys.argv[7])
    if sys.argv[6] == "f32":
        prefs.core.default_float_dtype = float32
    defaultclock.dt = network.STEP_MS * ms
    build = lif_network if kind == "lif" else stdp_network
    model = build(cells, fan_out)
    model.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    device.insert_code("before_start", CLOCK + " long long _started = _clock_ns();")
    device.insert_code("before_network_run", "long long _built = _clock_ns();")
    device.insert_code("after_network_run", "long long _ended = _clock_ns();")
    device.insert_code(
        "after_network_run",
        'printf("spikes=%lld\\nbuild_ns=%lld\\nsim_ns=%lld\\n", '
        "(long long)_array_monitor_N[0], _built - _started, _ended - _built);",
    )
    if kind == "stdp":
        device.insert_code(
            "after_network_run",
            "double _sum = 0; for (double w : _dynamic_array_learning_w) _sum += w;"
            'printf("sum_w_ppm=%.0f\\n", _sum * 1e6);',
        )
    model.run(steps * defaultclock.dt)
    device.build(directory=folder, compile=True, run=False, debug=False)


if __name__ == "__main__":
    main()
