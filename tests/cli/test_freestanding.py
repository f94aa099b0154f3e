"""`--freestanding`: main is entered without start-up code, and returning from it returns."""

import subprocess
from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc
from tests.support.engines import engine_named

PROGRAM = """static u64 cli_argc
fn main() -> u64 {
    f64 x = 1.5
    println("free", cli_argc, x)
    exit(7)
    return 0
}
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "free.mlr"
    path.write_text(PROGRAM)
    return path


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_builtins_work_and_arguments_are_not_captured(program: Path, level: str) -> None:
    assert run_mlrc(["--freestanding", "--arch=x86_64", level, str(program), "-o", "made"])[0] == 0
    result = subprocess.run(["./made", "a", "b"], capture_output=True, check=False)
    assert (result.stdout, result.returncode) == (b"free 0 1.500000\n", 7)


def test_returning_returns_to_the_loader(program: Path) -> None:
    program.write_text("fn main() -> u64 { return 9 }")
    assert run_mlrc(["--freestanding", "--emit=mac-arm64", str(program), "-o", "made"])[0] == 0
    engine = engine_named("mac-arm64:strict")
    if engine.missing():
        pytest.skip(str(engine.missing()))
    assert engine.run(Path("made").read_bytes()).status == 9


def test_main_is_still_required(program: Path) -> None:
    program.write_text("fn other() { }")
    status, _, err = run_mlrc(["--freestanding", str(program)])
    assert status == 1
    assert "no 'main' function found" in err
