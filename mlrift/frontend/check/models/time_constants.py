"""Time constants of a block: what a `decay` line divides by, and the shortest one.

Enters: expressions of the block. Leaves: expressions that are floats above zero where that can be
known, and `Block.shortest`, which limits the time steps of `euler`.
"""

import math

from mlrift.diagnostics import catalog
from mlrift.frontend import ast
from mlrift.frontend.ast import BinaryOperator
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.models import made_syntax as made
from mlrift.frontend.check.models import units
from mlrift.frontend.check.models.intrinsics import positive
from mlrift.frontend.check.models.structure import Block
from mlrift.source import Span
from mlrift.typesystem import SINGLE, ScalarType


class TimeConstants:
    """Those of one block; `limited` is the block if its time steps have a bound, else None.

    `own` are the columns of the struct, whose names are no constants.
    """

    def __init__(
        self, context: Context, limited: Block | None, kind: ScalarType, own: frozenset[str]
    ) -> None:
        self._context = context
        self._limited = limited
        self._kind = kind
        self._own = own

    def checked(self, node: ast.Expression) -> ast.Expression:
        """Return a time constant; whole numbers become floats, what is reported any number.

        A field that is no number above zero makes the variable not a number, which is reported.
        """
        is_single = self._kind is SINGLE
        replaced = ast.FloatLiteral(1.0, is_single, node.span)
        if not units.expect(self._context, node, units.TIME, "a time constant"):
            return replaced
        value = self.constant(node)
        if value is None:
            is_field = isinstance(node, ast.Identifier) and node.text in self._own
            return positive(node, self._kind) if is_field else node
        if not value > 0.0:
            self._context.emit(catalog.BAD_TIME_CONSTANT.at(node.span, found=node.span.text))
            return replaced
        self._note(value, node.span)
        if isinstance(node, ast.IntegerLiteral):
            return ast.FloatLiteral(value, is_single, node.span)
        return node

    def note_divisor(self, line: ast.Derivative) -> None:
        """Note T of `d x = (... - x ...) / T`, and of any `/ T` with x above it if T has a unit."""
        rate, name = line.rate, line.name.text
        if not isinstance(rate, ast.Binary) or rate.operator is not BinaryOperator.DIV:
            return
        value = self.constant(rate.right)
        if value is None or not value > 0.0:
            return
        is_time = isinstance(rate.right, ast.Quantity) and name in made.names_in(rate.left)
        if is_time or _falls_with(rate.left, name):
            self._note(value, rate.right.span)

    def constant(self, node: ast.Expression) -> float | None:
        """Return the value of an expression of numbers and constants of the program."""
        match node:
            case ast.Quantity():
                return units.in_milliseconds(node)
            case ast.IntegerLiteral() | ast.FloatLiteral():
                return float(node.value)
            case ast.Unary(operator=ast.UnaryOperator.NEGATE):
                value = self.constant(node.operand)
                return None if value is None else -value
            case ast.Binary():
                return self._combined(node)
            case ast.Identifier() if node.text not in self._own:
                known = self._context.names.pending.get(node.text)
                return None if known is None or known.value is None else self.constant(known.value)
            case _:
                return None

    def _combined(self, node: ast.Binary) -> float | None:
        left, right = self.constant(node.left), self.constant(node.right)
        if left is None or right is None:
            return None
        match node.operator:
            case BinaryOperator.ADD:
                return left + right
            case BinaryOperator.SUB:
                return left - right
            case BinaryOperator.MUL:
                return left * right
            case BinaryOperator.DIV:
                return left / right if right else math.nan
            case _:
                return None

    def _note(self, value: float, span: Span) -> None:
        block = self._limited
        if block is not None and (block.shortest is None or value < block.shortest[0]):
            block.shortest = (value, span)


def _falls_with(node: ast.Expression, name: str) -> bool:
    """Whether an expression is a sum with the term `-name`."""
    match node:
        case ast.Unary(operator=ast.UnaryOperator.NEGATE):
            return isinstance(node.operand, ast.Identifier) and node.operand.text == name
        case ast.Binary(operator=BinaryOperator.ADD):
            return _falls_with(node.left, name) or _falls_with(node.right, name)
        case ast.Binary(operator=BinaryOperator.SUB):
            right = node.right
            is_term = isinstance(right, ast.Identifier) and right.text == name
            return is_term or _falls_with(node.left, name)
        case _:
            return False
