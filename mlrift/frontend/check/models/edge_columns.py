"""The columns of connections: what each edge has."""

from mlrift.typesystem import CsrType, ScalarType, StructType


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
