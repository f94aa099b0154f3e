"""Ranges of words, and what arithmetic does to them.

A range is a pair of whole numbers: some number between them, both included, is the word modulo
2**64. Either it lies within 0 to 2**64 - 1, or within -2**63 to 2**63 - 1; so `i - 1` of a small
`i` keeps a small range. `ANYTHING` is the range of a word of which nothing is known. Divisors are
taken to be at least 1: what a kernel gets from a division by zero is not specified.
"""

from collections.abc import Callable

from mlrift.ir.numbers import SIGN_BIT, WORD_MASK
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import (
    Add,
    And,
    Ashr,
    Lshr,
    Mul,
    Or,
    Sdiv,
    Shl,
    Srem,
    Sub,
    Udiv,
    Urem,
    Xor,
)

Interval = tuple[int, int]

ANYTHING: Interval = (0, WORD_MASK)
_WORDS = 1 << 64
_ANY_SIGNED: Interval = (-SIGN_BIT, SIGN_BIT - 1)


def normal(low: int, high: int) -> Interval:
    """Return the range of the words that are numbers between these, modulo 2**64."""
    if low >= 0:
        if high < _WORDS:
            return (low, high)
        if low >= _WORDS and high < 2 * _WORDS:
            return (low - _WORDS, high - _WORDS)
        return ANYTHING
    if low >= -SIGN_BIT and high < SIGN_BIT:
        return (low, high)
    if high < 0 and low >= -_WORDS:
        return (low + _WORDS, high + _WORDS)
    return ANYTHING


def of_constant(word: int) -> Interval:
    """Return the range of one word."""
    number = word - _WORDS if word & SIGN_BIT else word
    return (number, number)


def unsigned(row: Interval) -> Interval:
    """Return the range of the word read as unsigned."""
    low, high = row
    if low >= 0:
        return row
    if high < 0:
        return (low + _WORDS, high + _WORDS)
    return ANYTHING


def signed(row: Interval) -> Interval:
    """Return the range of the word read as signed."""
    low, high = row
    if high < SIGN_BIT:
        return row
    if low >= SIGN_BIT:
        return (low - _WORDS, high - _WORDS)
    return _ANY_SIGNED


def join(one: Interval, other: Interval) -> Interval:
    """Return the smallest range that holds both."""
    low, high = min(one[0], other[0]), max(one[1], other[1])
    if low < 0 and high >= SIGN_BIT:
        first, second = unsigned(one), unsigned(other)
        low, high = min(first[0], second[0]), max(first[1], second[1])
    return (low, high)


def meet(one: Interval, other: Interval) -> Interval:
    """Return a range of what is in both; `one` when nothing can be, as control never gets there."""
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high else one


def _add(lhs: Interval, rhs: Interval) -> Interval:
    return normal(lhs[0] + rhs[0], lhs[1] + rhs[1])


def _sub(lhs: Interval, rhs: Interval) -> Interval:
    return normal(lhs[0] - rhs[1], lhs[1] - rhs[0])


def _mul(lhs: Interval, rhs: Interval) -> Interval:
    if lhs[0] >= 0 and rhs[0] >= 0:
        return normal(lhs[0] * rhs[0], lhs[1] * rhs[1])
    corners = [one * other for one in lhs for other in rhs]
    return normal(min(corners), max(corners))


def _bits_of(row: Interval) -> int:
    """Return how many bits a number of a range has at most, without its sign."""
    return max(row[0].bit_length() if row[0] >= 0 else (~row[0]).bit_length(), row[1].bit_length())


def _any_of_bits(lhs: Interval, rhs: Interval) -> Interval:
    """Return the range of any bitwise combination of two words, one of which may be negative."""
    lhs, rhs = signed(lhs), signed(rhs)
    end = 1 << max(_bits_of(lhs), _bits_of(rhs))
    return normal(-end, end - 1)


def _and(lhs: Interval, rhs: Interval) -> Interval:
    if lhs[0] >= 0:
        return (0, min(lhs[1], rhs[1]) if rhs[0] >= 0 else lhs[1])
    return (0, rhs[1]) if rhs[0] >= 0 else _any_of_bits(lhs, rhs)


def _or(lhs: Interval, rhs: Interval) -> Interval:
    if lhs[0] >= 0 and rhs[0] >= 0:
        return (max(lhs[0], rhs[0]), (1 << max(_bits_of(lhs), _bits_of(rhs))) - 1)
    return _any_of_bits(lhs, rhs)


def _xor(lhs: Interval, rhs: Interval) -> Interval:
    if lhs[0] >= 0 and rhs[0] >= 0:
        return (0, (1 << max(_bits_of(lhs), _bits_of(rhs))) - 1)
    return _any_of_bits(lhs, rhs)


def _counts(row: Interval) -> Interval:
    """Return the range of a shift count, which is taken modulo 64."""
    return row if row[0] >= 0 and row[1] < 64 else (0, 63)


def _shl(lhs: Interval, rhs: Interval) -> Interval:
    least, most = _counts(rhs)
    if lhs[0] >= 0:
        return normal(lhs[0] << least, lhs[1] << most)
    return normal(lhs[0] << most, max(lhs[1] << most, lhs[1] << least))


def _lshr(lhs: Interval, rhs: Interval) -> Interval:
    least, most = _counts(rhs)
    low, high = unsigned(lhs)
    return (low >> most, high >> least)


def _ashr(lhs: Interval, rhs: Interval) -> Interval:
    least, most = _counts(rhs)
    low, high = signed(lhs)
    return (min(low >> least, low >> most), max(high >> least, high >> most))


def _udiv(lhs: Interval, rhs: Interval) -> Interval:
    low, high = unsigned(lhs)
    least, most = unsigned(rhs)
    return (low // max(most, 1), high // max(least, 1))


def _urem(lhs: Interval, rhs: Interval) -> Interval:
    high = unsigned(lhs)[1]
    return (0, min(high, max(unsigned(rhs)[1] - 1, 0)))


def _sdiv(lhs: Interval, rhs: Interval) -> Interval:
    if signed(lhs)[0] >= 0 and signed(rhs)[0] > 0:
        return _udiv(signed(lhs), signed(rhs))
    return ANYTHING


def _srem(lhs: Interval, rhs: Interval) -> Interval:
    if signed(lhs)[0] >= 0 and signed(rhs)[0] > 0:
        return _urem(signed(lhs), signed(rhs))
    return ANYTHING


BINARY: dict[type[Op], Callable[[Interval, Interval], Interval]] = {
    Add: _add,
    Sub: _sub,
    Mul: _mul,
    And: _and,
    Or: _or,
    Xor: _xor,
    Shl: _shl,
    Lshr: _lshr,
    Ashr: _ashr,
    Udiv: _udiv,
    Urem: _urem,
    Sdiv: _sdiv,
    Srem: _srem,
}
