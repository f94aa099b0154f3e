"""Parallel regions: calls of the core library."""

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.rules import Rules
from mlrift.ir.ops.parallel import PARTS_SYMBOL, RUN_SYMBOL, ParallelFor, ParallelParts

RULES: Rules[FunctionText] = Rules("llvm")


@RULES.rule(ParallelFor)
def lower_parallel_for(out: FunctionText, made: ParallelFor) -> None:
    """Hand the region to the pool."""
    out.context.declare_runtime(RUN_SYMBOL, "void", ", ".join(["i64"] * 5))
    arguments = ", ".join([f"i64 {out.names[row]}" for row in made.operands()])
    out.emit(f"call void @{RUN_SYMBOL}({arguments})")


@RULES.rule(ParallelParts)
def lower_parallel_parts(out: FunctionText, made: ParallelParts) -> None:
    """Ask the pool."""
    out.context.declare_runtime(PARTS_SYMBOL, "i64", ", ".join(["i64"] * 3))
    arguments = ", ".join([f"i64 {out.names[row]}" for row in made.operands()])
    out.define(made, f"call i64 @{PARTS_SYMBOL}({arguments})")
