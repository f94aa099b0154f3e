"""Bit fields of an instruction: from a line that lists them to their positions.

A layout is written from bit 0 of the first word up, a word after the other with `|` between:

    "ssrc0:8 ssrc1:8 sdst:7 op:7 10"

`name:width` is a field, `name.n:width` its bits from n on (a field in several pieces), a word of
0 and 1 is constant, leftmost bit highest. Invariant: the fields and constants of a layout tile each
of its words exactly, and no bit of a field is given twice or left out.
"""

from mlrift.values import value

WORD_BITS = 32


@value
class Piece:
    """`width` bits of the code from bit `low` on hold the bits of a field from `first` on."""

    low: int
    width: int
    first: int


@value
class Field:
    """A named field of an instruction's code, mostly in one piece."""

    name: str
    pieces: tuple[Piece, ...]
    width: int

    @property
    def mask(self) -> int:
        """The bits of the code that belong to the field."""
        return self.insert((1 << self.width) - 1)

    def insert(self, number: int) -> int:
        """Return a number of at most `width` bits at the field's place."""
        code = 0
        for piece in self.pieces:
            code |= (number >> piece.first & (1 << piece.width) - 1) << piece.low
        return code

    def extract(self, code: int) -> int:
        """Return the number that the field holds."""
        number = 0
        for piece in self.pieces:
            number |= (code >> piece.low & (1 << piece.width) - 1) << piece.first
        return number


@value
class Layout:
    """The fields of a format; `constant` are the bits that are the same in all its codes."""

    words: int
    fields: dict[str, Field]
    constant: int
    constant_mask: int


def layout(text: str) -> Layout:
    """Return the layout that a line lists."""
    pieces: dict[str, list[Piece]] = {}
    constant = constant_mask = position = 0
    words = text.split("|")
    for number, word in enumerate(words):
        for item in word.split():
            name, _, width = item.partition(":")
            if width:
                name, _, first = name.partition(".")
                piece = Piece(position, int(width), int(first or "0"))
                pieces.setdefault(name, []).append(piece)
                position += piece.width
            else:
                constant |= int(item, 2) << position
                constant_mask |= ((1 << len(item)) - 1) << position
                position += len(item)
        if position != WORD_BITS * (number + 1):
            raise ValueError(f"the fields of word {number} end at bit {position}: {text}")
    fields = {name: _field(name, found) for name, found in pieces.items()}
    return Layout(len(words), fields, constant, constant_mask)


def _field(name: str, pieces: list[Piece]) -> Field:
    ordered = sorted(pieces, key=lambda piece: piece.first)
    width = 0
    for piece in ordered:
        if piece.first != width:
            raise ValueError(f"bit {width} of field {name} is given twice or not at all")
        width += piece.width
    return Field(name, tuple(ordered), width)
