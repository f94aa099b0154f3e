"""Every wrong mutant of a good kernel is found: waits deleted and counters raised.

Which mutants are wrong is decided by walking along paths (tests/support/wait_paths.py), not by the
checker. A mutant that the checker accepts has to be right on every path that was walked. Those of
clang are waits for a cache invalidation alone, and waits before an atomic with release order, which
code cannot tell from one without.
"""

import functools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlrift.backends.amdgcn.check import check_code
from mlrift.backends.amdgcn.check.decoding import decode_code
from mlrift.backends.amdgcn.check.known_values import follow_jumps
from mlrift.backends.amdgcn.check.steps import Step
from mlrift.backends.amdgcn.chips import Chip, chip_named
from mlrift.backends.amdgcn.codeobject.read import LoadedKernel, read
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.compile import compile_kernels
from mlrift.driver.kernels import kernels_of
from mlrift.ir.passes.device_pipeline import prepare_kernels
from mlrift.values import replace
from tests.support.clang_kernels import SOURCES, clang_object
from tests.support.kernel_mutants import Mutant, exec_mutants, hazard_mutants, wait_mutants
from tests.support.wait_paths import first_mistake

CHIPS = ("gfx1030", "gfx1100", "gfx1201")
TWINS = Path(__file__).resolve().parents[2] / "benchmarks" / "kernels" / "twins.mlr"
_PATHS = 12
_STRIDE = 1 if os.environ.get("MLRIFT_TEST_ALL") else 5
"""Which part of the mutants is tried: every fifth in an ordinary run."""
_FEWEST_CAUGHT = 0.85
"""Compilers wait too much in places, but most of their waits are needed."""


@dataclass
class Score:
    """How many mutants there are, how many the checker found, and the wrong ones it did not."""

    mutants: int = 0
    caught: int = 0
    missed: list[str] = field(default_factory=list)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("chip_name", CHIPS)
def test_wrong_waits_in_clang_kernels_are_found(chip_name: str, source: str) -> None:
    """At -O3, where waits are late and few."""
    chip = _chip(chip_name)
    score = Score()
    for kernel in read(clang_object(source, chip, 3)).kernels:
        _try_waits(kernel, chip, score)
    assert score.missed == []
    assert score.caught >= _FEWEST_CAUGHT * score.mutants


@pytest.mark.parametrize("chip_name", CHIPS)
def test_wrong_waits_in_our_kernels_are_found(chip_name: str) -> None:
    """The kernels that benchmarks/kernels.py compares with clang's."""
    chip = _chip(chip_name)
    score = Score()
    for kernel in _our_kernels(chip_name):
        assert check_code(kernel.image, kernel.descriptor, chip) == []
        _try_waits(kernel, chip, score)
    assert score.missed == []
    assert score.caught >= _FEWEST_CAUGHT * score.mutants


@pytest.mark.parametrize("chip_name", ["gfx1100", "gfx1201"])
def test_missing_waits_for_results_are_found(chip_name: str) -> None:
    """`s_waitcnt_depctr`, which gfx12 calls `s_wait_alu`."""
    chip = _chip(chip_name)
    score = Score()
    for source in ("flow", "numbers"):
        for kernel in read(clang_object(source, chip, 3)).kernels:
            _count(kernel, chip, hazard_mutants(kernel.image.code, _steps(kernel, chip)), score)
    assert score.mutants
    assert score.caught >= 0.98 * score.mutants


@pytest.mark.parametrize("chip_name", CHIPS)
def test_lanes_that_are_not_brought_back_before_a_barrier(chip_name: str) -> None:
    """Each instruction that widens EXEC again is needed by a barrier of this kernel."""
    chip = _chip(chip_name)
    loaded = read(clang_object("flow", chip, 3)).kernel("barrier_after_divergence")
    mutants = list(exec_mutants(loaded.image.code, _steps(loaded, chip)))
    assert mutants
    for mutant in mutants:
        image = replace(loaded.image, code=mutant.code)
        rules = {row.rule.value for row in check_code(image, loaded.descriptor, chip)}
        assert "exec.barrier" in rules, hex(mutant.offset)


@pytest.mark.parametrize("chip_name", CHIPS)
def test_too_few_registers_are_found(chip_name: str) -> None:
    """A descriptor with one granule less than the code uses."""
    chip = _chip(chip_name)
    for source in SOURCES:
        for kernel in read(clang_object(source, chip, 3)).kernels:
            fewer = replace(kernel.descriptor, resources1=kernel.descriptor.resources1 - 1)
            if kernel.descriptor.vector_registers <= 8:
                continue
            rules = {row.rule.value for row in check_code(kernel.image, fewer, chip)}
            assert rules & {"register.count", "object.descriptor"}, kernel.image.name


def _chip(name: str) -> Chip:
    chip = chip_named(name)
    assert chip is not None
    return chip


@functools.cache
def _our_kernels(chip_name: str) -> tuple[LoadedKernel, ...]:
    chip = _chip(chip_name)
    text = TWINS.read_text(encoding="utf-8")
    if chip_name == "gfx1030":
        text = text.split("@kernel\nfn gemm_matrix", maxsplit=1)[0]
    module = kernels_of(text)
    prepare_kernels(module)
    return read(write(compile_kernels(module, chip))).kernels


def _steps(kernel: LoadedKernel, chip: Chip) -> list[Step]:
    return decode_code(kernel.image.code, chip.generation).steps


def _try_waits(kernel: LoadedKernel, chip: Chip, score: Score) -> None:
    mutants = wait_mutants(kernel.image.code, _steps(kernel, chip), chip.generation)
    for mutant in _count(kernel, chip, mutants, score):
        if _goes_wrong(mutant.code, chip):
            score.missed.append(f"{kernel.image.name} at {mutant.offset:#x}: {mutant.what}")


def _count(
    kernel: LoadedKernel, chip: Chip, mutants: Iterable[Mutant], score: Score
) -> list[Mutant]:
    """Count mutants; return those that the checker accepts."""
    accepted = []
    for mutant in _some(mutants):
        score.mutants += 1
        if check_code(replace(kernel.image, code=mutant.code), kernel.descriptor, chip):
            score.caught += 1
        else:
            accepted.append(mutant)
    return accepted


def _some(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    for index, mutant in enumerate(mutants):
        if (index + mutant.offset // 4) % _STRIDE == 0:
            yield mutant


def _goes_wrong(code: bytes, chip: Chip) -> bool:
    steps = decode_code(code, chip.generation).steps
    graph, _ = follow_jumps(steps)
    return first_mistake(graph, chip.generation, seed=1, paths=_PATHS) is not None
