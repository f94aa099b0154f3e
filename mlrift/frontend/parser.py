"""The parser: tokens in, syntax tree out, every syntax error a diagnostic.

A table-driven LALR(1) parser over the tables that generate.py makes from mlrift.lark. Nothing in it
recurses over the input, so no input exhausts Python's stack; what would make the tree too deep for
the recursive stages after it is refused.
"""

from collections.abc import Callable
from itertools import accumulate

from mlrift.diagnostics import catalog
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.frontend import ast
from mlrift.frontend.automaton import (
    LIST_EXTEND,
    LIST_START,
    PASS_ON,
    STATE_KEY,
    SYMBOLS,
    automaton,
)
from mlrift.frontend.grammar.tables import GOTOS, PRODUCTIONS, SHIFT_REDUCE
from mlrift.frontend.lexer import END, KIND, TokenStream, lex, lex_region
from mlrift.frontend.recovery import resume_after_error
from mlrift.frontend.syntax_errors import describe_syntax_error
from mlrift.frontend.tokens import (
    NO_KNOWN_TYPES,
    KnownTypes,
    known_types,
    resolve_contextual_kinds,
    scan_declared_types,
)
from mlrift.frontend.tree.expressions import ExpressionBuilder
from mlrift.frontend.tree.items import ItemBuilder
from mlrift.frontend.tree.models import ModelBuilder
from mlrift.frontend.tree.places import MAX_FORMAT_STRING_NESTING, MAX_NESTING, NestingError
from mlrift.frontend.tree.statements import StatementBuilder
from mlrift.source import SourceFile
from mlrift.static_types import Any

MODULE_STATE, EXPRESSION_STATE = 0, 1
ACCEPTING_STATES = (GOTOS[0][SYMBOLS["module"]], GOTOS[1][SYMBOLS["expression"]])
MAX_ERRORS_PER_FILE = 100

Builder = Callable[[Any], Any]
_NESTING_STEPS = [0] * len(KIND)
for _opening, _closing in ("()", "[]", "{}"):
    _NESTING_STEPS[KIND[_opening]] = 1
    _NESTING_STEPS[KIND[_closing]] = -1


def parse_module(file: SourceFile, known: KnownTypes, sink: DiagnosticSink) -> ast.SourceModule:
    """Return the tree of a file; `known` are the types of the files before it."""
    stream = lex(file, sink)
    return parse_tokens(stream, known_types([scan_declared_types(stream)], known), sink)


def parse_program_text(file: SourceFile, sink: DiagnosticSink) -> ast.SourceModule:
    """Return the tree of a file that imports nothing."""
    return parse_module(file, NO_KNOWN_TYPES, sink)


def parse_tokens(stream: TokenStream, known: KnownTypes, sink: DiagnosticSink) -> ast.SourceModule:
    """Return the tree of a file that is lexed already; `known` are all types visible in it.

    After errors, which are in the sink, the tree holds what could be parsed.
    """
    return _Parser(stream, known, sink).parse_module()


def reduce_tokens(stream: TokenStream, owners: tuple[object, ...]) -> Any:
    """Return what other builders than those of the tree make of a file without syntax errors.

    The owners have a method a named alternative of the grammar; `stream` is as the parser left it.
    """
    return _Parser(stream, NO_KNOWN_TYPES, DiagnosticSink(), owners).reduce_module()


