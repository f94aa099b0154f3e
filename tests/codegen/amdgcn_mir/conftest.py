"""Collects the textual machine IR tests of this folder."""

from pathlib import Path

import pytest

from tests.harness.mir_files import MirFile


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Make a collector for a `.mir` file."""
    return MirFile.from_parent(parent, path=file_path) if file_path.suffix == ".mir" else None
