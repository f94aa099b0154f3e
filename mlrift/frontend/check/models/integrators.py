"""How a system of `d` lines is advanced by one step: statements for each method.

`euler`: x = x + dt * E, with dt as the first factor of E's outermost products and quotients.
`rk4`: the classical four stages, x = x + dt / 6 * (k1 + 2 k2 + 2 k3 + k4).
`exponential`: exponential Euler, each line linear in its own variable while others stand still.
`exact`: the solution of a linear line with coefficients that do not change during the step.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast
from mlrift.frontend.ast import BinaryOperator, UnaryOperator
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.models import made_syntax as made
from mlrift.frontend.check.models.exact_systems import MOST_LINES, ExactSystems, moved
from mlrift.frontend.check.models.intrinsics import intrinsic_name
from mlrift.source import Span
from mlrift.typesystem import DOUBLE, SINGLE
from mlrift.values import record

METHODS = ("euler", "rk4", "exponential", "exact")
_STEP = "dt"
_CHAIN = (BinaryOperator.MUL, BinaryOperator.DIV)
_ADD, _SUB, _MUL, _DIV = (
    BinaryOperator.ADD,
    BinaryOperator.SUB,
    BinaryOperator.MUL,
    BinaryOperator.DIV,
)


@record
class Line:
    """One equation: its variable and type, the rate, and the name that is 1 while it is held."""

    variable: str
    type_name: str
    rate: ast.Expression
    held: str | None
    span: Span


@record
class Surroundings:
    """What an integrator knows of the block: its fields, and where coupled systems are noted."""

    context: Context
    fields: frozenset[str]
    exact: ExactSystems


def advance(
    around: Surroundings, system: list[Line], method: str, is_fast: bool
) -> list[ast.Statement]:
    """Return the statements that advance all lines of a system together."""
    if method == "rk4":
        return _runge_kutta(system)
    if method in ("exact", "exponential"):
        return _linear(around, system, method)
    values = [_euler(line, is_fast) for line in system]
    return _assign_together(system, values)


def _assign_together(system: list[Line], values: list[ast.Expression]) -> list[ast.Statement]:
    """Return assignments of new values, all made from the old ones; held variables stay."""
    result: list[ast.Statement] = []
    targets = [f"_new:{line.variable}" for line in system]
    for line, target, value in zip(system, targets, values, strict=True):
        result.append(made.declare(line.type_name, target, value, line.span))
    for line, target in zip(system, targets, strict=True):
        change = made.assign(line.variable, made.name(target, line.span), line.span)
        if line.held is None:
            result.append(change)
            continue
        free = made.binary(
            BinaryOperator.EQ, made.name(line.held, line.span), made.number(0, line.span), line.span
        )
        result.append(made.when(free, [change], line.span))
    return result


def _euler(line: Line, is_fast: bool) -> ast.Expression:
    span = line.span
    step = made.name(_STEP, span)
    value = made.name(line.variable, span)
    if is_fast:
        fused = _fast_euler(line, step, value)
        if fused is not None:
            return fused
    return made.binary(_ADD, value, _with_step(line.rate, step, span), span)


def _fast_euler(line: Line, step: ast.Expression, value: ast.Expression) -> ast.Expression | None:
    """Return fma(A, dt / T, x) for a rate A / T whose T is a literal, else None."""
    rate, span = line.rate, line.span
    if not isinstance(rate, ast.Binary) or rate.operator is not _DIV:
        return None
    if not isinstance(rate.right, ast.FloatLiteral | ast.IntegerLiteral | ast.Quantity):
        return None
    factor = made.binary(_DIV, step, rate.right, span)
    name = "fma_fused_f32" if line.type_name == "f32" else "fma_fused_f64"
    return ast.Call(ast.Name(name, span), [], [rate.left, factor, value], span)


def _with_step(rate: ast.Expression, step: ast.Expression, span: Span) -> ast.Expression:
    """Return `dt * rate`, with dt as the first factor of the outermost products and quotients."""
    if isinstance(rate, ast.Binary) and rate.operator in _CHAIN:
        left = _with_step(rate.left, step, span) if not _is_bracketed(rate.left) else None
        if left is None:
            left = made.binary(_MUL, step, rate.left, span)
        return made.binary(rate.operator, left, rate.right, rate.span)
    return made.binary(_MUL, step, rate, span)


def _is_bracketed(node: ast.Expression) -> bool:
    return isinstance(node, ast.Binary) and node.span.start < node.left.span.start


def _runge_kutta(system: list[Line]) -> list[ast.Statement]:
    result: list[ast.Statement] = []
    span = system[0].span
    step = made.name(_STEP, span)
    half = made.binary(_MUL, step, _number(0.5, system[0], span), span)
    stages: list[list[str]] = []
    for number, shift in ((1, None), (2, half), (3, half), (4, step)):
        names = {line.variable: line.variable for line in system}
        if shift is not None:
            for line, slope in zip(system, stages[-1], strict=True):
                moved = f"_at{number}:{line.variable}"
                names[line.variable] = moved
                way = made.binary(_MUL, shift, made.name(slope, span), span)
                value = made.binary(_ADD, made.name(line.variable, span), way, span)
                result.append(made.declare(line.type_name, moved, value, span))
        slopes = [f"_k{number}:{line.variable}" for line in system]
        for line, slope in zip(system, slopes, strict=True):
            rate = _renamed(line.rate, names)
            result.append(made.declare(line.type_name, slope, rate, line.span))
        stages.append(slopes)
    values: list[ast.Expression] = []
    for index, line in enumerate(system):
        first, second, third, fourth = (made.name(row[index], span) for row in stages)
        two = _number(2.0, line, span)
        total: ast.Expression = made.binary(_ADD, first, made.binary(_MUL, two, second, span), span)
        total = made.binary(_ADD, total, made.binary(_MUL, two, third, span), span)
        total = made.binary(_ADD, total, fourth, span)
        sixth = made.binary(_DIV, step, _number(6.0, line, span), span)
        way = made.binary(_MUL, sixth, total, span)
        values.append(made.binary(_ADD, made.name(line.variable, span), way, span))
    return result + _assign_together(system, values)


def _number(value: float, line: Line, span: Span) -> ast.FloatLiteral:
    return ast.FloatLiteral(value, line.type_name == "f32", span)


def _renamed(root: ast.Expression, names: dict[str, str]) -> ast.Expression:
    def replace(node: object) -> object:
        if isinstance(node, ast.Identifier) and node.text in names:
            return ast.Identifier(names[node.text], node.span)
        return None

    result: ast.Expression = made.rewritten(root, replace)
    return result


# ------------------------------------------------------------------------- linear lines


class _NotLinear(Exception):
    """A rate that is not linear in its own variable; `node` is the guilty term."""

    def __init__(self, node: ast.Expression) -> None:
        super().__init__(node.span.text)
        self.node = node


def _linear(around: Surroundings, system: list[Line], method: str) -> list[ast.Statement]:
    """x' = a x + b: x = x e^(a dt) + b (e^(a dt) - 1) / a."""
    context = around.context
    result: list[ast.Statement] = []
    values: list[ast.Expression] = []
    if method == "exact" and _is_coupled(system):
        return _coupled(around, system)
    for line in system:
        try:
            slope, rest = _split(line.rate, line.variable)
        except _NotLinear as error:
            diagnostic = catalog.NOT_LINEAR.at(
                error.node.span, variable=line.variable, method=method
            )
            context.emit(diagnostic)
            return []
        values.append(_linear_value(line, slope, rest, result))
    return result + _assign_together(system, values)


