"""Comparisons to `icmp` and `fcmp`; the float ones are ordered, except `ne`."""

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE
from mlrift.backends.rules import Rules
from mlrift.ir.ops import compare
from mlrift.ir.ops.compare import FloatPredicate, IntegerPredicate

RULES: Rules[FunctionText] = Rules("llvm")

_INTEGER = {row: row.value for row in IntegerPredicate}
_FLOAT = {row: f"o{row.value}" for row in FloatPredicate} | {FloatPredicate.NE: "une"}


@RULES.rule(compare.CompareInteger)
def lower_compare_integer(out: FunctionText, made: compare.CompareInteger) -> None:
    """Two words, or two truth values."""
    lhs, rhs = out.names[made.lhs], out.names[made.rhs]
    out.define(made, f"icmp {_INTEGER[made.predicate]} {VALUE_TYPE[made.lhs.type]} {lhs}, {rhs}")


@RULES.rule(compare.CompareFloat)
def lower_compare_float(out: FunctionText, made: compare.CompareFloat) -> None:
    """Two floats of one type."""
    lhs, rhs = out.names[made.lhs], out.names[made.rhs]
    out.define(made, f"fcmp {_FLOAT[made.predicate]} {VALUE_TYPE[made.lhs.type]} {lhs}, {rhs}")
