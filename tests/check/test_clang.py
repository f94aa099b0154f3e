"""Good code gives no finding: clang's kernels at all levels for three generations."""

import os

import pytest

from mlrift.backends.amdgcn.check import check_code_object
from mlrift.backends.amdgcn.chips import chip_named
from tests.support.clang_kernels import SOURCES, clang_object

IS_LONG = bool(os.environ.get("MLRIFT_TEST_ALL"))
LEVELS = (0, 1, 2, 3) if IS_LONG else (0, 3)
CHIPS = ("gfx1030", "gfx1100", "gfx1201")
SISTERS = ("gfx1032", "gfx1101", "gfx1102", "gfx1103", "gfx1200") if IS_LONG else ("gfx1102",)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("chip_name", CHIPS)
def test_clang_kernels_break_no_rule(chip_name: str, source: str, level: int) -> None:
    """Each file of the corpus, for each chip and level."""
    chip = chip_named(chip_name)
    assert chip is not None
    findings = check_code_object(clang_object(source, chip, level))
    assert [row.text() for row in findings] == []


@pytest.mark.parametrize("chip_name", SISTERS)
def test_sister_chips(chip_name: str) -> None:
    """The same for other chips of the generations, at -O3."""
    chip = chip_named(chip_name)
    assert chip is not None
    for source in SOURCES:
        findings = check_code_object(clang_object(source, chip, 3))
        assert [row.text() for row in findings] == []
