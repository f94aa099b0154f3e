"""What the pictures show: every spike in its place, rates, traces, labels with units."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from tests.plot.drawing import (
    SPIKE_NEURONS,
    SPIKE_TIMES,
    assert_on_a_line,
    draw,
    drawn,
    save_spikes,
    save_table,
)


def test_spikes_become_a_raster_with_the_rate_below_it(tmp_path: Path) -> None:
    status, output, messages = draw(save_spikes(tmp_path / "run.npy"), "-o", tmp_path / "run.svg")
    assert (status, messages) == (0, "")
    assert output == f"5 spikes -> {tmp_path / 'run.svg'}\n"
    picture = drawn(tmp_path / "run.svg")
    assert {"neuron", "rate (Hz)", "time (ms)", "mean of 20 neurons in 1 ms"} <= set(picture.texts)
    marks = picture.points["spikes"]
    assert assert_on_a_line(marks[:, 0], SPIKE_TIMES) > 0
    assert assert_on_a_line(marks[:, 1], SPIKE_NEURONS) < 0  # y grows downwards in SVG


def test_rate_is_spikes_by_neurons_and_time(tmp_path: Path) -> None:
    path = save_table(tmp_path / "s.npy", time_ms=[1.0, 2.0, 12.0], neuron=np.array([0, 1, 2]))
    words = ("--kind", "rate", "--bin", "10", "--population", "10", "-o", tmp_path / "s.svg")
    assert draw(path, *words)[0] == 0
    picture = drawn(tmp_path / "s.svg")
    assert "mean of 10 neurons in 10 ms" in picture.texts
    assert "spikes" not in picture.points
    heights = -picture.points["rate"][:, 1]  # along the steps, to the end of the axis
    assert_on_a_line(heights, [0, 20, 20, 10, 10])
    assert "20" in picture.texts and "40" not in picture.texts


def test_steps_stay_steps_unless_their_length_is_given(tmp_path: Path) -> None:
    path = save_table(tmp_path / "s.npy", step=[0, 100, 200], neuron=np.array([0, 1, 2]))
    assert draw(path, "-o", tmp_path / "s.svg")[0] == 0
    assert {"step", "spikes / step", "200"} <= set(drawn(tmp_path / "s.svg").texts)
    assert draw(path, "--dt", "0.1", "-o", tmp_path / "s.svg")[0] == 0
    texts = set(drawn(tmp_path / "s.svg").texts)
    assert {"time (ms)", "rate (Hz)", "20.0"} <= texts and "200" not in texts


def test_states_become_traces_with_a_legend(tmp_path: Path) -> None:
    times = np.arange(50) * 0.5
    values = np.sin(times)
    path = save_table(tmp_path / "v.npy", time_ms=times, n3=values.astype("f4"), n57=values * 2)
    assert draw(path, "-o", tmp_path / "v.svg")[0] == 0
    picture = drawn(tmp_path / "v.svg")
    assert {"v", "neuron 3", "neuron 57", "time (ms)"} <= set(picture.texts)
    for name, factor in (("trace 0", 1), ("trace 1", 2)):
        points = picture.points[name]
        assert_on_a_line(points[:, 0], times)
        assert_on_a_line(points[:, 1], values * factor)


def test_chosen_neurons_and_times_only(tmp_path: Path) -> None:
    spikes = save_spikes(tmp_path / "s.npy")
    words = ("--neurons", "3:8", "--time", "5:50", "--kind", "raster")
    assert draw(spikes, *words, "-o", tmp_path / "s.svg")[0] == 0
    assert len(drawn(tmp_path / "s.svg").points["spikes"]) == 2
    assert draw(spikes, "--time", ":30", "-o", tmp_path / "s.svg")[0] == 0
    texts = drawn(tmp_path / "s.svg").texts
    assert any(text.startswith("mean of 20 neurons") for text in texts), "those before 30 ms only"
    rows = np.arange(20.0)
    states = save_table(tmp_path / "v.npy", step=np.arange(20), n3=rows, n9=rows, n12=rows)
    assert draw(states, "--neurons", "9:", "-o", tmp_path / "v.svg")[0] == 0
    picture = drawn(tmp_path / "v.svg")
    assert "neuron 12" in picture.texts and "neuron 3" not in picture.texts
    assert set(picture.points) == {"trace 0", "trace 1"}


def test_several_files_share_the_time(tmp_path: Path) -> None:
    spikes = save_spikes(tmp_path / "net.npy")
    times = np.arange(0.0, 100.0)
    states = save_table(tmp_path / "volt.npy", time_ms=times, n1=times)
    assert draw(spikes, states, "-o", tmp_path / "all.svg", "--title", "A network")[0] == 0
    picture = drawn(tmp_path / "all.svg")
    assert {"A network", "net", "volt"} <= set(picture.texts)
    assert picture.texts.count("time (ms)") == 1
    marks, trace = picture.points["spikes"], picture.points["trace 0"]
    slopes = [
        assert_on_a_line(marks[:, 0], SPIKE_TIMES),
        assert_on_a_line(trace[[0, -1], 0], [0, 99]),
    ]
    assert slopes[0] == pytest.approx(slopes[1])
    assert marks[0, 0] == pytest.approx(trace[0, 0])


@pytest.mark.parametrize(
    ("name", "array", "expected"),
    [
        ("pairs", np.array([[0, 1], [5, 2]], np.int32), "2 spikes"),
        ("my_spikes", np.array([[0.0, 1], [5.5, 2]]), "2 spikes"),
        ("v", np.array([[0.0, 1], [5.5, 2]]), "2 states of 2"),
        ("who", np.eye(6, dtype=bool), "6 spikes"),
        ("line", np.arange(9.0), "9 states of 1"),
        ("matrix", np.zeros((9, 40), np.float32), "9 states of 40"),
        ("none", np.zeros((0, 2), np.uint32), "0 spikes"),
        ("one", np.zeros((1, 40)), "1 states of 40"),
        ("gaps", np.array([0.0, np.nan, np.inf, 3.0]), "4 states of 1"),
        ("blank", np.full((5, 20), np.nan), "5 states of 20"),
    ],
)
def test_arrays_without_names_are_guessed(
    tmp_path: Path, name: str, array: np.ndarray, expected: str
) -> None:
    np.save(tmp_path / f"{name}.npy", array)
    status, output, messages = draw(tmp_path / f"{name}.npy")
    assert (status, messages) == (0, "")
    assert output == f"{expected} -> {tmp_path / name}.png\n"
    assert imread(tmp_path / f"{name}.png").shape[1] == 1350


def test_rows_of_an_array_are_every_so_many_steps(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.arange(11.0))
    assert draw(tmp_path / "v.npy", "--every", "20", "-o", tmp_path / "v.svg")[0] == 0
    assert {"step", "200", "v"} <= set(drawn(tmp_path / "v.svg").texts)


def test_csv_is_drawn_as_the_table_is(tmp_path: Path) -> None:
    save_spikes(tmp_path / "s.npy")
    rows = "".join(f"{t},{n}\n" for t, n in zip(SPIKE_TIMES, SPIKE_NEURONS, strict=True))
    (tmp_path / "s.csv").write_text("time_ms,neuron\n" + rows, encoding="utf-8")
    assert draw(tmp_path / "s.npy", "-o", tmp_path / "a.svg")[0] == 0
    assert draw(tmp_path / "s.csv", "-o", tmp_path / "b.svg")[0] == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    (tmp_path / "e.csv").write_text("step,neuron\n", encoding="utf-8")
    assert draw(tmp_path / "e.csv", "-o", tmp_path / "e.svg")[0] == 0
    assert "no spikes" in drawn(tmp_path / "e.svg").texts


def test_mark_of_a_spike_is_where_it_belongs_in_a_png(tmp_path: Path) -> None:
    shown = []
    for neuron in (10, 30):
        path = save_table(
            tmp_path / f"{neuron}.npy", time_ms=[0.0, 50.0, 100.0], neuron=np.array([0, neuron, 40])
        )
        assert draw(path, "--kind", "raster")[0] == 0
        shown.append(imread(tmp_path / f"{neuron}.png")[:, :, :3].sum(axis=2))
    rows, columns = np.nonzero(shown[0] != shown[1])
    height, width = shown[0].shape
    assert 0.4 * width < columns.min() <= columns.max() < 0.65 * width
    low = rows[shown[0][rows, columns] < shown[1][rows, columns]]
    high = rows[shown[0][rows, columns] > shown[1][rows, columns]]
    assert low.mean() - high.mean() == pytest.approx(20 / 41 * height * 0.83, rel=0.1)


def test_many_spikes_are_pixels_in_an_svg(tmp_path: Path) -> None:
    source = np.random.default_rng(1)
    count = 120_000
    path = save_table(
        tmp_path / "s.npy",
        step=np.sort(source.integers(0, 1000, count)),
        neuron=source.integers(0, 5000, count),
    )
    assert draw(path, "-o", tmp_path / "s.svg")[0] == 0
    assert (tmp_path / "s.svg").stat().st_size < 2_000_000


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_same_recording_makes_the_same_file(tmp_path: Path, ending: str) -> None:
    path = save_spikes(tmp_path / "s.npy")
    assert draw(path, "-o", tmp_path / f"a.{ending}")[0] == 0
    assert draw(path, "-o", tmp_path / f"b.{ending}")[0] == 0
    content = (tmp_path / f"a.{ending}").read_bytes()
    assert content == (tmp_path / f"b.{ending}").read_bytes()
    assert content[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")