def _linear_value(
    line: Line,
    slope: ast.Expression | None,
    rest: ast.Expression | None,
    before: list[ast.Statement],
) -> ast.Expression:
    span = line.span
    value: ast.Expression = made.name(line.variable, span)
    step = made.name(_STEP, span)
    if slope is None:
        if rest is None:
            return value
        return made.binary(_ADD, value, made.binary(_MUL, step, rest, span), span)
    rate, growth = f"_rate:{line.variable}", f"_growth:{line.variable}"
    before.append(made.declare(line.type_name, rate, slope, span))
    argument = made.binary(_MUL, made.name(rate, span), step, span)
    name = intrinsic_name("growth", SINGLE if line.type_name == "f32" else DOUBLE)
    call = ast.Call(ast.Name(name, span), [], [argument], span)
    before.append(made.declare(line.type_name, growth, call, span))
    toward = value
    if rest is not None:
        quotient = made.binary(_DIV, rest, made.name(rate, span), span)
        toward = made.binary(_ADD, value, quotient, span)
    way = made.binary(_MUL, toward, made.name(growth, span), span)
    return made.binary(_ADD, value, way, span)


def _is_coupled(system: list[Line]) -> bool:
    """Whether the rate of a line has the variable of another."""
    variables = {line.variable for line in system}
    return any((variables - {line.variable}) & set(made.names_in(line.rate)) for line in system)


