"""The lexer: the text of a file in, raw tokens out, with every lexical error reported.

Tokens are three parallel lists, because a list of objects costs more to build than the rest of the
front end. A token's kind depends on its text alone; what depends on neighbours is tokens.py's.
Invariant: texts[i] is file.text[starts[i]:starts[i] + len(texts[i])], starts ascend, and the last
token is END, of no characters.
"""

import re
from itertools import accumulate, compress

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.frontend.grammar.tables import FIXED, KIND_NAMES, PATTERNS
from mlrift.source import SourceFile, Span
from mlrift.values import record

KIND = {name: kind for kind, name in enumerate(KIND_NAMES)}
END = KIND["$END"]
SPACE = KIND["SPACE"]
NAME = KIND["NAME"]
INTEGER = KIND["INTEGER"]
FLOAT = KIND["FLOAT"]
STRING = KIND["STRING"]
CHAR = KIND["CHAR"]
FORMAT_STRING = KIND["FORMAT_STRING"]
ANNOTATION = KIND["ANNOTATION"]
LANG_LINE = KIND["LANG_LINE"]
BAD = len(KIND_NAMES)
MAX_LEXICAL_ERRORS = 100
UNITS = ("s", "ms", "us", "ns", "Hz", "kHz")
CONTEXTUAL_STARTERS = frozenset(
    ("tensor", "vec", "csr", "events", "build", "dynamics", "plasticity", "as", *UNITS)
)
BYTE_ORDER_MARK = "\ufeff"

_NOT_HERE = {
    "?": "there is no operator `?`: use `if`",
    "#": 'comments begin with `//`, imports are `import "path.mlr"`',
    "$": 'there is no `$`: values in text are written f"{name}"',
    "`": "text stands in double quotes",
}

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_FIRST_CHARACTER_KINDS = {
    "'": CHAR,
    '"': STRING,
    "@": ANNOTATION,
    "#": LANG_LINE,
    "/": SPACE,
    BYTE_ORDER_MARK: SPACE,
    **dict.fromkeys(" \t\r\n", SPACE),
    **dict.fromkeys(_LETTERS, NAME),
}


@record
class TokenStream:
    """The tokens of a file, or of one expression inside an f-string.

    `is_cut_short` when a string or comment that never ends swallowed the rest of the file.
    `starters` are the contextual words (contextual_words.py) that occur among the texts.
    """

    file: SourceFile
    kinds: list[int]
    texts: list[str]
    starts: list[int]
    is_cut_short: bool = False
    starters: frozenset[str] = frozenset()

    def span(self, index: int) -> Span:
        """Return the place of one token."""
        start = self.starts[index]
        return Span(self.file, start, start + len(self.texts[index]))


def kinds_of(spellings: str) -> frozenset[int]:
    """Return the kinds of several keywords or operators, given with spaces between."""
    return frozenset(FIXED[spelling] for spelling in spellings.split())


def lex(file: SourceFile, sink: DiagnosticSink) -> TokenStream:
    """Return the tokens of a whole file."""
    return lex_region(file, 0, len(file.text), sink)


def lex_region(file: SourceFile, begin: int, end: int, sink: DiagnosticSink) -> TokenStream:
    """Return the tokens of a part of a file, with offsets into the whole of it."""
    lexemes = _split(file.text, begin, end)
    table = _KindTable(FIXED)
    kinds = list(map(table.__getitem__, lexemes))
    starts = accumulate(map(len, lexemes), initial=begin)
    selected = list(map(SPACE.__ne__, kinds))
    stream = TokenStream(
        file,
        list(compress(kinds, selected)),
        list(compress(lexemes, selected)),
        list(compress(starts, selected)),
    )
    stream.starters = CONTEXTUAL_STARTERS & table.keys()
    if BAD in stream.kinds:
        _report_and_repair(stream, sink)
    stream.kinds.append(END)
    stream.texts.append("")
    stream.starts.append(end)
    return stream


def format_string_end(text: str, begin: int, end: int) -> int:
    """Return the offset after the f-string whose `f"` is at `begin`, or -1 if it never ends."""
    return _nested_end(text, begin + 2, end, _IN_TEXT)


def format_expression_end(text: str, begin: int, end: int) -> int:
    """Return the offset after the `{expression}` whose `{` is at `begin`, or -1."""
    return _nested_end(text, begin + 1, end, _IN_TEXT + 1)


def _nested_end(text: str, position: int, end: int, depth: int) -> int:
    """Skip to the end of an f-string (depth `_IN_TEXT`) or of an expression in one (depth 1)."""
    depths = [depth]  # one entry a nested f-string: in its text, or its count of open braces
    is_expression = depth != _IN_TEXT
    while depths:
        pattern = _NEXT_IN_TEXT if depths[-1] == _IN_TEXT else _NEXT_IN_EXPRESSION
        match = pattern.match(text, position, end)
        if match is None:
            return -1
        position = match.end()
        found = text[position - 1]
        if found == "{":
            depths[-1] += 1
        elif found == "}":
            depths[-1] -= 1
            if is_expression and depths == [_IN_TEXT]:
                return position
        elif depths[-1] == _IN_TEXT:
            depths.pop()
        else:
            depths.append(_IN_TEXT)
    return position


class _KindTable(dict[str, int]):
    """Lexeme -> kind, filled on demand: most lexemes of a program occur many times."""

    def __missing__(self, lexeme: str) -> int:
        kind = _classify(lexeme)
        self[lexeme] = kind
        return kind


