"""Source files and spans: the one place that turns offsets into lines and columns.

A `Span` is a half-open range of characters of one file; every AST node carries one, so a message
points at the right file, line and column however deep the imports are.
"""

from bisect import bisect_right

from mlrift.values import field, record, value


@record
class SourceFile:
    """One file of the program: `path` as messages show it, `text` decoded from UTF-8.

    Source is bytes: those that are not UTF-8 are lone surrogates in `text` (surrogateescape).
    `is_library` marks imported files that are not the root: unreachable functions in them are
    excused from name errors. `bundled` is the name of a file of the compiler's own library, such as
    `std/json.mlr`, that means the same in every program: all it imports is of that library, too.
    """

    path: str
    text: str
    is_library: bool = False
    bundled: str = ""
    _line_starts: list[int] = field(default_factory=list)

    def line_starts(self) -> list[int]:
        """Return the offset of the first character of every line."""
        if not self._line_starts:
            starts = [0]
            position = self.text.find("\n")
            while position >= 0:
                starts.append(position + 1)
                position = self.text.find("\n", position + 1)
            self._line_starts = starts
        return self._line_starts

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Return the 1-based line and column (in characters) of an offset."""
        starts = self.line_starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """Return the text of a 1-based line without its line end."""
        starts = self.line_starts()
        begin = starts[line - 1]
        end = starts[line] - 1 if line < len(starts) else len(self.text)
        return self.text[begin:end].rstrip("\r")


@value
class Span:
    """The characters `start` up to (not including) `end` of `file`."""

    file: SourceFile
    start: int
    end: int

    @property
    def line(self) -> int:
        """The 1-based line of the first character."""
        return self.file.line_and_column(self.start)[0]

    @property
    def column(self) -> int:
        """The 1-based column of the first character."""
        return self.file.line_and_column(self.start)[1]

    @property
    def text(self) -> str:
        """The characters covered."""
        return self.file.text[self.start : self.end]


class InlinedSpan(Span):
    """A span of code that was copied to where `call` stands, which may be a copy in turn."""

    call: Span


def inlined_span(span: Span, call: Span) -> InlinedSpan:
    """Return a span of a copy that took the place of a call."""
    made = InlinedSpan(span.file, span.start, span.end)
    made.call = call
    return made
