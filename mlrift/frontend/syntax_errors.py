"""Syntax errors in words: the state of the parser at an unexpected token in, a diagnostic out.

The set of tokens that could have come is exact; it is phrased by what it would have started (an
expression, a statement) rather than listed.
"""

from collections.abc import Sequence

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.frontend.automaton import automaton
from mlrift.frontend.grammar.tables import KIND_NAMES
from mlrift.frontend.lexer import (
    CHAR,
    END,
    FLOAT,
    FORMAT_STRING,
    INTEGER,
    KIND,
    LANG_LINE,
    NAME,
    STRING,
    TokenStream,
    kinds_of,
)
from mlrift.frontend.recovery import ITEM_STARTS, STATEMENT_STARTS, is_at_margin, starts_item
from mlrift.frontend.tokens import STRUCT_NAME, TYPE_KEYWORD, TYPE_NAME
from mlrift.static_types import Any

MAX_SHOWN_CHARACTERS = 40

_CLASS_NAMES = {
    NAME: "identifier",
    TYPE_NAME: "type",
    STRUCT_NAME: "struct",
    TYPE_KEYWORD: "type",
    INTEGER: "integer",
    FLOAT: "float",
    STRING: "string",
    FORMAT_STRING: "f-string",
    CHAR: "char",
    KIND["ANNOTATION"]: "annotation",
    LANG_LINE: "line",
    KIND["ASM_OUT"]: "identifier",
    KIND["ASM_CLOBBERS"]: "identifier",
}
_EXPRESSION_STARTS = kinds_of("true false sizeof ( - ! ~") | {
    INTEGER,
    FLOAT,
    STRING,
    FORMAT_STRING,
    CHAR,
    NAME,
    STRUCT_NAME,
}
_CONTINUATIONS = kinds_of("|| && == != < <= > >= + - * / % @ << >> & | ^ [ . (") | {
    KIND["GENERIC_LESS"]
}
_ASSIGNMENTS = kinds_of("= += -= *= /= %= &= |= ^= <<= >>=")
_TYPES = frozenset([TYPE_KEYWORD, TYPE_NAME])
# The words of models are names to most readers: they are never proposed.
_NEVER_PROPOSED = (
    "SPACE",
    "$END",
    *("TENSOR", "CSR", "EVENTS", "BUILD", "DYNAMICS", "OF", "BY", "FAST", "DECAY", "TO"),
    *("DERIVATIVE", "SPIKE", "HOLD", "PLASTICITY", "ON", "AS", "UNIT", "VEC"),
)
_ALL_KINDS = [kind for kind, name in enumerate(KIND_NAMES) if name not in _NEVER_PROPOSED]
_OPENING = {KIND["("]: ")", KIND["["]: "]", KIND["{"]: "}"}
_OPEN_BRACE = KIND["{"]
_MAX_LISTED = 4


def describe_syntax_error(
    stream: TokenStream, index: int, states: Sequence[int], values: Sequence[Any]
) -> Diagnostic:
    """Return the message for the token that could not follow."""
    from mlrift.frontend.habits import advise  # noqa: PLC0415 - for mistakes only

    return advise(stream, index, _describe(stream, index, states, values))


def _describe(
    stream: TokenStream, index: int, states: Sequence[int], values: Sequence[Any]
) -> Diagnostic:
    accepts = automaton().accepts
    expected = frozenset(kind for kind in _ALL_KINDS if accepts(states, kind))
    special = _describe_special_case(stream, index, expected)
    if special is not None:
        return special
    phrases = _phrase(expected)
    span, found = stream.span(index), describe_token(stream, index)
    if phrases == ["an expression"] and stream.kinds[index] != END:
        return _advise_operator(
            stream, index, catalog.UNEXPECTED_IN_EXPRESSION.at(span, found=found)
        )
    diagnostic = catalog.EXPECTED_TOKEN.at(span, expected=_join(phrases), found=found)
    if stream.texts[index] == "=" and _OPEN_BRACE in expected:
        diagnostic = diagnostic.help("use `==` to compare")
    return _label_opening(stream, index, values, diagnostic)


def describe_token(stream: TokenStream, index: int) -> str:
    """Return a token in words: what it is, then its text."""
    kind, text = stream.kinds[index], stream.texts[index]
    if kind == END:
        return "end of file" if stream.starts[index] == len(stream.file.text) else "end of f-string"
    shown = text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}..."
    shown = shown.replace("\n", " ")
    default = "keyword" if text[0].isalpha() else "symbol"
    return f"{_CLASS_NAMES.get(kind, default)} '{shown}'"


