"""The comment above a declaration: what headers and bindings say about it.

Enters: a place inside a declaration. Leaves: the lines of `//` or `/* */` right above it, without
the comment signs. Annotations may stand between; an empty line ends the comment. The comment at the
beginning of a file is about the file when an empty line follows it.
"""

import re

from mlrift.source import SourceFile, Span

_ONLY_ANNOTATIONS = re.compile(r"\s*(@\s*\w+\s*(\([^)]*\))?\s*)+(//.*)?").fullmatch


def doc_comment(span: Span) -> str:
    """Return the text of the comment above the line of `span`; empty without one."""
    file, line = span.file, span.line - 1
    while line > 0 and _ONLY_ANNOTATIONS(file.line_text(line)):
        line -= 1
    return _comment_that_ends_at(file, line)


def file_comment(file: SourceFile) -> str:
    """Return the text of the comment at the beginning of a file; empty without one."""
    line_count = len(file.line_starts())
    first = 1
    while first < line_count and (not _text(file, first) or _text(file, first).startswith("#")):
        first += 1
    last = first
    while last < line_count and _text(file, last + 1):
        last += 1
    rows = range(first, last + 1)
    is_lines = all(_text(file, row).startswith("//") for row in rows)
    is_block = _text(file, first).startswith("/*") and _text(file, last).endswith("*/")
    is_one_block = is_block and not any("*/" in _text(file, row) for row in rows[:-1])
    return _comment_that_ends_at(file, last) if is_lines or is_one_block else ""


def _comment_that_ends_at(file: SourceFile, line: int) -> str:
    rows = _block(file, line) if _text(file, line).endswith("*/") else _lines(file, line)
    while rows and not rows[0]:
        del rows[0]
    while rows and not rows[-1]:
        del rows[-1]
    return "\n".join(rows)


def _text(file: SourceFile, line: int) -> str:
    return file.line_text(line).strip() if line > 0 else ""


def _lines(file: SourceFile, line: int) -> list[str]:
    """Return the `//` lines that end at `line`."""
    rows: list[str] = []
    while _text(file, line).startswith("//"):
        rows.append(_plain(_text(file, line).lstrip("/")))
        line -= 1
    return rows[::-1]


def _block(file: SourceFile, line: int) -> list[str]:
    """Return the lines of the `/* */` that ends at `line`; none if code stands before it."""
    rows: list[str] = []
    while line > 0:
        text = _text(file, line)
        start = text.find("/*")
        rows.append(text[max(start, 0) :])
        if start >= 0:
            return _without_signs(rows[::-1]) if start == 0 else []
        line -= 1
    return []


def _without_signs(rows: list[str]) -> list[str]:
    rows[0] = rows[0].removeprefix("/*").lstrip("*!")
    rows[-1] = rows[-1].removesuffix("*/").rstrip("*")
    return [_plain(row.lstrip().removeprefix("*")) for row in rows]


def _plain(text: str) -> str:
    """Return a line without the blank after its sign; a ruler of dashes is empty."""
    plain = text.removeprefix(" ").rstrip()
    return plain if any(map(str.isalnum, plain)) else ""
