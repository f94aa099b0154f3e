"""`mlr doctor`: findings, the self-test on emulated cards, its report, wrong options."""

from pathlib import Path

import pytest

from mlrift.cli.mlr import main
from mlrift.runtime.kfd import Device
from mlrift.selftest.case import KernelCase
from mlrift.selftest.running import CaseResult, run_cases
from mlrift.selftest.table import cases
from tests.harness.run_files import IS_THOROUGH
from tests.kfd.cards import CHIPS, emulated


def doctor(*words: str) -> int:
    return main(["doctor", *words])


@pytest.mark.parametrize("gfx", CHIPS)
def test_cases_are_right_on_emulated_cards(
    gfx: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part of them; `make test-all` runs all."""
    report = tmp_path / "report.txt"
    words = ["--selftest", f"--device=emulated:{gfx}", f"--report={report}"]
    assert doctor(*words, *([] if IS_THOROUGH else ["--only=_f32-1"])) == 0
    out = capsys.readouterr().out
    assert " cases right" in out
    text = report.read_text(encoding="utf-8")
    assert f"device: {gfx} (emulated)" in text
    assert "result: " in text
    assert "  right " in text
    assert "gfx_target_version" in text


def test_a_wrong_case_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt() -> list[KernelCase]:
        chosen = [row for row in cases() if row.name == "relu-255"]
        for row in chosen:
            row.expected[0][7] += 1
        return chosen

    monkeypatch.setattr("mlrift.cli.doctor_command.cases", spoilt)
    report = tmp_path / "report.txt"
    assert doctor("--selftest", "--device=emulated", f"--report={report}") == 1
    text = report.read_text(encoding="utf-8")
    assert "result: 0 of 1 cases right" in text
    assert "relu-255: AssertionError: argument 0: element 7 is " in text


def test_kernels_that_a_chip_cannot_have_are_counted_apart() -> None:
    device: Device = emulated("gfx1030")
    with device:
        chosen = [row for row in cases() if row.name == "gemm_f16f32_wmma-16x16x16"]
        found: list[CaseResult] = list(run_cases(device, chosen))
    assert [row.missing for row in found] == ["gfx1030 has no matrix instructions"]
    assert not found[0].problem


def test_findings_without_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor("--device=emulated:gfx1201") == 0
    assert "device 0: gfx1201, 64 compute units" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--frob"], "unknown option '--frob'; try 'mlr doctor --help'"),
        (["--device=card"], "unknown option '--device=card'"),
        (["--device=emulated:gfx906"], "gfx906 cannot be emulated, only: gfx1030"),
        (["--selftest", "--device=emulated", "--only=frob"], "no case has 'frob' in its name"),
    ],
)
def test_wrong_options(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(*words) == 1
    assert message in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor("--help") == 0
    assert "mlr doctor --selftest" in capsys.readouterr().out
