"""Parallel regions of interpreted code: the parts run one after the other, in ascending order.

What a region computes must not depend on the number of threads, so tests run modules with several
(`ProgramLimits.parallel_threads`).
"""

from collections.abc import Callable
from typing import Any, Protocol

from mlrift.ir.ops.parallel import ParallelFor, ParallelParts, part_count, part_ranges


class RegionScope(Protocol):
    """What a row needs from the translator."""

    def use(self, value: Any) -> str:
        """Return the expression of an operand."""
        ...

    def result(self, made: Any) -> str:
        """Return the name of an op's value."""
        ...

    def callee_table(self, argument_count: int) -> str:
        """Return the name of the table of functions by address for calls with words."""
        ...


class Regions:
    """Runs the regions of a program; one inside another is a single part."""

    __slots__ = ("_depth", "_threads")

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._depth = 0

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Return what the generated code calls, by name."""
        return {"run_region": self._run, "count_parts": self._count}

    def _run(
        self, functions: dict[int, Callable[..., Any]], body: int, context: int, *split: int
    ) -> None:
        function = functions[body]
        self._depth += 1
        try:
            for first, last, part in part_ranges(*split):
                function(context, first, last, part)
        finally:
            self._depth -= 1

    def _count(self, count: int, multiple: int, grain: int) -> int:
        return part_count(count, multiple, grain, 1 if self._depth else self._threads)


def write_parallel_for(scope: RegionScope, made: ParallelFor) -> list[str]:
    """Write a region."""
    operands = ", ".join([scope.use(value) for value in made.operands()])
    return [f"run_region({scope.callee_table(4)}, {operands})"]


def write_parallel_parts(scope: RegionScope, made: ParallelParts) -> list[str]:
    """Write the number of parts."""
    operands = ", ".join([scope.use(value) for value in made.operands()])
    return [f"{scope.result(made)} = count_parts({operands})"]
