"""Literal values: the text of one literal token in, its value out (reference.md 2.2).

A malformed literal raises `LiteralError` with the diagnostic's kind, arguments and the part of the
text that is wrong; the tree builder places it.
"""

import struct
from math import isinf

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic, DiagnosticKind
from mlrift.source import SourceFile, Span

WORD_MASK = 2**64 - 1
MAX_FRACTION_DIGITS = 15
MAX_STEPWISE_EXPONENT = 18

_BASES = {"0x": (16, "hex"), "0b": (2, "binary"), "0o": (8, "octal")}
_ESCAPES = {
    "n": b"\n",
    "t": b"\t",
    "r": b"\r",
    "0": b"\0",
    "a": b"\a",
    "b": b"\b",
    "f": b"\f",
    "v": b"\v",
    "e": b"\x1b",
}
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_CHUNK_DIGITS = 1000


class LiteralError(ValueError):
    """A literal that has no value; `begin` and `end` delimit the wrong part of its text."""

    def __init__(self, reason: DiagnosticKind, begin: int, end: int, **arguments: object) -> None:
        super().__init__(reason.code)
        self.reason = reason
        self.begin = begin
        self.end = end
        self.arguments = arguments

    def diagnostic(self, file: SourceFile, start: int) -> Diagnostic:
        """Return the diagnostic of a literal whose text begins at `start`."""
        span = Span(file, start + self.begin, start + self.end)
        diagnostic = self.reason.at(span, **self.arguments)
        if self.reason is catalog.MULTIPLE_CHARS:
            return diagnostic.help(f'"{file.text[span.start + 1 : span.end - 1]}"')
        return diagnostic


def integer_value(text: str) -> int:
    """Return the value of an integer literal modulo 2**64."""
    base, name = _BASES.get(text[:2].lower(), (10, "decimal"))
    if base == 10:
        return _decimal_value(text.replace("_", ""))
    digits = text[2:].replace("_", "")
    if not digits:
        raise LiteralError(catalog.NUMBER_WITHOUT_DIGITS, 0, len(text), text=text)
    for offset, digit in enumerate(text):
        if offset > 1 and digit != "_" and int(digit, 16) >= base:
            raise LiteralError(catalog.BAD_DIGIT, offset, offset + 1, digit=digit, kind=name)
    return int(digits[-_CHUNK_DIGITS:], base) & WORD_MASK


def float_value(text: str) -> tuple[float, bool]:
    """Return the value of a float literal and whether it has the `f` suffix.

    Computed step by step in double precision as reference.md 2.2 says (Q5: outputs depend on the
    last bit); integer parts and exponents beyond its limits are correctly rounded instead.
    """
    is_single = text[-1] == "f"
    digits = (text[:-1] if is_single else text).replace("_", "").lower()
    mantissa, _, exponent = digits.partition("e")
    whole, _, fraction = mantissa.partition(".")
    magnitude = int(exponent[-_CHUNK_DIGITS:] or "0")
    is_long = len(exponent) > _CHUNK_DIGITS or abs(magnitude) > MAX_STEPWISE_EXPONENT
    if is_long or float(whole) >= 2.0**63:
        value = float(digits)
    else:
        value = _stepwise_float(whole, fraction[:MAX_FRACTION_DIGITS], magnitude)
    if is_single:
        value = _to_single(value, text)
    if isinf(value):
        raise LiteralError(catalog.FLOAT_TOO_LARGE, 0, len(text), text=text[:40])
    return value, is_single


def string_bytes(text: str) -> bytes:
    """Return the bytes of a string literal, escapes decoded."""
    return decode_escapes(text, 1, len(text) - 1)


def char_value(text: str) -> int:
    """Return the value of a char literal: that of its only byte."""
    data = decode_escapes(text, 1, len(text) - 1)
    if not data:
        raise LiteralError(catalog.EMPTY_CHAR, 0, len(text))
    if len(data) > 1:
        raise LiteralError(catalog.MULTIPLE_CHARS, 0, len(text), count=len(data))
    return data[0]


def decode_escapes(text: str, begin: int, end: int) -> bytes:
    """Return the bytes of a part of a literal's text with its escapes decoded."""
    backslash = text.find("\\", begin, end)
    if backslash < 0:
        return _encoded(text[begin:end])
    pieces = []
    position = begin
    while backslash >= 0:
        pieces.append(_encoded(text[position:backslash]))
        escaped = text[backslash + 1]
        position = backslash + 2
        if escaped == "x":
            pieces.append(_hex_escape(text, backslash, end))
            position += 2
        else:
            pieces.append(_ESCAPES.get(escaped) or _encoded(escaped))
        backslash = text.find("\\", position, end)
    pieces.append(_encoded(text[position:end]))
    return b"".join(pieces)


def _encoded(text: str) -> bytes:
    """Return the source's own bytes, also where they are not UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def _hex_escape(text: str, backslash: int, end: int) -> bytes:
    digits = text[backslash + 2 : min(backslash + 4, end)]
    if len(digits) < 2 or not _HEX_DIGITS.issuperset(digits):
        raise LiteralError(catalog.BAD_HEX_ESCAPE, backslash, backslash + 2)
    return bytes([int(digits, 16)])


def _decimal_value(digits: str) -> int:
    """Return a decimal number modulo 2**64 in time linear in its length."""
    if len(digits) <= _CHUNK_DIGITS:
        return int(digits) & WORD_MASK
    value = 0
    for start in range(0, len(digits), _CHUNK_DIGITS):
        chunk = digits[start : start + _CHUNK_DIGITS]
        value = (value * pow(10, len(chunk), 2**64) + int(chunk)) & WORD_MASK
    return value


def _stepwise_float(whole: str, fraction: str, exponent: int) -> float:
    value = float(whole)
    if fraction:
        value += float(fraction) / float(10 ** len(fraction))
    if exponent >= 0:
        return value * float(10**exponent)
    return value / float(10**-exponent)


def _to_single(value: float, text: str) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        raise LiteralError(catalog.FLOAT_TOO_LARGE, 0, len(text), text=text[:40]) from None
