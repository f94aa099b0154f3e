"""What the command says of bad input: a line, a status, no picture and no traceback."""

import io
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.plot.drawing import draw, save_spikes, save_table

NAN = float("nan")


def refused(folder: Path, *words: str | Path) -> str:
    """Return the message of a command that must fail and leave an older picture alone."""
    picture = folder / "out.png"
    picture.write_bytes(b"older")
    status, output, messages = draw(*words, "-o", picture)
    assert (status, output) == (1, "")
    assert messages.startswith("mlrift.plot: error: ") and messages.count("\n") == 1
    assert picture.read_bytes() == b"older"
    return messages


FILES: dict[str, tuple[bytes, str]] = {
    "empty.npy": (b"", "is no .npy file that can be read"),
    "text.npy": (b"step,neuron\n1,2\n", "is no .npy file that can be read"),
    "picture.jpg": (b"\xff\xd8", "'.jpg' is no kind of recording; give .npy or .csv"),
    "noend": (b"", "'' is no kind of recording"),
    "empty.csv": (b"", "a line of names is needed"),
    "binary.csv": (b"\xff\xfe\x00", "is no text"),
    "words.csv": (b"step,neuron\n1,two\n", "could not convert string 'two' to float64"),
    "ragged.csv": (b"step,neuron\n1,2\n1,2,3\n", "number of columns"),
    "names.csv": (b"step,step\n1,2\n", "has to name each of the 2 columns once"),
    "timeless.csv": (b"neuron,v\n1,2\n", "none of the columns (neuron, v) is a time"),
    "lonely.csv": (b"step\n1\n", "has times, but neither neurons nor states"),
    "nan.csv": (b"time_ms,neuron\nnan,1\n", "a time is not a finite number"),
    "minus.csv": (b"step,neuron\n1,-1\n", "a neuron's number is negative"),
    "half.csv": (b"step,neuron\n1,0.5\n", "not a whole number"),
}


@pytest.mark.parametrize("name", FILES)
def test_file_that_is_no_recording(tmp_path: Path, name: str) -> None:
    content, expected = FILES[name]
    (tmp_path / name).write_bytes(content)
    message = refused(tmp_path, tmp_path / name)
    assert expected in message and name in message


