"""Statements: the values of one alternative in, the node out."""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.frontend import ast
from mlrift.frontend.lexer import TokenStream
from mlrift.frontend.tree.expressions import ASSIGNMENT_OPERATORS, ExpressionBuilder
from mlrift.frontend.tree.places import MAX_NESTING, Places, check_chain, middle_list, nodes_of
from mlrift.source import Span
from mlrift.static_types import Any

WILDCARD = "_"
_CLAUSES = {kind.value: kind for kind in ast.AsmConstraintKind}


class StatementBuilder(Places):
    """Builds the statements of one stream."""

    __slots__ = ("_expressions",)

    def __init__(
        self, stream: TokenStream, sink: DiagnosticSink, expressions: ExpressionBuilder
    ) -> None:
        super().__init__(stream, sink)
        self._expressions = expressions

    def block(self, values: list[Any]) -> ast.Block:
        """`{ statements }`; stray semicolons are gone."""
        statements = [entry for entry in middle_list(values, 2) if entry is not None]
        return ast.Block(statements, self.between(values[0], values[-1]))

    def no_statement(self, _token: int) -> None:
        """`;`."""
        return

    def expression_statement(self, value: ast.Expression) -> ast.ExpressionStatement:
        """`f(x)`."""
        return ast.ExpressionStatement(value, value.span)

    def assign(self, values: list[Any]) -> ast.Assign:
        """`target = value`, `target += value`."""
        target, token, value = values
        span = Span(self.file, target.span.start, value.span.end)
        operator = ASSIGNMENT_OPERATORS.get(self.texts[token])
        return ast.Assign(target, operator, value, span)

    # -------------------------------------------------------------- declarations

    def declare(self, values: list[Any]) -> ast.Declare:
        """`T name`."""
        type_name, token = values
        span = Span(self.file, type_name.span.start, self.end(token))
        return ast.Declare(type_name, self.name(token), None, span)

    def declare_value(self, values: list[Any]) -> ast.Declare:
        """`T name = value`."""
        type_name, token, _, value = values
        span = Span(self.file, type_name.span.start, value.span.end)
        return ast.Declare(type_name, self.name(token), value, span)

    def declare_array(self, values: list[Any]) -> ast.DeclareArray:
        """`T[N] name`."""
        type_name, _, size, _, token = values
        span = Span(self.file, type_name.span.start, self.end(token))
        return ast.DeclareArray(type_name, size, self.name(token), span)

    def declare_tuple(self, values: list[Any]) -> ast.DeclareTuple:
        """`(T a, U b) = value`; the fourth value is the flat list `, U b , V c`."""
        opening, type_name, token, more, _, _, value = values
        names = [(type_name, self.name(token))]
        names += [(more[at], self.name(more[at + 1])) for at in range(1, len(more), 3)]
        span = self.from_token(opening, value.span.end)
        return ast.DeclareTuple(names, value, span)

    # -------------------------------------------------------------- control flow

    def return_nothing(self, token: int) -> ast.Return:
        """`return`."""
        return ast.Return([], self.token_span(token))

    def return_value(self, values: list[Any]) -> ast.Return:
        """`return value`."""
        token, value = values
        return ast.Return([value], self.from_token(token, value.span.end))

    def return_tuple(self, values: list[Any]) -> ast.Return:
        """`return (a, b)`."""
        token, _, first, _, others, closing = values
        return ast.Return([first, *others], self.between(token, closing))

    def if_statement(self, values: list[Any]) -> ast.If:
        """`if condition { }`."""
        token, condition, then = values
        return ast.If(condition, then, None, self.from_token(token, then.span.end))

    def if_else(self, values: list[Any]) -> ast.If:
        """`if condition { } else { }`, or `else if`."""
        token, condition, then, _, otherwise = values
        if otherwise.__class__ is ast.If:
            otherwise = ast.Block([otherwise], otherwise.span)
        node = ast.If(condition, then, otherwise, self.from_token(token, otherwise.span.end))
        if node.span.end - node.span.start > MAX_NESTING:
            check_chain(node, "`else if`")
        return node

    def while_statement(self, values: list[Any]) -> ast.While:
        """`while condition { }`."""
        token, condition, body = values
        return ast.While(condition, body, self.from_token(token, body.span.end))

    def loop_statement(self, values: list[Any]) -> ast.Loop:
        """`loop { }`."""
        token, body = values
        return ast.Loop(body, self.from_token(token, body.span.end))

    def for_statement(self, values: list[Any]) -> ast.For:
        """`for name in start..end { }`."""
        token, name, _, start, dots, end, body = values
        inclusive = self.texts[dots] == "..="
        span = self.from_token(token, body.span.end)
        return ast.For(self.name(name), start, end, inclusive, body, span)

    def break_statement(self, token: int) -> ast.Break:
        """`break`."""
        return ast.Break(self.token_span(token))

    def continue_statement(self, token: int) -> ast.Continue:
        """`continue`."""
        return ast.Continue(self.token_span(token))

    def defer_statement(self, values: list[Any]) -> ast.Defer:
        """`defer { }`."""
        token, body = values
        return ast.Defer(body, self.from_token(token, body.span.end))

    # --------------------------------------------------------------------- match

    def match_statement(self, values: list[Any]) -> ast.Match:
        """`match scrutinee { arms }`."""
        return ast.Match(values[1], middle_list(values, 4), self.between(values[0], values[-1]))

    def arm(self, values: list[Any]) -> ast.MatchArm:
        """`pattern, pattern => { }`."""
        patterns, _, body = values
        for pattern in patterns[1:]:
            if isinstance(pattern, ast.WildcardPattern):
                self.sink.emit(catalog.WILDCARD_NOT_FIRST.at(pattern.span))
        if len(patterns) > 1 and isinstance(patterns[0], ast.WildcardPattern):
            self.sink.emit(catalog.WILDCARD_WITH_OTHERS.at(patterns[0].span))
        span = Span(self.file, patterns[0].span.start, body.span.end)
        return ast.MatchArm(patterns, body, span)

    def value_pattern(self, value: ast.Expression) -> ast.Pattern:
        """A value, or `_`."""
        if isinstance(value, ast.Identifier) and value.text == WILDCARD:
            return ast.WildcardPattern(value.span)
        return ast.ValuePattern(value, value.span)

    def range_pattern(self, values: list[Any]) -> ast.RangePattern:
        """`start..end`."""
        start, dots, end = values
        span = Span(self.file, start.span.start, end.span.end)
        return ast.RangePattern(start, end, self.texts[dots] == "..=", span)

    # -------------------------------------------------------- unsafe, volatile, asm

    def pointer_target(self, values: list[Any]) -> tuple[ast.Expression, ast.TypeName]:
        """`*(address as T)`."""
        _, _, address, word, type_name, _ = values
        if self.texts[word] != "as":
            self.sink.emit(catalog.EXPECTED_AS.at(self.token_span(word), text=self.texts[word]))
        return address, type_name

    def pointer_load(self, values: list[Any]) -> ast.PointerLoad:
        """`unsafe { *(address as T) -> name }`."""
        word, _, (address, type_name), _, name = values[:5]
        span = self.between(word, values[-1])
        is_volatile = self.texts[word] == "volatile"
        return ast.PointerLoad(is_volatile, address, type_name, self.name(name), span)

    def pointer_store(self, values: list[Any]) -> ast.PointerStore:
        """`unsafe { *(address as T) = value }`."""
        word, _, (address, type_name), _, value = values[:5]
        span = self.between(word, values[-1])
        is_volatile = self.texts[word] == "volatile"
        return ast.PointerStore(is_volatile, address, type_name, value, span)

    def asm_line(self, values: list[Any]) -> ast.Asm:
        """`asm("instruction")`."""
        token, _, instruction, closing, (constraints, end) = values
        span = self.from_token(token, max(end, self.end(closing)))
        return ast.Asm([self._expressions.string(instruction)], constraints, span)

    def asm_block(self, values: list[Any]) -> ast.Asm:
        """`asm { "instruction"; "instruction" }`; strings and semicolons are both tokens."""
        constraints, end = values[-1]
        strings = values[2] if len(values) == 5 else []
        instructions = [
            self._expressions.string(token) for token in strings if self.texts[token] != ";"
        ]
        span = self.from_token(values[0], max(end, self.end(values[-2])))
        return ast.Asm(instructions, constraints, span)

    def constraints(self, values: list[Any]) -> tuple[list[ast.AsmConstraint], int]:
        """All constraint clauses of a block and the offset after them (0 without any)."""
        constraints = [constraint for clause, _ in values for constraint in clause]
        return constraints, values[-1][1] if values else 0

    def constraint(self, values: list[Any]) -> tuple[list[ast.AsmConstraint], int]:
        """`in(variable -> register, ...)` and the offset after it."""
        kind = _CLAUSES[self.texts[values[0]]]
        bindings = nodes_of(middle_list(values, 3))
        return [self._constrain(kind, *binding) for binding in bindings], self.end(values[-1])

    def _constrain(
        self, kind: ast.AsmConstraintKind, first: ast.Name, second: ast.Name | None
    ) -> ast.AsmConstraint:
        wants_pair = kind is not ast.AsmConstraintKind.CLOBBERS
        if wants_pair != (second is not None):
            expected = "`a -> b`" if wants_pair else "a register"
            self.sink.emit(
                catalog.BAD_ASM_CONSTRAINT.at(first.span, expected=expected, clause=kind.value)
            )
            return ast.AsmConstraint(kind, first, first if wants_pair else None)
        if second is not None and kind is ast.AsmConstraintKind.IN:
            return ast.AsmConstraint(kind, second, first)
        return ast.AsmConstraint(kind, first, second)

    def binding(self, values: list[Any]) -> tuple[ast.Name, ast.Name | None]:
        """`a` or `a -> b`."""
        first, _, second = values
        return self.name(first), None if second is None else self.name(second)
