"""A position in the tokens of a text, with the small readers that all of the parser uses."""

from mlrift.ir.text.form import TENSOR, TYPES_BY_NAME, VECTOR
from mlrift.ir.text.tokens import IrSyntaxError, Token, TokenKind, tokenize
from mlrift.typesystem import (
    MAX_LANES,
    VOID_MACHINE,
    ElementKind,
    MachineType,
    ValueType,
    tensor,
    vec,
)

_MAX_DIGITS = 40
_MAX_EXTENT = 1 << 48


class Cursor:
    """Reads tokens one after the other; `token` is the next one."""

    __slots__ = ("_position", "_tokens", "path", "text", "token")

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self._tokens = tokenize(text, path)
        self._position = 0
        self.token = self._tokens[0]

    def error(self, message: str, token: Token | None = None) -> IrSyntaxError:
        """Return an error at a token, by default the next one."""
        return IrSyntaxError(self.path, (token or self.token).line, message)

    def advance(self) -> Token:
        """Return the next token and go past it; END stays."""
        token = self.token
        if token.kind is not TokenKind.END:
            self._position += 1
            self.token = self._tokens[self._position]
        return token

    @property
    def previous(self) -> Token:
        """The token read last."""
        return self._tokens[self._position - 1]

    def expect(self, kind: TokenKind) -> Token:
        """Return the next token, which must be of a kind."""
        if self.token.kind is not kind:
            raise self.error(f"expected {kind.value}, got {_shown(self.token)}")
        return self.advance()

    def accept(self, mark: str) -> bool:
        """Go past a mark if it is next."""
        if self.token.kind is TokenKind.MARK and self.token.text == mark:
            self.advance()
            return True
        return False

    def accept_word(self, word: str) -> bool:
        """Go past a word if it is next."""
        if self.token.kind is TokenKind.WORD and self.token.text == word:
            self.advance()
            return True
        return False

    def require(self, mark: str) -> None:
        """Go past a mark that must be next."""
        if not self.accept(mark):
            raise self.error(f"expected `{mark}`, got {_shown(self.token)}")

    def natural(self, end: int) -> int:
        """Read a whole number below `end`."""
        token = self.expect(TokenKind.NUMBER)
        if not token.text.isdigit() or len(token.text) > _MAX_DIGITS or int(token.text) >= end:
            raise self.error(f"expected a number below {end}, got {_shown(token)}", token)
        return int(token.text)

    def type(self) -> ValueType:
        """Read the name of a type, `vec<i32, 8>` or `tensor<f32, [?, 64]>`."""
        if self.accept_word(VECTOR):
            return self._vector()
        if self.accept_word(TENSOR):
            return self._tensor()
        return self.machine_type()

    def _vector(self) -> ValueType:
        self.require("<")
        token = self.token
        element = self.machine_type()
        self.require(",")
        lanes = self.natural(MAX_LANES + 1)
        self.require(">")
        if lanes < 1 or element is VOID_MACHINE:
            raise self.error(f"no vector has {lanes} lanes of {element.value}", token)
        return vec(element, lanes)

    def _tensor(self) -> ValueType:
        self.require("<")
        element = self.expect(TokenKind.WORD)
        kinds = {row.value: row for row in ElementKind}
        if element.text not in kinds:
            raise self.error(f"tensors have no elements of {element.text}", element)
        self.require(",")
        self.require("[")
        extents: list[int | None] = []
        while not self.accept("]"):
            if extents:
                self.require(",")
            extents.append(None if self.accept("?") else self.natural(_MAX_EXTENT))
        self.require(">")
        return tensor(kinds[element.text], tuple(extents))

    def machine_type(self) -> MachineType:
        """Read the name of a machine type."""
        token = self.expect(TokenKind.WORD)
        found = TYPES_BY_NAME.get(token.text)
        if found is None:
            raise self.error(f"expected a type, got {_shown(token)}", token)
        return found

    def types(self) -> tuple[ValueType, ...]:
        """Read one type, or several in parentheses."""
        if not self.accept("("):
            return (self.type(),)
        found: list[ValueType] = []
        while not self.accept(")"):
            if found:
                self.require(",")
            found.append(self.type())
        return tuple(found)


def _shown(token: Token) -> str:
    return f"`{token.text[:_MAX_DIGITS]}`" if token.text else token.kind.value
