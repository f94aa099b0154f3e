"""Units of time: what a number with a unit is in milliseconds, and which units fit together.

Milliseconds are the unit in which models count, so `10ms` is exactly 10.0. The dimension of an
expression is a power of time; None means that it has a part, such as a field, which may be any.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast
from mlrift.frontend.ast import BinaryOperator
from mlrift.frontend.check.context import Context

TIME, RATE, PURE = 1, -1, 0
_SCALES = {
    "s": (1000.0, 1.0, TIME),
    "ms": (1.0, 1.0, TIME),
    "us": (1.0, 1000.0, TIME),
    "ns": (1.0, 1000000.0, TIME),
    "Hz": (1.0, 1000.0, RATE),
    "kHz": (1.0, 1.0, RATE),
}
_NAMES = {TIME: "a time", RATE: "a rate", PURE: "a number without a unit"}
_ADDITIVE = (BinaryOperator.ADD, BinaryOperator.SUB)


def in_milliseconds(node: ast.Quantity) -> float:
    """Return a time in milliseconds, or a rate per millisecond."""
    factor, divisor, _ = _SCALES[node.unit]
    return float(node.number.value) * factor / divisor


def in_single(node: object) -> ast.Expression | None:
    """Return a number with a unit as an f32, None for all else."""
    from mlrift.frontend.check.models.made_syntax import single  # noqa: PLC0415 - no cycle

    if isinstance(node, ast.Quantity):
        return ast.FloatLiteral(single(in_milliseconds(node)), True, node.span)
    return None


def has_units(node: object) -> bool:
    """Return whether a number with a unit is in a tree."""
    from mlrift.frontend.check.models.made_syntax import nodes_of  # noqa: PLC0415 - no cycle

    return any(isinstance(row, ast.Quantity) for row in nodes_of(node))


def dimension(context: Context, node: ast.Expression) -> int | None:
    """Return the power of time of an expression; report sums of different ones."""
    if isinstance(node, ast.Quantity):
        return _SCALES[node.unit][2]
    if isinstance(node, ast.IntegerLiteral | ast.FloatLiteral):
        return PURE
    if isinstance(node, ast.Unary):
        return dimension(context, node.operand)
    if not isinstance(node, ast.Binary):
        return None
    left, right = dimension(context, node.left), dimension(context, node.right)
    if node.operator in _ADDITIVE:
        if left is not None and right is not None and left != right:
            report_units(context, node, left, right)
        return left if left is not None else right
    if left is None or right is None:
        return None
    if node.operator is BinaryOperator.MUL:
        return left + right
    return left - right if node.operator is BinaryOperator.DIV else None


def report_units(context: Context, node: ast.Binary, left: int, right: int) -> None:
    """Report a sum of a time and something else."""
    context.emit(
        catalog.UNITS_DIFFER.at(
            node.operator_span, operator=node.operator.value, left=shown(left), right=shown(right)
        )
    )


def shown(power: int) -> str:
    """Return a dimension in words."""
    return _NAMES.get(power, f"time to the power of {power}")


def expect(context: Context, node: ast.Expression, wanted: int, what: str) -> bool:
    """Report an expression that carries another unit than `what` needs; none at all is fine."""
    found = dimension(context, node)
    if not has_units(node) or found is None or found == wanted:
        return True
    diagnostic = catalog.WRONG_UNIT.at(
        node.span, what=what, expected=shown(wanted), found=shown(found)
    )
    context.emit(diagnostic)
    return False
