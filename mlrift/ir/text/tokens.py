"""Text to tokens, and the quoting of names and bytes in both directions."""

import re
from enum import Enum, unique
from functools import cache

from mlrift.values import record


class IrSyntaxError(Exception):
    """Text that is no IR; its message reads `file:line: message`."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path = path
        self.line = line
        self.message = message


@unique
class TokenKind(Enum):
    """What a token is; the value is its name in messages."""

    VALUE = "a value"
    SYMBOL = "a symbol"
    BLOCK = "a block"
    WORD = "a word"
    NUMBER = "a number"
    STRING = "a string"
    MARK = "a mark"
    END = "the end of the text"


@record
class Token:
    """A token; `text` has no sigil and no quotes. `start` and `end` are offsets."""

    kind: TokenKind
    text: str
    line: int
    start: int
    end: int


_SIGILS = {"%": TokenKind.VALUE, "@": TokenKind.SYMBOL, "^": TokenKind.BLOCK}
_GROUPS = {"word": TokenKind.WORD, "number": TokenKind.NUMBER, "mark": TokenKind.MARK}
_PLAIN_NAME = r"[A-Za-z0-9_.$]+"


@cache
def _scanner() -> "re.Pattern[str]":
    return re.compile(
        r"(?P<blank>[ \t\r]+|;[^\n]*)"
        r"|(?P<newline>\n)"
        rf'|(?P<name>[%@^](?:{_PLAIN_NAME}|"[^"\n]*"))'
        r"|(?P<number>-?(?:nan\(0x[0-9a-f]{1,16}\)|inf\b|[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?))"
        r"|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)"
        r'|(?P<string>"[^"\n]*")'
        r"|(?P<mark>->|[(){},:=<>?]|\[|\])"
    )


@cache
def _plain_name() -> "re.Pattern[str]":
    return re.compile(_PLAIN_NAME)


def tokenize(text: str, path: str) -> list[Token]:
    """Return the tokens of a text, an END token last."""
    tokens: list[Token] = []
    line = 1
    position = 0
    scan = _scanner().match
    while position < len(text):
        found = scan(text, position)
        if found is None:
            raise IrSyntaxError(path, line, f"unexpected character {text[position]!r}")
        group = found.lastgroup
        if group == "newline":
            line += 1
        elif group != "blank":
            tokens.append(_token(found, str(group), line, path))
        position = found.end()
    tokens.append(Token(TokenKind.END, "", line, position, position))
    return tokens


def _token(found: "re.Match[str]", group: str, line: int, path: str) -> Token:
    text = found.group()
    if group == "name":
        kind, text = _SIGILS[text[0]], text[1:]
        if text.startswith('"'):
            try:
                text = unescape(text[1:-1]).decode("utf-8", "surrogatepass")
            except ValueError:
                raise IrSyntaxError(path, line, f"bad escape in the name {text}") from None
    elif group == "string":
        kind, text = TokenKind.STRING, text[1:-1]
    else:
        kind = _GROUPS[group]
    return Token(kind, text, line, found.start(), found.end())


def quote_name(name: str) -> str:
    """Write a name after its sigil: plain when its characters allow."""
    if _plain_name().fullmatch(name):
        return name
    return f'"{escape(name.encode("utf-8", "surrogatepass"))}"'


def escape(data: bytes) -> str:
    r"""Write bytes as printable text; `\xx` for the others, quotes and backslashes."""
    return "".join(_ESCAPED[byte] for byte in data)


def unescape(text: str) -> bytes:
    """Read what `escape` wrote; ValueError when it cannot have."""
    first, *rest = text.encode("ascii").split(b"\\")
    made = bytearray(first)
    for part in rest:
        if len(part) < 2:
            raise ValueError("an escape has two hexadecimal digits")
        made += bytes.fromhex(part[:2].decode("ascii"))
        made += part[2:]
    return bytes(made)


_ESCAPED = [
    chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\' else f"\\{byte:02x}"
    for byte in range(256)
]
