"""What ranges and uses of words decide is not computed.

    %m = arith.and %byte, %255                 (uses of %m use %byte, which is below 256)
    %s = arith.and %sum, %ffffffff      =>     (uses of %s use %sum: they look at 32 bits)
    memory.store %p, %s : i32                  memory.store %p, %sum : i32
    %c = compare.integer ult %lane, %64        %c = arith.constant 1 : i1

Signed comparisons, quotients and shifts of words that are not negative become unsigned ones.
"""

from collections.abc import Callable

from mlrift.ir.analysis import intervals
from mlrift.ir.analysis.control_flow import reverse_postorder
from mlrift.ir.analysis.demanded_bits import LOW_HALF, DemandedBits
from mlrift.ir.analysis.intervals import Interval
from mlrift.ir.analysis.ranges import Ranges
from mlrift.ir.core import Block, Function, Value
from mlrift.ir.numbers import SIGN_BIT, WORD_MASK
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import And, Ashr, Constant, Lshr, Sdiv, Shl, Srem, Udiv, Urem
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property, on_functions
from mlrift.static_types import Any
from mlrift.typesystem import I1, I64

_P = IntegerPredicate
_UNSIGNED = {_P.SLT: _P.ULT, _P.SLE: _P.ULE, _P.SGT: _P.UGT, _P.SGE: _P.UGE}


def narrow_words(function: Function) -> None:
    """Replace what is decided, by ranges first.

    What nobody looks at goes afterwards: it may be other than the ranges said.
    """
    by_range = _ByRange(Ranges(function))
    _rewrite(function, by_range.replacement)
    by_use = _ByUse(DemandedBits(function))
    _rewrite(function, by_use.replacement)


PASS = Pass(
    "device_narrow",
    on_functions(narrow_words),
    needs=frozenset({Property.NO_DEAD_BLOCKS, Property.NO_SLOTS}),
    keeps=EVERY_PROPERTY,
)


_Rule = Callable[[Op, Block], Value | None]


def _rewrite(function: Function, rule: _Rule) -> None:
    """Replace ops by what a rule gives for them; one that stands nowhere yet takes their place."""
    replacements: dict[Value, Value] = {}
    present = set(function.ops())
    for block in reverse_postorder(function):
        ops: list[Op] = []
        for made in block.ops:
            if replacements:
                made.replace_operands(replacements)
            found = rule(made, block)
            if found is None:
                ops.append(made)
                continue
            if isinstance(found, Op) and found not in present:
                found.span = made.span
                ops.append(found)
            replacements[made] = found
        block.ops = ops
    if replacements:
        for made in function.ops():
            made.replace_operands(replacements)


class _ByRange:
    """The rules that look at ranges; they give a value that is there, or a new op."""

    def __init__(self, ranges: Ranges) -> None:
        self.ranges = ranges

    def replacement(self, made: Op, block: Block) -> Value | None:
        """Return what takes the place of an op."""
        rule = _RULES.get(type(made))
        return rule(self, made, block) if rule is not None else None

    def _most(self, value: Value, block: Block) -> int:
        return intervals.unsigned(self.ranges.at(value, block))[1]

    def _is_natural(self, value: Value, block: Block) -> bool:
        """Whether a word is not negative."""
        return self._most(value, block) < SIGN_BIT

    def mask(self, made: And, block: Block) -> Value | None:
        """A mask of bits that are zero anyway.

        One of 32 bits stays when they are zero in this block only: it tells selection so.
        """
        if type(made.rhs) is not Constant or made.type is not I64:
            return None
        is_half = made.rhs.value == LOW_HALF
        most = self.ranges.most(made.lhs) if is_half else self._most(made.lhs, block)
        possible = (1 << most.bit_length()) - 1
        return made.lhs if possible & ~int(made.rhs.value) == 0 else None

    def sign(self, made: Ashr, block: Block) -> Value | None:
        """The sign of a number that is not negative, or that has that sign already."""
        match made:
            case Ashr(Shl(x, Constant(int(up))), Constant(int(down))) if up == down:
                low, high = self.ranges.at(x, block)
                end = SIGN_BIT >> (up & 63)
                if low >= -end and high < end:
                    return x
        return Lshr(made.lhs, made.rhs) if self._is_natural(made.lhs, block) else None

    def signed_division(self, made: Sdiv | Srem, block: Block) -> Value | None:
        """A division of words that are not negative."""
        if not self._is_natural(made.lhs, block) or not self._is_natural(made.rhs, block):
            return None
        return (Udiv if isinstance(made, Sdiv) else Urem)(made.lhs, made.rhs)

    def remainder(self, made: Urem, block: Block) -> Value | None:
        """What is below the divisor."""
        least = intervals.unsigned(self.ranges.at(made.rhs, block))[0]
        return made.lhs if self._most(made.lhs, block) < least else None

    def compare(self, made: CompareInteger, block: Block) -> Value | None:
        """A comparison that ranges decide, or of words that are not negative."""
        lhs, rhs = self.ranges.at(made.lhs, block), self.ranges.at(made.rhs, block)
        decided = _decide(made.predicate, lhs, rhs)
        if decided is not None:
            return Constant(int(decided), I1)
        is_natural = min(lhs[0], rhs[0]) >= 0 and max(lhs[1], rhs[1]) < SIGN_BIT
        if made.predicate in _UNSIGNED and is_natural:
            return CompareInteger(_UNSIGNED[made.predicate], made.lhs, made.rhs)
        return None


class _ByUse:
    """The rules that look at which bits somebody needs."""

    def __init__(self, demanded: DemandedBits) -> None:
        self.demanded = demanded

    def replacement(self, made: Op, block: Block) -> Value | None:
        """Return the operand that has the bits that are needed of an op."""
        match made:
            case And(x, Constant(int(mask))) if made.type is I64:
                return x if self.demanded.of(made) & ~mask == 0 else None
            case Ashr(Shl(x, Constant(int(up))), Constant(int(down))) if up == down:
                return x if self.demanded.of(made) <= WORD_MASK >> (up & 63) else None
        return None


def _decide(predicate: _P, lhs: Interval, rhs: Interval) -> bool | None:
    """Return what a comparison of words in two ranges gives, if it is always the same."""
    read = intervals.signed if predicate.value[0] == "s" else intervals.unsigned
    (least, most), (other_least, other_most) = read(lhs), read(rhs)
    if predicate in (_P.EQ, _P.NE):
        apart = most < other_least or other_most < least
        same = least == most == other_least == other_most
        return (predicate is _P.EQ) is same if apart or same else None
    kind = predicate.value[1:]
    if kind in ("gt", "ge"):
        least, most, other_least, other_most = other_least, other_most, least, most
    if kind in ("lt", "gt"):
        return True if most < other_least else False if least >= other_most else None
    return True if most <= other_least else False if least > other_most else None


_RULES: dict[type[Op], Callable[[_ByRange, Any, Block], Value | None]] = {
    And: _ByRange.mask,
    Ashr: _ByRange.sign,
    Sdiv: _ByRange.signed_division,
    Srem: _ByRange.signed_division,
    Urem: _ByRange.remainder,
    CompareInteger: _ByRange.compare,
}
