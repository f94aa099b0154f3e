"""Parts of populations, and rows of connections: what `n[a..b]` and `w[a..b, n]` stand for."""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import to_word
from mlrift.frontend.check.models import made_typed as made
from mlrift.source import Span
from mlrift.typesystem import ERROR, ArrayType, CsrType, PopulationType, Type
from mlrift.values import record


@record
class PopulationRange:
    """Neurons `first` to `end` - 1 of a population."""

    population: typed.Expression
    first: typed.Expression
    end: typed.Expression


@record
class Rows:
    """The rows of connections whose sources are `first` to `end` - 1."""

    connections: typed.Expression
    first: typed.Expression
    end: typed.Expression
    type: Type
    span: Span


def bounds(
    context: Context, node: ast.IndexSpan, length: typed.Expression
) -> tuple[typed.Expression, typed.Expression]:
    """Return both ends of `a..b`; what is left out is 0 or the length."""
    first, end = made.word(0, node.span), length
    if node.first is not None:
        first = to_word(context.expressions[type(node.first)](node.first))
    if node.end is not None:
        end = to_word(context.expressions[type(node.end)](node.end))
    return first, end


def range_of(context: Context, node: ast.Expression) -> PopulationRange | None:
    """Return the neurons that `n` or `n[a..b]` names; None after a report."""
    base, part = node, None
    if isinstance(node, ast.Index) and isinstance(node.index, ast.IndexSpan):
        base, part = node.base, node.index
    population = context.expressions[type(base)](base)
    if not isinstance(population.type, PopulationType):
        if population.type is not ERROR and not isinstance(population.type, CsrType):
            diagnostic = catalog.NOT_A_POPULATION.at(base.span, found=population.type.name)
            if isinstance(population.type, ArrayType):
                note = "an array of a struct with a `dynamics` block is a population"
                diagnostic = diagnostic.note(note)
            context.emit(diagnostic)
        return None
    length = made.load_word(population, 0, node.span)
    if part is None:
        return PopulationRange(population, made.word(0, node.span), length)
    first, end = bounds(context, part, length)
    return PopulationRange(population, first, end)
