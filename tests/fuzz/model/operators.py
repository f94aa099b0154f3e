"""What the binary operators do to words and to floats (reference.md 7.3 and 7.5)."""

import operator
from collections.abc import Callable

from mlrift.frontend.ast import BinaryOperator as Op
from tests.fuzz.model.numbers import divide_floats, signed

COMPARISONS = frozenset((Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE))
_LOWEST = -(1 << 63)


class DivisionTrap(Exception):
    """A division that has no result: the program ends with status 136."""


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise DivisionTrap
    return left // right


def _remainder(left: int, right: int) -> int:
    if right == 0:
        raise DivisionTrap
    return left % right


def _signed_divide(left: int, right: int) -> int:
    a, b = signed(left), signed(right)
    if b == 0 or (a == _LOWEST and b == -1):
        raise DivisionTrap
    size = abs(a) // abs(b)
    return size if (a < 0) == (b < 0) else -size


def _signed_remainder(left: int, right: int) -> int:
    a, b = signed(left), signed(right)
    if b == 0 or (a == _LOWEST and b == -1):
        raise DivisionTrap
    size = abs(a) % abs(b)
    return -size if a < 0 else size


UNSIGNED: dict[Op, Callable[[int, int], int]] = {
    Op.ADD: operator.add,
    Op.SUB: operator.sub,
    Op.MUL: operator.mul,
    Op.DIV: _divide,
    Op.REM: _remainder,
    Op.SHL: lambda left, right: left << (right & 63),
    Op.SHR: lambda left, right: left >> (right & 63),
    Op.BIT_AND: operator.and_,
    Op.BIT_OR: operator.or_,
    Op.BIT_XOR: operator.xor,
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}
SIGNED: dict[Op, Callable[[int, int], int]] = {
    **UNSIGNED,
    Op.DIV: _signed_divide,
    Op.REM: _signed_remainder,
    Op.SHR: lambda left, right: signed(left) >> (right & 63),
    Op.LT: lambda left, right: signed(left) < signed(right),
    Op.LE: lambda left, right: signed(left) <= signed(right),
    Op.GT: lambda left, right: signed(left) > signed(right),
    Op.GE: lambda left, right: signed(left) >= signed(right),
}
FLOATS: dict[Op, Callable[[float, float], float]] = {
    Op.ADD: operator.add,
    Op.SUB: operator.sub,
    Op.MUL: operator.mul,
    Op.DIV: divide_floats,
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}
