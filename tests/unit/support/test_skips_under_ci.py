"""A skip for an absent tool is a failure under CI, and stays a skip elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
TEST = """
import pytest

def test_tool() -> None:
    pytest.skip("needs a-tool")

def test_other() -> None:
    pytest.skip("not on this system")
"""


@pytest.mark.parametrize(("ci", "expected"), [("true", "1 failed, 1 skipped"), ("", "2 skipped")])
def test_absent_tools(tmp_path: Path, ci: str, expected: str) -> None:
    (tmp_path / "test_it.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", str(tmp_path), "--rootdir"]
    result = subprocess.run(
        [*command, str(tmp_path)],
        cwd=PROJECT,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in result.stdout, result.stdout
