"""Time constants of a block: what a `decay` line divides by, and the shortest one.

Enters: expressions of the block. Leaves: expressions that are floats above zero where that can be
known, and `Block.shortest`, which limits the time steps of `euler`.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast
from mlrift.frontend.ast import BinaryOperator
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.models import made_syntax as made
from mlrift.frontend.check.models import units
from mlrift.frontend.check.models.structure import Block
from mlrift.source import Span
from mlrift.typesystem import SINGLE, ScalarType


class TimeConstants:
    """Those of one block; `limited` is the block if its time steps have a bound, else None."""

    def __init__(self, context: Context, limited: Block | None, kind: ScalarType) -> None:
        self._context = context
        self._limited = limited
        self._is_single = kind is SINGLE

    def checked(self, node: ast.Expression) -> ast.Expression:
        """Return a time constant; whole numbers become floats, what is reported any number."""
        replaced = ast.FloatLiteral(1.0, self._is_single, node.span)
        if not units.expect(self._context, node, units.TIME, "a time constant"):
            return replaced
        value = _constant(node)
        if value is None:
            return node
        if not value > 0.0:
            self._context.emit(catalog.BAD_TIME_CONSTANT.at(node.span, found=node.span.text))
            return replaced
        self._note(value, node.span)
        if isinstance(node, ast.IntegerLiteral):
            return ast.FloatLiteral(value, self._is_single, node.span)
        return node

    def note_divisor(self, line: ast.Derivative) -> None:
        """Note T of `d x = (... x ...) / T` if it is a time."""
        rate = line.rate
        if not isinstance(rate, ast.Binary) or rate.operator is not BinaryOperator.DIV:
            return
        value = _constant(rate.right) if isinstance(rate.right, ast.Quantity) else None
        if value is not None and value > 0.0 and line.name.text in made.names_in(rate.left):
            self._note(value, rate.right.span)

    def _note(self, value: float, span: Span) -> None:
        block = self._limited
        if block is not None and (block.shortest is None or value < block.shortest[0]):
            block.shortest = (value, span)


def _constant(node: ast.Expression) -> float | None:
    """Return the value of a literal, with or without a sign or a unit."""
    if isinstance(node, ast.Quantity):
        return units.in_milliseconds(node)
    if isinstance(node, ast.IntegerLiteral | ast.FloatLiteral):
        return float(node.value)
    if isinstance(node, ast.Unary) and node.operator is ast.UnaryOperator.NEGATE:
        value = _constant(node.operand)
        return None if value is None else -value
    return None
