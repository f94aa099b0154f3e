"""Passes keep what programs mean, and every pass leaves legal IR."""

from math import isnan
from random import Random

import pytest

from mlrift.ir.core import Module
from mlrift.ir.interpret import ProgramTrap, StackFill, run_function
from mlrift.ir.interpret.program import ProgramLimits
from mlrift.ir.numbers import double_to_bits
from mlrift.ir.op import REGISTRY
from mlrift.ir.ops.memory import SlotNew
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Property
from mlrift.ir.passes.pipeline import (
    LAST,
    ORDER,
    PASSES,
    PIPELINES,
    OptimisationLevel,
    optimise,
    run_pass,
)
from mlrift.ir.rules import RULES
from mlrift.ir.text import parse_module, print_module
from mlrift.ir.verify import check_module
from tests.unit.ir.random_ir import ending_module

ARGUMENTS = ((0, 1, 0.5), (2**64 - 1, 3, -2.5), (17, 2**63, 1e300))
STEPS_USED_UP = 152
LIMITS = ProgramLimits(steps=100_000, stack_fill=StackFill.ZERO)


def meaning(module: Module) -> list[object]:
    """Return what every function of a random module does, floats as bits."""
    found: list[object] = []
    for name in module.functions:
        for arguments in ARGUMENTS:
            try:
                result = run_function(module, name, arguments, limits=LIMITS)
            except ProgramTrap as trap:
                found.append(trap.status)
                continue
            assert isinstance(result, tuple)
            word, double = result
            found.append((word, "nan" if isnan(double) else double_to_bits(double)))
    return found


def assert_same(before: list[object], after: list[object]) -> None:
    """Compare meanings; what uses up its steps is not known well enough to compare."""
    for one, other in zip(before, after, strict=True):
        assert one == other or STEPS_USED_UP in (one, other)


def test_random_programs_mostly_run() -> None:
    """The tests below compare results, not traps."""
    results = [row for seed in range(40) for row in meaning(ending_module(seed))]
    assert sum(isinstance(row, tuple) for row in results) > len(results) * 0.7


@pytest.mark.parametrize("seed", range(150))
def test_optimised_programs_mean_the_same(seed: int) -> None:
    module = ending_module(seed)
    check_module(module, "the generator")
    before = meaning(module)
    optimise(module, OptimisationLevel.FULL, lambda name, made: check_module(made, name))
    assert not any(isinstance(made, SlotNew) for f in module.functions.values() for made in f.ops())
    assert_same(before, meaning(module))
    assert_same(before, meaning(parse_module(print_module(module))))


@pytest.mark.parametrize("seed", range(150, 200))
def test_passes_in_any_order_mean_the_same(seed: int) -> None:
    module = ending_module(seed)
    before = meaning(module)
    random = Random(seed)
    names = [*PASSES, *PASSES]
    random.shuffle(names)
    for name in names:
        if PASSES[name].needs & {Property.NO_DEAD_BLOCKS}:
            run_pass("remove_unreachable_blocks", module)
        if Property.NO_SLOTS in PASSES[name].needs:
            run_pass("promote_slots", module)
        run_pass(name, module)
        check_module(module, name)
    assert_same(before, meaning(module))


@pytest.mark.parametrize("seed", range(200, 215))
def test_passes_reach_a_fixed_point(seed: int) -> None:
    """A second run may find a little more, but it must come to an end."""
    module = ending_module(seed)
    texts: list[str] = []
    for _ in range(6):
        optimise(module, OptimisationLevel.FULL)
        texts.append(print_module(module))
    assert texts[-1] == texts[-2]


@pytest.mark.parametrize("level", OptimisationLevel)
def test_needs_are_met_in_every_pipeline(level: OptimisationLevel) -> None:
    holds: frozenset[Property] = frozenset()
    for name in PIPELINES[level]:
        row = PASSES[name]
        assert row.needs <= holds, f"{name} needs {row.needs - holds}"
        holds = (holds & row.keeps) | row.makes
    assert Property.NO_FRESH in holds
    assert Property.NO_DEAD_FUNCTIONS in holds


@pytest.mark.parametrize("level", OptimisationLevel)
def test_ordering_constraints_hold(level: OptimisationLevel) -> None:
    names = PIPELINES[level]
    for row in ORDER:
        if row.first in names and row.second in names:
            last_first = max(i for i, name in enumerate(names) if name == row.first)
            last_second = max(i for i, name in enumerate(names) if name == row.second)
            assert last_first < last_second, f"{row.first} before {row.second}: {row.because}"
    for name, because in LAST.items():
        assert names[-1] == name, because


def test_every_pass_is_recorded_under_its_name() -> None:
    for name, row in PASSES.items():
        assert row.name == name
        assert row.keeps <= EVERY_PROPERTY
        module = __import__(f"mlrift.ir.passes.{name}", fromlist=["PASS"])
        assert module.PASS is row
        assert "=>" in (module.__doc__ or ""), f"{name} shows no before and after"


def test_every_pass_runs_in_some_pipeline() -> None:
    assert {name for names in PIPELINES.values() for name in names} == set(PASSES)


def test_rules_are_about_declared_ops() -> None:
    assert set(RULES) <= set(REGISTRY.values())


def test_observers_see_every_pass() -> None:
    seen: list[str] = []
    optimise(ending_module(1), OptimisationLevel.FULL, lambda name, module: seen.append(name))
    assert tuple(seen) == PIPELINES[OptimisationLevel.FULL]
