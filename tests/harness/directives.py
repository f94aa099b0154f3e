"""Directives in the comments of a test program.

// expect: text        the next line of standard output
// expect-end: text    the last line, without a line end
// expect-file: name   standard output is the content of a file beside the program
// stderr: text        a line of standard error ends with this; several in this order
// exit: 3             the exit status (0 without this line)
// args: a "b c"       arguments
// stdin: text         standard input; \\n and \\t are decoded
// file: name = text   a file in the working folder; \\n and \\t are decoded
// file-from: name = p a file in the working folder: a copy of p, which is beside the program
// flags: --debug      extra command-line flags
// also: --debug       run once more with these flags besides: the same output, no reports of the
                       heap's errors; there may be several, and programs of tests/run/std have this
                       one unless they say `also: none`
// engines: linux-x64  only engines whose name starts with one of these words; then a reason
                       after a semicolon
"""

import difflib
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

_LINE = re.compile(r"^\s*//\s?([a-z-]+):(?: (.*))?$")
_KNOWN = (
    "expect",
    "expect-end",
    "expect-file",
    "stderr",
    "exit",
    "args",
    "stdin",
    "file",
    "file-from",
    "flags",
    "also",
    "engines",
)
_CHECKED_FOLDER = "std"
_NOTHING_ALSO = "none"


@dataclass(slots=True)
class Directives:
    """What a test program expects and needs."""

    expected: bytes = b""
    messages: list[str] = field(default_factory=list)
    status: int = 0
    arguments: list[str] = field(default_factory=list)
    stdin: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    also: list[list[str]] = field(default_factory=list)
    engines: tuple[str, ...] = ()


def read_directives(path: Path) -> Directives:
    """Read the directives of a program; raises ValueError on a word that is nearly one of them."""
    found = Directives()
    if path.parent.name == _CHECKED_FOLDER:
        found.also = [["--debug"]]
    lines: list[str] = []
    end = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        word, value = match[1], match[2] or ""
        if word not in _KNOWN:
            _refuse_misspelling(word, path)
            continue
        if word == "expect":
            lines.append(value + "\n")
        elif word == "stderr":
            found.messages.append(value)
        elif word == "expect-end":
            end = value
        else:
            _apply(found, word, value, path)
    found.expected += ("".join(lines) + end).encode()
    return found


def _apply(found: Directives, word: str, value: str, path: Path) -> None:
    if word == "expect-file":
        found.expected = (path.parent / value).read_bytes()
    elif word == "exit":
        found.status = int(value)
    elif word == "args":
        found.arguments = shlex.split(value)
    elif word == "stdin":
        found.stdin = _decode(value)
    elif word == "file":
        name, _, content = value.partition(" =")
        found.files[name] = _decode(content.removeprefix(" "))
    elif word == "file-from":
        name, _, place = value.partition(" = ")
        found.files[name] = (path.parent / place).read_bytes()
    elif word == "flags":
        found.flags = shlex.split(value)
    elif word == "also":
        _add_also(found, shlex.split(value.partition(";")[0]))
    elif word == "engines":
        found.engines = tuple(value.partition(";")[0].split())


def _add_also(found: Directives, flags: list[str]) -> None:
    if flags == [_NOTHING_ALSO]:
        found.also = []
    elif flags not in found.also:
        found.also.append(flags)


def _refuse_misspelling(word: str, path: Path) -> None:
    near = difflib.get_close_matches(word, _KNOWN, 1, 0.75)
    if near:
        raise ValueError(f"{path}: unknown directive '{word}:'; did you mean '{near[0]}:'?")


def _decode(text: str) -> bytes:
    return text.replace("\\n", "\n").replace("\\t", "\t").encode()
