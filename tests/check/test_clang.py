"""Good code gives no finding: clang's kernels at all levels for three generations."""

import os

import pytest

from mlrift.backends.amdgcn.check import check_code_object
from mlrift.backends.amdgcn.chips import chip_named
from tests.support.clang_kernels import SOURCES, clang_object

LEVELS = (0, 1, 2, 3) if os.environ.get("MLRIFT_TEST_ALL") else (0, 3)
CHIPS = ("gfx1030", "gfx1100", "gfx1201")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("chip_name", CHIPS)
def test_clang_kernels_break_no_rule(chip_name: str, source: str, level: int) -> None:
    """Each file of the corpus, for each chip and level."""
    chip = chip_named(chip_name)
    assert chip is not None
    findings = check_code_object(clang_object(source, chip, level))
    assert [row.text() for row in findings] == []
