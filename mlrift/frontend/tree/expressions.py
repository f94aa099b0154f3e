"""Expressions: the values of one alternative in, the node out."""

from collections.abc import Callable

from mlrift.diagnostics import catalog
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.frontend import ast
from mlrift.frontend.lexer import TokenStream
from mlrift.frontend.literals import (
    LiteralError,
    char_value,
    float_value,
    integer_value,
    string_bytes,
)
from mlrift.frontend.tree.format_strings import split_format_string
from mlrift.frontend.tree.places import MAX_NESTING, Places, check_chain, middle_list, nodes_of
from mlrift.source import Span
from mlrift.static_types import Any, TypeVar

BINARY_OPERATORS = {operator.value: operator for operator in ast.BinaryOperator}
UNARY_OPERATORS = {operator.value: operator for operator in ast.UnaryOperator}
ASSIGNMENT_OPERATORS = {f"{operator.value}=": operator for operator in ast.BinaryOperator}

LeaningNode = TypeVar("LeaningNode", ast.Index, ast.Member, ast.MethodCall)
RegionParser = Callable[[int, int], ast.Expression | None]


class ExpressionBuilder(Places):
    """Builds the expressions of one stream; `parse_region` parses text inside an f-string."""

    __slots__ = ("_parse_region",)

    def __init__(
        self, stream: TokenStream, sink: DiagnosticSink, parse_region: RegionParser
    ) -> None:
        super().__init__(stream, sink)
        self._parse_region = parse_region

    # ------------------------------------------------------------------ literals

    def integer(self, token: int) -> ast.IntegerLiteral:
        """`42`."""
        text, start = self.texts[token], self.starts[token]
        span = Span(self.file, start, start + len(text))
        return ast.IntegerLiteral(self._value_of(integer_value, token, 0), span)

    def float_literal(self, token: int) -> ast.FloatLiteral:
        """`1.5f`."""
        value, is_single = self._value_of(float_value, token, (0.0, False))
        return ast.FloatLiteral(value, is_single, self.token_span(token))

    def string(self, token: int) -> ast.StringLiteral:
        """`"text"`."""
        return ast.StringLiteral(self._value_of(string_bytes, token, b""), self.token_span(token))

    def char(self, token: int) -> ast.CharLiteral:
        """`'c'`."""
        return ast.CharLiteral(self._value_of(char_value, token, 0), self.token_span(token))

    def true_literal(self, token: int) -> ast.BoolLiteral:
        """`true`."""
        return ast.BoolLiteral(True, self.token_span(token))

    def false_literal(self, token: int) -> ast.BoolLiteral:
        """`false`."""
        return ast.BoolLiteral(False, self.token_span(token))

    def format_string(self, token: int) -> ast.FormatString:
        """`f"text {expression}"`."""
        span = self.token_span(token)
        parts: list[bytes | ast.Expression] = []
        try:
            pieces = split_format_string(self.file.text, span.start, span.end)
        except LiteralError as error:
            self.sink.emit(error.diagnostic(self.file, 0))
            pieces = []
        for piece in pieces:
            if isinstance(piece, bytes):
                parts.append(piece)
                continue
            begin, end = piece
            if not self.file.text[begin:end].strip(" \t\r\n"):
                self.sink.emit(
                    catalog.EMPTY_FORMAT_EXPRESSION.at(Span(self.file, begin - 1, end + 1))
                )
                continue
            expression = self._parse_region(begin, end)
            if expression is not None:
                parts.append(expression)
        return ast.FormatString(parts, span)

    def _value_of(self, convert: Callable[[str], Any], token: int, fallback: Any) -> Any:
        try:
            return convert(self.texts[token])
        except LiteralError as error:
            self.sink.emit(error.diagnostic(self.file, self.starts[token]))
            return fallback

    # --------------------------------------------------------- names and operators

    def identifier(self, token: int) -> ast.Identifier:
        """`name`."""
        text, start = self.texts[token], self.starts[token]
        return ast.Identifier(text, Span(self.file, start, start + len(text)))

    def type(self, token: int) -> ast.TypeName:
        """`u64` or `Point`."""
        text, start = self.texts[token], self.starts[token]
        return ast.TypeName(text, Span(self.file, start, start + len(text)))

    def binary(self, values: list[Any]) -> ast.Binary:
        """`left operator right`."""
        left, token, right = values
        file = self.file
        text, place = self.texts[token], self.starts[token]
        start, end = left.span.start, right.span.end
        operator = BINARY_OPERATORS[text]
        node = ast.Binary(
            operator, left, right, Span(file, place, place + len(text)), Span(file, start, end)
        )
        if end - start > MAX_NESTING:
            check_chain(node, "expression")
        return node

    def unary(self, values: list[Any]) -> ast.Unary:
        """`-operand`."""
        token, operand = values
        span = self.from_token(token, operand.span.end)
        node = ast.Unary(UNARY_OPERATORS[self.texts[token]], operand, span)
        if span.end - span.start > MAX_NESTING:
            check_chain(node, "expression")
        return node

    def parenthesized(self, values: list[Any]) -> ast.Expression:
        """`(expression)`: the expression itself, its span widened to the parentheses."""
        opening, expression, closing = values
        expression.span = self.between(opening, closing)
        return expression  # type: ignore[no-any-return]  # a node of the parser's value stack

    def index(self, values: list[Any]) -> ast.Index:
        """`base[index]`."""
        base, _, index, closing = values
        return self._checked(ast.Index(base, index, self._up_to(base, self.end(closing))))

    def member(self, values: list[Any]) -> ast.Member:
        """`base.name`."""
        base, _, token = values
        name = self.name(token)
        return self._checked(ast.Member(base, name, self._up_to(base, name.span.end)))

    def method_call(self, values: list[Any]) -> ast.MethodCall:
        """`receiver.method(arguments)`."""
        receiver, _, token, (arguments, end) = values
        span = self._up_to(receiver, end)
        return self._checked(ast.MethodCall(receiver, self.name(token), arguments, span))

    def _up_to(self, node: Any, end: int) -> Span:
        return Span(self.file, node.span.start, end)

    def _checked(self, node: LeaningNode) -> LeaningNode:
        span = node.span
        if span.end - span.start > MAX_NESTING:
            check_chain(node, "expression")
        return node

    # ----------------------------------------------------- calls, sizeof, literals

    def call(self, values: list[Any]) -> ast.Call:
        """`function(arguments)`."""
        token, (arguments, end) = values
        return ast.Call(self.name(token), [], arguments, self.from_token(token, end))

    def generic_call(self, values: list[Any]) -> ast.Call:
        """`function<T>(arguments)`."""
        token, _, types, _, (arguments, end) = values
        return ast.Call(self.name(token), types, arguments, self.from_token(token, end))

    def no_arguments(self, values: list[Any]) -> tuple[list[ast.Expression], int]:
        """`()`, as no arguments and the offset after it."""
        return [], self.end(values[1])

    def some_arguments(self, values: list[Any]) -> tuple[list[ast.Expression], int]:
        """`(a, b)`, as arguments and the offset after them."""
        return values[1], self.end(values[2])

    def first_of_list(self, value: Any) -> list[Any]:
        """Start a list separated by commas."""
        return [value]

    def more_of_list(self, values: list[Any]) -> list[Any]:
        """Continue a list separated by commas."""
        entries: list[Any] = values[0]
        entries.append(values[2])
        return entries

    def sizeof(self, values: list[Any]) -> ast.SizeOf:
        """`sizeof(T)`."""
        return ast.SizeOf(values[2], self.between(values[0], values[3]))

    def struct_literal(self, values: list[Any]) -> ast.StructLiteral:
        """`P { 1, 2 }`."""
        fields = nodes_of(middle_list(values, 3))
        return ast.StructLiteral(self.type(values[0]), fields, self.between(values[0], values[-1]))

    def positional_field(self, value: ast.Expression) -> ast.LiteralField:
        """A field of a struct literal given by its position."""
        return ast.LiteralField(None, value)

    def named_field(self, values: list[Any]) -> ast.LiteralField:
        """`name: value` in a struct literal."""
        return ast.LiteralField(self.name(values[0]), values[2])
