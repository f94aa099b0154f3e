"""What the ops that make connections mean: rules as lists of pairs.

A rule gives pairs (source, target) in any order; `csr.build` sorts them by source, then target.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import product

import numpy as np

from mlrift.ir.interpret.models_memory import (
    UNEQUAL,
    ModelMemory,
    draws,
)
from mlrift.ir.numbers import signed
from mlrift.ir.op import Op
from mlrift.ir.ops import csr
from mlrift.ir.ops.csr import ConnectionRule
from mlrift.static_types import Any
from mlrift.typesystem import MachineType
from mlrift.values import value

Pair = tuple[int, int]

_MOST_EDGES = 1 << 40
_BYTES = 512
_WORD_BYTES = 8
_DIVISOR = 96


@value
class _Ranges:
    """The neurons that may be connected; `is_same` says that they are of one population."""

    sources: range
    targets: range
    is_same: bool


def _build(on: ModelMemory, op: csr.Build, *words: Any) -> int:
    source, first, end, target, target_first, target_end = words[:6]
    details: list[int] = words[6]
    for low, high in ((first, end), (target_first, target_end)):
        if low > high:
            raise on.fail(f"connections: the range {low} to {high} is reversed")
    for descriptor, high in ((source, end), (target, target_end)):
        if high > on.word(descriptor):
            size = on.word(descriptor)
            raise on.fail(f"connections: the range ends at {high} in a population of {size}")
    made = on.new(_BYTES)
    for offset, found in (
        (csr.ROWS, end - first),
        (csr.SOURCE_FIRST, first),
        (csr.TARGET_COUNT, on.word(target)),
        (csr.TARGET_FIRST, target_first),
        (csr.TARGET_END, target_end),
        (csr.DEGREE, UNEQUAL),
        (csr.COLUMN_COUNT, len(op.widths)),
        (csr.SOURCE_POPULATION, source),
        (csr.TARGET_POPULATION, target),
    ):
        on.set_word(made + offset, found)
    ranges = _Ranges(range(first, end), range(target_first, target_end), source == target)
    if op.rule in (ConnectionRule.BERNOULLI_GROUP, ConnectionRule.BERNOULLI_XORSHIFT):
        _check_divisor(on, details[0])
        on.set_word(made + _DIVISOR, details[0])
    if op.rule is ConnectionRule.PART:
        pairs = _part(on, made, details[0], ranges)
    else:
        pairs = _PAIRS[op.rule](on, ranges, details)
    _place(on, made, pairs, list(op.widths))
    return made


def _place(on: ModelMemory, made: int, pairs: Iterable[Pair], widths: list[int]) -> None:
    """Make the rows and columns of connections that have none, or change those they have."""
    edges = sorted(pairs)
    first, count = on.word(made + csr.SOURCE_FIRST), on.word(made)
    on.set_word(made + csr.EDGES, len(edges))
    targets = on.replace(made, made + csr.TARGETS, 4 * len(edges))
    on.array(targets, MachineType.I32, len(edges))[:] = [row[1] for row in edges]
    starts = on.replace(made, made + csr.ROW_STARTS, _WORD_BYTES * (count + 1))
    degrees = np.bincount([row[0] - first for row in edges] or [0], minlength=max(count, 1))
    if not edges:
        degrees[:] = 0
    on.array(starts, MachineType.I64, count + 1)[1:] = np.cumsum(degrees)[:count]
    for column, width in enumerate(widths):
        on.replace(made, made + csr.FIRST_COLUMN + _WORD_BYTES * column, width * len(edges))


# ---- rules ----


def _not_self(ranges: _Ranges, pair: Pair) -> bool:
    return not ranges.is_same or pair[0] != pair[1]


def _next_if_self(ranges: _Ranges, own: int, chosen: int, others: range) -> int:
    """Return a neuron, or the one after it in the range when it is `own`."""
    if not ranges.is_same or chosen != own:
        return chosen
    return chosen + 1 if chosen + 1 in others else others.start


def _fixed_out(on: ModelMemory, ranges: _Ranges, details: list[int]) -> Iterable[Pair]:
    degree, seed = details
    targets = ranges.targets
    _check_degree(on, len(ranges.sources), degree)
    if not targets and len(ranges.sources) * degree:
        raise on.fail(f"fixed_out: {degree} edges of each source to {len(targets)} targets")
    _check_only_self(on, "fixed_out", ranges, degree)
    found = draws(seed, np.arange(len(ranges.sources) * degree)).tolist()
    for place, draw in enumerate(found):
        source = ranges.sources[place // degree]
        target = targets[draw % len(targets)]
        yield source, _next_if_self(ranges, source, target, targets)


def _fixed_in(on: ModelMemory, ranges: _Ranges, details: list[int]) -> Iterable[Pair]:
    degree, seed = details
    sources = ranges.sources
    _check_degree(on, len(ranges.targets), degree)
    if not sources and len(ranges.targets) * degree:
        raise on.fail(f"fixed_in: {degree} edges to each target from {len(sources)} sources")
    _check_only_self(on, "fixed_in", ranges, degree)
    found = draws(seed, np.arange(len(ranges.targets) * degree)).tolist()
    for place, draw in enumerate(found):
        target = ranges.targets[place // degree]
        source = sources[draw % len(sources)]
        yield _next_if_self(ranges, target, source, sources), target


def _check_degree(on: ModelMemory, neurons: int, degree: int) -> None:
    if neurons * degree > _MOST_EDGES:
        raise on.fail(f"connections: {degree} edges of {neurons} neurons each are too many")


def _check_only_self(on: ModelMemory, rule: str, ranges: _Ranges, degree: int) -> None:
    """Refuse ranges in which a neuron could be connected with itself only."""
    choices, others = ranges.targets, ranges.sources
    if rule == "fixed_in":
        choices, others = others, choices
    if degree and ranges.is_same and len(choices) == 1 and choices.start in others:
        raise on.fail(f"connections: neuron {choices.start} could only be connected with itself")


def _check_divisor(on: ModelMemory, divisor: int) -> None:
    if not divisor:
        raise on.fail("bernoulli: a pair is connected if draw % 0 == 0: 1 is the least")


def _bernoulli(on: ModelMemory, ranges: _Ranges, details: list[int]) -> Iterable[Pair]:
    divisor, seed = details
    _check_divisor(on, divisor)
    pairs = list(product(ranges.sources, ranges.targets))
    hits = np.flatnonzero(draws(seed, np.arange(len(pairs))) % np.uint64(divisor) == 0)
    return [pairs[row] for row in hits if _not_self(ranges, pairs[row])]


def _bernoulli_xorshift(on: ModelMemory, ranges: _Ranges, details: list[int]) -> Iterable[Pair]:
    divisor, seed = details
    pairs = [row for row in product(ranges.sources, ranges.targets) if _not_self(ranges, row)]
    generator = _xorshift(on, seed)
    return [row for row in pairs if next(generator) % divisor == 0]


def _later(on: ModelMemory, ranges: _Ranges, details: list[int]) -> Iterable[Pair]:
    return []


def _xorshift(on: ModelMemory, seed: int) -> Iterator[int]:
    state = seed & 0xFFFFFFFF
    if not state:
        raise on.fail("xorshift32: the low 32 bits of a seed must not be 0: all draws would be")

    def rows() -> Iterator[int]:
        nonlocal state
        while True:
            state ^= state << 13 & 0xFFFFFFFF
            state ^= state >> 17
            state ^= state << 5 & 0xFFFFFFFF
            yield state

    return rows()


def _lattice(on: ModelMemory, ranges: _Ranges, details: list[int]) -> Iterable[Pair]:
    first, last = (signed(row) for row in details)
    count, base = len(ranges.targets), ranges.targets.start
    if first > last or last - first >= _MOST_EDGES or (not count and ranges.sources):
        raise on.fail(f"lattice: offsets {first} to {last} are no range, or there is no target")
    _check_degree(on, len(ranges.sources), last - first + 1)
    for source, offset in product(ranges.sources, range(first, last + 1)):
        pair = source, base + (source - base + offset) % count
        if _not_self(ranges, pair):
            yield pair


def _all(on: ModelMemory, ranges: _Ranges, details: list[int]) -> Iterable[Pair]:
    return [row for row in product(ranges.sources, ranges.targets) if _not_self(ranges, row)]


def _one_to_one(on: ModelMemory, ranges: _Ranges, details: list[int]) -> Iterable[Pair]:
    if len(ranges.sources) != len(ranges.targets):
        found = f"{len(ranges.sources)} sources and {len(ranges.targets)} targets"
        raise on.fail(f"one_to_one: {found}")
    return zip(ranges.sources, ranges.targets, strict=True)


def _edges(on: ModelMemory, ranges: _Ranges, details: list[int]) -> Iterable[Pair]:
    sources, targets, count, others = details
    if count != others:
        raise on.fail(f"edges: {count} sources and {others} targets")
    rows = [on.array(row, MachineType.I32, count).tolist() for row in (sources, targets)]
    pairs = list(zip(*rows, strict=True))
    for place, (source, target) in enumerate(pairs):
        if source not in ranges.sources:
            raise on.fail(f"edges: source {source} of edge {place} is outside of the range")
        if target not in ranges.targets:
            raise on.fail(f"edges: target {target} of edge {place} is outside of the range")
    return pairs


def _where(on: ModelMemory, ranges: _Ranges, details: list[int]) -> Iterable[Pair]:
    connected = on.function(details[0], 2)
    pairs = product(ranges.sources, ranges.targets)
    return [row for row in pairs if connected(*row) & 0xFF]


def _part(on: ModelMemory, made: int, whole: int, ranges: _Ranges) -> Iterable[Pair]:
    for offset in (csr.SOURCE_POPULATION, csr.TARGET_POPULATION):
        if on.word(whole + offset) != on.word(made + offset):
            raise on.fail("part: the connections are between other populations")
    targets = on.targets(whole).tolist()
    return [
        (source, targets[edge])
        for source, first, end in on.rows(whole)
        for edge in range(first, end)
        if source in ranges.sources and targets[edge] in ranges.targets
    ]


_PAIRS: dict[ConnectionRule, Callable[..., Iterable[Pair]]] = {
    ConnectionRule.FIXED_OUT: _fixed_out,
    ConnectionRule.FIXED_IN: _fixed_in,
    ConnectionRule.BERNOULLI: _bernoulli,
    ConnectionRule.BERNOULLI_XORSHIFT: _bernoulli_xorshift,
    ConnectionRule.BERNOULLI_GROUP: _later,
    ConnectionRule.LATTICE: _lattice,
    ConnectionRule.ALL: _all,
    ConnectionRule.ONE_TO_ONE: _one_to_one,
    ConnectionRule.EDGES: _edges,
    ConnectionRule.WHERE: _where,
}


def _build_group(on: ModelMemory, op: csr.BuildGroup, seed: int, members: list[int]) -> None:
    ranges = [_ranges_of(on, row) for row in members]
    pairs: list[list[Pair]] = [[] for _ in members]
    generator = _xorshift(on, seed)
    sources = sorted({row for one in ranges for row in one.sources})
    targets = sorted({row for one in ranges for row in one.targets})
    divisors = [on.word(row + _DIVISOR) for row in members]
    for pair in product(sources, targets):
        for own, found, divisor in zip(ranges, pairs, divisors, strict=True):
            is_inside = pair[0] in own.sources and pair[1] in own.targets
            if is_inside and _not_self(own, pair) and next(generator) % divisor == 0:
                found.append(pair)
    for member, found in zip(members, pairs, strict=True):
        columns = on.word(member + csr.COLUMN_COUNT)
        _place(on, member, found, [_WORD_BYTES] * columns)


def _ranges_of(on: ModelMemory, made: int) -> _Ranges:
    first, target_first = on.word(made + csr.SOURCE_FIRST), on.word(made + csr.TARGET_FIRST)
    is_same = on.word(made + csr.SOURCE_POPULATION) == on.word(made + csr.TARGET_POPULATION)
    sources = range(first, first + on.word(made))
    return _Ranges(sources, range(target_first, on.word(made + csr.TARGET_END)), is_same)


CONNECTION_RULES: dict[type[Op], Callable[..., Any]] = {
    csr.Build: _build,
    csr.BuildGroup: _build_group,
}
