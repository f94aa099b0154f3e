"""The shared rules: every family's table in one; the CPUs take from here what they lack."""

from mlrift.backends.llvm.lower import (
    arith,
    atomic,
    call,
    compare,
    control,
    convert,
    debug,
    memory,
)
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.rules import Rules

RULES: Rules[FunctionText] = Rules("llvm")
for _family in (arith, atomic, call, compare, control, convert, debug, memory):
    RULES.include(_family.RULES)
RULES.later("loop", "mlrift.backends.llvm.lower.loop")
for _part in (
    "vector",
    "vector_arith",
    "vector_dot",
    "vector_pairs",
    "vector_reduce",
    "vector_memory",
):
    RULES.later("vector", f"mlrift.backends.llvm.lower.{_part}")
RULES.later("parallel", "mlrift.backends.llvm.lower.parallel")
RULES.later("cpu", "mlrift.backends.llvm.lower.processor")
