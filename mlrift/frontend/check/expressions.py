"""Expressions without calls or memory: literals, names, operators, `sizeof`, f-strings.

Each handler takes an AST node and returns a typed expression that is a value. Errors are reported
where they are found and give an expression of type ERROR, which causes no further message.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.ast import BinaryOperator, UnaryOperator
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import narrow_constants, poison, to_word, widen_pair
from mlrift.frontend.check.operators import (
    ARITHMETIC,
    COMPARISONS,
    EQUALITIES,
    FLOAT_KINDS,
    INTEGER_KINDS,
    ORDERINGS,
    integer_rule,
)
from mlrift.frontend.check.type_names import measured_type
from mlrift.frontend.scopes import Binding
from mlrift.frontend.typed import ConversionKind, LogicalKind, UnaryKind
from mlrift.source import Span
from mlrift.typesystem import (
    BOOL,
    CHAR,
    DOUBLE,
    ERROR,
    EXTENDED_KINDS,
    S64,
    SINGLE,
    U64,
    ArrayType,
    StructType,
    Tag,
    TensorType,
    Type,
)

_WORD_MASK = (1 << 64) - 1
_NOTHING = ("null", "nil", "NULL", "None", "nullptr")


class ExpressionChecker:
    """Handlers of literals, names and operators; `handlers` is the table of all expressions."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._handlers = context.expressions
        self._bindings = context.scopes.names
        context.expressions.update(
            {
                ast.IntegerLiteral: self._integer,
                ast.FloatLiteral: self._float,
                ast.StringLiteral: self._string,
                ast.CharLiteral: self._char,
                ast.BoolLiteral: self._bool,
                ast.FormatString: self._format_string,
                ast.SizeOf: self._size_of,
                ast.Identifier: self.identifier,
                ast.Unary: self._unary,
                ast.Binary: self._binary,
            }
        )

    # ------------------------------------------------------------------ literals and names

    def _integer(self, node: ast.IntegerLiteral) -> typed.Expression:
        return typed.IntegerConstant(node.value, U64, node.span)

    def _float(self, node: ast.FloatLiteral) -> typed.Expression:
        return typed.FloatConstant(node.value, SINGLE if node.is_single else DOUBLE, node.span)

    def _string(self, node: ast.StringLiteral) -> typed.Expression:
        return typed.StringConstant(node.data, U64, node.span)

    def _char(self, node: ast.CharLiteral) -> typed.Expression:
        return typed.IntegerConstant(node.value, CHAR, node.span)

    def _bool(self, node: ast.BoolLiteral) -> typed.Expression:
        return typed.IntegerConstant(int(node.value), BOOL, node.span)

    def _format_string(self, node: ast.FormatString) -> typed.Expression:
        handlers = self._handlers
        parts = [
            part if isinstance(part, bytes) else handlers[type(part)](part) for part in node.parts
        ]
        if self._context.has_tensors and any(
            not isinstance(part, bytes) and type(part.type) is TensorType for part in parts
        ):
            return self._context.extensions.tensors.format_string(parts, node.span)
        return typed.FormatString(parts, U64, node.span)

    def _size_of(self, node: ast.SizeOf) -> typed.Expression:
        measured = measured_type(self._context, node.type)
        result: Type = ERROR if measured is ERROR else U64
        return typed.IntegerConstant(measured.size_bytes, result, node.span)

    def identifier(self, node: ast.Identifier) -> typed.Expression:
        """Return the value of a name and note that a local was read."""
        binding = self._bindings.get(node.text)
        if binding is None:
            return self._global(node)
        binding.is_read = True
        if not binding.is_initialized:
            self.warn_uninitialized(binding, node.span)
        variable = binding.variable
        return typed.LocalRead(variable, variable.type, node.span)

    def warn_uninitialized(self, binding: Binding, span: Span) -> None:
        """Report a read before the first assignment, once per variable."""
        binding.is_initialized = True
        name = binding.variable.name
        self._context.emit(
            catalog.USED_BEFORE_INITIALIZATION.at(span, name=name).label(
                binding.variable.span, "declared here without a value"
            )
        )

    def _global(self, node: ast.Identifier) -> typed.Expression:
        names = self._context.names
        name, span = node.text, node.span
        static = names.statics.get(name)
        if static is not None:
            kind = type(static.type)
            if kind is ArrayType or kind is StructType:
                return typed.StaticAddress(static, static.type, span)
            if kind is TensorType:
                return self._context.extensions.tensors.static_read(static, span)
            return typed.StaticRead(static, static.type, span)
        constant = names.constants.get(name)
        if constant is None and name in names.pending:
            constant = self._context.evaluate_constant(names.pending[name])
        if type(constant) is typed.IntegerConstant:
            return typed.IntegerConstant(constant.value, constant.type, span)
        if type(constant) is typed.FloatConstant:
            return typed.FloatConstant(constant.value, constant.type, span)
        self._report_unknown(name, span)
        return typed.IntegerConstant(0, ERROR, span)

    def _report_unknown(self, name: str, span: Span) -> None:
        context = self._context
        names = context.names
        if name in names.enums:
            diagnostic = catalog.ENUM_AS_VALUE.at(span, name=name)
        elif name in names.devices:
            diagnostic = catalog.DEVICE_AS_VALUE.at(span, name=name)
        elif name in names.types:
            diagnostic = catalog.TYPE_AS_VALUE.at(span, name=name)
        elif name in names.functions:
            diagnostic = catalog.FUNCTION_AS_VALUE.at(span, name=name).help(f'fn_addr("{name}")')
        else:
            suggestion = context.suggest_value(name)
            diagnostic = catalog.UNDECLARED_IDENTIFIER.at(span, name=name, suggestion=suggestion)
            if name in names.callees:
                diagnostic = diagnostic.note("this is a builtin").help(f"{name}(...)")
            elif name == "as":
                diagnostic = diagnostic.note("there are no casts: the declared type decides")
            elif name in _NOTHING:
                diagnostic = diagnostic.help("0")
            elif span.file.text[span.start - 1 : span.start].isdigit():
                diagnostic = diagnostic.note("units are s, ms, us, ns, Hz and kHz")
        context.emit_name_error(name, diagnostic)

    # --------------------------------------------------------------------------- operators

    def _unary(self, node: ast.Unary) -> typed.Expression:
        operand = self._handlers[type(node.operand)](node.operand)
        operator = node.operator
        if type(operand.type) in EXTENDED_KINDS:
            return self._context.extensions.unary(operator, operand, node.span)
        if operator is UnaryOperator.NOT:
            if type(operand.type) is StructType:
                self._context.emit(catalog.LOGICAL_ON_STRUCT.at(node.span, operator="!"))
            return typed.Unary(UnaryKind.LOGICAL_NOT, to_word(operand), U64, node.span)
        if type(operand.type) is StructType:
            diagnostic = catalog.ARITHMETIC_ON_STRUCT.at(node.span, operator=operator.value)
            self._context.emit(diagnostic)
        elif operand.type.is_float:
            return self._float_unary(node, operand)
        return _integer_unary(operator, operand, node.span)

    def _float_unary(self, node: ast.Unary, operand: typed.Expression) -> typed.Expression:
        if node.operator is UnaryOperator.COMPLEMENT:
            self._context.emit(catalog.FLOAT_OPERATOR.at(node.span, operator="~"))
            return poison(operand)
        if type(operand) is typed.FloatConstant:
            return typed.FloatConstant(0.0 - operand.value, operand.type, node.span)
        return typed.Unary(UnaryKind.FLOAT_NEGATE, operand, operand.type, node.span)

    def _binary(self, node: ast.Binary) -> typed.Expression:
        handlers = self._handlers
        left = handlers[type(node.left)](node.left)
        right = handlers[type(node.right)](node.right)
        operator = node.operator
        if operator is BinaryOperator.AND or operator is BinaryOperator.OR:
            return self._logical(node, left, right)
        return self.binary(operator, left, right, node.operator_span, node.span)

    def _logical(
        self, node: ast.Binary, left: typed.Expression, right: typed.Expression
    ) -> typed.Expression:
        if type(left.type) is StructType or type(right.type) is StructType:
            diagnostic = catalog.LOGICAL_ON_STRUCT.at(
                node.operator_span, operator=node.operator.value
            )
            self._context.emit(diagnostic)
        kind = LogicalKind.AND if node.operator is BinaryOperator.AND else LogicalKind.OR
        return typed.Logical(kind, to_word(left), to_word(right), U64, node.span)

    def binary(
        self,
        operator: BinaryOperator,
        left: typed.Expression,
        right: typed.Expression,
        operator_span: Span,
        span: Span,
    ) -> typed.Expression:
        """Return a typed binary operation on two checked operands."""
        left_type, right_type = left.type, right.type
        if (
            type(left_type) in EXTENDED_KINDS
            or type(right_type) in EXTENDED_KINDS
            or operator is BinaryOperator.MATMUL
        ):
            return self._context.extensions.binary(operator, left, right, operator_span, span)
        if type(left_type) is StructType or type(right_type) is StructType:
            return self._struct_binary(operator, left, right, operator_span, span)
        if left_type.is_float or right_type.is_float:
            return self._float_binary(operator, left, right, operator_span, span)
        rule = integer_rule(operator, left_type, right_type)
        is_poisoned = left_type is ERROR or right_type is ERROR
        return typed.Binary(
            rule.kind,
            left,
            right,
            ERROR if is_poisoned else rule.result,
            span,
            rule.is_overflow_checked,
        )

    def _struct_binary(
        self,
        operator: BinaryOperator,
        left: typed.Expression,
        right: typed.Expression,
        operator_span: Span,
        span: Span,
    ) -> typed.Expression:
        if operator in EQUALITIES:
            if is_struct_variable(left) and is_struct_variable(right):
                is_negated = operator is BinaryOperator.NE
                size_bytes = left.type.size_bytes
                return typed.StructEqual(left, right, size_bytes, is_negated, U64, span)
        elif left.type is not ERROR and right.type is not ERROR:
            kind = catalog.STRUCT_OPERAND
            if operator in ARITHMETIC:
                kind = catalog.ARITHMETIC_ON_STRUCT
            elif operator in ORDERINGS:
                kind = catalog.ORDERING_OF_STRUCT
            self._context.emit(kind.at(operator_span, operator=operator.value))
        rule = integer_rule(operator, U64, U64)
        return typed.Binary(rule.kind, to_word(left), to_word(right), rule.result, span)

    def _float_binary(
        self,
        operator: BinaryOperator,
        left: typed.Expression,
        right: typed.Expression,
        operator_span: Span,
        span: Span,
    ) -> typed.Expression:
        is_known = left.type is not ERROR and right.type is not ERROR
        kind = FLOAT_KINDS.get(operator)
        if kind is not None and left.type.is_float and right.type.is_float:
            function = self._context.function
            if function is not None and function.symbol.is_device_code:
                left, right = narrow_constants(left, right)
            left, right = widen_pair(left, right)
            result: Type = U64 if operator in COMPARISONS else left.type
            return typed.Binary(kind, left, right, result, span)
        if is_known and kind is None:
            diagnostic = catalog.FLOAT_OPERATOR.at(operator_span, operator=operator.value)
            self._context.emit(diagnostic)
        elif is_known:
            self.report_mixed(operator, left, right, operator_span)
        recovered = _recovered_float_binary(operator, left, right, span)
        if self._context.is_tolerated(catalog.MIXED_ARITHMETIC):
            return recovered
        return poison(recovered)

    def report_mixed(
        self,
        operator: BinaryOperator,
        left: typed.Expression,
        right: typed.Expression,
        operator_span: Span,
    ) -> None:
        """Report an integer and a float operand of one operator."""
        integer, other = (right, left) if left.type.is_float else (left, right)
        is_double = other.type.tag is Tag.F64
        text = integer.span.text
        if text.isdigit():
            proposal = f"{text}.0" if is_double else f"{text}.0f"
        else:
            proposal = f"int_to_f64({text})" if is_double else f"int_to_f32({text})"
        self._context.emit(
            catalog.MIXED_ARITHMETIC.at(
                operator_span,
                operator=operator.value,
                left=left.type.name,
                right=right.type.name,
            )
            .label(integer.span, "this is an integer")
            .help(proposal)
        )


