"""The columns of connections: what each edge has."""

from mlrift.diagnostics import catalog
from mlrift.frontend.check.context import Context
from mlrift.source import Span
from mlrift.typesystem import CsrType, ScalarType, StructType, TensorType, Type


def columns_of(kind: CsrType) -> list[tuple[str, ScalarType]]:
    """Return the columns of connections by name: one without a name, or a struct's fields."""
    if isinstance(kind.element, ScalarType):
        return [("", kind.element)]
    assert isinstance(kind.element, StructType)
    return [
        (row.name, row.type)
        for row in kind.element.fields.values()
        if isinstance(row.type, ScalarType)
    ]


def require_columns(context: Context, found: Type, span: Span) -> None:
    """Report fields of an edge that are no numbers."""
    if not isinstance(found, CsrType) or not isinstance(found.element, StructType):
        return
    for row in found.element.fields.values():
        if not isinstance(row.type, ScalarType):
            held = "a tensor" if isinstance(row.type, TensorType) else row.type.name
            diagnostic = catalog.NESTED_STATE.at(
                span, whose="an edge", struct=found.element.name, field=row.name, found=held
            )
            context.emit(diagnostic)