def _split(text: str, begin: int, end: int) -> list[str]:
    """Cut a text into lexemes that tile it, white space and comments included."""
    lexemes = _MASTER.findall(text, begin, end)
    while lexemes and lexemes[-1].startswith('f"'):
        # The pattern gives up on an f-string nested in an f-string and takes everything.
        start = end - len(lexemes[-1])
        stop = format_string_end(text, start, end)
        if stop in (-1, end):
            break
        lexemes[-1] = text[start:stop]
        lexemes += _MASTER.findall(text, stop, end)
    return lexemes


def _classify(lexeme: str) -> int:
    first = lexeme[0]
    if first.isdigit() and first.isascii():
        return _classify_number(lexeme)
    kind = _FIRST_CHARACTER_KINDS.get(first, BAD)
    if lexeme.startswith('f"'):
        return FORMAT_STRING if _is_closed_format_string(lexeme) else BAD
    if kind == STRING:
        return kind if _STRING.fullmatch(lexeme) else BAD
    if lexeme.startswith("/*"):
        return kind if lexeme.endswith("*/") and len(lexeme) > len("/*/") else BAD
    return BAD if lexeme in _LONE_CHARACTERS else kind


def _is_closed_format_string(lexeme: str) -> bool:
    if _FORMAT_STRING.fullmatch(lexeme):
        return True
    return format_string_end(lexeme, 0, len(lexeme)) == len(lexeme)


def _classify_number(lexeme: str) -> int:
    if lexeme[:2].lower() in ("0x", "0b", "0o"):
        return INTEGER
    return FLOAT if "." in lexeme or "e" in lexeme or "E" in lexeme else INTEGER


def _report_and_repair(stream: TokenStream, sink: DiagnosticSink) -> None:
    """Report the lexemes that are no tokens; drop them, but let an open string stand for one."""
    keep = []
    reported = 0
    for index, kind in enumerate(stream.kinds):
        keep.append(kind != BAD or stream.texts[index].startswith(('"', 'f"')))
        if kind == BAD and reported < MAX_LEXICAL_ERRORS:
            sink.emit(_describe_bad_lexeme(stream, index))
            reported += 1
    stream.is_cut_short = stream.texts[-1].startswith(('"', 'f"', "/*"))
    stream.kinds = [STRING if kind == BAD else kind for kind in compress(stream.kinds, keep)]
    stream.texts = list(compress(stream.texts, keep))
    stream.starts = list(compress(stream.starts, keep))


def _describe_bad_lexeme(stream: TokenStream, index: int) -> Diagnostic:
    text = stream.texts[index]
    span = stream.span(index)
    opening = Span(span.file, span.start, span.start + (2 if text[0] in "f/" else 1))
    if text[0] == '"':
        return catalog.UNTERMINATED_STRING.at(opening)
    if text.startswith('f"'):
        return catalog.UNTERMINATED_FORMAT_STRING.at(opening)
    if text.startswith("/*"):
        return catalog.UNTERMINATED_COMMENT.at(opening)
    if text == "'":
        return catalog.UNTERMINATED_CHAR.at(opening)
    if text == "\0":
        return catalog.NUL_BYTE.at(span)
    diagnostic = catalog.INVALID_CHARACTER.at(span, character=_shown(text[0]))
    note = _NOT_HERE.get(text[0])
    return diagnostic.note(note) if note else diagnostic


def _shown(character: str) -> str:
    if character.isprintable():
        return f"'{character}'"
    if "\udc80" <= character <= "\udcff":  # a byte that is not UTF-8
        return f"byte 0x{ord(character) & 0xFF:02X}"
    return f"U+{ord(character):04X}"


def _master_pattern() -> str:
    operators = [text for text in FIXED if text[0] not in _LETTERS]
    prefixes = {text[:length] for text in operators for length in range(1, len(text))}
    lone = [text for text in operators if text not in prefixes and len(text) == 1 and text != "@"]
    others = sorted(set(operators) - set(lone), key=lambda text: (-len(text), text))
    tokens = [pattern for _, pattern in PATTERNS]
    unterminated = [r'f"[\s\S]*', r'"[\s\S]*', r"/\*[\s\S]*"]
    return "|".join(
        [
            *tokens[:_TOKENS_BEFORE_OPERATORS],
            f"[{re.escape(''.join(lone))}]",
            *tokens[_TOKENS_BEFORE_OPERATORS:],
            *unterminated,
            *map(re.escape, others),
            r"[^\x00-\x7f]+",
            r"[\s\S]",
        ]
    )


_IN_TEXT = 0
_STRING_BODY = r'"[^"\\]*+(?:\\[\s\S][^"\\]*+)*+"'
_CHAR_BODY = r"'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'"
_STRING = re.compile(_STRING_BODY)
_FORMAT_STRING = re.compile(dict(PATTERNS)["FORMAT_STRING"])
# An f-string's text is left by `"` and enters an expression by a single `{`; in an expression
# braces nest, while strings and chars are skipped whole.
_NEXT_IN_TEXT = re.compile(r'(?:[^"\\{]|\\[\s\S]|\{\{)*+["{]')
_NEXT_IN_EXPRESSION = re.compile(
    rf"""(?:[^"'{{}}f]|f(?!")|{_STRING_BODY}|{_CHAR_BODY})*+(f"|[{{}}])"""
)
_LONE_CHARACTERS = frozenset("'#")
_TOKENS_BEFORE_OPERATORS = 3  # white space, f-strings and names
_MASTER = re.compile(_master_pattern())
