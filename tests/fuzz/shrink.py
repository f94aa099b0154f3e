"""Makes a failing program small: text and a predicate come in, a text it still holds for leaves.

Lines are removed in ever smaller runs, whole blocks with their braces; blocks lose their braces;
then expressions in parentheses become one of their parts or a number. It knows nothing of the
language but its brackets, so every text between may be refused: that is just not interesting.
"""

import re
import time
from collections.abc import Callable, Iterator

_NUMBER = re.compile(r"(?<![\w.])\d[\w.]*")
_CALL = re.compile(r"\b[a-z_]\w*\($")

Predicate = Callable[[str], bool]


def shrink(text: str, holds: Predicate, seconds: float) -> str:
    """Return a smaller text for which `holds`."""
    deadline = time.monotonic() + seconds
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("//")]
    if not holds("\n".join(lines)):
        lines = text.splitlines()
    while time.monotonic() < deadline:
        before = lines
        lines = _remove_blocks(lines, holds, deadline)
        lines = _remove_lines(lines, holds, deadline)
        lines = _unwrap_blocks(lines, holds, deadline)
        lines = _simplify_lines(lines, holds, deadline)
        if lines == before:
            break
    return "\n".join(lines) + "\n"


def _block_end(lines: list[str], start: int) -> int | None:
    """Return the line that closes the block a line opens, or None."""
    if not lines[start].rstrip().endswith("{"):
        return None
    depth = 0
    for number in range(start, len(lines)):
        depth += lines[number].count("{") - lines[number].count("}")
        if number > start and depth <= 0:
            return number
    return None


def _remove_blocks(lines: list[str], holds: Predicate, deadline: float) -> list[str]:
    number = 0
    while number < len(lines) and time.monotonic() < deadline:
        end = _block_end(lines, number)
        if end is not None:
            smaller = lines[:number] + lines[end + 1 :]
            if holds("\n".join(smaller)):
                lines = smaller
                continue
        number += 1
    return lines


def _unwrap_blocks(lines: list[str], holds: Predicate, deadline: float) -> list[str]:
    number = 0
    while number < len(lines) and time.monotonic() < deadline:
        end = _block_end(lines, number)
        if end is not None:
            smaller = lines[:number] + lines[number + 1 : end] + lines[end + 1 :]
            if holds("\n".join(smaller)):
                lines = smaller
                continue
        number += 1
    return lines


def _remove_lines(lines: list[str], holds: Predicate, deadline: float) -> list[str]:
    size = max(1, len(lines) // 2)
    while time.monotonic() < deadline:
        number = 0
        while number < len(lines) and time.monotonic() < deadline:
            smaller = lines[:number] + lines[number + size :]
            if _is_balanced(lines[number : number + size]) and holds("\n".join(smaller)):
                lines = smaller
            else:
                number += size
        if size == 1:
            break
        size //= 2
    return lines


def _is_balanced(lines: list[str]) -> bool:
    return sum(line.count("{") - line.count("}") for line in lines) == 0


def _simplify_lines(lines: list[str], holds: Predicate, deadline: float) -> list[str]:
    for number in range(len(lines)):
        changed = True
        while changed and time.monotonic() < deadline:
            changed = False
            for simpler in _simpler(lines[number]):
                candidate = [*lines[:number], simpler, *lines[number + 1 :]]
                if time.monotonic() < deadline and holds("\n".join(candidate)):
                    lines = candidate
                    changed = True
                    break
    return lines


def _simpler(line: str) -> Iterator[str]:
    """Yield shorter versions of a line, the shortest first."""
    for start, end in sorted(_groups(line), key=lambda row: row[0] - row[1]):
        called = _CALL.search(line[: start + 1])
        inside = line[start + 1 : end - 1]
        if called is not None and called.end() == start + 1:
            yield from _simpler_calls(line, called.start(), start, end)
            continue
        for part in ("0", "1", "0.0", *_operands(inside)):
            if len(part) < end - start:
                yield line[:start] + part + line[end:]
    for match in _NUMBER.finditer(line):
        for part in ("0", "1", "2"):
            if match[0] not in ("0", part) and len(match[0]) >= len(part):
                yield line[: match.start()] + part + line[match.end() :]
    declared, equals, _ = line.partition(" = ")
    if equals and declared.strip().count(" ") == 1:
        yield declared


def _simpler_calls(line: str, name: int, start: int, end: int) -> Iterator[str]:
    """Yield the line with a call replaced by an argument or a number, or an argument less."""
    arguments = _arguments(line[start + 1 : end - 1])
    for part in ("0", "0.0", *arguments):
        if len(part) < end - name:
            yield line[:name] + part + line[end:]
    for number in range(len(arguments)):
        kept = arguments[:number] + arguments[number + 1 :]
        yield line[: start + 1] + ", ".join(kept) + line[end - 1 :]


def _groups(line: str) -> Iterator[tuple[int, int]]:
    opened: list[int] = []
    for position, letter in enumerate(line):
        if letter == "(":
            opened.append(position)
        elif letter == ")" and opened:
            yield opened.pop(), position + 1


def _arguments(inside: str) -> list[str]:
    return [part.strip() for part in _split(inside, ",")] if inside else []


def _operands(inside: str) -> list[str]:
    return [part for part in _split(inside, " ") if part[0].isalnum() or part[0] == "("]


def _split(text: str, separator: str) -> list[str]:
    """Split at separators outside of brackets."""
    parts, depth, start = [], 0, 0
    for position, letter in enumerate(text):
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [part for part in parts if part]
