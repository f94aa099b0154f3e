"""What is found about the words of kernels is true of what the interpreter computes."""

from collections.abc import Iterator
from random import Random

import numpy as np
import pytest

from mlrift.backends.amdgcn.facts import KernelFacts, Width
from mlrift.backends.amdgcn.kernel_facts import kernel_facts
from mlrift.ir.analysis import intervals
from mlrift.ir.analysis.alignment import TrailingZeros
from mlrift.ir.analysis.divergence import Divergence, Together
from mlrift.ir.analysis.ranges import Ranges
from mlrift.ir.core import Function, Module, Value
from mlrift.ir.interpret import kernel_steps, kernels
from mlrift.ir.numbers import WORD_MASK
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import And, Ashr, Constant, Shl
from mlrift.ir.passes.device_pipeline import prepare_kernels
from mlrift.typesystem import I64
from tests.unit.ir.random_kernels import LANES, Launch, random_kernel, results

SEEDS = range(500, 530)
LOW = (1 << 32) - 1
_ENDS = (0, 1, 2, 7, 63, 255, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1)


# ---- intervals ----


_FOLDABLE = [kind for kind in intervals.BINARY if kind.IS_FOLDABLE]


@pytest.mark.parametrize("kind", _FOLDABLE, ids=lambda kind: kind.MNEMONIC)
def test_ranges_of_arithmetic_hold_its_results(kind: type[Op]) -> None:
    random = Random(kind.MNEMONIC)
    rule = intervals.BINARY[kind]
    for _ in range(1500):
        ranges = [_range(random), _range(random)]
        words = [random.choice((low, high, random.randint(low, high))) for low, high in ranges]
        evaluate = kind(Constant(0, I64), Constant(0, I64)).evaluate  # type: ignore[attr-defined]
        found = evaluate(*(word & WORD_MASK for word in words))
        assert _holds(rule(*ranges), found), (ranges, words)


@pytest.mark.parametrize(
    ("name", "lhs", "rhs", "wanted"),
    [
        ("arith.udiv", (0, 100), (7, 10), (0, 14)),
        ("arith.udiv", (0, 100), (0, 10), (0, 100)),
        ("arith.urem", (0, 100), (1, 10), (0, 9)),
        ("arith.urem", (0, 5), (1, 10), (0, 5)),
        ("arith.sdiv", (0, 100), (7, 10), (0, 14)),
        ("arith.sdiv", (-1, 100), (7, 10), intervals.ANYTHING),
    ],
)
def test_ranges_of_divisions(
    name: str, lhs: tuple[int, int], rhs: tuple[int, int], wanted: tuple[int, int]
) -> None:
    rule = next(row for kind, row in intervals.BINARY.items() if name == kind.MNEMONIC)
    assert rule(lhs, rhs) == wanted


def _range(random: Random) -> tuple[int, int]:
    bottom, top = (-(2**63), 2**63 - 1) if random.random() < 0.4 else (0, WORD_MASK)
    shift = bottom if random.random() < 0.5 else 0
    ends = [random.choice(_ENDS) + random.randrange(-2, 3) + shift for _ in range(2)]
    low, high = sorted(min(max(end, bottom), top) for end in ends)
    return low, high


def _holds(row: tuple[int, int], word: int) -> bool:
    return row[0] <= word <= row[1] or row[0] <= word - (1 << 64) <= row[1]


# ---- what the interpreter computes ----


class Watching:
    """Looks at every value that a kernel without calls computes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[Value, np.ndarray, np.ndarray, int]] = []
        put = kernel_steps.Chunk.put

        def watched(chunk: kernel_steps.Chunk, target: Value, found: np.ndarray) -> None:
            self.seen.append((target, np.array(found), chunk.at.copy(), chunk.launch.padded))
            put(chunk, target, found)

        monkeypatch.setattr(kernel_steps.Chunk, "put", watched)
        monkeypatch.setattr(kernels, "_prepared", lambda module, name: module.functions[name])

    def run(self, module: Module, launch: Launch) -> None:
        """Run a kernel that is prepared already."""
        results(module, launch)


def _prepared(seed: int) -> tuple[Module, Function, Launch]:
    module, launch = random_kernel(seed)
    prepare_kernels(module)
    return module, module.functions["k"], launch


@pytest.mark.parametrize("seed", SEEDS)
def test_words_are_in_their_ranges(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function, launch = _prepared(seed)
    ranges, zeros = Ranges(function), TrailingZeros(function)
    watching = Watching(monkeypatch)
    watching.run(module, launch)
    for value, found, _, _ in watching.seen:
        if value.type is I64 and len(found):
            for word in {int(found.min()), int(found.max())}:
                assert _holds(ranges.of(value), word)
            assert not np.any(found & np.uint64((1 << min(zeros.of(value), 63)) - 1))


@pytest.mark.parametrize("seed", SEEDS)
def test_uniform_values_are_the_same_in_all_lanes(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, function, launch = _prepared(seed)
    if launch.group[0] * launch.group[1] % LANES:
        return  # exchanges get anything from lanes that are not there, and drop it
    in_waves, in_groups = Divergence(function), Divergence(function, Together.GROUP)
    watching = Watching(monkeypatch)
    watching.run(module, launch)
    assert watching.seen
    for value, found, items, padded in watching.seen:
        for size, divergence in ((LANES, in_waves), (padded, in_groups)):
            if not divergence.is_divergent(value) and len(found) == len(items):
                _check_uniform(found, items // size)


def _check_uniform(found: np.ndarray, owners: np.ndarray) -> None:
    for owner in np.unique(owners):
        values = found[owners == owner]
        bits = values.view(np.uint8).reshape(len(values), -1)
        assert (bits == bits[0]).all()


# ---- facts ----


@pytest.mark.parametrize("seed", SEEDS)
def test_kernels_with_words_of_their_widths_mean_the_same(seed: int) -> None:
    """Cut every word to what its width says, as selection does."""
    module, launch = random_kernel(seed)
    before = results(module, launch)
    prepare_kernels(module)
    function = module.functions["k"]
    facts = kernel_facts(function)
    assert any(width is not Width.FULL for width in facts.widths.values())
    _cut(function, facts)
    assert results(module, launch) == before


def _cut(function: Function, facts: KernelFacts) -> None:
    replacements: dict[Value, Value] = {}
    cuts: set[Op] = set()
    for block in function.blocks:
        ops: list[Op] = []
        for value in (*block.parameters, *block.ops):
            made = list(_as_wide_as(value, facts)) if value.type is I64 else []
            if made:
                replacements[value] = made[-1]
            cuts.update(made)
            ops += [value, *made] if isinstance(value, Op) else made
        block.ops = ops
    for row in function.ops():
        if row not in cuts:
            row.replace_operands(replacements)


def _as_wide_as(value: Value, facts: KernelFacts) -> Iterator[Op]:
    width = facts.widths.get(value, Width.FULL)
    if isinstance(value, Constant):
        return
    if width is Width.LOW:
        mask = Constant(LOW, I64)
        yield mask
        yield And(value, mask)
    elif width is Width.SIGNED:
        count = Constant(32, I64)
        yield count
        shifted = Shl(value, count)
        yield shifted
        yield Ashr(shifted, count)
