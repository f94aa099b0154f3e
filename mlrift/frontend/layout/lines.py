"""Lines of output: comments at line ends are put in columns where they follow each other."""

from collections.abc import Iterator

from mlrift.values import record

MAX_COLUMNS = 100
_COMMENT_DISTANCE = 2


@record
class Line:
    """One line: its code and the comment at its end."""

    code: str
    comment: str = ""


def joined(lines: list[Line]) -> str:
    """Return the text of lines, each ended by a newline."""
    texts: list[str] = []
    for run in _runs(lines):
        column = _column(run)
        texts += [
            f"{line.code:<{column}}{line.comment}" if line.comment else line.code for line in run
        ]
    return "".join(f"{text}\n" for text in texts)


def _runs(lines: list[Line]) -> Iterator[list[Line]]:
    """Yield lines by turns: those with a comment at their end and one indentation together."""
    run: list[Line] = []
    for line in lines:
        if run and not (line.comment and run[-1].comment and _indent(line) == _indent(run[-1])):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _column(run: list[Line]) -> int:
    """Return where the comments of a run start; 0 where each stands for itself."""
    column = max(len(line.code) for line in run) + _COMMENT_DISTANCE
    if max(column + len(line.comment) for line in run) > MAX_COLUMNS:
        for line in run:
            line.code += " " * _COMMENT_DISTANCE if line.comment else ""
        return 0
    return column


def _indent(line: Line) -> int:
    return len(line.code) - len(line.code.lstrip(" "))
