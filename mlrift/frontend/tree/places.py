"""What every tree builder needs: the spans and names of tokens, and the limit on nesting.

The values a builder receives are token indices (int) for tokens, nodes or lists for the rest, None
for an absent optional symbol. The grammar file says which; hence `Any`, here and nowhere else.
"""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.frontend import ast
from mlrift.frontend.lexer import TokenStream
from mlrift.source import Span
from mlrift.static_types import Any

MAX_NESTING = 1000
MAX_FORMAT_STRING_NESTING = 16


class NestingError(Exception):
    """The tree is too deep for the recursive stages behind the parser; parsing stops."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class Places:
    """Spans and names of the tokens of one stream."""

    __slots__ = ("file", "sink", "starts", "stream", "texts")

    def __init__(self, stream: TokenStream, sink: DiagnosticSink) -> None:
        self.stream = stream
        self.file = stream.file
        self.texts = stream.texts
        self.starts = stream.starts
        self.sink = sink

    def end(self, token: int) -> int:
        """Return the offset after a token."""
        return self.starts[token] + len(self.texts[token])

    def token_span(self, token: int) -> Span:
        """Return the place of one token."""
        start = self.starts[token]
        return Span(self.file, start, start + len(self.texts[token]))

    def from_token(self, token: int, end: int) -> Span:
        """Return the place from the start of a token up to an offset."""
        return Span(self.file, self.starts[token], end)

    def between(self, first: int, last: int) -> Span:
        """Return the place from the start of a token to the end of another."""
        return Span(self.file, self.starts[first], self.starts[last] + len(self.texts[last]))

    def name(self, token: int) -> ast.Name:
        """Return a token as a name."""
        text, start = self.texts[token], self.starts[token]
        return ast.Name(text, Span(self.file, start, start + len(text)))


def nodes_of(entries: list[Any]) -> list[Any]:
    """Return the entries of a list that are no tokens (separators)."""
    return [entry for entry in entries if entry.__class__ is not int]


def middle_list(values: list[Any], length_when_empty: int) -> list[Any]:
    """Return the list before the last symbol of an alternative `... x* "}"`, empty if absent."""
    return [] if len(values) == length_when_empty else values[-2]


def check_chain(node: Any, what: str) -> None:
    """Raise `NestingError` when a tree leans over more than `MAX_NESTING` levels.

    Brackets are counted before parsing; chains such as `a + b + ...` nest without any.
    """
    depth = 0
    link = node
    while link is not None:
        depth += 1
        link = _next_link(link)
    if depth > MAX_NESTING:
        raise NestingError(catalog.NESTING_TOO_DEEP.at(node.span, what=what, limit=MAX_NESTING))


def _next_link(node: Any) -> Any:
    attribute = _LINKS.get(node.__class__)
    if attribute is not None:
        return getattr(node, attribute)
    if node.__class__ is ast.If and node.otherwise is not None:
        statements = node.otherwise.statements
        return statements[0] if len(statements) == 1 else None
    return None


_LINKS: dict[type, str] = {
    ast.Binary: "left",
    ast.Unary: "operand",
    ast.Index: "base",
    ast.Member: "base",
    ast.MethodCall: "receiver",
}
