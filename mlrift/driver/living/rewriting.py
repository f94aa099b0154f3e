"""Migrations by tokens: source text in, rewritten text and the places out.

    uint64 x                       u64 x
    unsafe { *(p as u32) -> x }    x = load32(p)
    unsafe { *(p as u8) = v }      store8(p, v)

Comments and strings are no tokens, so they are never touched; a pointer statement with a comment
between its words, or with a type that has no builtin, stays as it is.
"""

from collections.abc import Sequence
from enum import Enum, unique

from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver.living.telemetry import LONG_TYPE_NAMES
from mlrift.frontend.lexer import END, KIND, NAME, TokenStream, lex
from mlrift.frontend.tokens import TYPE_KEYWORD
from mlrift.source import SourceFile
from mlrift.values import value

_WIDTHS = {f"{sign}{bits}": bits for sign in ("u", "i", "uint", "int") for bits in (8, 16, 32, 64)}
_STEPS = {KIND["("]: 1, KIND["["]: 1, KIND["{"]: 1, KIND[")"]: -1, KIND["]"]: -1, KIND["}"]: -1}
_PREFIXES = {KIND["unsafe"]: "", KIND["volatile"]: "v"}
_ARROW, _EQUAL, _OPEN_BRACE, _STAR, _OPEN = (KIND[mark] for mark in ("->", "=", "{", "*", "("))
# A statement that begins with one of these would continue the call before it.
_CONTINUATIONS = frozenset(KIND[mark] for mark in ("(", "[", ".", "-", "*", "&"))


@unique
class Migration(Enum):
    """What `--fix` rewrites."""

    TYPES = "types"
    POINTER_OPERATIONS = "ptrops"


@value
class Site:
    """One place that is rewritten: the text from `start` to `end` becomes `after`."""

    start: int
    end: int
    line: int
    before: str
    after: str


@value
class Rewritten:
    """A text after some migrations, with the places they changed."""

    text: str
    sites: tuple[Site, ...]


def rewrite(text: str, migrations: Sequence[Migration]) -> Rewritten:
    """Return the text after the migrations, one after the other."""
    sites: list[Site] = []
    for migration in migrations:
        found = _FINDERS[migration](tokens_of(text))
        sites += found
        text = _apply(text, found)
    return Rewritten(text, tuple(sites))


def tokens_of(text: str) -> TokenStream:
    """Return the tokens of a text."""
    return lex(SourceFile("", text), DiagnosticSink())


def _apply(text: str, sites: list[Site]) -> str:
    parts: list[str] = []
    position = 0
    for site in sites:
        parts += [text[position : site.start], site.after]
        position = site.end
    return "".join([*parts, text[position:]])


def _type_sites(stream: TokenStream) -> list[Site]:
    return [
        _site(stream, index, index, LONG_TYPE_NAMES[text])
        for index, text in enumerate(stream.texts)
        if stream.kinds[index] == TYPE_KEYWORD and text in LONG_TYPE_NAMES
    ]


def _pointer_sites(stream: TokenStream) -> list[Site]:
    sites = []
    for index, kind in enumerate(stream.kinds):
        if kind in _PREFIXES:
            site = _pointer_site(stream, index)
            if site is not None:
                sites.append(site)
    return sites


def _pointer_site(stream: TokenStream, first: int) -> Site | None:
    """Return the site of the pointer statement at `first`, or None if it has to stay."""
    kinds, texts = stream.kinds, stream.texts
    if kinds[first + 1 : first + 4] != [_OPEN_BRACE, _STAR, _OPEN]:
        return None
    address = first + 4
    closing = _matching(kinds, first + 3)
    last = _matching(kinds, first + 1)
    operator = closing + 1
    if closing < address + 3 or last < operator + 2 or texts[closing - 2] != "as":
        return None
    width = _WIDTHS.get(texts[closing - 1])
    if width is None:
        return None
    prefix = _PREFIXES[kinds[first]]
    spans = [(address, closing - 3), (operator + 1, last - 1)]
    if _has_comment_outside(stream, first, last, spans):
        return None
    where, value = (_source(stream, *span) for span in spans)
    if kinds[operator] == _ARROW and last == operator + 2 and kinds[operator + 1] == NAME:
        after = f"{value} = {prefix}load{width}({where})"
    elif kinds[operator] == _EQUAL:
        after = f"{prefix}store{width}({where}, {value})"
    else:
        return None
    if kinds[last + 1] in _CONTINUATIONS:
        after += ";"
    return _site(stream, first, last, after)


def _matching(kinds: list[int], opening: int) -> int:
    """Return the index of the bracket that closes the one at `opening`, or -1."""
    depth = 0
    for index in range(opening, len(kinds)):
        depth += _STEPS.get(kinds[index], 0)
        if depth == 0:
            return index
        if kinds[index] == END:
            break
    return -1


def _has_comment_outside(
    stream: TokenStream, first: int, last: int, kept: list[tuple[int, int]]
) -> bool:
    """Return whether a comment lies between two tokens that are not kept together."""
    for index in range(first, last):
        if any(begin <= index < end for begin, end in kept):
            continue
        gap_start = stream.starts[index] + len(stream.texts[index])
        if stream.file.text[gap_start : stream.starts[index + 1]].strip():
            return True
    return False


def _source(stream: TokenStream, first: int, last: int) -> str:
    end = stream.starts[last] + len(stream.texts[last])
    return stream.file.text[stream.starts[first] : end]


def _site(stream: TokenStream, first: int, last: int, after: str) -> Site:
    start = stream.starts[first]
    end = stream.starts[last] + len(stream.texts[last])
    line, _ = stream.file.line_and_column(start)
    return Site(start, end, line, stream.file.text[start:end], after)


_FINDERS = {Migration.TYPES: _type_sites, Migration.POINTER_OPERATIONS: _pointer_sites}
