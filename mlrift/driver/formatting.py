"""`mlrc fmt`: re-indents source text by brace depth and changes nothing else (cli.md 3.2)."""

_BLANK_LINE_BEFORE = ("fn", "st", "en")


def format_source(text: str) -> str:
    """Return `text` with 4 spaces a brace depth, no trailing blanks and one final newline."""
    lines: list[str] = []
    depth = 0
    for raw in text.split("\n"):
        line = raw.strip(" \t\r")
        opened, closed, leading = _count_braces(line)
        level = max(depth - leading, 0)
        starts_item = level == 0 and line.startswith(_BLANK_LINE_BEFORE)
        if starts_item and lines and lines[-1]:
            lines.append("")
        lines.append("    " * level + line if line else "")
        depth = max(depth + opened - closed, 0)
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines) + "\n"


def _count_braces(line: str) -> tuple[int, int, int]:
    """Return opening, closing and leading closing braces outside strings and comments."""
    opened = closed = leading = index = 0
    at_start = True
    while index < len(line):
        character = line[index]
        if character in "\"'":
            index = _skip_quoted(line, index)
        elif line.startswith("//", index):
            break
        elif character == "{":
            opened += 1
        elif character == "}":
            closed += 1
            leading += int(at_start)
        if character != "}":
            at_start = False
        index += 1
    return opened, closed, min(leading, 1)


def _skip_quoted(line: str, start: int) -> int:
    """Return the index of the closing quote, or the line's end."""
    index = start + 1
    while index < len(line) and line[index] != line[start]:
        index += 2 if line[index] == "\\" else 1
    return index
