"""Recovery: after a syntax error, drop what cannot be finished and find a place to go on.

Inside a function that is the next statement keyword, `;` or `}`, outside of one the next item. The
stacks are cut back to where a statement (or item) may begin, and braces that the cut statement had
opened are skipped to their end, so that one mistake gives one message.
"""

from mlrift.frontend.automaton import SYMBOLS, can_start
from mlrift.frontend.lexer import (
    ANNOTATION,
    END,
    KIND,
    LANG_LINE,
    NAME,
    STRING,
    TokenStream,
    kinds_of,
)
from mlrift.frontend.tokens import TYPE_KEYWORD, TYPE_NAME
from mlrift.static_types import Any

_STATEMENT, _ITEM = SYMBOLS["statement"], SYMBOLS["item"]
_OPEN_BRACE, _CLOSE_BRACE, _SEMICOLON = KIND["{"], KIND["}"], KIND[";"]
STATEMENT_STARTS = kinds_of(
    "return if while for loop match break continue defer unsafe volatile asm"
)
_OPENING, _CLOSING = kinds_of("( ["), kinds_of(") ]")
_TYPES = (NAME, TYPE_KEYWORD, TYPE_NAME)
# What must follow the word for it to look like the start of an item.
ITEM_STARTS: dict[int, tuple[int, ...]] = {
    KIND["fn"]: (NAME,),
    KIND["struct"]: (NAME,),
    KIND["enum"]: (NAME,),
    KIND["device"]: (NAME,),
    KIND["type"]: (NAME,),
    KIND["extern"]: (KIND["fn"],),
    KIND["import"]: (STRING,),
    KIND["const"]: _TYPES,
    KIND["static"]: _TYPES,
}


class _Depth:
    """The brackets that are open where the parser has given up."""

    __slots__ = ("braces", "others")

    def __init__(self) -> None:
        self.braces = 0
        self.others = 0

    def pass_over(self, kind: int) -> None:
        """Count one token."""
        self.braces += (kind == _OPEN_BRACE) - (kind == _CLOSE_BRACE)
        self.others += (kind in _OPENING) - (kind in _CLOSING)


def resume_after_error(
    stream: TokenStream, index: int, states: list[int], values: list[Any]
) -> int:
    """Cut both stacks back and return the index of the token to go on with."""
    depth = _Depth()
    if _cut_back(stream, states, values, _STATEMENT, depth):
        index, found = _next_statement(stream, index, depth)
        if found:
            return index
    _cut_back(stream, states, values, _ITEM, depth)
    while stream.kinds[index] != END and not starts_item(stream, index):
        index += 1
    return index


def starts_item(stream: TokenStream, index: int) -> bool:
    """Tell whether an item seems to begin here."""
    kind = stream.kinds[index]
    if kind in (ANNOTATION, LANG_LINE):
        return True
    return kind in ITEM_STARTS and stream.kinds[index + 1] in ITEM_STARTS[kind]


def is_at_margin(stream: TokenStream, index: int) -> bool:
    """Tell whether a token is the first character of its line."""
    start = stream.starts[index]
    return start == 0 or stream.file.text[start - 1] == "\n"


def _cut_back(
    stream: TokenStream, states: list[int], values: list[Any], symbol: int, depth: _Depth
) -> bool:
    """Cut to the innermost state where a symbol may begin; count the brackets dropped."""
    place = len(states) - 1
    while place >= 0 and not can_start(states[place], symbol):
        place -= 1
    if place < 0:
        return False
    for value in values[place:]:
        if value.__class__ is int:
            depth.pass_over(stream.kinds[value])
    del states[place + 1 :]
    del values[place:]
    return True


def _next_statement(stream: TokenStream, index: int, depth: _Depth) -> tuple[int, bool]:
    """Return where the next statement begins, or False when an item comes first."""
    kinds = stream.kinds
    while kinds[index] != END:
        kind = kinds[index]
        if starts_item(stream, index) and is_at_margin(stream, index):
            return index, False
        if kind == _CLOSE_BRACE and depth.braces <= 1:
            return index + depth.braces, True
        if depth.braces == 0 and _may_start_statement(stream, index, depth):
            return index, True
        depth.pass_over(kind)
        index += 1
    return index, False


def _may_start_statement(stream: TokenStream, index: int, depth: _Depth) -> bool:
    kind = stream.kinds[index]
    if kind in (TYPE_KEYWORD, TYPE_NAME):
        return depth.others <= 0
    return kind == _SEMICOLON or kind in STATEMENT_STARTS
