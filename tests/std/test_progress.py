"""std/progress.mlr on a terminal, in a pipe, and how often it writes."""

import os
import pty
import re
import subprocess
import time
from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.support.engines import engine_named

PROGRAM = """
import "std/progress.mlr"
import "std/time.mlr"

fn main() {
    u64 p = progress_new("working", 50)
    for i in 0..50 {
        time_sleep_ms(10)
        progress_at(p, i + 1)
    }
    progress_end(p, 50)

    u64 q = progress_new("counting", 300000000)
    u64 start = time_now()
    u64 i = 0
    while time_elapsed(start) < 500000000 {
        for k in 0..1000 { progress_at(q, i + k) }
        i += 1000
    }
    progress_end(q, i)
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    return compile_for(tmp_path_factory.mktemp("progress"), PROGRAM, LINUX_X86_64)


def on_terminal(program: Path) -> str:
    """Return what the program writes to a terminal."""
    control, terminal = pty.openpty()
    with subprocess.Popen([str(program)], stderr=terminal) as process:
        os.close(terminal)
        written = b""
        while True:
            try:
                part = os.read(control, 65536)
            except OSError:  # the other end was closed
                break
            if not part:
                break
            written += part
        assert process.wait() == 0
    os.close(control)
    return written.decode().replace("\r\n", "\n")


def test_line_is_changed_in_place_a_few_times_a_second(program: Path) -> None:
    started = time.monotonic()
    written = on_terminal(program)
    elapsed = time.monotonic() - started
    working, counting = written.split("\n")[:2]
    steps = working.split("\r")[1:]
    assert 2 <= len(steps) <= elapsed * 10 + 2
    for text in steps[:-1]:
        assert re.fullmatch(r"working: \d+ %, \d+ of 50, \d\d\.\d /s, 0:0\d left *", text), text
    assert re.fullmatch(r"working: 50 of 50, \d\d\.\d /s, took \d\.\d\d s *", steps[-1])
    assert 2 <= len(counting.split("\r")[1:]) <= elapsed * 10 + 2


def test_nothing_is_written_to_a_pipe(program: Path) -> None:
    done = subprocess.run([str(program)], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
