"""Typed nodes of tensors: operations as calls of builtins that only the checker names.

Operands are checked already. A node whose type is a tensor's gives a value of exactly that type,
whatever the op says; scalars become what elements need.
"""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.frontend import typed
from mlrift.frontend.builtins import tensor as ir
from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import coerce
from mlrift.frontend.check.scalar_conversions import converted
from mlrift.frontend.check.tensors.shapes import Shape, agree, fits, shape_of, shaped
from mlrift.frontend.check.tensors.shapes import shown as shown_shape
from mlrift.source import Span
from mlrift.typesystem import (
    BOOL,
    DOUBLE,
    ERROR,
    HALF,
    S8,
    S16,
    S32,
    S64,
    SINGLE,
    U8,
    U16,
    U32,
    U64,
    VOID,
    ElementKind,
    ScalarType,
    TensorType,
    Type,
)

ELEMENTS: dict[ScalarType, ElementKind] = {
    U8: ElementKind.U8,
    U16: ElementKind.U16,
    U32: ElementKind.U32,
    U64: ElementKind.U64,
    S8: ElementKind.I8,
    S16: ElementKind.I16,
    S32: ElementKind.I32,
    S64: ElementKind.I64,
    HALF: ElementKind.F16,
    SINGLE: ElementKind.F32,
    DOUBLE: ElementKind.F64,
    BOOL: ElementKind.BOOL,
}
SCALARS: dict[ElementKind, ScalarType] = {
    **{kind: scalar for scalar, kind in ELEMENTS.items()},
    ElementKind.F16: SINGLE,
    ElementKind.BF16: SINGLE,
}
FLOATS = (ElementKind.F16, ElementKind.BF16, ElementKind.F32, ElementKind.F64)


def failed(span: Span) -> typed.Expression:
    """Return what stands for an expression that was reported."""
    return typed.IntegerConstant(0, ERROR, span)


def operation(
    name: str, made: Type, arguments: list[typed.Expression], span: Span, lower: ir.Lowering
) -> typed.Expression:
    """Return the node of an operation."""
    if isinstance(made, TensorType):
        lower = ir.as_type(made.machine, lower)
    return typed.BuiltinCall(
        Builtin(f"tensor.{name}", (), VOID, lower, name), arguments, made, span
    )


def word(value: int, span: Span) -> typed.Expression:
    """Return a number."""
    return typed.IntegerConstant(value, U64, span)


def read(variable: typed.LocalVariable, span: Span) -> typed.Expression:
    """Return the value of a variable."""
    return typed.LocalRead(variable, variable.type, span)


def scalar_value(
    context: Context, value: typed.Expression, element: ElementKind
) -> typed.Expression:
    """Return a scalar as elements of a kind are: numbers become floats, never the reverse."""
    found = value.type
    wanted = SCALARS[element]
    if found is ERROR:
        return value
    if not isinstance(found, ScalarType):
        context.emit(catalog.EXPECTED_TENSOR.at(value.span, found=f"`{found.name}`"))
        return failed(value.span)
    if found.is_float and element not in FLOATS:
        diagnostic = catalog.ELEMENT_KINDS_DIFFER.at(
            value.span, left=element.value, right=found.name
        )
        context.emit(diagnostic.help(f"({value.span.text}) as {element.value}"))
        return failed(value.span)
    return coerce(value, wanted) if wanted.is_float else converted(value, wanted)


def single(context: Context, value: typed.Expression, element: ElementKind) -> typed.Expression:
    """Return a scalar as a tensor without axes."""
    scalar = scalar_value(context, value, element)
    if scalar.type is ERROR:
        return scalar
    return operation("single", shaped(element, ()), [scalar], value.span, ir.single(element))


def extent_values(shape: Shape, span: Span) -> list[typed.Expression]:
    """Return the extents of a shape that are no numbers; all are known by name."""
    return [read(row, span) for row in shape if isinstance(row, typed.LocalVariable)]


def filled(
    context: Context, value: typed.Expression, made: TensorType, span: Span
) -> typed.Expression:
    """Return a tensor of one value."""
    scalar = scalar_value(context, value, made.element)
    if scalar.type is ERROR:
        return scalar
    arguments = [scalar, *extent_values(shape_of(made), span)]
    return operation("fill", made, arguments, span, ir.fill(made.machine))


def zeros(made: TensorType, span: Span) -> typed.Expression:
    """Return a tensor of zeros."""
    wanted = SCALARS[made.element]
    zero: typed.Expression = typed.IntegerConstant(0, wanted, span)
    if wanted.is_float:
        zero = typed.FloatConstant(0.0, wanted, span)
    arguments = [zero, *extent_values(shape_of(made), span)]
    return operation("fill", made, arguments, span, ir.fill(made.machine))


def element_of(
    tensor: typed.Expression, element: ElementKind, indices: list[typed.Expression], span: Span
) -> typed.Expression:
    """Return an element as a scalar."""
    return operation("element", SCALARS[element], [tensor, *indices], span, ir.load)


def described(found: Type) -> str:
    """Return what a value is, for a message."""
    return f"`{found.name}`"


def fitted(context: Context, value: typed.Expression, wanted: TensorType) -> typed.Expression:
    """Return a tensor as one of a type: what is in doubt is compared when the program runs."""
    found = value.type
    if found is ERROR:
        return value
    if not isinstance(found, TensorType):
        context.emit(catalog.EXPECTED_TENSOR.at(value.span, found=described(found)))
        return failed(value.span)
    shape, target = shape_of(found), shape_of(wanted)
    if found.element is not wanted.element or not fits(shape, target):
        context.emit(mismatch(value, wanted))
        return failed(value.span)
    checks: list[int] = []
    words: list[typed.Expression] = []
    for axis, (one, other) in enumerate(zip(shape, target, strict=True)):
        if isinstance(other, typed.LocalVariable) and agree(one, other) is None:
            checks.append(axis)
            words.append(read(other, value.span))
    if not checks and found.extents == wanted.extents:
        return value
    return operation("fit", wanted, [value, *words], value.span, ir.fit(checks))


def mismatch(value: typed.Expression, wanted: TensorType) -> Diagnostic:
    """Return the message for a tensor of another type."""
    found = value.type
    assert isinstance(found, TensorType)
    diagnostic = catalog.SHAPE_MISMATCH.at(
        value.span, expected=described(wanted), found=described(found)
    )
    if found.element is not wanted.element:
        return diagnostic.help(f"({value.span.text}) as {wanted.element.value}")
    shape, target = shape_of(found), shape_of(wanted)
    if len(shape) != len(target):
        return diagnostic.note(f"{len(shape)} axes, not {len(target)}")
    return diagnostic.note(f"{shown_shape(shape)} is never {shown_shape(target)}")
