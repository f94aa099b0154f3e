"""Struct literals, and the rules about literals at declarations and assignments.

A bool or char literal may only initialise its own type; an integer literal that does not fit a
narrow type is a warning, although nothing is truncated (reference.md 3 and 17.3).
"""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import DiagnosticKind
from mlrift.frontend import ast, typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import coerce
from mlrift.frontend.check.type_names import declared_type
from mlrift.source import Span
from mlrift.typesystem import (
    BOOL,
    CHAR,
    ERROR,
    MemberType,
    ScalarType,
    StructField,
    StructType,
    TensorType,
    Type,
)


class StructLiteralChecker:
    """Handler of struct literals."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._handlers = context.expressions
        context.expressions[ast.StructLiteral] = self._struct_literal

    def _struct_literal(self, node: ast.StructLiteral) -> typed.Expression:
        struct = declared_type(self._context, node.type)
        if type(struct) is not StructType:
            for entry in node.fields:
                self._handlers[type(entry.value)](entry.value)
            if struct is not ERROR:
                diagnostic = catalog.UNKNOWN_TYPE.at(
                    node.type.span, name=node.type.name, suggestion=": it is not a struct"
                )
                self._context.emit(diagnostic)
            return typed.IntegerConstant(0, ERROR, node.span)
        if node.fields and node.fields[0].name is not None:
            values = self._named(struct, node)
        else:
            values = self._positional(struct, node)
        return typed.StructValue(struct, values, struct, node.span)

    def _positional(
        self, struct: StructType, node: ast.StructLiteral
    ) -> list[tuple[int, MemberType, typed.Expression]]:
        declared = list(struct.fields.values())
        if len(node.fields) > len(declared):
            surplus = node.fields[len(declared)]
            diagnostic = catalog.TOO_MANY_FIELD_VALUES.at(
                surplus.value.span,
                name=struct.name,
                expected=len(declared),
                found=len(node.fields),
            )
            self._context.emit(diagnostic)
        values: list[tuple[int, MemberType, typed.Expression]] = []
        for entry, field in zip(node.fields, declared, strict=False):
            if entry.name is not None:
                self._context.emit(catalog.MIXED_FIELD_VALUES.at(entry.name.span))
            values.append(self._field_value(field, entry.value))
        return values

    def _named(
        self, struct: StructType, node: ast.StructLiteral
    ) -> list[tuple[int, MemberType, typed.Expression]]:
        context = self._context
        values: list[tuple[int, MemberType, typed.Expression]] = []
        given: set[str] = set()
        for entry in node.fields:
            if entry.name is None:
                context.emit(catalog.MIXED_FIELD_VALUES.at(entry.value.span))
                continue
            name, span = entry.name.text, entry.name.span
            field = struct.fields.get(name)
            if field is None:
                self._handlers[type(entry.value)](entry.value)
                self._report_unknown(struct, name, span)
                continue
            if name in given:
                context.emit(catalog.DUPLICATE_FIELD_IN_LITERAL.at(span, field=name))
            given.add(name)
            values.append(self._field_value(field, entry.value))
        return values

    def _report_unknown(self, struct: StructType, name: str, span: Span) -> None:
        suggestion = self._context.suggest(name, struct.fields)
        diagnostic = catalog.UNKNOWN_FIELD_IN_LITERAL.at(
            span, field=name, name=struct.name, suggestion=suggestion
        )
        self._context.emit(diagnostic)

    def _field_value(
        self, field: StructField, node: ast.Expression
    ) -> tuple[int, MemberType, typed.Expression]:
        if type(field.type) is TensorType:
            value = self._context.extensions.tensors.given(node, field.type)
            return field.offset, field.type, value
        value = self._handlers[type(node)](node)
        check_struct_kind(self._context, value, field.type, catalog.INITIALIZER_STRUCT_KIND)
        warn_unfit(self._context, node, field.type, catalog.INITIALIZER_DOES_NOT_FIT, field.name)
        return field.offset, field.type, coerce(value, field.type)


def check_struct_kind(
    context: Context, value: typed.Expression, target: Type, kind: DiagnosticKind
) -> None:
    """Report `kind` when a struct value meets a destination of another struct type."""
    found = value.type
    if type(found) is StructType and type(target) is StructType and found is not target:
        context.emit(kind.at(value.span, expected=target.name, found=found.name))


def check_strictness(context: Context, node: ast.Expression, target: Type) -> None:
    """Report a bool or char literal that initialises a local of another type."""
    if type(node) is ast.BoolLiteral:
        if target is BOOL or target is ERROR:
            return
        kind = catalog.EXPECTED_CHAR if target is CHAR else catalog.BOOL_NEEDS_CAST
        found = "bool"
    elif type(node) is ast.CharLiteral:
        if target is CHAR or target is ERROR:
            return
        kind = catalog.EXPECTED_BOOL if target is BOOL else catalog.CHAR_NEEDS_CAST
        found = "char"
    else:
        return
    context.emit(kind.at(node.span, expected=target.name, found=found))


def warn_unfit(
    context: Context, node: ast.Expression, target: Type, kind: DiagnosticKind, name: str
) -> None:
    """Warn with `kind` when an integer literal has more bits than a narrow integer type."""
    if type(node) is not ast.IntegerLiteral or type(target) is not ScalarType:
        return
    if not target.is_float and node.value >> (8 * target.size_bytes):
        context.emit(kind.at(node.span, name=name))
