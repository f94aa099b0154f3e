"""Functions that the blocks of models may call without an import: clamp, min, max, abs, sqrt.

They are operations on floats of the block's own kind, so that a block stays free of branches. A
function of the program with the same name is what the block calls instead; those of the bundled
library are not, for they may be about integers.
"""

import math

from mlrift.frontend import ast
from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.models import made_syntax as made
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Constant, FSqrt, FSub, Select
from mlrift.ir.ops.compare import CompareFloat, FloatPredicate
from mlrift.static_types import Any
from mlrift.typesystem import DOUBLE, SINGLE, U64, VOID, ScalarType


def _minimum(builder: Builder, values: list[Value]) -> Value:
    left, right = values
    is_less = builder.emit(CompareFloat(FloatPredicate.LT, left, right))
    return builder.emit(Select(is_less, left, right))


def _maximum(builder: Builder, values: list[Value]) -> Value:
    left, right = values
    is_more = builder.emit(CompareFloat(FloatPredicate.GT, left, right))
    return builder.emit(Select(is_more, left, right))


def _clamp(builder: Builder, values: list[Value]) -> Value:
    value, low, high = values
    is_below = builder.emit(CompareFloat(FloatPredicate.LT, value, low))
    raised = builder.emit(Select(is_below, low, value))
    is_above = builder.emit(CompareFloat(FloatPredicate.GT, raised, high))
    return builder.emit(Select(is_above, high, raised))


def _absolute(builder: Builder, values: list[Value]) -> Value:
    value = values[0]
    zero = builder.emit(Constant(0.0, value.type))
    is_negative = builder.emit(CompareFloat(FloatPredicate.LT, value, zero))
    return builder.emit(Select(is_negative, builder.emit(FSub(zero, value)), value))


def _positive(builder: Builder, values: list[Value]) -> Value:
    value = values[0]
    nothing, zero = (builder.emit(Constant(row, value.type)) for row in (math.nan, 0.0))
    is_above = builder.emit(CompareFloat(FloatPredicate.GT, value, zero))
    return builder.emit(Select(is_above, value, nothing))


def _between(builder: Builder, values: list[Value]) -> Value:
    value, low, high = values
    return _minimum(builder, [_maximum(builder, [value, low]), high])


def _root(builder: Builder, values: list[Value]) -> Value:
    return builder.emit(FSqrt(values[0]))


def _growth(builder: Builder, values: list[Value]) -> Value:
    kind = values[0].type
    name = "core.dynamics_growth" if kind is DOUBLE.memory else "core.dynamics_growth_f32"
    return builder.call_external(name, values, (kind,))


def _exponential(builder: Builder, values: list[Value]) -> Value:
    builder.call_external("core.dynamics_exponential", values, ())
    return builder.word(0)


_INTRINSICS: dict[str, tuple[int, Any]] = {
    "clamp": (3, _clamp),
    "min": (2, _minimum),
    "max": (2, _maximum),
    "abs": (1, _absolute),
    "sqrt": (1, _root),
    "growth": (1, _growth),
    "positive": (1, _positive),
    "between": (3, _between),
}
# Those that blocks are made with, which no program calls by name.
_HIDDEN = ("growth", "positive", "between")


def positive(node: ast.Expression, kind: ScalarType) -> ast.Expression:
    """Return an expression as it is where it is above zero, else not a number."""
    name = ast.Name(intrinsic_name("positive", kind), node.span)
    return ast.Call(name, [], [node], node.span)


def between(node: ast.Expression, low: float, high: float) -> ast.Expression:
    """Return an f64 that is `low` at least (also for no number) and `high` at most."""
    span = node.span
    bounds = [ast.FloatLiteral(row, False, span) for row in (low, high)]
    name = ast.Name(intrinsic_name("between", DOUBLE), span)
    return ast.Call(name, [], [node, *bounds], span)


def intrinsic_name(name: str, kind: ScalarType) -> str:
    """Return how the function trees that are made call an intrinsic; no program can write it."""
    return f"model:{name}:{kind.name}"


def declare_intrinsics(context: Context, own_functions: frozenset[str]) -> None:
    """Make the intrinsics known, but for those whose names the program has functions of."""
    for name, (count, lower) in _INTRINSICS.items():
        if name in own_functions and name not in _HIDDEN:
            continue
        for kind in (DOUBLE, SINGLE):
            own = intrinsic_name(name, kind)
            context.names.callees[own] = Builtin(own, (kind,) * count, kind, lower, "")
    own = intrinsic_name("exponential", DOUBLE)
    context.names.callees[own] = Builtin(own, (U64, U64, DOUBLE), VOID, _exponential, "")


def with_intrinsics(context: Context, root: Any, kind: ScalarType) -> Any:
    """Return a tree in which calls of intrinsics are those of floats of a kind."""

    def replace(node: Any) -> Any:
        if not isinstance(node, ast.Call) or node.function.text not in _INTRINSICS:
            return None
        if node.function.text in _HIDDEN:
            return None
        if intrinsic_name(node.function.text, kind) not in context.names.callees:
            return None
        name = ast.Name(intrinsic_name(node.function.text, kind), node.function.span)
        arguments = [made.rewritten(row, replace) for row in node.arguments]
        return ast.Call(name, [], arguments, node.span)

    return made.rewritten(root, replace)
