"""Rendering: diagnostics in, the text for a person or JSON lines for a tool out; nothing printed.

Text form of one diagnostic: `FILE:LINE:COLUMN: error: MESSAGE [E0301]`, the source line with its
number, a line of carets under the span, the labels, then `note:` and `help:` lines.

JSON form: one object per line with the keys `code`, `severity`, `message`, `file`, `line`,
`column`, `end_line`, `end_column` (1-based, end exclusive; null without a place), `labels` (objects
with the same place keys and `text`), `notes` and `helps` (lists of strings).
"""

from enum import Enum, unique

from mlrift.diagnostics.catalog import SYNTAX_KINDS, TYPE_SHAPE_KINDS
from mlrift.diagnostics.model import Diagnostic, Severity
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.source import Span

MAX_SYNTAX_ERRORS = 20
MAX_LINE_WIDTH = 160
TAB_WIDTH = 4

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_GREEN = "\x1b[1;32m"
_CYAN = "\x1b[1;36m"
_SEVERITY_STYLE = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;35m"}


@unique
class Color(Enum):
    """Whether escape sequences colour the text; the command line decides."""

    NEVER = "never"
    ALWAYS = "always"


def render_report(sink: DiagnosticSink, color: Color = Color.NEVER) -> str:
    """Return all diagnostics as text followed by the totals of reference.md 17.1."""
    diagnostics = sink.diagnostics()
    syntax = [entry for entry in diagnostics if _is_syntax_error(entry)]
    hidden = {id(entry) for entry in syntax[MAX_SYNTAX_ERRORS:]}
    shown = [entry for entry in diagnostics if id(entry) not in hidden]
    blocks = [render_diagnostic(entry, color) for entry in shown]
    blocks.append(_render_totals(diagnostics, len(syntax)))
    return "".join(blocks)


def render_diagnostic(diagnostic: Diagnostic, color: Color = Color.NEVER) -> str:
    """Return one diagnostic as text, each line ended by a newline."""
    style = _SEVERITY_STYLE[diagnostic.severity]
    place = f"{_place(diagnostic.span)}: " if diagnostic.span is not None else ""
    severity = _paint(f"{diagnostic.severity.value}:", style, color)
    message = _paint(_printable(diagnostic.message), _BOLD, color)
    lines = [f"{_paint(place, _BOLD, color)}{severity} {message} [{diagnostic.code}]"]
    margin, source = 0, ""
    if diagnostic.span is not None:
        margin = len(str(diagnostic.span.line))
        source, pointer = _excerpt(diagnostic.span, "", style, color)
        lines += [source, pointer]
    for label in diagnostic.labels:
        same_file = diagnostic.span is not None and label.span.file is diagnostic.span.file
        if not same_file:
            lines.append(f"  {_place(label.span)}:")
        shown, pointer = _excerpt(label.span, label.text, _CYAN, color)
        lines += [pointer] if same_file and shown == source else [shown, pointer]
        source = shown
    indent = " " * (margin + 1)
    lines += [f"{indent}{_paint('note:', _CYAN, color)} {text}" for text in diagnostic.notes]
    lines += [f"{indent}{_paint('help:', _GREEN, color)} {text}" for text in diagnostic.helps]
    return "\n".join(lines) + "\n"


def render_json(sink: DiagnosticSink) -> str:
    """Return all diagnostics as JSON, one object per line."""
    import json  # noqa: PLC0415 - only for this output form

    return "".join(json.dumps(_as_object(entry)) + "\n" for entry in sink.diagnostics())


def _render_totals(diagnostics: list[Diagnostic], syntax_count: int) -> str:
    if syntax_count:
        return f"{syntax_count} parse error(s)\n"
    placed = [entry for entry in diagnostics if entry.span is not None]
    errors = [entry for entry in placed if entry.severity is Severity.ERROR]
    if not placed:
        return ""
    totals = f"\n{len(errors)} error(s), {len(placed) - len(errors)} warning(s)\n"
    if not errors:
        return totals
    if all(entry.kind in TYPE_SHAPE_KINDS for entry in errors):
        return f"{totals}type check failed\n"
    return f"{totals}{len(errors)} error(s) found\n"


def _is_syntax_error(diagnostic: Diagnostic) -> bool:
    return diagnostic.kind in SYNTAX_KINDS and diagnostic.severity is Severity.ERROR


def _place(span: Span) -> str:
    line, column = span.file.line_and_column(span.start)
    return f"{span.file.path}:{line}:{column}"


def _paint(text: str, style: str, color: Color) -> str:
    return f"{style}{text}{_RESET}" if color is Color.ALWAYS and text else text


def _printable(text: str) -> str:
    """Replace control characters, so that a source file cannot drive the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _excerpt(span: Span, text: str, style: str, color: Color) -> tuple[str, str]:
    """Return the source line of a span and the line of carets under it."""
    line, column = span.file.line_and_column(span.start)
    source = span.file.line_text(line)
    first = min(column - 1, len(source))
    last = max(min(first + span.end - span.start, len(source)), first + 1)
    begin, end = _window(len(source), first, last)
    prefix = "..." if begin else ""
    suffix = "..." if end < len(source) else ""
    last = min(last, max(end, first + 1))
    before = _expand(source[begin:first])
    marked = _expand(source[first:last]) or " "
    shown = f"{prefix}{before}{_expand(source[first:end])}{suffix}"
    padding = " " * (len(prefix) + _width(before))
    carets = "^" * max(_width(marked), 1)
    gutter = len(str(line))
    pointer = _paint(f"{carets} {text}" if text else carets, style, color)
    return f"{line} | {shown}".rstrip(), f"{' ' * gutter} | {padding}{pointer}"


def _window(length: int, first: int, last: int) -> tuple[int, int]:
    """Return the part of a long line to show so that the marked part is in view."""
    if length <= MAX_LINE_WIDTH:
        return 0, length
    marked = min(last - first, MAX_LINE_WIDTH // 2)
    begin = max(0, first - (MAX_LINE_WIDTH - marked) // 2)
    end = min(length, begin + MAX_LINE_WIDTH)
    return max(0, end - MAX_LINE_WIDTH), end


def _expand(text: str) -> str:
    return _printable(text.replace("\t", " " * TAB_WIDTH))


def _width(text: str) -> int:
    """Return the number of terminal cells, two for wide East Asian characters."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # noqa: PLC0415 - rarely needed

    cells = 0
    for character in text:
        if not combining(character):
            cells += 2 if east_asian_width(character) in "WF" else 1
    return cells


def _as_object(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        **_place_keys(diagnostic.span),
        "labels": [{**_place_keys(label.span), "text": label.text} for label in diagnostic.labels],
        "notes": list(diagnostic.notes),
        "helps": list(diagnostic.helps),
    }


def _place_keys(span: Span | None) -> dict[str, object]:
    if span is None:
        keys = ("file", "line", "column", "end_line", "end_column")
        return dict.fromkeys(keys)
    line, column = span.file.line_and_column(span.start)
    end_line, end_column = span.file.line_and_column(span.end)
    return {
        "file": span.file.path,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
