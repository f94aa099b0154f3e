"""Types of vectors as written: `vec f32[16]`, where the number of lanes is a constant."""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.fold import NotConstantError, fold
from mlrift.frontend.check.tensors.extents import element_kind
from mlrift.source import Span
from mlrift.typesystem import ERROR, ElementKind, ErrorType, VecType, vec_type

MOST_LANES = 64
_LANES = tuple(1 << power for power in range(1, 7))


def read_type(context: Context, name: ast.VectorTypeName) -> VecType | ErrorType:
    """Return the type that a name means; ERROR after a report."""
    kind = element_kind(context, name.element)
    value = context.expressions[type(name.lanes)](name.lanes)
    lanes = constant_lanes(context, value)
    return ERROR if kind is None or lanes is None else vec_type(kind, lanes)


def constant_lanes(context: Context, value: typed.Expression) -> int | None:
    """Return how many lanes a constant says; None after a report."""
    number = constant_of(value)
    if number is None:
        if value.type is not ERROR:
            context.emit(catalog.LANES_NOT_CONSTANT.at(value.span))
        return None
    return number if are_lanes(context, number, value.span) else None


def are_lanes(context: Context, number: int, span: Span) -> bool:
    """Whether a vector can have a number of lanes; reports it if not."""
    if number in _LANES:
        return True
    context.emit(catalog.BAD_LANES.at(span, found=number))
    return False


def constant_of(value: typed.Expression) -> int | None:
    """Return the integer that a value always is, None for any other."""
    if value.type is ERROR:
        return None
    try:
        found = fold(value)
    except NotConstantError:
        return None
    return found.value if type(found) is typed.IntegerConstant else None


def kind_named(text: str) -> ElementKind | None:
    """Return the kind of lanes that a part of a name means."""
    return _KINDS.get(text)


_KINDS = {row.value: row for row in ElementKind}
