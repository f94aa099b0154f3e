"""What examples/record.mlr records, worked out in Python without the compiler."""

from dataclasses import dataclass, field

NEURONS = 100
CHOSEN = (0, 50, 99)
_WORD_MASK = 2**64 - 1


@dataclass(slots=True)
class Run:
    """Spikes as (step, neuron), rows of potentials of CHOSEN every five steps, the end."""

    spikes: list[tuple[int, int]] = field(default_factory=list)
    rows: list[tuple[float, ...]] = field(default_factory=list)
    v: list[float] = field(default_factory=lambda: [0.0] * NEURONS)

    def report(self) -> bytes:
        """Return what the example prints; floats have six decimals, cut off."""
        last = f"{int(self.v[-1] * 1e6) / 1e6:.6f}"
        return (
            f"{len(self.spikes)} spikes, {len(self.rows)} rows of potentials\n"
            f"the last neuron ends at {last}\n"
        ).encode()


def simulate(milliseconds: int) -> Run:
    """Run the network; the order of random numbers and of operations is part of its definition."""
    run = Run()
    resting = [0] * NEURONS
    state = 2026
    for step in range(milliseconds * 10):
        if step % 5 == 0:
            run.rows.append(tuple(run.v[i] for i in CHOSEN))
        place = step % 2000 / 2000
        common = 0.9 + 0.3 * (place * 2.0 if place < 0.5 else 2.0 - place * 2.0)
        for i in range(NEURONS):
            state = (state * 6364136223846793005 + 1442695040888963407) & _WORD_MASK
            noise = (state >> 33) / 1073741824.0 - 1.0
            drive = common + 0.4 * i / NEURONS + 0.8 * noise
            if resting[i]:
                resting[i] -= 1
                continue
            run.v[i] = run.v[i] + 0.1 * (drive - run.v[i]) / 10.0
            if run.v[i] >= 1.0:
                run.v[i] = 0.0
                resting[i] = 20
                run.spikes.append((step, i))
    return run
