"""Connections as parameters: `fn f([Cell] n, csr f64[n, n] w)`.

The names between the brackets are parameters that are populations, or `_` for any. Their structs
make the type, which calls are held to; that the connections begin and end there is looked at when
the function is entered.
"""

from collections.abc import Iterable

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.builtins import models as lowering
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.models import made_typed as made
from mlrift.frontend.scopes import Signature
from mlrift.typesystem import CsrType, PopulationType, StructType, Type

ANY = "_"


def connect_parameters(
    context: Context, nodes: Iterable[ast.Parameter], parameters: list[typed.LocalVariable]
) -> None:
    """Give the parameters that are connections the structs of the neurons they connect."""
    known = {row.name: row for row in parameters}
    for node in nodes:
        found = known[node.name.text]
        if isinstance(node.type, ast.CsrTypeName) and isinstance(found.type, CsrType):
            sources = _struct_of(context, node.type.sources, known)
            targets = _struct_of(context, node.type.targets, known)
            found.type = CsrType(found.type.element, sources, targets)


def _struct_of(
    context: Context, node: ast.Expression, known: dict[str, typed.LocalVariable]
) -> StructType | None:
    """Return the struct of a population that is a parameter; None for `_` and after a report."""
    name = node.text if isinstance(node, ast.Identifier) else ""
    if name == ANY:
        return None
    if name in known and isinstance(known[name].type, PopulationType):
        population: PopulationType = known[name].type  # type: ignore[assignment]  # just seen
        return population.struct
    shown = known[name].type.name if name in known else f"'{node.span.text}'"
    diagnostic = catalog.NOT_A_POPULATION.at(node.span, found=shown)
    note = "the connections of a parameter are between parameters, or `_` for any population"
    context.emit(diagnostic.note(note))
    return None


def entry_checks(signature: Signature) -> list[typed.Statement]:
    """Return what a function begins with: a look at where its connections begin and end."""
    parameters = {row.name: row for row in signature.symbol.parameters}
    checks: list[typed.Statement] = []
    for node in signature.node.parameters:
        found = parameters[node.name.text]
        if not isinstance(node.type, ast.CsrTypeName) or not isinstance(found.type, CsrType):
            continue
        span = node.name.span
        operands: list[typed.Expression] = [typed.LocalRead(found, found.type, span)]
        for end in (node.type.sources, node.type.targets):
            population = parameters.get(end.text) if isinstance(end, ast.Identifier) else None
            if population is None or not isinstance(population.type, PopulationType):
                operands.append(made.word(0, span))
            else:
                operands.append(typed.LocalRead(population, population.type, span))
        action = made.action("check ends", lowering.check_ends, operands, span)
        checks.append(typed.Evaluate(action, span))
    return checks


def accepts(wanted: Type, found: Type) -> bool:
    """Whether a part of a model may be given where one is wanted."""
    if isinstance(wanted, PopulationType) and isinstance(found, PopulationType):
        return wanted.struct is found.struct
    if isinstance(wanted, CsrType) and isinstance(found, CsrType):
        ends = ((wanted.source, found.source), (wanted.target, found.target))
        return wanted.element is found.element and all(
            one is other or one is None or other is None for one, other in ends
        )
    return type(wanted) is type(found)


def described(kind: Type) -> str:
    """Return what a part of a model is, for messages that tell two of them apart."""
    if not isinstance(kind, CsrType) or (kind.source is None and kind.target is None):
        return kind.name
    ends = ", ".join(ANY if row is None else row.name for row in (kind.source, kind.target))
    return f"{kind.name}[{ends}]"
