"""Top-level items: the values of one alternative in, the node out."""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.frontend import ast
from mlrift.frontend.lexer import BYTE_ORDER_MARK, TokenStream
from mlrift.frontend.literals import LiteralError, string_bytes
from mlrift.frontend.tree.expressions import ExpressionBuilder
from mlrift.frontend.tree.places import Places, middle_list, nodes_of
from mlrift.source import Span
from mlrift.static_types import Any
from mlrift.values import value

ACCESS_WORDS = ("rw", "ro", "wo")
ANNOTATED_ITEMS = (
    ast.Function,
    ast.Extern,
    ast.Struct,
    ast.Const,
    ast.Static,
    ast.EnumDeclaration,
)


@value
class Signature:
    """Everything of a function but its body."""

    receiver: ast.Name | None
    name: ast.Name
    generics: list[ast.Name]
    parameters: list[ast.Parameter]
    results: list[ast.AnyTypeName]
    span: Span


@value
class LanguageLine:
    """The profile named by `#lang`."""

    profile: str


@value
class IgnoredList:
    """The initializer list of a static array: only its place matters."""

    span: Span


ModuleEntry = ast.Item | ast.Import | LanguageLine


class ItemBuilder(Places):
    """Builds the items of one stream and the module that holds them."""

    __slots__ = ("_expressions",)

    def __init__(
        self, stream: TokenStream, sink: DiagnosticSink, expressions: ExpressionBuilder
    ) -> None:
        super().__init__(stream, sink)
        self._expressions = expressions

    def module(self, entries: list[ModuleEntry | None]) -> ast.SourceModule:
        """A whole file, or what could be parsed of it."""
        profiles = [entry.profile for entry in entries if isinstance(entry, LanguageLine)]
        imports = [entry for entry in entries if isinstance(entry, ast.Import)]
        items = [entry for entry in entries if entry and not isinstance(entry, _NOT_ITEMS)]
        return ast.SourceModule(self.file, profiles[0] if profiles else None, imports, items)

    def no_item(self, _token: int) -> None:
        """`;`."""
        return

    def language_profile(self, token: int) -> LanguageLine | None:
        """`#lang stable`, as the first line of a file."""
        if self.file.text[: self.starts[token]] not in ("", BYTE_ORDER_MARK):
            self.sink.emit(catalog.MISPLACED_LANG_LINE.at(self.token_span(token)))
            return None
        return LanguageLine(self.texts[token].removeprefix("#lang").strip())

    def import_item(self, values: list[Any]) -> ast.Import:
        """`import "path"`; the span is that of the path."""
        span = self.token_span(values[1])
        return ast.Import(import_path(self.texts[values[1]]), span)

    def plain_item(self, item: ast.Item) -> ast.Item:
        """An item without annotations."""
        return item

    def annotated_item(self, values: list[Any]) -> ast.Item:
        """An item with annotations; those of kinds of items that know none are ignored."""
        tokens, item = values
        if isinstance(item, ANNOTATED_ITEMS):
            item.annotations = [self._annotation(token) for token in tokens]
        return item  # type: ignore[no-any-return]  # a node of the parser's value stack

    def _annotation(self, token: int) -> ast.Annotation:
        name, opening, rest = self.texts[token][1:].partition("(")
        arguments = rest[:-1] if opening else None
        return ast.Annotation(name.strip(" \t\r\n"), arguments, self.token_span(token))

    # ------------------------------------------------------------------ functions

    def function(self, values: list[Any]) -> ast.Function:
        """`fn name(parameters) -> T { }`."""
        head, body = values
        return ast.Function(
            [],
            head.receiver,
            head.name,
            head.generics,
            head.parameters,
            head.results[0] if head.results else None,
            body,
            head.span,
            head.results[1:],
        )

    def signature(self, values: list[Any]) -> Signature:
        """`fn [Receiver.]name<T>(parameters) -> T`, or `-> (T, U)`."""
        word, first, generics, dot, second, (parameters, end), found = values
        receiver = None if dot is None else self.name(first)
        name = self.name(first if dot is None else second)
        results: list[ast.AnyTypeName] = []
        if isinstance(found, tuple):
            results, end = found
        elif found is not None:
            results, end = [found], found.span.end
        span = self.from_token(word, end)
        return Signature(receiver, name, generics or [], parameters, results, span)

    def generics(self, values: list[Any]) -> list[ast.Name]:
        """`<T, U>`; the third value is the flat list `, U , V`."""
        names = [values[1], *(values[2][1::2] if len(values) == 4 else [])]
        return [self.name(token) for token in names]

    def bracketed_list(self, values: list[Any]) -> tuple[list[Any], int]:
        """`(parameters)` and the offset after it."""
        return nodes_of(middle_list(values, 2)), self.end(values[-1])

    def parameter(self, values: list[Any]) -> ast.Parameter:
        """`T name`."""
        type_name, token = values
        span = Span(self.file, type_name.span.start, self.end(token))
        return ast.Parameter(type_name, False, self.name(token), span)

    def slice_parameter(self, values: list[Any]) -> ast.Parameter:
        """`[T] name`."""
        opening, type_name, _, token = values
        return ast.Parameter(type_name, True, self.name(token), self.between(opening, token))

    def result(self, values: list[Any]) -> ast.TypeName:
        """`-> T`."""
        result: ast.TypeName = values[1]
        return result

    def results(self, values: list[Any]) -> tuple[list[ast.AnyTypeName], int]:
        """`-> (T, U)` and the offset after it; the fourth value is the flat list `, U , V`."""
        _, _, first, others, closing = values
        return [first, *others[1::2]], self.end(closing)

    def extern(self, values: list[Any]) -> ast.Extern:
        """`extern fn name(parameters) -> T`."""
        word, _, token, (parameters, end), result = values
        span = self.from_token(word, end if result is None else result.span.end)
        return ast.Extern([], self.name(token), parameters, result, span)

    # --------------------------------------------------------- constants and statics

    def const(self, values: list[Any]) -> ast.Const:
        """`const T name = value`."""
        word, type_name, token, _, value = values
        end = self.end(token) if value is None else value.span.end
        return ast.Const(type_name, self.name(token), value, self.from_token(word, end))

    def static(self, values: list[Any]) -> ast.Static:
        """`static T name = value`."""
        word, type_name, token, _, value = values
        end = self.end(token) if value is None else value.span.end
        return ast.Static(type_name, None, self.name(token), value, self.from_token(word, end))

    def static_array(self, values: list[Any]) -> ast.Static:
        """`static T[N] name`; an initializer is dropped with a warning (reference.md 6.1)."""
        word, type_name, _, size, _, token, _, value = values
        if value is not None:
            self.sink.emit(catalog.STATIC_LIST_IGNORED.at(value.span, name=self.texts[token]))
        span = self.between(word, token)
        return ast.Static(type_name, size, self.name(token), None, span)

    def initializer_list(self, values: list[Any]) -> IgnoredList:
        """`{ 1, 2 }`."""
        return IgnoredList(self.between(values[0], values[-1]))

    # ----------------------------------------------------------------------- types

    def struct(self, values: list[Any]) -> ast.Struct:
        """`struct name { fields }`."""
        name = self.name(values[1])
        fields = nodes_of(middle_list(values, 4))
        return ast.Struct([], name, fields, self.between(values[0], values[1]))

    def field(self, values: list[Any]) -> ast.Field:
        """`T name`."""
        type_name, token = values
        span = Span(self.file, type_name.span.start, self.end(token))
        return ast.Field(type_name, self.name(token), span)

    def array_field(self, values: list[Any]) -> ast.Field:
        """`T[N] name`, which is an error."""
        type_name, _, _, _, token = values
        span = Span(self.file, type_name.span.start, self.end(token))
        self.sink.emit(catalog.FIELD_IS_ARRAY.at(span))
        return ast.Field(type_name, self.name(token), span)

    def enum(self, values: list[Any]) -> ast.EnumDeclaration:
        """`enum name { members }`."""
        members = nodes_of(middle_list(values, 4))
        return ast.EnumDeclaration(
            self.name(values[1]), members, self.between(values[0], values[1])
        )

    def enum_member(self, values: list[Any]) -> ast.EnumMember:
        """`name` or `name = 3`."""
        token, _, value = values
        return ast.EnumMember(
            self.name(token), None if value is None else self._expressions.integer(value).value
        )

    def alias(self, values: list[Any]) -> ast.Alias:
        """`type name = T`."""
        word, token, _, target = values
        return ast.Alias(self.name(token), target, self.from_token(word, target.span.end))

    # --------------------------------------------------------------------- devices

    def device(self, values: list[Any]) -> ast.Device:
        """`device name at base { registers }`; an access word belongs to the register before it."""
        registers: list[ast.Register] = []
        for entry in nodes_of(middle_list(values, 6)):
            if isinstance(entry, ast.Register):
                registers.append(entry)
            elif entry.text in ACCESS_WORDS and registers and registers[-1].access is None:
                registers[-1].access = entry.text
            else:
                self.sink.emit(catalog.BAD_REGISTER_ACCESS.at(entry.span, text=entry.text))
        base = self._expressions.integer(values[3]).value
        span = self.between(values[0], values[1])
        return ast.Device(self.name(values[1]), base, registers, span)

    def register(self, values: list[Any]) -> ast.Register:
        """`NAME at offset : T`."""
        token, _, offset, _, type_name = values
        return ast.Register(
            self.name(token), self._expressions.integer(offset).value, type_name, None
        )

    def register_access(self, token: int) -> ast.Name:
        """`rw`, `ro` or `wo`."""
        return self.name(token)


def import_path(text: str) -> str:
    """Return the path in the string literal of an import; a malformed escape stays as written."""
    try:
        return string_bytes(text).decode("utf-8", "replace")
    except LiteralError:
        return text[1:-1]


_NOT_ITEMS = (ast.Import, LanguageLine)
