"""The level of the processor on CPUs that have one, and the level that code is made for."""

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.rules import Rules
from mlrift.ir.ops.processor import ProcessorLevel, VersionLevel

RULES: Rules[FunctionText] = Rules("llvm")


@RULES.rule(ProcessorLevel)
def lower_level(out: FunctionText, made: ProcessorLevel) -> None:
    """A constant; the text is not that of other CPUs."""
    out.context.is_shared = False
    out.names[made] = "1"


@RULES.rule(VersionLevel)
def lower_version(out: FunctionText, made: VersionLevel) -> None:
    """A constant."""
    out.names[made] = str(out.generation())
