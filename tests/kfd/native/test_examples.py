"""The programs of examples/gpu: what they print, on every chip."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc
from tests.kfd.cards import CHIPS
from tests.kfd.native.programs import EXAMPLES, built, need_supervision, supervised

PROGRAMS = sorted(EXAMPLES.glob("*.mlr"))
NO_MATRIX_UNITS = "gfx1030"


def test_every_program_has_an_expected_output() -> None:
    assert {path.stem for path in PROGRAMS} == {path.stem for path in EXAMPLES.glob("*.expected")}


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("source", PROGRAMS, ids=[path.stem for path in PROGRAMS])
def test_program_prints_what_it_should(
    source: Path, chip: str, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = (0, source.with_suffix(".expected").read_text(), "")
    chips: tuple[str, ...] = CHIPS
    if source.stem == "gemm_wmma":
        chips = tuple(row for row in CHIPS if row != NO_MATRIX_UNITS)
    if chip not in chips:
        message = (
            "kfd: the program: it has no code for gfx1030, only for gfx1100, gfx1201: compile with"
            " --target-arch=gfx1030"
        )
        expected = (1, "", f"{message}\n")
    assert supervised(built(source, chips=chips), capfd, chip=chip) == expected


def test_the_chain_on_packets_of_the_command_processor(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLRIFT_PHASE2A_DISPATCH", "1")
    expected = (EXAMPLES / "chain.expected").read_text()
    assert supervised(built(EXAMPLES / "chain.mlr"), capfd) == (0, expected, "")


def test_a_chip_without_matrix_units_says_so(tmp_path: Path) -> None:
    words = ["--target=amdgpu-native", f"--target-arch={NO_MATRIX_UNITS}"]
    source = EXAMPLES / "gemm_wmma.mlr"
    status, _, errors = run_mlrc([*words, str(source), "-o", str(tmp_path / "program")])
    assert status == 1
    assert "gfx1030 has no matrix instructions [E0831]" in errors


def test_the_runner_has_an_option_for_it() -> None:
    need_supervision()
    program = built(EXAMPLES / "saxpy.mlr")
    words = [sys.executable, "-m", "mlrift.cli.mlr", "--device=emulated:gfx1030"]
    done = subprocess.run(
        [*words, f"{program}.gfx1030"], capture_output=True, text=True, timeout=60, check=False
    )
    expected = (EXAMPLES / "saxpy.expected").read_text()
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_fat_files_and_programs_without_kernels_run_too(tmp_path: Path) -> None:
    need_supervision()
    source, fat = tmp_path / "program.mlr", tmp_path / "program.mlrbo"
    source.write_text("static u64 cli_argc\nfn main() { println(cli_argc) exit(3) }\n")
    assert run_mlrc([str(source), "--targets=linux-x64", "-o", str(fat)])[0] == 0
    words = [sys.executable, "-m", "mlrift.cli.mlr", "--device=emulated", str(fat), "word"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "2\n", "")
    assert run_mlrc([str(source), "--targets=win-x64", "-o", str(fat)])[0] == 0
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "has no program for linux-x64" in done.stderr


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--device=cuda", "mlr: unknown device 'cuda'; the only one is --device=emulated["),
        ("--device=emulated:gfx906", "mlr: 'gfx906' cannot be emulated, only: gfx1030, gfx1100"),
    ],
)
def test_other_devices_are_refused(option: str, message: str) -> None:
    words = [sys.executable, "-m", "mlrift.cli.mlr", option, "program"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(message)


def test_the_option_needs_a_program() -> None:
    words = [sys.executable, "-m", "mlrift.cli.mlr", "--device=emulated"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    message = "mlr: --device=emulated takes a PROGRAM; try 'mlr --help'\n"
    assert (done.returncode, done.stderr) == (1, message)
