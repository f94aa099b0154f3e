"""Constants, initial values of statics and array sizes: evaluated while the program is checked.

A constant is evaluated when it is first needed, so declarations may come in any order; using a
constant in its own initialiser is an error.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import coerce
from mlrift.frontend.check.fold import DivisionByZeroError, NotConstantError, bits_of, fold
from mlrift.frontend.check.literals import warn_unfit
from mlrift.frontend.check.type_names import declared_type
from mlrift.frontend.scopes import Constant
from mlrift.typesystem import (
    DOUBLE,
    ERROR,
    SINGLE,
    U64,
    ArrayType,
    CsrType,
    ErrorType,
    ScalarType,
    StructType,
    TensorType,
    Type,
    VecType,
)

MAX_STATIC_ARRAY_BYTES = (1 << 31) - 1


class ConstantChecker:
    """Evaluates what must be known at compile time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._handlers = context.expressions
        self._in_progress: set[str] = set()
        context.evaluate_constant = self.evaluate

    def evaluate(self, node: ast.Const) -> Constant:
        """Evaluate a pending constant and move it to the evaluated ones."""
        context, names = self._context, self._context.names
        name = node.name.text
        if name in self._in_progress:
            context.emit(catalog.CONSTANT_CYCLE.at(node.name.span, name=name))
            return typed.IntegerConstant(0, ERROR, node.span)
        if name in names.constants:
            return names.constants[name]
        self._in_progress.add(name)
        declared = declared_type(context, node.type)
        if type(declared) is StructType:
            what = f"a constant of struct type '{declared.name}'"
            where = "by the language"
            context.emit(catalog.UNSUPPORTED_FEATURE.at(node.type.span, what=what, where=where))
            declared = ERROR
        if type(declared) is TensorType:
            context.extensions.tensors.refuse(node.type, "a constant")
            declared = ERROR
        if type(declared) is VecType:
            context.extensions.vectors.refuse(node.type, "a constant")
            declared = ERROR
        constant = self._initial_value(node.value, declared, node.name)
        self._in_progress.discard(name)
        if type(constant) is typed.IntegerConstant and constant.type is not ERROR:
            constant = typed.IntegerConstant(constant.value, declared, node.span)
        names.constants[name] = constant
        names.pending.pop(name, None)
        return constant

    def declare_static(self, node: ast.Static) -> None:
        """Add a static: its slot, array or struct, all zero."""
        context = self._context
        name = node.name
        declared = declared_type(context, node.type)
        if type(declared) is VecType:
            context.extensions.vectors.refuse(node.type, "a static variable")
            declared = ERROR
        if node.size is not None and type(declared) is TensorType:
            context.extensions.tensors.refuse(node.type, "an array")
            declared = ERROR
        is_population = node.size is not None and declared.name in context.names.models
        if is_population or type(declared) is CsrType:
            from mlrift.frontend.check.models.statics import (  # noqa: PLC0415 - in few programs
                static_type,
            )

            declared = static_type(context, node, declared)
        elif node.size is not None:
            declared = self.array_type(declared, node.size, name, MAX_STATIC_ARRAY_BYTES)
        context.names.statics[name.text] = typed.StaticVariable(name.text, declared, name.span)

    def initialize_static(self, node: ast.Static) -> None:
        """Give a declared static its initial word."""
        context = self._context
        name = node.name
        static = context.names.statics[name.text]
        declared = static.type
        if type(declared) is ScalarType:
            static.initial_word = bits_of(self._initial_value(node.value, declared, name))
        elif node.value is not None and type(declared) in (StructType, TensorType):
            reason = "structs and tensors start out as zero"
            context.emit(catalog.NOT_CONSTANT.at(node.value.span, name=name.text, reason=reason))

    def array_type(
        self,
        element: Type,
        size: ast.IntegerLiteral | ast.Identifier,
        name: ast.Name,
        limit_bytes: int,
    ) -> ArrayType | ErrorType:
        """Return the type of a declared array; ERROR after reporting a bad size."""
        count = self._handlers[type(size)](size)
        if count.type is ERROR or not isinstance(element, ScalarType | StructType):
            return ERROR
        context = self._context
        if type(count) is not typed.IntegerConstant:
            diagnostic = catalog.ARRAY_SIZE_NOT_CONSTANT.at(
                size.span, name=name.text, size=size.span.text
            )
            context.emit(diagnostic)
            return ERROR
        if count.value == 0:
            context.emit(catalog.ARRAY_SIZE_ZERO.at(size.span, name=name.text))
            return ERROR
        size_bytes = count.value * element.size_bytes
        if size_bytes > limit_bytes:
            diagnostic = catalog.ARRAY_TOO_LARGE.at(
                size.span, name=name.text, size_bytes=size_bytes
            )
            context.emit(diagnostic)
            return ERROR
        return ArrayType(element, count.value)

    def _initial_value(
        self, node: ast.Expression | None, declared: Type, name: ast.Name
    ) -> Constant:
        """Return the constant an initialiser gives; 0 without one or after a report."""
        context = self._context
        if node is None:
            return _zero(declared, name)
        value = self._handlers[type(node)](node)
        if value.type is ERROR or declared is ERROR:
            return typed.IntegerConstant(0, ERROR, node.span)
        warn_unfit(context, node, declared, catalog.INITIALIZER_DOES_NOT_FIT, name.text)
        try:
            return fold(coerce(value, declared))
        except DivisionByZeroError as error:
            context.emit(catalog.CONSTANT_DIVISION_BY_ZERO.at(error.span))
        except NotConstantError as error:
            diagnostic = catalog.NOT_CONSTANT.at(node.span, name=name.text, reason=error.reason)
            context.emit(diagnostic)
        return typed.IntegerConstant(0, ERROR, node.span)


def _zero(declared: Type, name: ast.Name) -> Constant:
    if declared is SINGLE or declared is DOUBLE:
        return typed.FloatConstant(0.0, declared, name.span)
    return typed.IntegerConstant(0, declared if declared is ERROR else U64, name.span)
