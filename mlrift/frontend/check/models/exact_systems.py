"""Coupled linear lines, x' = A x + b: x moves by the exponential of A over the time step.

With E = e^(A dt) and P = the integral of e^(A s) from 0 to dt, x = E x + P b. A must be the same
for all neurons, so E and P are worked out once a time step, by a function of the block that runs
before the neurons and keeps them in a static table: the step they are for, then A, E and P, row by
row. b may differ from neuron to neuron and counts as constant during a step.
"""

from mlrift.frontend import ast
from mlrift.frontend.ast import BinaryOperator
from mlrift.frontend.check.models import made_syntax as made
from mlrift.frontend.check.models.intrinsics import intrinsic_name
from mlrift.source import Span
from mlrift.typesystem import DOUBLE
from mlrift.values import field, record

MOST_LINES = 8
_STEP = "dt:f64"


@record
class ExactSystem:
    """One system: the name of its table and the entries of A; None stands for 0."""

    table: str
    entries: list[list[ast.Expression | None]]
    span: Span

    @property
    def table_words(self) -> int:
        """The number of f64 in the table."""
        return 1 + 3 * len(self.entries) ** 2


@record
class ExactSystems:
    """The coupled systems of a block, in order."""

    block: str
    systems: list[ExactSystem] = field(default_factory=list)

    def add(self, entries: list[list[ast.Expression | None]], span: Span) -> ExactSystem:
        """Note a system."""
        system = ExactSystem(f"{self.block}:exact:{len(self.systems)}", entries, span)
        self.systems.append(system)
        return system

    def preparation(self, span: Span) -> ast.Function | None:
        """Return the function (time step) that fills the tables; None when there are none."""
        if not self.systems:
            return None
        body: list[ast.Statement] = []
        for system in self.systems:
            body += _fill(system)
        return made.function(f"{self.block}:prepare", [("f64", _STEP)], None, body, span)


def _place(table: str, word: int, span: Span) -> ast.Expression:
    offset = made.number(8 * word, span)
    return made.binary(BinaryOperator.ADD, made.name(table, span), offset, span)


def _fill(system: ExactSystem) -> list[ast.Statement]:
    """Return the statements that store A and let the library work out E and P."""
    span, size = system.span, len(system.entries)
    type_name = ast.TypeName("f64", span)
    result: list[ast.Statement] = []
    for row, entries in enumerate(system.entries):
        for column, entry in enumerate(entries):
            value = f"_entry:{system.table}:{row}:{column}"
            given = entry if entry is not None else ast.FloatLiteral(0.0, False, span)
            result.append(made.declare("f64", value, given, span))
            place = _place(system.table, 1 + row * size + column, span)
            result.append(ast.PointerStore(False, place, type_name, made.name(value, span), span))
    arguments: list[ast.Expression] = [made.name(system.table, span), made.number(size, span)]
    arguments.append(made.name(_STEP, span))
    function = ast.Name(intrinsic_name("exponential", DOUBLE), span)
    call = ast.Call(function, [], arguments, span)
    result.append(ast.ExpressionStatement(call, span))
    return result


def moved(
    system: ExactSystem,
    variables: list[str],
    rests: list[ast.Expression | None],
    type_name: str,
) -> tuple[list[ast.Statement], list[ast.Expression]]:
    """Return statements that load E, P and b, and the new values E x + P b."""
    span, size = system.span, len(variables)
    before: list[ast.Statement] = []
    for index, rest in enumerate(rests):
        if rest is not None:
            before.append(made.declare(type_name, f"_rest:{index}", rest, span))
    values: list[ast.Expression] = []
    for row in range(size):
        terms: list[ast.Expression] = []
        for column, variable in enumerate(variables):
            for first, factor in ((size * size, variable), (2 * size * size, f"_rest:{column}")):
                if first > size * size and rests[column] is None:
                    continue
                name = f"_matrix:{system.table}:{first}:{row}:{column}"
                before += _load(system, 1 + first + row * size + column, name)
                loaded = made.name(name, span)
                terms.append(made.binary(BinaryOperator.MUL, loaded, made.name(factor, span), span))
        total = terms[0]
        for term in terms[1:]:
            total = made.binary(BinaryOperator.ADD, total, term, span)
        values.append(total)
    return before, values


def _load(system: ExactSystem, word: int, name: str) -> list[ast.Statement]:
    span = system.span
    place = _place(system.table, word, span)
    fetch = ast.PointerLoad(False, place, ast.TypeName("f64", span), ast.Name(name, span), span)
    return [made.declare("f64", name, None, span), fetch]
