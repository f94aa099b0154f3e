"""The card is given back at every end of a program, unless it is told not to."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kfd.native.programs import built, need_supervision, supervised

PROGRAM = """
import "std/hip.mlr"
import "std/time.mlr"
static u64 cli_argc
fn main() {
    u64[1] slot
    println(hipMalloc(slot, 4096))
    if cli_argc == 2 { exit(7) }
    if cli_argc == 5 { time_sleep_ns(20000000000) }
    if cli_argc == 3 { println(7 / (cli_argc - 3)) }
    if cli_argc == 4 { syscall_raw(62, syscall_raw(39, 0, 0, 0, 0, 0, 0), 15, 0, 0, 0, 0) }
}
"""


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    path = tmp_path / "program.mlr"
    path.write_text(PROGRAM)
    return path


def test_at_the_end_of_main_and_at_exit(source: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = built(source)
    assert supervised(program, capfd) == (0, "0\n", "")
    assert supervised(program, capfd, "exit") == (7, "0\n", "")


def test_not_when_the_program_does_it(source: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["exit"], ["a", "division"], ["a", "signal", "here"]):
        status, output, messages = supervised(built(source, "--no-auto-teardown"), capfd, *words)
        assert (status, output) == (1, "0\n")
        assert messages.startswith("mlr: emulated device: at the end: COMPUTE_AQL queue")


@pytest.mark.parametrize(
    ("number", "reaches_both"), [(signal.SIGINT, True), (signal.SIGTERM, False)]
)
def test_a_signal_to_the_runner_reaches_the_program(
    number: signal.Signals, *, reaches_both: bool, source: Path
) -> None:
    need_supervision()
    words = [sys.executable, "-m", "mlrift.cli.mlr", "--device=emulated", str(built(source))]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*words, "a", "long", "sleep", "here"], stdout=pipe, stderr=pipe, start_new_session=True
    ) as runner:
        assert runner.stdout is not None
        assert runner.stderr is not None
        assert runner.stdout.readline() == b"0\n"
        if reaches_both:
            os.killpg(runner.pid, number)
        else:
            runner.send_signal(number)
        said = runner.stderr.read()
        assert runner.wait(timeout=30) == -number
    assert said == b"kfd: a signal ends the program; the card was given back\n"
