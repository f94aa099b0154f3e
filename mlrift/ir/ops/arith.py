"""Arithmetic on words (i64) and floats. Integers are evaluated as unsigned Python ints."""

from math import isnan

from mlrift.ir import numbers
from mlrift.ir.core import Value
from mlrift.ir.numbers import divide, square_root, to_single
from mlrift.ir.op import Effect, Op, Trait, alike, anything, op, same_as
from mlrift.typesystem import F32, F64, I1, I64, ValueType

SIGN_BIT = numbers.SIGN_BIT
WORD_MASK = numbers.WORD_MASK
signed = numbers.signed

_floats = alike(F32, F64)
_bits = alike(I64, I1)
_INTEGER_END: dict[ValueType, int] = {I64: 1 << 64, I1: 2}


def _rounded(value: float, value_type: ValueType) -> float:
    return to_single(value) if value_type is F32 else value


@op("arith.constant", Effect.PURE, result=same_as("constant_type"))
class Constant(Op):
    """A constant: an int for i64 (0 to 2**64-1) and i1, a float for f32 (already rounded), f64."""

    value: int | float
    constant_type: ValueType

    def check(self) -> str | None:
        """Refuse numbers that the type does not hold."""
        end = _INTEGER_END.get(self.constant_type)
        if end is not None:
            fits = isinstance(self.value, int) and 0 <= self.value < end
        else:
            fits = self.constant_type in (F32, F64) and isinstance(self.value, float)
            if fits and self.constant_type is F32 and not isnan(self.value):
                fits = to_single(self.value) == self.value
        return None if fits else f"{self.value!r} is no {self.constant_type.value}"


@op("arith.add", Effect.PURE, Trait.COMMUTATIVE, result=I64)
class Add(Op):
    """Sum modulo 2**64."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """Add."""
        return (lhs + rhs) & WORD_MASK


@op("arith.sub", Effect.PURE, result=I64)
class Sub(Op):
    """Difference modulo 2**64."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """Subtract."""
        return (lhs - rhs) & WORD_MASK


@op("arith.mul", Effect.PURE, Trait.COMMUTATIVE, result=I64)
class Mul(Op):
    """Product modulo 2**64."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """Multiply."""
        return (lhs * rhs) & WORD_MASK


@op("arith.udiv", Effect.ANY, Trait.TRAPS, result=I64)
class Udiv(Op):
    """Unsigned quotient. A zero divisor ends the program with status 136."""

    lhs: Value
    rhs: Value


@op("arith.sdiv", Effect.ANY, Trait.TRAPS, result=I64)
class Sdiv(Op):
    """Signed quotient, truncated. A zero divisor, or MIN / -1, ends the program (136)."""

    lhs: Value
    rhs: Value


@op("arith.urem", Effect.ANY, Trait.TRAPS, result=I64)
class Urem(Op):
    """Unsigned remainder. A zero divisor ends the program with status 136."""

    lhs: Value
    rhs: Value


@op("arith.srem", Effect.ANY, Trait.TRAPS, result=I64)
class Srem(Op):
    """Signed remainder, sign of the dividend. A zero divisor, or MIN % -1, ends it (136)."""

    lhs: Value
    rhs: Value


@op("arith.and", Effect.PURE, Trait.COMMUTATIVE, result=same_as("lhs"), operands=_bits)
class And(Op):
    """Bitwise and of words or truth values."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """And."""
        return lhs & rhs


@op("arith.or", Effect.PURE, Trait.COMMUTATIVE, result=same_as("lhs"), operands=_bits)
class Or(Op):
    """Bitwise or of words or truth values."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """Or."""
        return lhs | rhs


@op("arith.xor", Effect.PURE, Trait.COMMUTATIVE, result=same_as("lhs"), operands=_bits)
class Xor(Op):
    """Bitwise exclusive or of words or truth values."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """Exclusive or."""
        return lhs ^ rhs


@op("arith.shl", Effect.PURE, result=I64)
class Shl(Op):
    """Left shift; the count is taken modulo 64."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """Shift left."""
        return (lhs << (rhs & 63)) & WORD_MASK


@op("arith.lshr", Effect.PURE, result=I64)
class Lshr(Op):
    """Logical right shift; the count is taken modulo 64."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """Shift right, zeros in."""
        return lhs >> (rhs & 63)


@op("arith.ashr", Effect.PURE, result=I64)
class Ashr(Op):
    """Arithmetic right shift; the count is taken modulo 64."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """Shift right, sign bits in."""
        return (signed(lhs) >> (rhs & 63)) & WORD_MASK


@op("arith.fadd", Effect.PURE, result=same_as("lhs"), operands=_floats)
class FAdd(Op):
    """IEEE sum, rounded to the operand type; never contracted or reassociated."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: float, rhs: float) -> float:
        """Add and round."""
        return _rounded(lhs + rhs, self.type)


