"""Random machine IR does the same before and after scheduling and allocation."""

import pytest

from mlrift.backends.amdgcn.allocation.allocate import Allocation, Budget, allocate
from mlrift.backends.amdgcn.branches import fall_through
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.frame import resolve_frame
from mlrift.backends.amdgcn.mir_parse import parse_mir
from mlrift.backends.amdgcn.mir_text import print_mir
from mlrift.backends.amdgcn.peephole.constants import share_constants
from mlrift.backends.amdgcn.peephole.dead_code import remove_dead_code
from mlrift.backends.amdgcn.peephole.dual_issue import pair_instructions
from mlrift.backends.amdgcn.peephole.loop_ends import merge_loop_ends
from mlrift.backends.amdgcn.peephole.shorten import shorten
from mlrift.backends.amdgcn.schedule.schedule import schedule
from mlrift.backends.amdgcn.verify_mir import Stage, verify_mir
from tests.codegen.amdgcn_mir.mir_machine import Machine
from tests.codegen.amdgcn_mir.random_mir import Generator
from tests.harness.run_files import IS_THOROUGH

_AMPLE = Budget(256)
_TIGHT = Budget(9, 10)


def _check(seed: int, budget: Budget) -> Allocation:
    text = print_mir(Generator(seed, seed % 97 + 10).build())
    wanted = Machine(parse_mir(text), 1).run()
    generation = Generation.GFX12 if seed % 3 == 0 else Generation.GFX11
    function = parse_mir(text)
    merge_loop_ends(function, generation)
    remove_dead_code(function, generation)
    share_constants(function)
    assert not verify_mir(function, generation, Stage.SELECTED), seed
    assert Machine(function, 5).run() == wanted, f"seed {seed}: loops and dead code"
    schedule(function, generation, budget.vector - 2)
    assert not verify_mir(function, generation, Stage.SELECTED), seed
    assert Machine(function, 2).run() == wanted, f"seed {seed}: scheduling"
    allocation = allocate(function, generation, budget)
    assert not verify_mir(function, generation, Stage.ALLOCATED), seed
    assert Machine(function, 3).run() == wanted, f"seed {seed}: allocation"
    resolve_frame(function, generation)
    shorten(function)
    pair_instructions(function, generation)
    fall_through(function)
    assert Machine(function, 4).run() == wanted, f"seed {seed}: frame, pairs and branches"
    assert allocation.vector <= budget.vector
    assert allocation.scalar <= budget.scalar
    return allocation


def test_random_functions_keep_their_meaning() -> None:
    """With all registers of a wave nothing is spilled."""
    for seed in range(12):
        assert _check(seed, _AMPLE).spilled_vector == 0


def test_random_functions_keep_their_meaning_when_registers_are_short() -> None:
    """With a handful of registers both files are spilled."""
    allocations = [_check(seed, _TIGHT) for seed in range(24)]
    assert sum(row.spilled_vector for row in allocations) > 0
    assert sum(row.spilled_scalar for row in allocations) > 0


@pytest.mark.skipif(not IS_THOROUGH, reason="only under make test-all")
def test_many_random_functions() -> None:
    """Five hundred functions, with few registers."""
    for seed in range(100, 600):
        _check(seed, _TIGHT)


def test_text_round_trip() -> None:
    """Printing what was parsed gives the same text."""
    for seed in range(10):
        text = print_mir(Generator(seed, 30).build())
        assert print_mir(parse_mir(text)) == text
