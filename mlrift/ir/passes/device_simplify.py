"""Rewrites that suit a device: shifts for products, single precision where it gives the same.

    %a = arith.mul %x, %eight                %a = arith.shl %x, %three
    %w = convert.widen %y                    %c = compare.float lt %y, %half
    %c = compare.float lt %w, %half   =>

Sum, difference, product, quotient and root of two f32, computed in f64 and rounded to f32, are
those of f32: 53 bits are more than twice 24 and two. A quotient by a power of two is a product.
The rules of `fold` are applied as well.
"""

from math import frexp, isnan

from mlrift.ir.analysis.control_flow import reverse_postorder
from mlrift.ir.core import Function, Value
from mlrift.ir.numbers import WORD_MASK, to_single
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import (
    Add,
    And,
    Constant,
    FAdd,
    FDiv,
    FMul,
    FSqrt,
    FSub,
    Lshr,
    Mul,
    Or,
    Shl,
    Sub,
    Udiv,
    Urem,
    Xor,
)
from mlrift.ir.ops.compare import CompareFloat
from mlrift.ir.ops.convert import Narrow, TruthToWord, Widen
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property, on_functions
from mlrift.ir.rules import RULES
from mlrift.ir.rules.declaration import Make, Rules
from mlrift.source import Span
from mlrift.typesystem import F32, F64, I64

_WORD_BITS = 64
_COUNT_MASK = 63
_NORMAL_EXPONENTS = {F32: (-125, 128), F64: (-1021, 1024)}


def simplify(function: Function) -> None:
    """Simplify every op, values before their uses."""
    replacements: dict[Value, Value] = {}
    for block in reverse_postorder(function):
        rewriting = _Rewriting()
        for made in block.ops:
            if replacements:
                made.replace_operands(replacements)
            if made.IS_TERMINATOR or type(made) is Constant:
                rewriting.kept.append(made)
                continue
            simpler = rewriting.simplify(made)
            if simpler is None:
                rewriting.kept.append(made)
            else:
                replacements[made] = simpler
        block.ops = rewriting.kept
    if replacements:
        for made in function.ops():
            made.replace_operands(replacements)


PASS = Pass(
    "device_simplify",
    on_functions(simplify),
    needs=frozenset({Property.NO_SLOTS}),
    keeps=EVERY_PROPERTY,
)


class _Rewriting:
    """Rewrites one block; `kept` are its ops so far."""

    def __init__(self) -> None:
        self.kept: list[Op] = []
        self.span: Span | None = None

    def simplify(self, made: Op) -> Value | None:
        """Return the simpler value of an op, or None when it stays."""
        self.span = made.span
        constant = _evaluated(made) if made.IS_FOLDABLE else None
        if constant is not None:
            return self.make(constant)
        for rules in (RULES, DEVICE_RULES):
            rule = rules.get(type(made))
            simpler = rule(made, self.make) if rule is not None else None
            if simpler is not None:
                return simpler
        return None

    def make(self, made: Op) -> Value:
        """Put a new op into the block, or what it comes down to."""
        made.span = self.span
        simpler = self.simplify(made) if type(made) is not Constant else None
        if simpler is None:
            self.kept.append(made)
            return made
        return simpler


def _evaluated(made: Op) -> Constant | None:
    numbers = [row.value if type(row) is Constant else None for row in made.operands()]
    if None in numbers:
        return None
    result: int | float = made.evaluate(*numbers)  # type: ignore[attr-defined]  # IS_FOLDABLE
    return None if isinstance(result, float) and isnan(result) else Constant(result, made.type)


# ---- words ----


def _power(number: int) -> int | None:
    """Return the exponent of a power of two."""
    return number.bit_length() - 1 if number > 0 and number & (number - 1) == 0 else None


def _word(number: int) -> Constant:
    return Constant(number & WORD_MASK, I64)


def _mul(made: Mul, make: Make) -> Value | None:
    """x * 2**k; (x + a) * b, as the constant then joins others."""
    match made:
        case Mul(x, Constant(int(factor))):
            exponent = _power(factor)
            if exponent is not None:
                return make(Shl(x, make(_word(exponent))))
    return None