def saved(array: object, **how: bool) -> bytes:
    out = io.BytesIO()
    np.save(out, np.asarray(array), **how)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (saved(["a", "b"]), "are no numbers"),
        (saved([1j]), "are no numbers"),
        (saved(np.zeros((2, 2, 2))), "shape (2, 2, 2)"),
        (saved(np.float64(1)), "shape ()"),
        (saved(np.array([{}]), allow_pickle=True), "allow_pickle"),
        (saved(np.zeros((2, 2), [("step", "u4"), ("neuron", "u4")])), "one axis is needed"),
        (saved(np.zeros(2, [("step", "u4"), ("name", "S3")])), "has no numbers"),
        (saved(np.array([[-1, -2]])), "negative"),
        (saved(np.zeros(100))[:-1], "no .npy file that can be read"),
        (saved(np.zeros(0)) + b"data", "did not close it"),
    ],
)
def test_array_that_is_no_recording(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    assert expected in refused(tmp_path, tmp_path / "a.npy")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    message = refused(tmp_path, tmp_path / "none.npy")
    assert f"cannot read '{tmp_path / 'none.npy'}': no such file or directory" in message
    path = save_spikes(tmp_path / "s.npy")
    status, _, messages = draw(path, "-o", tmp_path / "no" / "out.png")
    assert status == 1 and "cannot write" in messages


def test_picture_needs_a_known_ending_and_never_replaces_a_recording(tmp_path: Path) -> None:
    path = save_spikes(tmp_path / "s.npy")
    before = path.read_bytes()
    for name in ("s.npy", "out.gif", "out"):
        status, _, messages = draw(path, "-o", tmp_path / name)
        assert status == 1 and "a picture ends in .png, .svg, .pdf" in messages
    link = tmp_path / "s.png"
    link.symlink_to(path)
    status, _, messages = draw(path, "-o", link)
    assert status == 1 and "is a recording itself" in messages
    assert path.read_bytes() == before


def test_kinds_that_do_not_fit(tmp_path: Path) -> None:
    spikes = save_spikes(tmp_path / "s.npy")
    message = refused(tmp_path, spikes, "--kind", "trace")
    assert "'s' holds spikes; draw them with --kind raster or --kind rate" in message
    states = save_table(tmp_path / "v.npy", step=[0, 1], n1=[0.5, NAN])
    assert "'v' holds states" in refused(tmp_path, states, "--kind", "rate")


def test_bins_and_times_without_end(tmp_path: Path) -> None:
    spikes = save_spikes(tmp_path / "s.npy")
    message = refused(tmp_path, spikes, "--bin", "1e-6")
    assert "has more than 100,000 bins of 1e-06; give a larger --bin" in message
    assert draw(spikes, "--bin", "1e300", "-o", tmp_path / "out.svg")[0] == 0
    late = save_table(tmp_path / "l.npy", time_ms=[0.0, 1e300], neuron=np.array([0, 2**40]))
    assert "give a larger --bin" in refused(tmp_path, late, "--bin", "1")
    assert draw(late, "-o", tmp_path / "out.svg")[0] == 0
    steps = save_table(tmp_path / "t.npy", step=[1e300, 2e300], n1=[0.0, 1.0])
    assert "is not a finite number" in refused(tmp_path, steps, "--dt", "1e10")


def test_steps_and_milliseconds_do_not_mix(tmp_path: Path) -> None:
    spikes = save_spikes(tmp_path / "s.npy")
    states = save_table(tmp_path / "v.npy", step=[0, 1], n1=[0.5, 0.6])
    message = refused(tmp_path, spikes, states)
    assert "times of 's' in ms and of 'v' in steps do not go together; give --dt" in message
    assert draw(spikes, states, "--dt", "0.1", "-o", tmp_path / "out.svg")[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("x.npy", "--kind", "histogram"),
        ("x.npy", "--dt", "0"),
        ("x.npy", "--dt", "nan"),
        ("x.npy", "--dt", "-1"),
        ("x.npy", "--dt", "fast"),
        ("x.npy", "--every", "0"),
        ("x.npy", "--every", "1.5"),
        ("x.npy", "--population", "-3"),
        ("x.npy", "--neurons", "5"),
        ("x.npy", "--neurons", "9:3"),
        ("x.npy", "--neurons", "3:3"),
        ("x.npy", "--time", "a:b"),
        ("x.npy", "--time", "0:inf"),
        ("x.npy", "--bin", "0"),
        ("x.npy", "--wrong"),
    ],
)
def test_wrong_options_have_status_2(words: tuple[str, ...]) -> None:
    status, _, messages = draw(*words)
    assert status == 2
    assert "usage: python -m mlrift.plot" in messages


def test_without_matplotlib_the_command_to_install_it(tmp_path: Path) -> None:
    path = save_spikes(tmp_path / "s.npy")
    text = (
        "import sys; sys.modules['matplotlib'] = None; from mlrift.plot.command import run; "
        "sys.exit(run(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", text, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "python -m pip install 'mlrift[plot]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_module_is_a_command(tmp_path: Path) -> None:
    path = save_spikes(tmp_path / "s.npy")
    words = [sys.executable, "-m", "mlrift.plot", str(path), "--kind", "raster"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


def test_spoilt_files_are_never_a_traceback(tmp_path: Path) -> None:
    source = random.Random(2)
    spikes = save_spikes(tmp_path / "s.npy").read_bytes()
    table = b"time_ms,neuron\n1.5,2\n3,4\n"
    for index in range(150):
        name, content = (("s.npy", spikes), ("s.csv", table))[index % 2]
        spoilt = bytearray(content)
        for _ in range(source.randint(1, 4)):
            spoilt[source.randrange(len(spoilt))] = source.randrange(256)
        (tmp_path / name).write_bytes(spoilt[: source.choice((len(spoilt), source.randrange(150)))])
        status, _, messages = draw(tmp_path / name, "--kind", "raster", "-o", tmp_path / "o.svg")
        assert status in (0, 1)
        assert (status == 0) == (messages == ""), messages
