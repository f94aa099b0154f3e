"""Every test runs in a folder of its own; all share one cache."""

import tempfile
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLRIFT_CACHE", str(Path(tempfile.gettempdir()) / "mlrift-test-cache"))
