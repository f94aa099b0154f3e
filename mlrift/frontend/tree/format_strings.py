"""f-strings: the text of one in, its decoded pieces and the places of its expressions out."""

import re

from mlrift.diagnostics import catalog
from mlrift.frontend.lexer import format_expression_end
from mlrift.frontend.literals import LiteralError, decode_escapes

# Up to the next expression: everything but a single `{`, with `{{` and escapes as units.
_TEXT = re.compile(r"(?:[^\\{]|\\[\s\S]|\{\{)*+")
_DOUBLED_BRACE = re.compile(r"\\[\s\S]|\{\{|\}\}")

Piece = bytes | tuple[int, int]


def split_format_string(text: str, start: int, end: int) -> list[Piece]:
    """Return the pieces of the f-string at `text[start:end]`, in order.

    Text is decoded bytes; an expression is the offsets of its first and after its last character.
    Raises `LiteralError`, with offsets into `text`, on a malformed escape.
    """
    pieces: list[Piece] = []
    position = start + 2
    last = end - 1
    while True:
        match = _TEXT.match(text, position, last)
        stop = match.end() if match is not None else position
        if stop > position:
            pieces.append(_text_bytes(text, position, stop))
        if stop >= last:
            return pieces
        closing = format_expression_end(text, stop, last)
        if closing < 0:
            raise LiteralError(catalog.UNTERMINATED_FORMAT_STRING, start, start + 2)
        pieces.append((stop + 1, closing - 1))
        position = closing


def _text_bytes(text: str, begin: int, end: int) -> bytes:
    """Decode escapes and turn `{{` and `}}` into single braces; a lone `}` stands for itself."""
    pieces = []
    position = begin
    for match in _DOUBLED_BRACE.finditer(text, begin, end):
        if match[0][0] == "\\":
            continue
        pieces.append(decode_escapes(text, position, match.start() + 1))
        position = match.end()
    pieces.append(decode_escapes(text, position, end))
    return b"".join(pieces)
