"""Comments: a token stream in, what stands between its tokens out.

Every comment belongs to the token after it, that of the end of the file included, so the comments
of all tokens in order are the comments of the file.
"""

import re
from enum import Enum, unique

from mlrift.frontend.lexer import TokenStream
from mlrift.values import record

_BLANKS = " \t\r"
_PIECES = re.compile(r"//[^\n]*|/\*[\s\S]*?\*/|\n")


@unique
class Placement(Enum):
    """Where a comment stands among the lines."""

    TRAILING = "at the end of the line of the token before"
    OWN_LINE = "on lines of its own"
    INLINE = "before a token of its line"


@record
class Comment:
    """A comment, or several on a line, without blanks at line ends.

    `newlines_before` counts the line ends before it.
    """

    text: str
    newlines_before: int
    placement: Placement = Placement.INLINE


@record
class Trivia:
    """What stands before a token; `newlines` are the line ends between the last comment and it."""

    comments: list[Comment]
    newlines: int

    @property
    def has_newline(self) -> bool:
        """Whether the token is on another line than the one before it."""
        return self.newlines > 0 or self.ends_line

    @property
    def ends_line(self) -> bool:
        """Whether a comment here must have a line end after it."""
        return any(comment.placement is not Placement.INLINE for comment in self.comments)


NO_TRIVIA = Trivia([], 0)


def read_trivia(stream: TokenStream) -> list[Trivia]:
    """Return what stands before every token of a stream without lexical errors."""
    text = stream.file.text
    found: list[Trivia] = []
    position = 0
    last = len(stream.texts) - 1
    for index, (start, token) in enumerate(zip(stream.starts, stream.texts, strict=True)):
        between = text[position:start]
        if 0 < index < last:
            found.append(NO_TRIVIA if between in ("", " ") else _read(between))
        else:
            found.append(_read("\n" * (index == 0) + between + "\n" * (index == last)))
        position = start + len(token)
    return found


def _read(between: str) -> Trivia:
    """Return the comments of one gap; at the ends of the file it has a line end more."""
    rows: list[Comment] = []  # those of one line are one comment
    newlines = 0
    for piece in _PIECES.findall(between):
        if piece == "\n":
            newlines += 1
            continue
        text = without_line_end_blanks(piece)
        if rows and newlines == 0:
            rows[-1].text += f" {text}"
        else:
            rows.append(Comment(text, newlines))
        newlines = 0
    if rows:
        for row in rows if newlines else rows[:-1]:
            row.placement = Placement.OWN_LINE if row.newlines_before else Placement.TRAILING
    return Trivia(rows, newlines)


def without_line_end_blanks(comment: str) -> str:
    """Return a comment without the blanks at the ends of its lines."""
    return "\n".join(line.rstrip(_BLANKS) for line in comment.split("\n"))
