"""Pages that `mlrc doc` makes of the library are current, complete, and have an example for all."""

import re
from pathlib import Path

import pytest

from mlrift.driver.documentation.page import page_of, without_description
from mlrift.driver.documentation.reading import Reference, read_reference
from mlrift.driver.formatting import parse_source
from tests.docs.blocks import read_blocks

ROOT = Path(__file__).resolve().parents[2]
STD = ROOT / "std"
PAGES = ROOT / "docs" / "std"
SIGNATURES = ROOT / "tests" / "std" / "signatures.txt"


# A module has its reference in its comments as soon as one of them begins with `///`.
MODULES = sorted(
    path.stem for path in STD.glob("*.mlr") if "///" in path.read_text(encoding="utf-8")
)


def _reference(module: str) -> Reference:
    path = STD / f"{module}.mlr"
    parsed = parse_source(path.read_text(encoding="utf-8"), str(path), (ROOT,))
    return read_reference(f"std/{module}.mlr", parsed.stream, parsed.module)


def _functions(module: str) -> set[str]:
    entries = _reference(module).entries
    return {row.name for entry in entries for row in entry.signatures if row.is_function}


@pytest.mark.parametrize("module", MODULES)
def test_page_is_current(module: str) -> None:
    text = (PAGES / f"{module}.md").read_text(encoding="utf-8")
    current = text == page_of(_reference(module))
    assert current, "run `mlrc doc std -o docs/std`"


@pytest.mark.parametrize("module", MODULES)
def test_everything_on_the_page_has_a_description(module: str) -> None:
    assert without_description(_reference(module)) == []


@pytest.mark.parametrize("module", MODULES)
def test_every_function_is_in_an_example(module: str) -> None:
    page = PAGES / f"{module}.md"
    blocks = read_blocks(page, page.read_text(encoding="utf-8"))
    examples = "".join(block.text for block in blocks if block.info.startswith("mlr"))
    words = set(re.findall(r"\w+", examples))
    missing = {name for name in _functions(module) if name.rpartition(".")[2] not in words}
    assert missing == set()


@pytest.mark.parametrize("module", MODULES)
def test_what_compatibility_asks_for_is_on_the_page(module: str) -> None:
    rows = [line.split() for line in SIGNATURES.read_text(encoding="utf-8").splitlines()]
    asked = {row[1] for row in rows if row and row[0] == module}
    assert asked - _functions(module) == set()
