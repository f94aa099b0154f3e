"""Typed nodes made by the checkers of models: words of descriptors, elements, operations."""

from collections.abc import Callable

from mlrift.frontend import typed
from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.check.context import Context
from mlrift.frontend.scopes import Signature
from mlrift.source import Span
from mlrift.static_types import TYPE_CHECKING, Any
from mlrift.typesystem import ERROR, U64, VOID, ScalarType, Type

if TYPE_CHECKING:
    from mlrift.ir.builder import Builder
    from mlrift.ir.core import Value

    Lowering = Callable[[Builder, list[Value]], Value]

_WORD_MASK = (1 << 64) - 1


def word(value: int, span: Span) -> typed.Expression:
    """Return a constant word."""
    return typed.IntegerConstant(value & _WORD_MASK, U64, span)


def error(span: Span) -> typed.Expression:
    """Return a value that was already reported."""
    return typed.IntegerConstant(0, ERROR, span)


def load_word(base: typed.Expression, offset: int, span: Span) -> typed.Expression:
    """Return the word of a descriptor at an offset."""
    return typed.Load(typed.FieldAddress(base, offset, U64, span), U64, span)


def element(
    base: typed.Expression, index: typed.Expression, row: ScalarType, span: Span
) -> typed.ElementAddress:
    """Return the address of an element of an array without a known length."""
    return typed.ElementAddress(base, index, row, None, "", U64, span)


def operation(
    name: str, lower: "Lowering", operands: list[typed.Expression], result: Type, span: Span
) -> typed.Expression:
    """Return an operation that `lower(builder, values)` emits; operands are what it expects."""
    rows: Any = tuple(row.type for row in operands)
    kind: Any = result
    return typed.BuiltinCall(Builtin(name, rows, kind, lower, ""), operands, result, span)


def action(
    name: str, lower: "Lowering", operands: list[typed.Expression], span: Span
) -> typed.Expression:
    """Return an operation without a result; `lower` gives any value."""
    return operation(name, lower, operands, VOID, span)


def function_address(context: Context, signature: Signature, span: Span) -> typed.Expression:
    """Return the address of a function, which so becomes reachable."""
    if context.function is not None:
        context.function.callees[signature.symbol.name] = signature
    return typed.FunctionAddress(signature.symbol, U64, span)