class _Parser:
    """The parse of one file.

    The tokens of an expression inside an f-string are appended to the stream when it is reached
    (that of the whole f-string is one token), so one set of builders serves both.
    """

    def __init__(
        self,
        stream: TokenStream,
        known: KnownTypes,
        sink: DiagnosticSink,
        owners: tuple[object, ...] = (),
    ) -> None:
        self._stream = stream
        self._known = known
        self._sink = sink
        self._format_string_depth = 0
        self._error_count = 0
        self._resumed_at = -1
        expressions = ExpressionBuilder(stream, sink, self._parse_region)
        self._items = ItemBuilder(stream, sink, expressions)
        statements = StatementBuilder(stream, sink, expressions)
        models = ModelBuilder(stream, sink)
        self._builders = _find_builders(owners or (expressions, statements, self._items, models))

    def parse_module(self) -> ast.SourceModule:
        """Parse the file; errors leave what could be parsed."""
        resolve_contextual_kinds(self._stream, self._known, self._sink)
        try:
            _check_brackets(self._stream)
            entries = self._run(MODULE_STATE, 0)
        except NestingError as error:
            self._sink.emit(error.diagnostic)
            entries = None
        if isinstance(entries, ast.SourceModule):
            return entries
        return self._items.module(entries if isinstance(entries, list) else [])

    def reduce_module(self) -> Any:
        """Return the value that the builders make of a file known to have no syntax errors."""
        return self._run(MODULE_STATE, 0)

    def _parse_region(self, begin: int, end: int) -> ast.Expression | None:
        """Parse an expression of an f-string; None after a reported error."""
        stream = self._stream
        region = lex_region(stream.file, begin, end, self._sink)
        if self._format_string_depth == MAX_FORMAT_STRING_NESTING:
            raise NestingError(
                catalog.NESTING_TOO_DEEP.at(
                    region.span(0), what="f-string", limit=MAX_FORMAT_STRING_NESTING
                )
            )
        resolve_contextual_kinds(region, self._known, self._sink)
        _check_brackets(region)
        first = len(stream.kinds)
        stream.kinds += region.kinds
        stream.texts += region.texts
        stream.starts += region.starts
        self._format_string_depth += 1
        expression: ast.Expression | None = self._run(EXPRESSION_STATE, first)
        self._format_string_depth -= 1
        return expression

    def _run(self, start_state: int, index: int) -> Any:  # noqa: C901, PLR0915 - the hot loop
        """Return the value of the start symbol; after errors the list of items parsed, or None."""
        machine = automaton()
        rows, lengths, left_keys = machine.rows, machine.lengths, machine.left_keys
        memory, walk = machine.memory, machine.walk
        builders, kinds = self._builders, self._stream.kinds
        states: list[int] = [start_state]
        values: list[Any] = []
        state, kind = start_state, kinds[index]
        while True:
            try:
                action = rows[state][kind]
            except KeyError:
                if kind == END and state == ACCEPTING_STATES[start_state]:
                    return values[0]
                index = self._recover(index, states, values)
                if index < 0:
                    return values[0] if values else None
                state, kind = states[-1], kinds[index]
                continue
            if action >= SHIFT_REDUCE:
                production = action - SHIFT_REDUCE
                values.append(index)
                popped = lengths[production] - 1
                index += 1
                kind = kinds[index]
            elif action >= 0:
                states.append(action)
                values.append(index)
                state = action
                index += 1
                kind = kinds[index]
                continue
            else:
                production = ~action
                popped = lengths[production]
            while True:
                length = lengths[production]
                if length == 1:
                    value = builders[production](values.pop())
                elif length:
                    value = builders[production](values[-length:])
                    del values[-length:]
                else:
                    value = builders[production]([])
                if popped:
                    del states[-popped:]
                key = states[-1] * STATE_KEY + left_keys[production] + kind
                target = memory.get(key, -1)
                if target < 0:
                    target = walk(key)
                values.append(value)
                if target < SHIFT_REDUCE:
                    states.append(target)
                    state = target
                    break
                production = target - SHIFT_REDUCE
                popped = lengths[production] - 1

    def _recover(self, index: int, states: list[int], values: list[Any]) -> int:
        """Report the unexpected token; return the index to go on with, or -1 to stop."""
        stream = self._stream
        is_end = stream.kinds[index] == END
        is_repeated = index == self._resumed_at and not is_end
        if not is_repeated and not (is_end and stream.is_cut_short):
            self._sink.emit(describe_syntax_error(stream, index, states, values))
            self._error_count += 1
        if self._format_string_depth:
            values.clear()
            return -1
        if is_end or self._error_count >= MAX_ERRORS_PER_FILE:
            del values[1:]
            return -1
        resumed = resume_after_error(stream, index + is_repeated, states, values)
        self._resumed_at = resumed
        return resumed


def _check_brackets(stream: TokenStream) -> None:
    """Raise `NestingError` when brackets nest deeper than `MAX_NESTING`."""
    depths = list(accumulate(map(_NESTING_STEPS.__getitem__, stream.kinds)))
    if max(depths) > MAX_NESTING:
        place = stream.span(depths.index(MAX_NESTING + 1))
        raise NestingError(catalog.NESTING_TOO_DEEP.at(place, what="brackets", limit=MAX_NESTING))


def _find_builders(owners: tuple[object, ...]) -> list[Builder]:
    """Return the function for every production: a method of one of the owners, by name."""
    return [_find_builder(owners, name, length, absent) for _, length, name, absent in PRODUCTIONS]


def _find_builder(
    owners: tuple[object, ...], name: str, length: int, absent: tuple[int, ...]
) -> Builder:
    if name == PASS_ON:
        return _pass_on
    if name == LIST_START:
        return _start_list if length == 1 else _pass_on
    if name == LIST_EXTEND:
        return _extend_list
    builder: Builder = next(
        getattr(owner, name) for owner in owners if name in type(owner).__dict__
    )
    return _with_absent(builder, length, absent) if absent else builder


def _pass_on(value: Any) -> Any:
    return value


def _start_list(value: Any) -> list[Any]:
    return [value]


def _extend_list(values: list[Any]) -> list[Any]:
    entries: list[Any] = values[0]
    entries.extend(values[1:])
    return entries


def _with_absent(builder: Builder, length: int, absent: tuple[int, ...]) -> Builder:
    """Return a builder that first puts None where an optional symbol is absent."""

    def build(given: Any) -> Any:
        values = [given] if length == 1 else given
        for position in absent:
            values.insert(position, None)
        return builder(values)

    return build