def _coupled(around: Surroundings, system: list[Line]) -> list[ast.Statement]:
    """x' = A x + b: see exact_systems.py."""
    context = around.context
    variables = [line.variable for line in system]
    if len(system) > MOST_LINES:
        diagnostic = catalog.COUPLED_EXACT.at(system[MOST_LINES].span, most=MOST_LINES)
        context.emit(diagnostic)
        return []
    entries: list[list[ast.Expression | None]] = []
    rests: list[ast.Expression | None] = []
    for line in system:
        try:
            slopes, rest = _split_all(line.rate, variables)
        except _NotLinear as error:
            node = error.node
            kind = catalog.NOT_LINEAR
            context.emit(kind.at(node.span, variable=line.variable, method="exact"))
            return []
        for slope in slopes:
            own = [] if slope is None else sorted(around.fields & set(made.names_in(slope)))
            if slope is not None and own:
                kind = catalog.COEFFICIENT_OF_NEURON
                context.emit(kind.at(slope.span, variable=line.variable, field=own[0]))
                return []
        entries.append(slopes)
        rests.append(rest)
    noted = around.exact.add(entries, system[0].span)
    before, values = moved(noted, variables, rests, system[0].type_name)
    return before + _assign_together(system, values)


def _split_all(
    node: ast.Expression, variables: list[str]
) -> tuple[list[ast.Expression | None], ast.Expression | None]:
    """Return the coefficients of all variables and the rest of an expression."""
    slopes: list[ast.Expression | None] = []
    rest: ast.Expression | None = node
    for variable in variables:
        slope = None
        if rest is not None:
            slope, rest = _split(rest, variable)
        if slope is not None and set(variables) & set(made.names_in(slope)):
            raise _NotLinear(slope)
        slopes.append(slope)
    return slopes, rest


def _split(
    node: ast.Expression, variable: str
) -> tuple[ast.Expression | None, ast.Expression | None]:
    """Return the coefficient of a variable and the rest of an expression; None stands for 0."""
    span = node.span
    if isinstance(node, ast.Identifier) and node.text == variable:
        return ast.FloatLiteral(1.0, False, span), None
    if variable not in made.names_in(node):
        return None, node
    if isinstance(node, ast.Unary) and node.operator is UnaryOperator.NEGATE:
        slope, rest = _split(node.operand, variable)
        return _negated(slope, span), _negated(rest, span)
    if isinstance(node, ast.Binary):
        left_slope, left_rest = _split(node.left, variable)
        right_slope, right_rest = _split(node.right, variable)
        if node.operator is _ADD:
            return _sum(left_slope, right_slope, span), _sum(left_rest, right_rest, span)
        if node.operator is _SUB:
            negated = _negated(right_slope, span), _negated(right_rest, span)
            return _sum(left_slope, negated[0], span), _sum(left_rest, negated[1], span)
        if node.operator is _MUL and right_slope is None:
            return _scaled(left_slope, _MUL, node.right, span), _scaled(
                left_rest, _MUL, node.right, span
            )
        if node.operator is _MUL and left_slope is None:
            return _scaled(right_slope, _MUL, node.left, span), _scaled(
                right_rest, _MUL, node.left, span
            )
        if node.operator is _DIV and right_slope is None:
            return _scaled(left_slope, _DIV, node.right, span), _scaled(
                left_rest, _DIV, node.right, span
            )
    raise _NotLinear(node)


def _negated(node: ast.Expression | None, span: Span) -> ast.Expression | None:
    return None if node is None else ast.Unary(UnaryOperator.NEGATE, node, span)


def _sum(
    left: ast.Expression | None, right: ast.Expression | None, span: Span
) -> ast.Expression | None:
    if left is None or right is None:
        return left if right is None else right
    return made.binary(_ADD, left, right, span)


def _scaled(
    node: ast.Expression | None, operator: BinaryOperator, factor: ast.Expression, span: Span
) -> ast.Expression | None:
    return None if node is None else made.binary(operator, node, factor, span)
