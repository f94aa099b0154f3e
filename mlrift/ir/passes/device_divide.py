"""Divisions become products, or divisions of 32 bits where the numbers allow it.

    %q = arith.udiv %x, %ten                 %m = arith.mul %x, %cccccccd
                                      =>     %q = arith.lshr %m, %35

A quotient by a constant is the upper part of a product with its rounded-up reciprocal (`x` below
2**32; larger ones by four products of halves). Other divisions of words that may have more than 32
bits ask for their upper halves first; when those are not zero, the upper half of the quotient is a
division of 32 bits and the lower half is estimated in f32. Of signed words the absolute values are
divided. A division by zero gives some number: devices have no traps.
"""

from collections.abc import Iterator

from mlrift.ir.analysis import intervals
from mlrift.ir.analysis.intervals import Interval
from mlrift.ir.analysis.ranges import Ranges
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.numbers import SIGN_BIT, WORD_MASK
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import (
    Add,
    And,
    Ashr,
    Constant,
    FMul,
    FMultiplyAdd,
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
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch, Jump
from mlrift.ir.ops.convert import FloatToBits, SignedToFloat, TruthToWord
from mlrift.ir.ops.device import DeviceFunction, HardwareFunction
from mlrift.ir.passes.declaration import Pass, Property, on_functions
from mlrift.static_types import TypeVar
from mlrift.typesystem import F32, I64

_HALF = 1 << 32
_HALF_BITS = 32
_LOW = _HALF - 1
_FRACTION_BITS = 23
_FRACTION = 1 << _FRACTION_BITS
_P = IntegerPredicate
_Made = TypeVar("_Made", bound=Op)
_Division = Udiv | Urem | Sdiv | Srem


def expand_divisions(function: Function) -> None:
    """Replace what is no division of 32 bits."""
    if not any(isinstance(made, Udiv | Urem | Sdiv | Srem) for made in function.ops()):
        return
    ranges = Ranges(function)
    replacements: dict[Value, Value] = {}
    blocks: list[Block] = []
    for block in function.blocks:
        writer = _Writer(block, ranges, blocks)
        for made in writer.start():
            if isinstance(made, Udiv | Urem | Sdiv | Srem):
                dividend = ranges.at(made.lhs, block)
                is_small = max(writer.most(made.lhs), writer.most(made.rhs)) < _HALF
                made.replace_operands(replacements)
                writer.span = made.span
                if is_small and isinstance(made, Udiv | Urem) and type(made.rhs) is not Constant:
                    replacements[made] = writer.divide_low(made)
                else:
                    replacements[made] = writer.divide(made, dividend)
            else:
                made.replace_operands(replacements)
                writer.current.ops.append(made)
    function.blocks = blocks
    for made in function.ops():
        made.replace_operands(replacements)


PASS = Pass(
    "device_divide",
    on_functions(expand_divisions),
    needs=frozenset({Property.NO_DEAD_BLOCKS, Property.NO_SLOTS}),
)


class _Writer:
    """Writes the ops of one block, which may become several."""

    def __init__(self, block: Block, ranges: Ranges, blocks: list[Block]) -> None:
        self.original = block
        self.current = block
        self.ranges = ranges
        self.blocks = blocks
        self.quotients: dict[tuple[Value, Value], Value] = {}
        self.span = block.ops[0].span

    def start(self) -> Iterator[Op]:
        """Yield the ops of the block, which is emptied."""
        ops, self.current.ops = self.current.ops, []
        self.blocks.append(self.current)
        yield from ops

    def emit(self, made: _Made) -> _Made:
        """Append an op."""
        made.span = self.span
        self.current.ops.append(made)
        return made

    def word(self, number: int) -> Constant:
        """Emit a constant."""
        return self.emit(Constant(number & WORD_MASK, I64))

    def most(self, value: Value) -> int:
        """Return the greatest number that a word of the function can be."""
        return intervals.unsigned(self.ranges.at(value, self.original))[1]

    def divide_low(self, made: Udiv | Urem) -> Value:
        """Write a division of words that are below 2**32 here; masks say so for good."""
        mask = self.word(_LOW)
        lhs, rhs = self.emit(And(made.lhs, mask)), self.emit(And(made.rhs, mask))
        return self.emit(type(made)(lhs, rhs))

    def divide(self, made: _Division, dividend: Interval) -> Value:
        """Write a division and return its value; the dividend's range is known."""
        if isinstance(made, Sdiv | Srem):
            return self._signed(made, intervals.signed(dividend))
        most = intervals.unsigned(dividend)[1]
        quotient = self._quotient(made.lhs, made.rhs, most)
        if isinstance(made, Udiv):
            return quotient
        remainder = self._remainder(made.lhs, made.rhs, quotient)
        return remainder if most > _LOW else self.emit(And(remainder, self.word(_LOW)))

    def _remainder(self, lhs: Value, rhs: Value, quotient: Value) -> Value:
        return self.emit(Sub(lhs, self.emit(Mul(quotient, rhs))))

    def _quotient(self, lhs: Value, rhs: Value, most: int) -> Value:
        known = self.quotients.get((lhs, rhs))
        if known is None:
            if type(rhs) is Constant and rhs.value:
                known = self._by_constant(lhs, int(rhs.value), most)
            else:
                known = (self._by_digits if most > _LOW else self._of_half)(lhs, rhs)
            self.quotients[lhs, rhs] = known
        return known

    # ---- signs ----

    def _signed(self, made: Sdiv | Srem, dividends: Interval) -> Value:
        """Divide absolute values; quotients get the sign of both, remainders that of the first."""
        sign = self.emit(Ashr(made.lhs, self.word(63)))
        dividend = self._negated_if(made.lhs, sign)
        most = max(abs(row) for row in dividends)
        divisor: Value
        if type(made.rhs) is Constant:
            number = int(made.rhs.value)
            other: Value = self.word(WORD_MASK if number & SIGN_BIT else 0)
            divisor = self.word(-number if number & SIGN_BIT else number)
        else:
            other = self.emit(Ashr(made.rhs, self.word(63)))
            divisor = self._negated_if(made.rhs, other)
        quotient = self._quotient(dividend, divisor, most)
        if isinstance(made, Srem):
            return self._negated_if(self._remainder(dividend, divisor, quotient), sign)
        return self._negated_if(quotient, self.emit(Xor(sign, other)))

    def _negated_if(self, value: Value, sign: Value) -> Value:
        return self.emit(Sub(self.emit(Xor(value, sign)), sign))

    # ---- by constants ----

    def _by_constant(self, lhs: Value, divisor: int, most: int) -> Value:
        """Multiply with a reciprocal: the least shift for which the error stays below a unit."""
        if divisor == 1:
            return lhs
        if divisor & (divisor - 1) == 0:
            return self.emit(Lshr(lhs, self.word(divisor.bit_length() - 1)))
        if most < divisor:
            return self.word(0)
        bits = most.bit_length()
        if bits <= _HALF_BITS:
            factor, shift = _reciprocal(divisor, bits)
            if factor * most > _LOW:
                factor, shift = _reciprocal(divisor, bits, _HALF_BITS)
            if factor * most <= WORD_MASK:
                return self.emit(Lshr(self.emit(Mul(lhs, self.word(factor))), self.word(shift)))
            upper = self._upper_half_of_33_bits(lhs, factor)
            return self.emit(Lshr(upper, self.word(shift - _HALF_BITS)))
        factor, shift = _reciprocal(divisor, 64)
        if factor <= WORD_MASK:
            return self.emit(Lshr(self._upper_word(lhs, factor), self.word(shift - 64)))
        upper = self._upper_word(lhs, factor & WORD_MASK)
        rest = self.emit(Lshr(self.emit(Sub(lhs, upper)), self.word(1)))
        return self.emit(Lshr(self.emit(Add(rest, upper)), self.word(shift - 65)))

    def _upper_half_of_33_bits(self, lhs: Value, factor: int) -> Value:
        """Return the product of 32 bits with a factor of 33, less its lower 32 bits."""
        product = self.emit(Mul(lhs, self.word(factor - _HALF)))
        return self.emit(Add(self.emit(Lshr(product, self.word(_HALF_BITS))), lhs))

    def _upper_word(self, lhs: Value, factor: int) -> Value:
        """Return the upper 64 of the 128 bits of a product."""
        half = self.word(_HALF_BITS)
        low = self.emit(And(lhs, self.word(_LOW)))
        high = self.emit(Lshr(lhs, half))
        low_factor, high_factor = self.word(factor & _LOW), self.word(factor >> _HALF_BITS)
        carry = self.emit(Lshr(self.emit(Mul(low, low_factor)), half))
        middle = self.emit(Add(self.emit(Mul(high, low_factor)), carry))
        middle_low = self.emit(And(middle, self.word(_LOW)))
        other = self.emit(Add(self.emit(Mul(low, high_factor)), middle_low))
        upper = self.emit(Add(self.emit(Mul(high, high_factor)), self.emit(Lshr(middle, half))))
        return self.emit(Add(upper, self.emit(Lshr(other, half))))

    # ---- by words ----

    def _of_half(self, lhs: Value, rhs: Value) -> Value:
        """Divide 32 bits by a word: nothing is left of them by a larger one."""
        half, mask, zero = self.word(_HALF_BITS), self.word(_LOW), self.word(0)
        is_small = self.emit(CompareInteger(_P.EQ, self.emit(Lshr(rhs, half)), zero))
        divisor = self.emit(Select(is_small, self.emit(And(rhs, mask)), self.word(1)))
        quotient = self.emit(Udiv(self.emit(And(lhs, mask)), divisor))
        return self.emit(Select(is_small, quotient, zero))

    def _by_digits(self, lhs: Value, rhs: Value) -> Value:
        """Divide 32 bits by 32 where both are that small, else as one does by hand."""
        half = self.word(_HALF_BITS)
        both = self.emit(Or(lhs, rhs))
        upper = self.emit(Lshr(both, half))
        is_small = self.emit(CompareInteger(_P.EQ, upper, self.word(0)))
        small, large = Block("small"), Block("large")
        after = Block("divided", [BlockParameter(I64)])
        self.emit(Branch(is_small, Successor(small), Successor(large)))
        self._enter(small)
        mask = self.word(_LOW)
        quotient = self.emit(Udiv(self.emit(And(lhs, mask)), self.emit(And(rhs, mask))))
        self.emit(Jump(Successor(after, [quotient])))
        self._enter(large)
        digit, rest = self._first_digit(lhs, rhs)
        second = self._second_digit(rest, rhs)
        whole = self.emit(Add(self.emit(Shl(digit, self.word(_HALF_BITS))), second))
        self.emit(Jump(Successor(after, [whole])))
        self._enter(after)
        return after.parameters[0]

    def _enter(self, block: Block) -> None:
        self.blocks.append(block)
        self.current = block

    def _first_digit(self, lhs: Value, rhs: Value) -> tuple[Value, Value]:
        """Divide the upper half of a word; return the digit and what is left of the word."""
        half, mask, zero = self.word(_HALF_BITS), self.word(_LOW), self.word(0)
        upper = self.emit(Lshr(lhs, half))
        is_one_digit = self.emit(CompareInteger(_P.EQ, self.emit(Lshr(rhs, half)), zero))
        lower_half = self.emit(And(rhs, mask))
        divisor = self.emit(Select(is_one_digit, lower_half, self.word(1)))
        divided = self.emit(Udiv(upper, divisor))
        digit = self.emit(Select(is_one_digit, divided, zero))
        taken = self.emit(Mul(digit, divisor))
        return digit, self.emit(Sub(lhs, self.emit(Shl(taken, half))))

    def _second_digit(self, rest: Value, rhs: Value) -> Value:
        """Return a quotient below 2**32: estimated twice, never too high, then one added or not.

        An estimate is at most 2**-19 too low: the two f32 are off by 2**-23 each, the reciprocal
        by as much, and 2**-20 is taken off. So the second one is of a quotient below 2**13 + 1, and
        what is left after it is less than twice the divisor.
        """
        inverse = self.emit(HardwareFunction(DeviceFunction.RECIPROCAL, self._single(rhs)))
        less = self.emit(FMul(inverse, self.emit(Constant(1.0 - 2.0**-20, F32))))
        first = self._estimate(rest, less)
        rest = self._remainder(rest, rhs, first)
        second = self._estimate(rest, less)
        rest = self._remainder(rest, rhs, second)
        is_short = self.emit(CompareInteger(_P.UGE, rest, rhs))
        total = self.emit(Add(first, second))
        return self.emit(Add(total, self.emit(TruthToWord(is_short))))

    def _single(self, word: Value) -> Value:
        """Return about the f32 that a word is."""
        upper = self.emit(SignedToFloat(self.emit(Lshr(word, self.word(_HALF_BITS))), F32))
        lower = self.emit(SignedToFloat(self.emit(And(word, self.word(_LOW))), F32))
        return self.emit(FMultiplyAdd(upper, self.emit(Constant(2.0**32, F32)), lower))

    def _estimate(self, word: Value, inverse: Value) -> Value:
        """Return the whole part of a product, which is below 2**32.

        The f32 above it by one has its exponent in 127 to 159: its bits say how far the 24 bits of
        the number have to be shifted (counts are modulo 64).
        """
        one = self.emit(Constant(1.0, F32))
        bits = self.emit(FloatToBits(self.emit(FMultiplyAdd(self._single(word), inverse, one))))
        place = self.word(_FRACTION_BITS)
        fraction = self.emit(And(bits, self.word(_FRACTION - 1)))
        number = self.emit(Or(fraction, self.word(_FRACTION)))
        count = self.emit(Add(self.emit(Lshr(bits, place)), self.word(1)))
        whole = self.emit(Lshr(self.emit(Shl(number, count)), place))
        return self.emit(And(self.emit(Sub(whole, self.word(1))), self.word(_LOW)))


def _reciprocal(divisor: int, bits: int, least_shift: int = 0) -> tuple[int, int]:
    """Return a factor and a shift: x // divisor == x * factor >> shift for x of so many bits.

    The factor is 2**shift / divisor, rounded up; the error, at most x / 2**shift of the divisor,
    must be less than what x lacks to the next multiple.
    """
    for shift in range(max(bits, least_shift), 130):
        factor = -(-(1 << shift) // divisor)
        if (factor * divisor - (1 << shift)) << bits <= 1 << shift:
            return factor, shift
    raise AssertionError((divisor, bits))
