"""The printer: documents in, lines out, every comment where it stood among the tokens.

A line end is remembered and written only when something follows, so that a comment at the end of
the line can still be put before it.
"""

from mlrift.frontend.layout.comments import Comment, Placement, Trivia
from mlrift.frontend.layout.documents import (
    Comments,
    Document,
    Gap,
    Group,
    Nest,
    Parent,
    Sequence,
    Word,
    children_of,
    measure,
    size_of,
)
from mlrift.frontend.layout.lines import MAX_COLUMNS, Line
from mlrift.frontend.lexer import TokenStream
from mlrift.values import record

INDENT_COLUMNS = 4
_NO_BLANK_AFTER = "([ "
_NO_BLANK_BEFORE = ",;)]."


@record
class _Pending:
    """A line end not written yet; `keeps_empty_line` where one of the source may follow."""

    indent: int
    keeps_empty_line: bool
    is_empty_line: bool = False


@record
class _Command:
    """A document to print, at an indentation, on one line or not."""

    document: Document
    indent: int
    is_flat: bool


class Printer:
    """Prints documents one after the other; `entries` are the tokens that begin a line."""

    def __init__(self, stream: TokenStream, trivia: list[Trivia], entries: set[int]) -> None:
        self._texts = stream.texts
        self._trivia = trivia
        self._entries = entries
        self._printed_comments: set[int] = set()
        self._line_end: _Pending | None = None
        self._space = False
        self._glue_to_closing = False
        self._commands: list[_Command] = []
        self.lines = [Line("")]
        self.first_word_line = -1

    def print(self, document: Document) -> None:
        """Print a document at the left margin."""
        measure(document, self._measure_leaf)
        self._commands.append(_Command(document, 0, False))
        while self._commands:
            command = self._commands.pop()
            match command.document:
                case Gap() as gap:
                    self._gap(gap, command)
                case Word(token, hang):
                    self._word(token, command.indent, hang)
                case Comments(token):
                    self._comments(token, command.indent)
                case Sequence(parts):
                    self._push(list(reversed(parts)), command.indent, command.is_flat)
                case Nest(content, levels):
                    self._push([content], command.indent + levels * INDENT_COLUMNS, command.is_flat)
                case Group(content):
                    flat = command.is_flat or self._fits(command.document)
                    self._push([content], command.indent, flat)

    # ------------------------------------------------------------------ measuring

    def _measure_leaf(self, leaf: Word | Comments) -> tuple[int, bool]:
        """Return the width of a token with the comments before it, and whether they end a line."""
        trivia = self._trivia[leaf.token]
        inline = (row for row in trivia.comments if row.placement is Placement.INLINE)
        width = sum(len(comment.text) + 1 for comment in inline)
        ends_line = trivia.ends_line and leaf.token not in self._entries
        if isinstance(leaf, Word):
            width += _first_line_width(self._texts[leaf.token])
        return width, ends_line

    def _fits(self, group: Group) -> bool:
        """Tell whether a group, and what follows up to the next line end, fits the line."""
        if group.breaks:
            return False
        room = MAX_COLUMNS - self._column() - group.width
        ahead: list[tuple[Document, bool]] = []
        index = len(self._commands)
        while room >= 0 and (ahead or index):
            if ahead:
                document, is_flat = ahead.pop()
            else:
                index -= 1
                document, is_flat = self._commands[index].document, self._commands[index].is_flat
            if isinstance(document, Parent):
                ahead += [(child, is_flat) for child in reversed(children_of(document))]
            elif self._may_end_line(document, is_flat):
                return True
            else:
                room -= size_of(document, self._measure_leaf)[0]
        return room >= 0

    def _may_end_line(self, leaf: Gap | Word | Comments, is_flat: bool) -> bool:
        """Tell whether the line may end before a document that comes after a group."""
        if isinstance(leaf, Gap):
            return leaf is not Gap.SPACE and not is_flat
        return leaf.token in self._entries or self._measure_leaf(leaf)[1]

    def _column(self) -> int:
        if self._line_end is not None:
            return self._line_end.indent
        return len(self.lines[-1].code) + int(self._space)

    # ------------------------------------------------------------------- printing

    def _push(self, documents: list[Document], indent: int, is_flat: bool) -> None:
        self._commands += [_Command(document, indent, is_flat) for document in documents]

    def _gap(self, gap: Gap, command: _Command) -> None:
        if gap in (Gap.NEWLINE, Gap.ENTRY) or (gap is not Gap.SPACE and not command.is_flat):
            self._line_end = _Pending(command.indent, gap is Gap.ENTRY)
        elif gap is not Gap.SOFT_LINE:
            self._space = True

    def _word(self, token: int, indent: int, hang: int) -> None:
        self._comments(token, indent + hang * INDENT_COLUMNS)
        trivia = self._trivia[token]
        if trivia.newlines > 1:
            self._keep_empty_line()
        text = self._texts[token]
        if self._glue_to_closing and text[:1] in _NO_BLANK_BEFORE:
            self._space = False
        self._write(text.rstrip(" \t\r") if text.startswith("#") else text)
        if self.first_word_line < 0:
            self.first_word_line = len(self.lines) - 1 - text.count("\n")

    def _comments(self, token: int, indent: int) -> None:
        """Print the comments before a token, unless that is done already."""
        if token in self._printed_comments:
            return
        self._printed_comments.add(token)
        for comment in self._trivia[token].comments:
            match comment.placement:
                case Placement.TRAILING:
                    self._append_to_line(comment)
                    self._demand_line_end(indent)
                case Placement.OWN_LINE:
                    self._print_on_own_line(comment, indent, token in self._entries)
                case Placement.INLINE:
                    self._print_inline(comment)

    def _append_to_line(self, comment: Comment) -> None:
        line = self.lines[-1]
        line.comment = f"{line.comment} {comment.text}" if line.comment else comment.text

    def _print_on_own_line(self, comment: Comment, indent: int, is_entry: bool) -> None:
        self._demand_line_end(indent)
        if comment.newlines_before > 1:
            self._keep_empty_line()
        column = self._line_end.indent if self._line_end is not None else 0
        self._write(_indented(comment.text, column))
        self._line_end = _Pending(column, is_entry)

    def _print_inline(self, comment: Comment) -> None:
        if comment.newlines_before > 1:
            self._keep_empty_line()
        if self._line_end is None and self.lines[-1].code[-1:] not in _NO_BLANK_AFTER:
            self._space = True
        self._write(comment.text)
        self._space = self._glue_to_closing = True

    def _demand_line_end(self, indent: int) -> None:
        if self._line_end is None:
            self._line_end = _Pending(indent, False)

    def _keep_empty_line(self) -> None:
        if self._line_end is not None and self._line_end.keeps_empty_line:
            self._line_end.is_empty_line = True

    def _write(self, text: str) -> None:
        """Write the pending line end or blank, then a text that may have lines."""
        if self._line_end is not None:
            if self._line_end.is_empty_line:
                self.lines.append(Line(""))
            if len(self.lines) > 1 or self.lines[0].code or self.lines[0].comment:
                self.lines.append(Line(""))
            self.lines[-1].code = " " * self._line_end.indent
        elif self._space and self.lines[-1].code:
            self.lines[-1].code += " "
        self._line_end, self._space, self._glue_to_closing = None, False, False
        first, *others = text.split("\n")
        self.lines[-1].code += first
        self.lines += [Line(other) for other in others]


def _first_line_width(text: str) -> int:
    end = text.find("\n")
    return len(text) if end < 0 else end


def _indented(comment: str, column: int) -> str:
    """Return a comment whose lines all begin with `*` with these in one column."""
    first, *others = comment.split("\n")
    if not all(line.lstrip(" \t").startswith("*") for line in others):
        return comment
    return "\n".join([first, *(" " * (column + 1) + line.lstrip(" \t") for line in others)])