def _describe_special_case(
    stream: TokenStream, index: int, expected: frozenset[int]
) -> Diagnostic | None:
    kind, text, span = stream.kinds[index], stream.texts[index], stream.span(index)
    if KIND["import"] in expected:
        return _describe_stray(stream, index)
    if KIND["while"] in expected and kind == _OPEN_BRACE:
        return catalog.BARE_BLOCK.at(span)
    if KIND["while"] in expected and starts_item(stream, index):
        if not is_at_margin(stream, index) and kind in ITEM_STARTS:
            return catalog.TOP_LEVEL_ONLY.at(span, word=text)
        return None
    wants_name = NAME in expected and KIND["sizeof"] not in expected
    if wants_name and KIND_NAMES[kind] == text and text[0].isalpha():
        return catalog.KEYWORD_AS_NAME.at(span, word=text).help("keywords cannot be used as names")
    return None


def _describe_stray(stream: TokenStream, index: int) -> Diagnostic:
    span = stream.span(index)
    after_import = index > 1 and stream.kinds[index - 2] == KIND["import"]
    if after_import and stream.texts[index] == "as":
        return catalog.IMPORT_WITH_ALIAS.at(span).note("all files share one namespace")
    diagnostic = catalog.STRAY_TOP_LEVEL.at(span, found=describe_token(stream, index))
    if stream.kinds[index] in STATEMENT_STARTS:
        return diagnostic.note("statements belong inside a function")
    return diagnostic


def _advise_operator(stream: TokenStream, index: int, diagnostic: Diagnostic) -> Diagnostic:
    """Explain `x++`, which has two operators in a row."""
    before, text = stream.texts[index - 1], stream.texts[index]
    if "++" not in stream.file.text[stream.starts[index - 1] : stream.starts[index] + 2]:
        return diagnostic
    if before == "+" or text == "+":
        return diagnostic.note("there is no operator `++`").help("use `+= 1`")
    return diagnostic


def _phrase(expected: frozenset[int]) -> list[str]:
    """Return what could have come, most specific first."""
    rest = set(expected)
    phrases: list[str] = []
    if KIND["while"] in rest:
        rest -= STATEMENT_STARTS | _TYPES | _EXPRESSION_STARTS | _ASSIGNMENTS | _CONTINUATIONS
        rest.discard(KIND[";"])
        phrases.append("a statement")
    elif KIND["fn"] in rest and KIND["struct"] in rest:
        rest -= ITEM_STARTS.keys() | {KIND["ANNOTATION"], KIND[";"], LANG_LINE}
        phrases.append("an item")
    if KIND["||"] in rest:
        rest -= _CONTINUATIONS
    if KIND["sizeof"] in rest:
        rest -= _EXPRESSION_STARTS
        phrases.append("an expression")
    elif rest >= _TYPES or (TYPE_KEYWORD in rest and NAME in rest):
        rest -= _TYPES | {NAME}
        phrases.append("a type")
    if rest >= _ASSIGNMENTS:
        rest -= _ASSIGNMENTS
        phrases.append("an assignment")
    return _phrase_tokens(rest) + phrases if _is_closing(rest) else phrases + _phrase_tokens(rest)


def _is_closing(kinds: set[int]) -> bool:
    return bool(kinds) and all(KIND_NAMES[kind] in (")", ",", "]", ":", "->") for kind in kinds)


def _phrase_tokens(kinds: set[int]) -> list[str]:
    words = []
    for kind in sorted(kinds):
        if kind == NAME:
            words.append("a name")
        elif kind in _CLASS_NAMES:
            words.append(f"{_article(_CLASS_NAMES[kind])} {_CLASS_NAMES[kind]}")
        else:
            words.append(f"`{KIND_NAMES[kind]}`")
    return list(dict.fromkeys(words))


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" or word.startswith("f-") else "a"


def _join(phrases: list[str]) -> str:
    if not phrases:
        return "the end of the expression"
    shown = phrases[:_MAX_LISTED]
    if len(shown) == 1:
        return shown[0]
    return f"{', '.join(shown[:-1])} or {shown[-1]}"


def _label_opening(
    stream: TokenStream, index: int, values: Sequence[Any], diagnostic: Diagnostic
) -> Diagnostic:
    """At the end of the file or a new item, point at the innermost bracket still open."""
    if stream.kinds[index] != END and not starts_item(stream, index):
        return diagnostic
    for value in reversed(values):
        if value.__class__ is int and stream.kinds[value] in _OPENING:
            closing = _OPENING[stream.kinds[value]]
            return diagnostic.label(stream.span(value), f"no `{closing}` for this")
    return diagnostic
