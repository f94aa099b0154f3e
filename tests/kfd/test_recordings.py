"""Recordings: what a program did on one card replays without it, and nothing else does."""

import gzip
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from mlrift.runtime.kfd.trace import TraceError, read_trace, write_trace
from tests.kfd.cards import CHIPS

PROGRAM = """
import sys
import numpy as np
from mlrift.runtime.kfd import Device, Placement, QueueKind
from mlrift.runtime.kfd.recording import RecordingDriver
from mlrift.runtime.kfd.replaying import ReplayingDriver
from tests.kfd.cards import code_object, emulated_driver

what, path, gfx, kind, factor = sys.argv[1:]
if what == "record":
    driver = RecordingDriver(emulated_driver(gfx), path)
else:
    driver = ReplayingDriver(path)
with Device.open(driver=driver, queue_kind=QueueKind(kind)) as device:
    kernel = device.load(code_object(gfx))["saxpy"]
    x = device.array(np.arange(300, dtype=np.float32))
    y = device.array(np.zeros(300, np.float32), Placement.DEVICE)
    for _ in range(3):
        kernel.launch(2, 256, [x, y, 300, float(factor)])
    event = device.default_stream.record()
    event.wait()
    print(y.to_host().sum())
print(getattr(driver, "remaining", 0))
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", PROGRAM, *words]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trace") / "one.trace"
    made = run("record", str(path), "gfx1100", "aql", "2")
    assert made.returncode == 0, made.stderr
    return path


@pytest.mark.parametrize(("gfx", "kind"), [(CHIPS[0], "aql"), (CHIPS[2], "pm4")])
def test_a_recording_replays_in_another_process(tmp_path: Path, gfx: str, kind: str) -> None:
    path = tmp_path / "one.trace"
    first = run("record", str(path), gfx, kind, "2")
    assert first.returncode == 0, first.stderr
    again = run("replay", str(path), gfx, kind, "2")
    assert (again.stdout, again.stderr) == (first.stdout, "")
    assert first.stdout == "269100.0\n0\n"


def test_another_program_is_refused(recording: Path) -> None:
    found = run("replay", str(recording), "gfx1100", "pm4", "2")
    assert found.returncode == 1
    assert "TraceError" in found.stderr
    assert "recorded" in found.stderr


def test_a_recording_is_small(recording: Path) -> None:
    assert recording.stat().st_size < 100_000


def test_files_that_are_no_recordings(tmp_path: Path, recording: Path) -> None:
    path = tmp_path / "bad.trace"
    for content in (b"", b"text", gzip.compress(b"[]"), gzip.compress(b'{"format":"other"}')):
        path.write_bytes(content)
        with pytest.raises(TraceError, match="is no recording"):
            read_trace(path)
    path.write_bytes(gzip.compress(b'{"format":"mlrift-kfd-trace","version":2}'))
    with pytest.raises(TraceError, match="of version 2, we know 1"):
        read_trace(path)
    with pytest.raises(TraceError, match="is no recording"):
        read_trace(tmp_path / "missing.trace")
    assert read_trace(recording)[0]["call"] == "names"


def test_damaged_recordings_end_in_a_message(tmp_path: Path, recording: Path) -> None:
    chance = random.Random(3)
    whole = recording.read_bytes()
    path = tmp_path / "damaged.trace"
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(bytes(data[: chance.randrange(1, len(data) + 1)]))
        try:
            read_trace(path)
        except TraceError:
            continue


def test_an_older_recording_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "kept.trace"
    write_trace(path, [{"call": "open"}])
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_trace(path, [{"call": object()}])
    assert path.read_bytes() == before
