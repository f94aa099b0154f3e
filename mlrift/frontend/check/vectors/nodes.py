"""Typed nodes of vectors: operations as calls of builtins that only the checker names.

Operands are checked already; a node gives a value of exactly its type.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import typed
from mlrift.frontend.builtins import vector as ir
from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import coerce
from mlrift.frontend.check.scalar_conversions import converted
from mlrift.source import Span
from mlrift.typesystem import (
    BOOL,
    DOUBLE,
    ERROR,
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
    Type,
    VecType,
)

PREFIX = "vector."
# What a lane is as a scalar; halves are singles then.
SCALARS: dict[ElementKind, ScalarType] = {
    ElementKind.U8: U8,
    ElementKind.U16: U16,
    ElementKind.U32: U32,
    ElementKind.U64: U64,
    ElementKind.I8: S8,
    ElementKind.I16: S16,
    ElementKind.I32: S32,
    ElementKind.I64: S64,
    ElementKind.F16: SINGLE,
    ElementKind.BF16: SINGLE,
    ElementKind.F32: SINGLE,
    ElementKind.F64: DOUBLE,
    ElementKind.BOOL: BOOL,
}
HALVES = frozenset((ElementKind.F16, ElementKind.BF16))
FLOATS = frozenset((ElementKind.F32, ElementKind.F64))
SIGNED = frozenset((ElementKind.I8, ElementKind.I16, ElementKind.I32, ElementKind.I64))
UNSIGNED = frozenset((ElementKind.U8, ElementKind.U16, ElementKind.U32, ElementKind.U64))
INTEGERS = SIGNED | UNSIGNED
BITS: dict[ElementKind, int] = {
    ElementKind.BOOL: 1,
    ElementKind.BF16: 16,
    ElementKind.F16: 16,
    **{
        kind: 8 * scalar.size_bytes
        for kind, scalar in SCALARS.items()
        if kind not in (*HALVES, ElementKind.BOOL)
    },
}


def failed(span: Span) -> typed.Expression:
    """Return what stands for an expression that was reported."""
    return typed.IntegerConstant(0, ERROR, span)


def operation(
    name: str, made: Type, arguments: list[typed.Expression], span: Span, lower: ir.Lowering
) -> typed.Expression:
    """Return the node of an operation."""
    builtin = Builtin(f"{PREFIX}{name}", (), VOID, lower, name)
    return typed.BuiltinCall(builtin, arguments, made, span)


def described(found: Type) -> str:
    """Return what a value is, for a message."""
    return f"`{found.name}`"


def zeros(made: VecType, span: Span) -> typed.Expression:
    """Return a vector of zeros."""
    return operation("zeros", made, [], span, ir.zeros(made.machine))


def scalar_value(context: Context, value: typed.Expression, kind: ElementKind) -> typed.Expression:
    """Return a scalar as lanes of a kind are: numbers become floats, never the reverse."""
    found, wanted = value.type, SCALARS[kind]
    if found is ERROR:
        return value
    if not isinstance(found, ScalarType) or (found.is_float and not wanted.is_float):
        context.emit(
            catalog.VECTOR_EXPECTED.at(
                value.span, expected=f"a scalar for lanes of {kind.value}", found=described(found)
            )
        )
        return failed(value.span)
    return coerce(value, wanted) if wanted.is_float else converted(value, wanted)


def splatted(context: Context, value: typed.Expression, made: VecType) -> typed.Expression:
    """Return a scalar as a vector of it."""
    scalar = scalar_value(context, value, made.kind)
    if scalar.type is ERROR:
        return scalar
    return operation("splat", made, [scalar], value.span, ir.splat(made.machine))


def fitted(context: Context, value: typed.Expression, wanted: VecType) -> typed.Expression:
    """Return a value as a vector of a type: a scalar is in every lane."""
    found = value.type
    if found is wanted or found is ERROR:
        return value
    if isinstance(found, ScalarType):
        return splatted(context, value, wanted)
    diagnostic = catalog.VECTOR_EXPECTED.at(
        value.span, expected=described(wanted), found=described(found)
    )
    if isinstance(found, VecType) and found.lanes == wanted.lanes:
        diagnostic = diagnostic.help(f"({value.span.text}) as {wanted.kind.value}")
    context.emit(diagnostic)
    return failed(value.span)
