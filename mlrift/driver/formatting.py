"""`mlrc fmt`: re-indents source text by brace depth and changes nothing else (cli.md 3.2).

What lies inside a string or a block comment that spans lines keeps its blanks: those of a string
belong to the program.
"""

import re
from dataclasses import dataclass
from enum import Enum, unique

from mlrift.frontend.lexer import format_string_end

_BLANK_LINE_BEFORE = ("fn", "st", "en")
_BLANKS = " \t\r"
_PIECES = re.compile(
    r"""
      (?P<format> (?<![A-Za-z0-9_])f" )
    | (?P<string> "(?:\\.|[^"\\])*"? | '(?:\\.|[^'\\\n])*'? )
    | (?P<comment> //[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<open> \{ ) | (?P<close> \} ) | (?P<end> \n )
    """,
    re.VERBOSE | re.DOTALL,
)


@unique
class _Inside(Enum):
    """What a place between two lines is part of."""

    CODE = "code"
    STRING = "string"
    COMMENT = "comment"


@dataclass(slots=True)
class _Line:
    """One line of source and its braces outside strings and comments."""

    start: int
    begins: _Inside = _Inside.CODE
    ends: _Inside = _Inside.CODE
    opened: int = 0
    closed: int = 0
    end: int = 0


def format_source(text: str) -> str:
    """Return `text` with 4 spaces a brace depth, no trailing blanks and one final newline."""
    lines: list[str] = []
    depth = 0
    for row in _split(text):
        line = _stripped(row, text[row.start : row.end])
        in_code = row.begins is _Inside.CODE
        level = max(depth - int(in_code and line.startswith("}")), 0)
        starts_item = in_code and level == 0 and line.startswith(_BLANK_LINE_BEFORE)
        if starts_item and lines and lines[-1]:
            lines.append("")
        lines.append("    " * level + line if line and in_code else line)
        depth = max(depth + row.opened - row.closed, 0)
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines) + "\n"


def _stripped(row: _Line, line: str) -> str:
    """Remove the blanks at both ends that are outside of strings and comments."""
    if row.ends is not _Inside.STRING:
        line = line.rstrip(_BLANKS)
    return line.lstrip(_BLANKS) if row.begins is _Inside.CODE else line


def _split(text: str) -> list[_Line]:
    lines = [_Line(0)]
    position = 0
    while (piece := _PIECES.search(text, position)) is not None:
        position = piece.end()
        match piece.lastgroup:
            case "open":
                lines[-1].opened += 1
            case "close":
                lines[-1].closed += 1
            case "end":
                _break(lines, piece.start(), _Inside.CODE)
            case "comment":
                _break_inside(lines, text, piece.start(), position, _Inside.COMMENT)
            case kind:
                if kind == "format":
                    found = format_string_end(text, piece.start(), len(text))
                    position = len(text) if found < 0 else found
                _break_inside(lines, text, piece.start(), position, _Inside.STRING)
    lines[-1].end = len(text)
    return lines


def _break_inside(lines: list[_Line], text: str, start: int, end: int, inside: _Inside) -> None:
    """Break at every newline of a string or of a comment."""
    newline = text.find("\n", start, end)
    while newline >= 0:
        _break(lines, newline, inside)
        newline = text.find("\n", newline + 1, end)


def _break(lines: list[_Line], newline: int, inside: _Inside) -> None:
    """End the last line at a newline and start the next one."""
    lines[-1].end, lines[-1].ends = newline, inside
    lines.append(_Line(newline + 1, begins=inside))
