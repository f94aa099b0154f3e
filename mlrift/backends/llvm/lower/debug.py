"""Values of variables, for debuggers: records between instructions."""

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.ops import debug

RULES: Rules[FunctionText] = Rules("llvm")

_UNKNOWN = "i64 poison"


@RULES.rule(debug.DebugValue)
def lower_debug_value(out: FunctionText, made: debug.DebugValue) -> None:
    """A record, when the function's source is known."""
    if out.debug is not None:
        operand = _operand(out, made.values[0]) if made.values else _UNKNOWN
        record = out.debug.value_record(made.variable, operand, made.span)
        if record is not None:
            out.lines.append(record)


def _operand(out: FunctionText, value: Value) -> str:
    """Return a form that the value has anyhow: debuggers ask for no code."""
    if value in out.names:
        return f"{VALUE_TYPE[value.type]} {out.names[value]}"
    return f"ptr {out.pointers[value]}" if value in out.pointers else _UNKNOWN
