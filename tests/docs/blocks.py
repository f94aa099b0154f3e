"""Fenced blocks of a Markdown page in, the examples that can be tested out.

    ```mlr              a whole program
    ```mlr,fragment     the body of `main`
    ```output           what the example before it prints; without it, nothing
    ```stderr           a part of what the example before it writes to standard error

Further words after `mlr`, separated by commas:

    error E0501 ...     refused with exactly these codes
    warning W0303 ...   compiled with exactly these warnings; without it, none
    status 3            the exit status
    args a "b c"        arguments
    debug               compiled with --debug
    lenient             compiled with --no-check-types
    freestanding        compiled with --freestanding
    arm64               compiled for and run on an arm64 machine
    check               held to what `mlrc check` checks, and not run
    object              compiled with -c and linked with the `c` block after it
    file NAME           not a program: a file beside the next one

A program whose first line is `// NAME.mlr` may instead be followed by a transcript: a plain block
with `$ mlr NAME.mlrbo` and the output below it. Anything else is an error.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, unique
from pathlib import Path

_FENCE = re.compile(r"^(`{3,})([^`]*)$")
_NAME_LINE = re.compile(r"\A// (\w+)\.mlr\n")
_FLAGS = {
    "debug": "--debug",
    "lenient": "--no-check-types",
    "freestanding": "--freestanding",
    "arm64": "--arch=arm64",
}
_PLAIN = ("", "text", "console", "ebnf", "json", "sh", "python", "c", "llvm")


class BadBlock(Exception):
    """A block that the tests do not understand; the message names page and line."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where its fence is, the words after the fence, the lines inside."""

    page: Path
    line: int
    info: str
    text: str

    @property
    def place(self) -> str:
        """Return page and line for messages and test names."""
        return f"{self.page.name}:{self.line}"


@unique
class Use(Enum):
    """What becomes of an example that compiles."""

    RUN = "run"
    CHECK = "check"
    OBJECT = "object"


@dataclass(slots=True)
class Example:
    """A program of a page and what it is expected to do."""

    block: Block
    source: str = ""
    use: Use = Use.RUN
    c_program: str = ""
    output: str | None = None
    messages: str = ""
    codes: tuple[str, ...] = ()
    status: int = 0
    arguments: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def read_blocks(page: Path, text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    fence, info, start = "", "", 0
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if not fence:
            if match is not None:
                fence, info, start, lines = match[1], match[2].strip(), number, []
        elif match is not None and match[1] == fence and not match[2].strip():
            yield Block(page, start, info, "".join(f"{row}\n" for row in lines))
            fence = ""
        else:
            lines.append(line)
    if fence:
        raise BadBlock(f"{page.name}:{start}: the block is not closed")


def read_examples(page: Path, text: str) -> list[Example]:
    """Return the examples of a page; raises BadBlock."""
    blocks = list(read_blocks(page, text))
    examples: list[Example] = []
    files: dict[str, str] = {}
    previous: Example | None = None
    for block in blocks:
        word = re.split(r"[,\s]", block.info, maxsplit=1)[0]
        if word == "mlr":
            name = _support_file(block)
            if name:
                files[name] = block.text
                previous = None
                continue
            previous = _read_example(block, files)
            examples.append(previous)
            files = {}
        elif block.info == "c" and previous is not None and previous.use is Use.OBJECT:
            previous.c_program = block.text
        elif block.info in ("output", "stderr"):
            if previous is None:
                raise BadBlock(f"{block.place}: `{block.info}` has no example before it")
            _add_expectation(previous, block)
        elif block.info in _PLAIN:
            previous = None
        else:
            raise BadBlock(f"{block.place}: unknown kind of block '{block.info}'")
    if files:
        raise BadBlock(f"{page.name}: no program after the file(s) {', '.join(files)}")
    _add_transcripts(examples, blocks)
    return examples


def _support_file(block: Block) -> str:
    """Return NAME of a `mlr,file NAME` block, else an empty string."""
    match = re.fullmatch(r"mlr,file (\S+)", block.info)
    return match[1] if match is not None else ""


def _read_example(block: Block, files: dict[str, str]) -> Example:
    example = Example(block, block.text, files=files)
    for attribute in block.info.split(",")[1:]:
        word, _, value = attribute.strip().partition(" ")
        _apply(example, word, value)
    return example


def _apply(example: Example, word: str, value: str) -> None:
    match word:
        case "fragment" if not value:
            example.source = f"fn main() {{\n{example.block.text}}}\n"
        case "error" | "warning" if value:
            example.codes = tuple(sorted(value.split()))
        case "status" if value.isdigit():
            example.status = int(value)
        case "args" if value:
            example.arguments = shlex.split(value)
        case "debug" | "freestanding" | "arm64" | "lenient" if not value:
            example.flags.append(_FLAGS[word])
        case "check" | "object" if not value:
            example.use = Use(word)
        case _:
            raise BadBlock(f"{example.block.place}: unknown word '{word} {value}' after `mlr`")


def _add_expectation(example: Example, block: Block) -> None:
    if block.info == "stderr":
        example.messages = block.text.rstrip("\n")
    elif example.output is not None:
        raise BadBlock(f"{block.place}: a second `output` for one example")
    else:
        example.output = block.text


def _add_transcripts(examples: list[Example], blocks: list[Block]) -> None:
    """Take the output of a named program from the transcript that runs it."""
    transcripts = "".join(block.text for block in blocks if block.info in ("", "console"))
    for example in examples:
        match = _NAME_LINE.match(example.source)
        if example.output is not None or match is None:
            continue
        pattern = rf"^\$ mlr {match[1]}\.mlrbo\n((?:[^$\n].*\n|\n)*)"
        found = re.search(pattern, transcripts, re.MULTILINE)
        if found is not None:
            example.output = found[1]
