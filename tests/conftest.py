"""Collects `.mlr` test programs: tests/run and examples run, tests/errors must be refused."""

from pathlib import Path

import pytest

from tests.harness.error_files import ErrorFile
from tests.harness.run_files import RunFile

TESTS = Path(__file__).parent


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Make a collector for a test program."""
    if file_path.suffix != ".mlr" or "parts" in file_path.parts:
        return None
    if TESTS / "run" in file_path.parents:
        return RunFile.from_parent(parent, path=file_path)
    if TESTS / "errors" in file_path.parents:
        return ErrorFile.from_parent(parent, path=file_path)
    return None
