"""The level of the processor, on CPUs that have one level."""

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.rules import Rules
from mlrift.ir.ops.processor import ProcessorLevel

RULES: Rules[FunctionText] = Rules("llvm")


@RULES.rule(ProcessorLevel)
def lower_level(out: FunctionText, made: ProcessorLevel) -> None:
    """A constant; the text is not that of other CPUs."""
    out.context.is_shared = False
    out.names[made] = "1"
