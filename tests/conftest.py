"""Collects `.mlr` test programs: tests/run and examples run, tests/errors must be refused."""

import os
import re
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.harness.error_files import ErrorFile
from tests.harness.run_files import RunFile

TESTS = Path(__file__).parent
_TOOL_IS_ABSENT = re.compile(r"\bneeds\b|not installed|missing|Debian package")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI an absent tool fails the test that needs it; elsewhere the test is skipped."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if _TOOL_IS_ABSENT.search(reason):
            report.outcome = "failed"
            report.longrepr = f"skipped under CI, where every tool must be there: {reason}"
    return report


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Make a collector for a test program."""
    if file_path.suffix != ".mlr" or "parts" in file_path.parts:
        return None
    if TESTS / "run" in file_path.parents:
        return RunFile.from_parent(parent, path=file_path)
    if TESTS / "errors" in file_path.parents:
        return ErrorFile.from_parent(parent, path=file_path)
    return None
