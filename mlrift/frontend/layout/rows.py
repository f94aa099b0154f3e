"""What every layout builder needs: rows of tokens, lists with separators, braces.

A builder receives what a tree builder does (`tree/places.py`): token indices, the documents of
other alternatives, lists of both, None for an absent optional symbol. Every token it receives goes
into the document it returns, in order.
"""

from enum import Enum, unique

from mlrift.frontend.layout.comments import Trivia
from mlrift.frontend.layout.documents import (
    Comments,
    Document,
    Gap,
    Group,
    Nest,
    Sequence,
    Word,
    first_token,
)
from mlrift.frontend.lexer import TokenStream
from mlrift.static_types import Any
from mlrift.values import record

Value = Any
"""A value of the parser's stack; the grammar file says which of the above it is."""


@record
class LayoutSource:
    """The tokens of a file and what stands between them; those in `entries` begin a line."""

    stream: TokenStream
    trivia: list[Trivia]
    entries: set[int]


@unique
class Braces(Enum):
    """Where entries in braces stand."""

    LINE = "on one line where they fit"
    LINES = "on lines of their own"


class Layout:
    """Makes documents of the tokens of one file."""

    __slots__ = ("_source",)

    def __init__(self, source: LayoutSource) -> None:
        self._source = source

    def _text(self, token: int) -> str:
        return self._source.stream.texts[token]

    def _glued(self, *values: Value) -> Sequence:
        """Return documents with nothing between them."""
        return Sequence([_document(value) for value in values if value is not None])

    def _spaced(self, *values: Value) -> Sequence:
        """Return documents with blanks between them."""
        parts: list[Document] = []
        for value in values:
            if value is not None:
                parts += [Gap.SPACE, _document(value)] if parts else [_document(value)]
        return Sequence(parts)

    def _bracketed(self, opening: Value, values: list[Value], closing: int) -> Document:
        """Return `(a, b)` on one line, or as many entries to an indented line as fit."""
        entries = self._separated(values)
        if not entries and not self._source.trivia[closing].comments:
            return self._glued(opening, closing)
        parts: list[Document] = [Gap.SOFT_LINE]
        for entry in entries:
            parts.append(Group(Sequence([Gap.LINE, entry])) if len(parts) > 1 else entry)
        if self._source.trivia[closing].comments:
            parts += [Gap.LINE, Comments(closing)] if entries else [Comments(closing)]
        return Group(self._glued(opening, Nest(Sequence(parts)), Gap.SOFT_LINE, closing))

    def _braced(self, opening: int, values: list[Value], closing: int) -> Document:
        """Return `{ entries }`: on one line if the source begins so, it fits and has separators."""
        entries = self._separated(values)
        is_list = len(values) + 1 >= 2 * len(entries)
        braces = self._braces_of(opening) if is_list else Braces.LINES
        return self._enclosed(opening, entries, closing, braces)

    def _enclosed(
        self, opening: int, entries: list[Document], closing: int, braces: Braces
    ) -> Document:
        """Return entries in braces, without a group: the caller's decides for all its braces."""
        trivia = self._source.trivia
        self._source.entries.add(closing)
        firsts = [first_token(entry) for entry in entries]
        self._source.entries.update(firsts)
        has_comment = bool(trivia[closing].comments)
        if not entries and not has_comment:
            return self._glued(opening, Gap.LINE, closing)
        ends_line = any(trivia[token].ends_line for token in (*firsts, closing))
        between, edge = Gap.ENTRY, Gap.NEWLINE
        if braces is Braces.LINE and not ends_line:
            between = edge = Gap.LINE
        parts: list[Document] = []
        for entry in entries:
            parts += [between if parts else edge, entry]
        if has_comment:
            parts += [between if parts else edge, Comments(closing)]
        return self._glued(opening, Nest(Sequence(parts)), edge, closing)

    def _braces_of(self, opening: int) -> Braces:
        """Return how the source begins what is in braces."""
        return Braces.LINES if self._source.trivia[opening + 1].has_newline else Braces.LINE

    def _separated(self, values: list[Value]) -> list[Document]:
        """Return entries, each with the separators after it; `values` has both, in order."""
        entries: list[Document] = []
        for value in values:
            if isinstance(value, int) and entries:
                entries[-1] = self._glued(entries[-1], value)
            else:
                entries.append(_document(value))
        return entries


def _document(value: Value) -> Document:
    document: Document = Word(value) if isinstance(value, int) else value
    return document


def flat_list(values: list[Value], length_when_empty: int) -> list[Value]:
    """Return the list before the last symbol of an alternative `... x* "}"`, empty if absent."""
    return [] if len(values) == length_when_empty else values[-2]
