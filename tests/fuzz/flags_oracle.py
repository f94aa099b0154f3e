"""A second opinion on std/flags.mlr, from its documentation, for the flags of std_parsers.mlr."""

import re

from tests.fuzz.parser_oracles import SEPARATOR, Refused, float_bits

_INTEGER = re.compile(rb"([+-]?)(?:0x([0-9a-fA-F]+)|([0-9]+))")
_SWITCHES = {b"true": 1, b"1": 1, b"yes": 1, b"false": 0, b"0": 0, b"no": 0}
_LETTERS = {b"l": b"loud", b"s": b"size", b"r": b"ratio", b"n": b"name"}
_KINDS = {b"size": b" needs a whole number", b"ratio": b" needs a number"}
_IS_SWITCH = frozenset((b"loud", b"cache"))


class _Help(Exception):
    """The help was asked for."""


class _Mistake(Exception):
    """The command line is wrong; the message is the argument."""

    def __init__(self, message: bytes) -> None:
        super().__init__()
        self.message = message


class _Reading:
    """The values so far, and the words that are left."""

    def __init__(self, words: list[bytes]) -> None:
        self.words = words
        self.arguments: list[bytes] = []
        self.values: dict[bytes, int | bytes] = {
            b"loud": 0,
            b"cache": 0,
            b"size": 7,
            b"ratio": float_bits(b"0.5"),
            b"name": b"none",
        }
        self.counts = dict.fromkeys(self.values, 0)

    def read(self) -> None:
        while self.words:
            word = self.words.pop(0)
            if word == b"--":
                self.arguments += self.words
                return
            if word == b"-" or not word.startswith(b"-") or re.match(rb"-\.?[0-9]", word):
                self.arguments.append(word)
            elif word.startswith(b"--"):
                self.read_long(word[2:])
            else:
                self.read_letters(word[1:])

    def read_long(self, text: bytes) -> None:
        name, equals, value = text.partition(b"=")
        if name in self.values:
            self.give(name, value if equals else None)
        elif name == b"help" and not equals:
            raise _Help
        elif name.startswith(b"no-") and name[3:] in _IS_SWITCH and not equals:
            self.values[name[3:]] = 0
        else:
            raise _Mistake(b"unknown flag --" + name)

    def read_letters(self, text: bytes) -> None:
        while text:
            letter, text = text[:1], text[1:]
            name = _LETTERS.get(letter)
            if name is None:
                if letter == b"h":
                    raise _Help
                raise _Mistake(b"unknown flag -" + letter)
            if name not in _IS_SWITCH:
                self.give(name, text.removeprefix(b"=") if text else None)
                return
            self.give(name, None)

    def give(self, name: bytes, value: bytes | None) -> None:
        if name in _IS_SWITCH:
            self.switch(name, value)
            return
        if value is None:
            if not self.words:
                raise _Mistake(b"--" + name + b" needs a value")
            value = self.words.pop(0)
        try:
            self.values[name] = _convert(name, value)
        except Refused as error:
            raise _Mistake(b"--" + name + _KINDS[name] + b", not " + value) from error
        self.counts[name] += 1

    def switch(self, name: bytes, value: bytes | None) -> None:
        wanted = 1 if value is None else _SWITCHES.get(value)
        if wanted is None:
            raise _Mistake(b"--" + name + b" needs true or false, not " + (value or b""))
        self.values[name] = wanted
        self.counts[name] += wanted


def _convert(name: bytes, value: bytes) -> int | bytes:
    if name == b"name":
        return value
    return float_bits(value) if name == b"ratio" else _integer(value)


def _integer(value: bytes) -> int:
    found = _INTEGER.fullmatch(value)
    if found is None:
        raise Refused
    sign, hexadecimal, decimal = found.groups()
    number = int(hexadecimal, 16) if hexadecimal else int(decimal)
    number = -number if sign == b"-" else number
    if not -(1 << 63) <= number < 1 << 63:
        raise Refused
    return number & ((1 << 64) - 1)


def flags_result(text: bytes) -> str:
    """What was read from the words between separators, "help", or the message in hexadecimal."""
    reading = _Reading(text.split(SEPARATOR))
    try:
        reading.read()
    except _Help:
        return "help"
    except _Mistake as mistake:
        return mistake.message.hex()
    shown = [
        f"{reading.values[name]!s}:{reading.counts[name]} "
        for name in (b"loud", b"cache", b"size", b"ratio")
    ]
    name = reading.values[b"name"]
    texts = [name if isinstance(name, bytes) else b"", *reading.arguments]
    return "".join(shown) + "".join(f"{part.hex()} " for part in texts)
