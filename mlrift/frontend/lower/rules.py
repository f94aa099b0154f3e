"""The registries of lowering rules: typed node class -> the function that emits its IR.

A rule for an expression returns its value, which may be a truth value (i1) where a word is meant:
`FunctionContext.value` turns it into a word when one is needed. A rule for a statement returns
nothing. The rule modules fill the registries when they are imported; nobody changes them later.
"""

from __future__ import annotations

from collections.abc import Callable

from mlrift.static_types import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from mlrift.frontend.lower.context import FunctionContext
    from mlrift.frontend.typed import Expression, Statement
    from mlrift.ir.core import Value

Node = TypeVar("Node")

EXPRESSIONS: dict[type, Callable[[FunctionContext, Expression], Value]] = {}
STATEMENTS: dict[type, Callable[[FunctionContext, Statement], None]] = {}


def expression(
    node: type[Node],
) -> Callable[[Callable[[FunctionContext, Node], Value]], Callable[[FunctionContext, Node], Value]]:
    """Register the rule for an expression node."""

    def register(
        rule: Callable[[FunctionContext, Node], Value],
    ) -> Callable[[FunctionContext, Node], Value]:
        EXPRESSIONS[node] = cast("Callable[[FunctionContext, Expression], Value]", rule)
        return rule

    return register


def statement(
    node: type[Node],
) -> Callable[[Callable[[FunctionContext, Node], None]], Callable[[FunctionContext, Node], None]]:
    """Register the rule for a statement node."""

    def register(
        rule: Callable[[FunctionContext, Node], None],
    ) -> Callable[[FunctionContext, Node], None]:
        STATEMENTS[node] = cast("Callable[[FunctionContext, Statement], None]", rule)
        return rule

    return register
