"""`mlrc fmt`: the text of a file in, the same program laid out anew out (docs/cli.md 1.6).

The files it imports are read for the types they declare. What leaves has the tokens and comments
that entered, in their order: that is checked each time, so no mistake here can change a program.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from mlrift.diagnostics.render import render_report
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver.modules import read_file, visible_types
from mlrift.frontend.ast import SourceModule
from mlrift.frontend.layout.comments import read_trivia
from mlrift.frontend.layout.source_text import format_stream
from mlrift.frontend.layout.type_names import types_at_line_starts, types_in_signatures
from mlrift.frontend.lexer import TokenStream, lex
from mlrift.frontend.parser import parse_tokens
from mlrift.frontend.tokens import KnownTypes
from mlrift.source import SourceFile
from mlrift.values import record

# What else may be a type, tried in this order; the last one is the language's own answer.
_GUESSES: tuple[Callable[[TokenStream, KnownTypes], KnownTypes], ...] = (
    types_at_line_starts,
    types_in_signatures,
    lambda _stream, known: known,
)


class NotAProgram(Exception):
    """The source has syntax errors; `messages` is the report of them."""

    def __init__(self, messages: str) -> None:
        super().__init__(messages)
        self.messages = messages


@record
class ParsedSource:
    """The tokens of a file and what they mean."""

    stream: TokenStream
    module: SourceModule


def format_source(text: str, path: str, library_roots: Sequence[Path]) -> str:
    """Return a file's text laid out; raises `NotAProgram`."""
    formatted = format_stream(parse_source(text, path, library_roots).stream)
    _check_same(text, formatted)
    return formatted


def parse_source(text: str, path: str, library_roots: Sequence[Path]) -> ParsedSource:
    """Return a file parsed by itself; raises `NotAProgram`."""
    data = text.encode("utf-8", "surrogateescape")
    known = visible_types(
        path, library_roots, lambda name: data if name == path else read_file(name)
    )
    return _parsed(text, path, known)


def pieces_of(text: str) -> list[str]:
    """Return the tokens and comments of a text, as far as formatting keeps them."""
    stream = lex(SourceFile("", text), DiagnosticSink())
    pieces: list[str] = []
    for token, trivia in zip(stream.texts, read_trivia(stream), strict=True):
        for comment in trivia.comments:
            pieces.append("\n".join(line.strip(" \t") for line in comment.text.split("\n")))
        pieces.append(token.rstrip(" \t\r") if token.startswith("#") else token)
    return pieces


def _parsed(text: str, path: str, known: KnownTypes) -> ParsedSource:
    """Return a file as the parser leaves it, with the first guess that makes sense of it."""
    report = ""
    for guess in _GUESSES:
        sink = DiagnosticSink()
        stream = lex(SourceFile(path, text), sink)
        module = parse_tokens(stream, guess(stream, known), sink)
        if not sink.has_errors:
            return ParsedSource(stream, module)
        report = render_report(sink)
    raise NotAProgram(report)


def _check_same(text: str, formatted: str) -> None:
    before, after = pieces_of(text), pieces_of(formatted)
    if before != after:
        rows = zip([*before, "(end)"], [*after, "(end)"], strict=False)
        old, new = next(((old, new) for old, new in rows if old != new))
        raise AssertionError(f"formatting changed {old!r} into {new!r}")
