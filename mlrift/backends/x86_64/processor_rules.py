"""The level of an x86-64 processor: found once, then read."""

from mlrift.backends.llvm.generations import declare_level
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.rules import Rules
from mlrift.ir.ops.processor import ProcessorLevel

RULES: Rules[FunctionText] = Rules("x86_64")


@RULES.rule(ProcessorLevel)
def lower_level(out: FunctionText, made: ProcessorLevel) -> None:
    """Call what knows it."""
    from mlrift.backends.x86_64.target import TARGET  # noqa: PLC0415 - it refers to the rules

    out.define(made, f"call i64 {declare_level(out.context, TARGET)}()")