@op("arith.fsub", Effect.PURE, result=same_as("lhs"), operands=_floats)
class FSub(Op):
    """IEEE difference, rounded to the operand type."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: float, rhs: float) -> float:
        """Subtract and round."""
        return _rounded(lhs - rhs, self.type)


@op("arith.fmul", Effect.PURE, result=same_as("lhs"), operands=_floats)
class FMul(Op):
    """IEEE product, rounded to the operand type."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: float, rhs: float) -> float:
        """Multiply and round."""
        return _rounded(lhs * rhs, self.type)


@op("arith.fdiv", Effect.PURE, result=same_as("lhs"), operands=_floats)
class FDiv(Op):
    """IEEE quotient, rounded to the operand type; division by zero gives an infinity or a NaN."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: float, rhs: float) -> float:
        """Divide and round."""
        return _rounded(divide(lhs, rhs), self.type)


@op("arith.fsqrt", Effect.PURE, result=same_as("operand"), operands=_floats)
class FSqrt(Op):
    """Correctly rounded square root; NaN of a negative number."""

    operand: Value

    def evaluate(self, operand: float) -> float:
        """Take the root and round."""
        return _rounded(square_root(operand), self.type)


@op("arith.fma", Effect.PURE, result=same_as("factor"), operands=_floats)
class FMultiplyAdd(Op):
    """IEEE fused multiply-add: factor * other + addend, rounded once."""

    factor: Value
    other: Value
    addend: Value

    def evaluate(self, factor: float, other: float, addend: float) -> float:
        """Multiply and add exactly, then round."""
        if self.type is F32:
            return numbers.fused_single(factor, other, addend)
        return numbers.fused_double(factor, other, addend)


@op("arith.select", Effect.PURE, result=same_as("if_true"), operands=anything)
class Select(Op):
    """One of two values by a truth value (i1); both are evaluated."""

    condition: Value
    if_true: Value
    if_false: Value

    def check(self) -> str | None:
        """Refuse a condition that is no truth value and two types."""
        if self.condition.type is not I1:
            return f"operand `condition` must be i1, not {self.condition.type.value}"
        if self.if_true.type is not self.if_false.type:
            return "the two values differ in type"
        return None


@op("arith.add_overflows", Effect.PURE, result=I1)
class AddOverflows(Op):
    """Whether the signed sum does not fit in 64 bits."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """Compare with the exact sum."""
        return int(not -SIGN_BIT <= signed(lhs) + signed(rhs) < SIGN_BIT)


@op("arith.sub_overflows", Effect.PURE, result=I1)
class SubOverflows(Op):
    """Whether the signed difference does not fit in 64 bits."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """Compare with the exact difference."""
        return int(not -SIGN_BIT <= signed(lhs) - signed(rhs) < SIGN_BIT)


@op("arith.mul_overflows", Effect.PURE, result=I1)
class MulOverflows(Op):
    """Whether the signed product does not fit in 64 bits."""

    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """Compare with the exact product."""
        return int(not -SIGN_BIT <= signed(lhs) * signed(rhs) < SIGN_BIT)
