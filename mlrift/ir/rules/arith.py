"""Rewrites of integer arithmetic. Float arithmetic has none: `x + 0.0` is not `x` for -0.0."""

from mlrift.ir.core import Value
from mlrift.ir.numbers import SIGN_BIT, WORD_MASK
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import (
    Add,
    And,
    Ashr,
    Constant,
    Lshr,
    Mul,
    Or,
    Sdiv,
    Select,
    Shl,
    Srem,
    Sub,
    Udiv,
    Urem,
    Xor,
)
from mlrift.ir.ops.compare import CompareFloat, CompareInteger
from mlrift.ir.ops.convert import TruthToWord
from mlrift.ir.rules.declaration import Make, Rules
from mlrift.ir.rules.predicates import inverse
from mlrift.typesystem import I1, I64


def _word(value: int) -> Constant:
    return Constant(value & WORD_MASK, I64)


def _all_ones(made: Op) -> int:
    return 1 if made.type is I1 else WORD_MASK


def _constant_to_the_right(made: Add | Mul | And | Or | Xor) -> None:
    """Swap the operands when only the left one is constant."""
    if type(made.lhs) is Constant and type(made.rhs) is not Constant:
        made.lhs, made.rhs = made.rhs, made.lhs


def simplify_add(made: Add, make: Make) -> Value | None:
    """x + 0, (x + a) + b."""
    _constant_to_the_right(made)
    if type(made.rhs) is not Constant:
        return None
    match made:
        case Add(x, Constant(0)):
            return x
        case Add(Add(x, Constant(int(a))), Constant(int(b))):
            return make(Add(x, make(_word(a + b))))
    return None


def simplify_sub(made: Sub, make: Make) -> Value | None:
    """x - x, x - a."""
    match made:
        case Sub(x, y) if x is y:
            return make(_word(0))
        case Sub(x, Constant(int(a))):
            return make(Add(x, make(_word(-a))))
    return None


def simplify_mul(made: Mul, make: Make) -> Value | None:
    """x * 0, x * 1, (x * a) * b."""
    _constant_to_the_right(made)
    if type(made.rhs) is not Constant:
        return None
    match made:
        case Mul(x, Constant(1)):
            return x
        case Mul(_, Constant(0) as zero):
            return zero
        case Mul(Mul(x, Constant(int(a))), Constant(int(b))):
            return make(Mul(x, make(_word(a * b))))
    return None


def simplify_and(made: And, make: Make) -> Value | None:
    """x & 0, x & ~0, x & x, (x & a) & b."""
    _constant_to_the_right(made)
    match made:
        case And(x, y) if x is y:
            return x
        case And(_, Constant(0) as zero):
            return zero
        case And(x, Constant(ones)) if ones == _all_ones(made):
            return x
        case And(And(x, Constant(int(a))), Constant(int(b))):
            return make(And(x, make(Constant(a & b, made.type))))
    return None


def simplify_or(made: Or, make: Make) -> Value | None:
    """x | 0, x | ~0, x | x, (x | a) | b."""
    _constant_to_the_right(made)
    match made:
        case Or(x, y) if x is y:
            return x
        case Or(x, Constant(0)):
            return x
        case Or(_, Constant(ones) as all_ones) if ones == _all_ones(made):
            return all_ones
        case Or(Or(x, Constant(int(a))), Constant(int(b))):
            return make(Or(x, make(Constant(a | b, made.type))))
    return None


def simplify_xor(made: Xor, make: Make) -> Value | None:
    """x ^ x, x ^ 0, (x ^ a) ^ b; the negation of a comparison."""
    _constant_to_the_right(made)
    match made:
        case Xor(x, y) if x is y:
            return make(Constant(0, made.type))
        case Xor(x, Constant(0)):
            return x
        case Xor(Xor(x, Constant(int(a))), Constant(int(b))):
            return make(Xor(x, make(Constant(a ^ b, made.type))))
        case Xor(CompareInteger() | CompareFloat() as comparison, Constant(1)):
            opposite = inverse(comparison)
            return make(opposite) if opposite is not None else None
    return None


def simplify_shift(made: Shl | Lshr | Ashr, make: Make) -> Value | None:
    """x << 0, 0 << x; counts are modulo 64."""
    match made.lhs, made.rhs:
        case Constant(0) as zero, _:
            return zero
        case x, Constant(int(count)) if count & 63 == 0:
            return x
    return None


def simplify_select(made: Select, make: Make) -> Value | None:
    """A known condition, equal values, and 1 or 0 by a condition."""
    match made:
        case Select(Constant(condition), x, y):
            return x if condition else y
        case Select(_, x, y) if x is y:
            return x
        case Select(condition, Constant(1, kind), Constant(0)) if kind is I64:
            return make(TruthToWord(condition))
    return None


def simplify_udiv(made: Udiv, make: Make) -> Value | None:
    """x / 1, a / b; never by zero, which traps."""
    match made:
        case Udiv(x, Constant(1)):
            return x
        case Udiv(Constant(int(a)), Constant(int(b))) if b:
            return make(_word(a // b))
    return None


def simplify_urem(made: Urem, make: Make) -> Value | None:
    """x % 1, a % b; never by zero."""
    match made:
        case Urem(_, Constant(1)):
            return make(_word(0))
        case Urem(Constant(int(a)), Constant(int(b))) if b:
            return make(_word(a % b))
    return None


def simplify_sdiv(made: Sdiv, make: Make) -> Value | None:
    """x / 1, a / b with what does not trap."""
    match made:
        case Sdiv(x, Constant(1)):
            return x
        case Sdiv(Constant(int(a)), Constant(int(b))) if _divides(a, b):
            return make(_word(_signed_parts(a, b)[0]))
    return None


def simplify_srem(made: Srem, make: Make) -> Value | None:
    """x % 1, a % b with what does not trap."""
    match made:
        case Srem(_, Constant(1)):
            return make(_word(0))
        case Srem(Constant(int(a)), Constant(int(b))) if _divides(a, b):
            return make(_word(_signed_parts(a, b)[1]))
    return None


def _divides(dividend: int, divisor: int) -> bool:
    return divisor != 0 and not (divisor == WORD_MASK and dividend == SIGN_BIT)


def _signed_parts(dividend: int, divisor: int) -> tuple[int, int]:
    """Return quotient and remainder of words read as signed, truncated towards zero."""
    lhs = dividend - ((dividend & SIGN_BIT) << 1)
    rhs = divisor - ((divisor & SIGN_BIT) << 1)
    quotient = abs(lhs) // abs(rhs)
    if (lhs < 0) != (rhs < 0):
        quotient = -quotient
    return quotient, lhs - quotient * rhs


ARITH_RULES: Rules = {
    Add: simplify_add,
    Sub: simplify_sub,
    Mul: simplify_mul,
    And: simplify_and,
    Or: simplify_or,
    Xor: simplify_xor,
    Shl: simplify_shift,
    Lshr: simplify_shift,
    Ashr: simplify_shift,
    Select: simplify_select,
    Udiv: simplify_udiv,
    Urem: simplify_urem,
    Sdiv: simplify_sdiv,
    Srem: simplify_srem,
}
