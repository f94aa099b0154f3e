"""`mlrc fmt` on every program we have: it changes no token and no comment, and is done at once."""

import random
import zlib
from functools import cache
from pathlib import Path

import pytest

from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver.formatting import NotAProgram, format_source, pieces_of
from mlrift.driver.modules import load_program
from mlrift.frontend.lexer import (
    ANNOTATION,
    END,
    FLOAT,
    INTEGER,
    KIND,
    LANG_LINE,
    NAME,
    TokenStream,
    lex,
)
from mlrift.ir.text.listing import list_module
from mlrift.source import SourceFile
from tests.harness.compiler import context_for, front_end, options_for
from tests.harness.directives import read_directives
from tests.harness.run_files import IS_THOROUGH
from tests.unit.frontend.tree_text import tree_text

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("tests/run", "tests/errors", "tests/docs", "examples", "std", "mlrift", "benchmarks")
"""Bits of white space without a line end, with one, and with more than one."""
BLANKS = (" ", "  ", "\t", " \t ")
SINGLE = ("\n", "\n    ", " \r\n", "\n\t\t")
SEVERAL = ("\n\n", "\n \n", "\n\n\n   ", "\r\n\r\n")
"""After these the formatter looks whether the source has a line end."""
SETTLED = (KIND["{"], ANNOTATION, LANG_LINE)


@cache
def formatted(path: Path) -> tuple[str, str]:
    """Return the text of a program and what the formatter makes of it."""
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return text, format_source(text, str(path), [ROOT])


def programs(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.mlr"))


def some(paths: list[Path]) -> list[Path]:
    """Return a third, always the same, unless the tests are to be thorough."""
    return [row for row in paths if IS_THOROUGH or zlib.crc32(row.name.encode()) % 3 == 0]


@pytest.mark.parametrize("folder", FOLDERS)
def test_tokens_and_comments_stay_and_formatting_again_changes_nothing(folder: str) -> None:
    for path in some(programs(folder)):
        try:
            text, once = formatted(path)
        except NotAProgram:
            assert "errors" in path.parts, path
            continue
        assert format_source(once, str(path), [ROOT]) == once, path
        assert pieces_of(once) == pieces_of(text), path
        assert once.endswith("\n") and not once.endswith("\n\n"), path
        assert "\t\n" not in once.replace("\r", ""), path


@pytest.mark.parametrize("folder", ["tests/run/statements", "tests/run/structs", "examples"])
def test_the_tree_stays(folder: str) -> None:
    for path in some(programs(folder)):
        text, once = formatted(path)

        def read(name: str, path: Path = path, once: str = once) -> bytes:
            is_root = Path(name) == path
            return once.encode() if is_root else Path(name).read_bytes()

        before = load_program(path, [ROOT], DiagnosticSink())
        after = load_program(path, [ROOT], DiagnosticSink(), read)
        assert tree_text(before.modules[-1].items) == tree_text(after.modules[-1].items), path
        assert text


@pytest.mark.parametrize("path", programs("tests/run/programs"), ids=lambda path: path.stem)
def test_the_intermediate_representation_stays(path: Path, tmp_path: Path) -> None:
    text, once = formatted(path)
    if "import" in text:
        pytest.skip("reads other files beside it")
    flags = [flag for flag in read_directives(path).flags if flag != "--debug"]
    modules = []
    for name, content in (("before", text), ("after", once)):
        copy = tmp_path / name / path.name
        copy.parent.mkdir()
        copy.write_text(content)
        modules.append(list_module(front_end(context_for(options_for(copy, flags)))))
    assert modules[0] == modules[1]


@pytest.mark.parametrize("seed", range(4))
def test_the_result_hangs_on_no_white_space_that_means_nothing(seed: int) -> None:
    """Line ends after `{` and annotations, empty lines and lines of comments mean something."""
    chance = random.Random(seed)
    paths = [path for folder in ("tests/run", "examples", "std") for path in programs(folder)]
    for path in chance.sample(paths, 30):
        _, once = formatted(path)
        disturbed = disturb(once, chance)
        assert pieces_of(disturbed) == pieces_of(once), path
        assert format_source(disturbed, str(path), [ROOT]) == once, path


COMMENTS = (
    " // line\n",
    "\n// own\n",
    " /* inside */ ",
    " /* end */\n",
    "\n/* two\n * lines\n */\n",
    "\n\n// apart\n\n",
    " /* two\n   lines */ ",
    "\n/* start */ ",
)


@pytest.mark.parametrize("seed", range(2))
def test_comments_stay_wherever_they_are(seed: int) -> None:
    chance = random.Random(seed)
    paths = [path for folder in ("tests/run", "examples", "std") for path in programs(folder)]
    for path in chance.sample(paths, 30):
        text = with_comments(formatted(path)[0], chance)
        once = format_source(text, str(path), [ROOT])
        assert format_source(once, str(path), [ROOT]) == once, path
        assert pieces_of(once) == pieces_of(text), path


def with_comments(text: str, chance: random.Random) -> str:
    """Return a program with comments in some places where a comment may be."""
    stream = lex(SourceFile("", text), DiagnosticSink())
    parts: list[str] = []
    position = 0
    for index, (start, token) in enumerate(zip(stream.starts, stream.texts, strict=True)):
        parts.append(text[position:start])
        may_stand = position and not token.startswith("#") and not is_unit(stream, index)
        if may_stand and chance.random() < 0.1:
            parts.append(chance.choice(COMMENTS))
        parts.append(token)
        position = start + len(token)
    return "".join(parts)


def is_unit(stream: TokenStream, index: int) -> bool:
    """Whether a token is the unit of the number before it."""
    before = index - 1
    if before < 0 or stream.kinds[before] not in (INTEGER, FLOAT) or stream.kinds[index] != NAME:
        return False
    return stream.starts[before] + len(stream.texts[before]) == stream.starts[index]


def disturb(text: str, chance: random.Random) -> str:
    """Return a formatted text with other white space where it means nothing."""
    stream = lex(SourceFile("", text), DiagnosticSink())
    parts: list[str] = []
    position = 0
    for index, (start, token) in enumerate(zip(stream.starts, stream.texts, strict=True)):
        before = text[position:start]
        is_settled = index == 0 or stream.kinds[index - 1] in SETTLED
        is_code = not before.strip() and stream.kinds[index] not in (END, LANG_LINE)
        is_code &= not is_unit(stream, index)
        parts.append(other_blanks(before, is_settled, chance) if is_code else before)
        parts.append(token)
        position = start + len(token)
    return "".join(parts)


def other_blanks(before: str, is_settled: bool, chance: random.Random) -> str:
    """Return other white space for what stands between two tokens."""
    newlines = before.count("\n")
    if newlines > 1:
        return chance.choice(SEVERAL)
    if is_settled:
        return chance.choice(SINGLE) if newlines else chance.choice((before, *BLANKS))
    return chance.choice((before, *BLANKS, *SINGLE) if before else ("", "", *BLANKS, *SINGLE))


@pytest.mark.parametrize("folder", ["std", "examples"])
def test_the_library_and_the_examples_are_formatted(folder: str) -> None:
    for path in programs(folder):
        text, once = formatted(path)
        assert text == once, f"{path}: run make format"