def _shl(made: Shl, make: Make) -> Value | None:
    """(x << a) << b, (x + a) << b."""
    match made:
        case Shl(Shl(x, Constant(int(a))), Constant(int(b))):
            count = (a & _COUNT_MASK) + (b & _COUNT_MASK)
            return make(_word(0) if count >= _WORD_BITS else Shl(x, make(_word(count))))
        case Shl(Add(x, Constant(int(a))), Constant(int(b)) as count):
            return make(Add(make(Shl(x, count)), make(_word(a << (b & _COUNT_MASK)))))
    return None


def _lshr(made: Lshr, make: Make) -> Value | None:
    """(x >> a) >> b, (x << a) >> a."""
    match made:
        case Lshr(Lshr(x, Constant(int(a))), Constant(int(b))):
            count = (a & _COUNT_MASK) + (b & _COUNT_MASK)
            return make(_word(0) if count >= _WORD_BITS else Lshr(x, make(_word(count))))
        case Lshr(Shl(x, Constant(int(a))), Constant(int(b))) if a == b:
            return make(And(x, make(_word(WORD_MASK >> (a & _COUNT_MASK)))))
    return None


def _sub(made: Sub, make: Make) -> Value | None:
    """(x + a) - x."""
    match made:
        case Sub(Add(x, y), z) if x is z:
            return y
        case Sub(Add(x, y), z) if y is z:
            return x
    return None


def _udiv(made: Udiv, make: Make) -> Value | None:
    match made:
        case Udiv(x, Constant(int(divisor))):
            exponent = _power(divisor)
            if exponent is not None:
                return make(Lshr(x, make(_word(exponent))))
    return None


def _urem(made: Urem, make: Make) -> Value | None:
    match made:
        case Urem(x, Constant(int(divisor))) if _power(divisor) is not None:
            return make(And(x, make(_word(divisor - 1))))
    return None


def _truths(made: And | Or | Xor, make: Make) -> Value | None:
    """Truth values that are words are combined as truth values."""
    match made.lhs, made.rhs:
        case TruthToWord(one), TruthToWord(other):
            return make(TruthToWord(make(type(made)(one, other))))
        case TruthToWord(one), Constant(1) if type(made) is Xor:
            return make(TruthToWord(make(Xor(one, make(Constant(1, one.type))))))
        case TruthToWord(one), Constant(1) if type(made) is And:
            return make(TruthToWord(one))
    return None


# ---- floats ----


def _single(value: Value, make: Make) -> Value | None:
    """Return the f32 that an f64 is, if it is certain to be one."""
    match value:
        case Widen(x):
            return x
        case Constant(float(number)) if to_single(number) == number:
            return make(Constant(number, F32))
    return None


def _narrow(made: Narrow, make: Make) -> Value | None:
    """An operation of f32 numbers that was done in f64."""
    match made.operand:
        case Widen(x):
            return x
        case FSqrt(Widen(x)):
            return make(FSqrt(x))
        case (FAdd() | FSub() | FMul() | FDiv()) as inner:
            if not isinstance(inner.lhs, Widen) and not isinstance(inner.rhs, Widen):
                return None
            lhs, rhs = _single(inner.lhs, make), _single(inner.rhs, make)
            if lhs is not None and rhs is not None:
                return make(type(inner)(lhs, rhs))
    return None


def _compare(made: CompareFloat, make: Make) -> Value | None:
    """A comparison of f32 numbers that was done in f64."""
    if not isinstance(made.lhs, Widen) and not isinstance(made.rhs, Widen):
        return None
    lhs, rhs = _single(made.lhs, make), _single(made.rhs, make)
    if lhs is None or rhs is None:
        return None
    return make(CompareFloat(made.predicate, lhs, rhs))


def _fdiv(made: FDiv, make: Make) -> Value | None:
    """x / 2**k where 2**-k is a normal number."""
    match made:
        case FDiv(x, Constant(float(divisor))) if abs(divisor) == divisor and divisor:
            mantissa, exponent = frexp(divisor)
            least, most = _NORMAL_EXPONENTS[F32 if made.type is F32 else F64]
            if mantissa == 0.5 and least < exponent < most and least < 2 - exponent < most:
                return make(FMul(x, make(Constant(1.0 / divisor, made.type))))
    return None


DEVICE_RULES: Rules = {
    Mul: _mul,
    Shl: _shl,
    Lshr: _lshr,
    Sub: _sub,
    Udiv: _udiv,
    Urem: _urem,
    And: _truths,
    Or: _truths,
    Xor: _truths,
    Narrow: _narrow,
    CompareFloat: _compare,
    FDiv: _fdiv,
}
