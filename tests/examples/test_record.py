"""examples/record.mlr: what NumPy reads of its files is what Python works out, and it is drawn."""

from pathlib import Path

import numpy as np

from tests.examples.programs import run_example
from tests.examples.record_oracle import CHOSEN, simulate
from tests.plot.drawing import assert_on_a_line, draw, drawn


def test_numpy_reads_the_spikes_and_potentials_and_they_are_drawn(tmp_path: Path) -> None:
    result = run_example("record", ["150"], tmp_path)
    expected = simulate(150)
    assert (result.status, result.stdout, result.stderr) == (0, expected.report(), b"")
    spikes = np.load(tmp_path / "spikes.npy")
    assert spikes.dtype == np.dtype([("time_ms", "<f8"), ("neuron", "<u4")])
    assert spikes.tolist() == [(step / 10, neuron) for step, neuron in expected.spikes]
    v = np.load(tmp_path / "v.npy")
    assert v.dtype.names == ("time_ms", *(f"n{neuron}" for neuron in CHOSEN))
    rows = [(index / 2, *row) for index, row in enumerate(expected.rows)]
    assert v.tolist() == rows

    words = (tmp_path / "spikes.npy", tmp_path / "v.npy", "-o", tmp_path / "run.svg")
    assert draw(*words) == (0, f"{len(spikes)} spikes, 300 states of 3 -> {words[-1]}\n", "")
    picture = drawn(tmp_path / "run.svg")
    assert {"time (ms)", "neuron 50", "rate (Hz)"} <= set(picture.texts)
    assert_on_a_line(picture.points["spikes"][:, 0], spikes["time_ms"])


def test_file_that_cannot_be_written_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "v.npy").mkdir()
    result = run_example("record", ["10"], tmp_path)
    assert (result.status, result.stdout) == (1, b"")
    assert result.stderr == b"v.npy: is a folder\n"
