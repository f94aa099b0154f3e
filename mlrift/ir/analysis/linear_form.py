"""Words as sums: `x + (row * 512 + i) * 4 + 8` is x + 2048 * row + 4 * i + 8.

All of it is arithmetic modulo 2**64, so a sum is the word whatever the ranges of its parts are.
"""

from mlrift.ir.core import BlockParameter, Value
from mlrift.ir.numbers import SIGN_BIT, WORD_MASK
from mlrift.ir.ops.arith import Add, Constant, Mul, Shl, Sub
from mlrift.values import value

_MOST_TERMS = 12
_MOST_DEPTH = 40


@value
class LinearForm:
    """A constant and multiples of values; factors are from -2**63 to 2**63 - 1 and never 0."""

    terms: tuple[tuple[Value, int], ...]
    constant: int


def as_signed(number: int) -> int:
    """Return the number from -2**63 to 2**63 - 1 that is the same modulo 2**64."""
    number &= WORD_MASK
    return number - (WORD_MASK + 1) if number & SIGN_BIT else number


class LinearForms:
    """Sums of the words of a function, each computed once."""

    def __init__(self) -> None:
        self._known: dict[Value, LinearForm] = {}

    def of(self, word: Value, depth: int = 0) -> LinearForm:
        """Return the sum that a word is."""
        known = self._known.get(word)
        if known is None:
            known = self._known[word] = self._find(word, depth)
        return known

    def _find(self, word: Value, depth: int) -> LinearForm:
        found: LinearForm | None = None
        if depth < _MOST_DEPTH:
            match word:
                case Constant(int(number)):
                    return LinearForm((), as_signed(number))
                case Add(lhs, rhs):
                    found = _sum(self.of(lhs, depth + 1), self.of(rhs, depth + 1), 1)
                case Sub(lhs, rhs):
                    found = _sum(self.of(lhs, depth + 1), self.of(rhs, depth + 1), -1)
                case Mul(lhs, Constant(int(factor))):
                    found = scaled(self.of(lhs, depth + 1), factor)
                case Shl(lhs, Constant(int(count))):
                    found = scaled(self.of(lhs, depth + 1), 1 << (count & 63))
        if found is None or len(found.terms) > _MOST_TERMS:
            return LinearForm(((word, 1),), 0)
        return found


def _sum(lhs: LinearForm, rhs: LinearForm, sign: int) -> LinearForm:
    factors = dict(lhs.terms)
    for word, factor in rhs.terms:
        factors[word] = as_signed(factors.get(word, 0) + sign * factor)
    terms = tuple((word, factor) for word, factor in factors.items() if factor)
    return LinearForm(terms, as_signed(lhs.constant + sign * rhs.constant))


def scaled(form: LinearForm, by: int) -> LinearForm:
    """Return a multiple of a sum."""
    terms = ((word, as_signed(factor * by)) for word, factor in form.terms)
    return LinearForm(
        tuple((word, factor) for word, factor in terms if factor), as_signed(form.constant * by)
    )


def base_of(address: Value) -> BlockParameter | None:
    """Return the parameter that an address is in the memory of, if it is clear which one is."""
    bases = [
        word
        for word, factor in LinearForms().of(address).terms
        if factor == 1 and isinstance(word, BlockParameter)
    ]
    return bases[0] if len(bases) == 1 else None
