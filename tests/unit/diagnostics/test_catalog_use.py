"""Every diagnostic of the catalogue is emitted somewhere and produced by some test."""

import re
from pathlib import Path

import pytest

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import DiagnosticKind

PROJECT = Path(__file__).resolve().parents[3]
KINDS = {name: kind for name, kind in vars(catalog).items() if isinstance(kind, DiagnosticKind)}


def texts(folder: Path, suffixes: tuple[str, ...]) -> str:
    paths = sorted(path for path in folder.rglob("*") if path.suffix in suffixes)
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)


SOURCES = texts(PROJECT / "mlrift" / "frontend", (".py",)) + texts(
    PROJECT / "mlrift" / "driver", (".py",)
)
TESTS = texts(PROJECT / "tests", (".py", ".mlr"))


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_kind_is_emitted_and_tested(name: str) -> None:
    assert re.search(rf"\b{name}\b", SOURCES), "nothing emits it"
    assert KINDS[name].code in TESTS, f"no test produces {KINDS[name].code}"
