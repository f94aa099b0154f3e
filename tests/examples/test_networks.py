"""The spiking networks in the words of the language: they print what the classical ones print."""

from pathlib import Path

import numpy as np
import pytest

from tests.examples.oracles import EXAMPLES
from tests.examples.programs import run_example
from tests.harness.run_files import run_everywhere
from tests.plot.drawing import draw, drawn

PROGRAMS = sorted((EXAMPLES / "snn").glob("*.mlr"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_network_prints_what_the_catalogue_says(program: Path) -> None:
    run_everywhere(program)


@pytest.mark.parametrize(
    ("arguments", "spikes"),
    [
        (["100000", "1000", "100"], 1658623),
        (["1000000", "100"], 1724703),
    ],
)
def test_network_of_any_size(arguments: list[str], spikes: int, tmp_path: Path) -> None:
    result = run_example("snn/noesis_60m", arguments, tmp_path)
    assert result.status == 0
    assert f"spikes: {spikes}\n".encode() in result.stdout


@pytest.mark.parametrize("argument", ["12x", "0", "-5", "99999999999999999999"])
def test_network_of_no_size_is_refused(argument: str, tmp_path: Path) -> None:
    result = run_example("snn/noesis_60m", [argument], tmp_path)
    assert result.status == 2
    assert b"usage" in result.stderr


def test_network_that_fits_no_memory_is_refused(tmp_path: Path) -> None:
    result = run_example("snn/noesis_60m", ["4294967294", "1", "4294967294"], tmp_path)
    assert result.status == 1
    assert b"connections: " in result.stderr or b"out of memory" in result.stderr


def test_recorded_network_is_what_numpy_reads_and_is_drawn(tmp_path: Path) -> None:
    result = run_example("snn/record_raster", ["200"], tmp_path)
    spikes, v = np.load(tmp_path / "spikes.npy"), np.load(tmp_path / "v.npy")
    report = f"{len(spikes)} spikes, {len(v)} rows of potentials\n".encode()
    assert (result.status, result.stdout, result.stderr) == (0, report, b"")
    assert len(v) == 400
    assert 0 < len(spikes) < 20000
    for neuron in range(1000):
        times = spikes["time_ms"][spikes["neuron"] == neuron]
        assert np.all(np.diff(times) > 2.05), "a neuron that fired rests for 20 steps"
    words = (tmp_path / "spikes.npy", tmp_path / "v.npy", "-o", tmp_path / "raster.svg")
    assert draw(*words)[0] == 0
    assert {"time (ms)", "neuron 300", "rate (Hz)"} <= set(drawn(tmp_path / "raster.svg").texts)
