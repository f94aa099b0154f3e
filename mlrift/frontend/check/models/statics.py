"""Populations and connections that are static: made, in order, when `main` begins.

In a library the first exported function that is called makes them. Here they get their types,
before any function is checked; `ModelChecker.enter` makes them.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast
from mlrift.frontend.check.context import Context
from mlrift.typesystem import ERROR, CsrType, PopulationType, StructType, Type

_NOTE = "it is made when `main` or an exported function begins, and there is none"


def static_type(context: Context, node: ast.Static, declared: Type) -> Type:
    """Return the type of a static population or of static connections; ERROR after a report."""
    names = context.names
    begins = (row.symbol.is_export or row.symbol.name == "main" for row in names.functions.values())
    if not any(begins):
        if isinstance(declared, StructType):
            diagnostic = catalog.STATIC_POPULATION.at(node.name.span, struct=declared.name)
        else:
            diagnostic = catalog.MODEL_MISPLACED.at(
                node.name.span, found=declared.name, where="static here"
            )
        context.emit(diagnostic.note(_NOTE))
        return ERROR
    names.static_models.append(node)
    if isinstance(declared, StructType):
        return PopulationType(declared)
    written = node.type
    assert isinstance(declared, CsrType)
    assert isinstance(written, ast.CsrTypeName)
    return CsrType(
        declared.element, _struct_of(context, written.sources), _struct_of(context, written.targets)
    )


def _struct_of(context: Context, node: ast.Expression) -> StructType | None:
    """Return the struct of the static population that a name or a part of one says.

    What is something else is reported where the connections are made.
    """
    base = node.base if isinstance(node, ast.Index) else node
    static = context.names.statics.get(base.text) if isinstance(base, ast.Identifier) else None
    if static is not None and isinstance(static.type, PopulationType):
        return static.type.struct
    return None
