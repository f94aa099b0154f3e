"""Collects the textual IR tests of this folder."""

from pathlib import Path

import pytest

from tests.harness.ir_files import IrFile


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Make a collector for a `.ir` file."""
    return IrFile.from_parent(parent, path=file_path) if file_path.suffix == ".ir" else None