def is_struct_variable(value: typed.Expression) -> bool:
    """Return whether a value is a struct variable, the only thing compared by content."""
    is_variable = type(value) is typed.LocalRead or type(value) is typed.StaticAddress
    return is_variable and type(value.type) is StructType


def _integer_unary(
    operator: UnaryOperator, operand: typed.Expression, span: Span
) -> typed.Expression:
    is_negation = operator is UnaryOperator.NEGATE
    result: Type = S64 if operand.type.tag is Tag.SIGNED else U64
    if operand.type is ERROR:
        result = ERROR
    if type(operand) is typed.IntegerConstant:
        value = -operand.value if is_negation else ~operand.value
        return typed.IntegerConstant(value & _WORD_MASK, result, span)
    kind = UnaryKind.NEGATE if is_negation else UnaryKind.COMPLEMENT
    return typed.Unary(kind, operand, result, span)


def _recovered_float_binary(
    operator: BinaryOperator, left: typed.Expression, right: typed.Expression, span: Span
) -> typed.Expression:
    """Return what a reported float operation means when type shapes are mere warnings.

    An integer operand is converted numerically; operators that floats lack work on the bits.
    """
    kind = FLOAT_KINDS.get(operator)
    if kind is None or left.type is ERROR or right.type is ERROR:
        word_kind = INTEGER_KINDS[operator][0]
        return typed.Binary(word_kind, to_word(left), to_word(right), ERROR, span)
    float_type = left.type if left.type.is_float else right.type
    conversion = (
        ConversionKind.INT_TO_F64 if float_type.tag is Tag.F64 else ConversionKind.INT_TO_F32
    )
    if not left.type.is_float:
        left = typed.Convert(conversion, left, float_type, left.span)
    if not right.type.is_float:
        right = typed.Convert(conversion, right, float_type, right.span)
    result: Type = U64 if operator in COMPARISONS else float_type
    return typed.Binary(kind, left, right, result, span)
