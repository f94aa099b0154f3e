"""The twin kernels: the same on both sides, and our code for them as good as the figures say."""

import os
import re
import statistics
from collections.abc import Callable

import pytest

from benchmarks import kernels
from benchmarks.kernel_inputs import NAMES
from mlrift.backends.amdgcn.chips import chip_named
from tests.support.llvm_tools import llvm_tool

CHIPS = ("gfx1030", "gfx1100", "gfx1201") if os.environ.get("MLRIFT_TEST_ALL") else ("gfx1100",)
_MOST_INSTRUCTIONS = 1.25
_MOST_REGISTERS = 1.25
_MOST_WAITS = 1.3


def test_twins_have_the_same_names() -> None:
    """Each kernel is there in both languages, and has an input."""
    ours = (kernels.SOURCES / "twins.mlr").read_text(encoding="utf-8")
    clang = (kernels.SOURCES / "twins.cl").read_text(encoding="utf-8")
    names = re.findall(r"^@kernel\nfn (\w+)", ours, re.MULTILINE)
    assert names == re.findall(r"^KERNEL\(\d+\) (\w+)", clang, re.MULTILINE)
    assert names == list(NAMES)


@pytest.mark.parametrize("chip_name", CHIPS)
def test_code_is_as_good_as_promised(chip_name: str) -> None:
    """Geometric means over the twins, and the same results in the emulator."""
    llvm_tool("clang")
    llvm_tool("ld.lld")
    chip = chip_named(chip_name)
    assert chip is not None
    twins = kernels.compare(chip)
    assert [twin.name for twin in twins if twin.is_different] == []
    assert [twin.name for twin in twins if twin.ours.scratch > twin.clang.scratch] == []
    assert _mean(twins, lambda it: it.ours_executed / it.clang_executed) <= _MOST_INSTRUCTIONS
    assert _mean(twins, _instructions) <= _MOST_INSTRUCTIONS
    assert _mean(twins, lambda it: it.ours.vectors / it.clang.vectors) <= _MOST_REGISTERS
    assert _mean(twins, lambda it: it.ours.waits / it.clang.waits) <= _MOST_WAITS


def _instructions(twin: kernels.Twin) -> float:
    return twin.ours.instructions / twin.clang.instructions


def _mean(twins: list[kernels.Twin], ratio: Callable[[kernels.Twin], float]) -> float:
    return statistics.geometric_mean([ratio(twin) for twin in twins])
