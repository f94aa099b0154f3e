"""Regions that several threads carry out. What is computed does not depend on their number.

`core.parallel_run` and `core.parallel_parts` (std/core/parallel.mlr) do the work; whoever emits the
ops declares them, which `mlrift.ir.parallel` does.
"""

from itertools import pairwise

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, op
from mlrift.ir.runtime import RUNTIME_SYMBOLS
from mlrift.typesystem import I64

RUN_SYMBOL = "core.parallel_run"
PARTS_SYMBOL = "core.parallel_parts"


@op("parallel.for", Effect.ANY)
class ParallelFor(Op):
    """Call `body(context, first, last, part)` on ranges that together are 0 to `count`.

    `body` is the address of a function of four words. There are at most `parts` ranges, numbered
    upwards; every border but the last is a multiple of `multiple`. Empty ranges are left out. The
    calls may run at the same time, and all are done when the op is. A region inside another one,
    or while another thread runs one, is carried out by the calling thread.
    """

    body: Value
    context: Value
    count: Value
    multiple: Value
    parts: Value


@op("parallel.parts", Effect.READ, result=I64)
class ParallelParts(Op):
    """Into how many parts to split `count` iterations, at least 1.

    No more than there are threads or multiples of `multiple`, and so that every part has `grain`
    iterations, about. It is 1 inside a region.
    """

    count: Value
    multiple: Value
    grain: Value


RUNTIME_SYMBOLS[ParallelFor] = RUN_SYMBOL
RUNTIME_SYMBOLS[ParallelParts] = PARTS_SYMBOL


def part_count(count: int, multiple: int, grain: int, threads: int) -> int:
    """Return what `parallel.parts` gives for some number of threads."""
    units = -(-count // max(multiple, 1))
    return max(1, min(threads, units, count // max(grain, 1)))


def part_ranges(count: int, multiple: int, parts: int) -> list[tuple[int, int, int]]:
    """Return the ranges of a region that are not empty, as (first, last, part)."""
    step, parts = max(multiple, 1), max(parts, 1)
    units = -(-count // step)
    borders = [min(count, units * part // parts * step) for part in range(parts + 1)]
    return [
        (first, last, part) for part, (first, last) in enumerate(pairwise(borders)) if first < last
    ]
