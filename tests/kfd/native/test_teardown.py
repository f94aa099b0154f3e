"""The card is given back at every end of a program, unless it is told not to."""

from pathlib import Path

import pytest

from tests.kfd.native.programs import built, supervised

PROGRAM = """
import "std/hip.mlr"
static u64 cli_argc
fn main() {
    u64[1] slot
    println(hipMalloc(slot, 4096))
    if cli_argc > 1 { exit(7) }
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
    status, output, messages = supervised(built(source, "--no-auto-teardown"), capfd)
    assert (status, output) == (1, "0\n")
    assert messages.startswith("mlr: emulated device: at the end: COMPUTE_AQL queue")
