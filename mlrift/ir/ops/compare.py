"""Comparisons: two operands of one type in, a truth value (i1) out."""

from enum import Enum, unique

from mlrift.ir.core import Value
from mlrift.ir.numbers import signed
from mlrift.ir.op import Effect, Op, alike, op
from mlrift.typesystem import F32, F64, I1


@unique
class IntegerPredicate(Enum):
    """Integer comparisons; u = unsigned, s = signed."""

    EQ = "eq"
    NE = "ne"
    ULT = "ult"
    ULE = "ule"
    UGT = "ugt"
    UGE = "uge"
    SLT = "slt"
    SLE = "sle"
    SGT = "sgt"
    SGE = "sge"


@unique
class FloatPredicate(Enum):
    """IEEE comparisons: with a NaN all are false but `ne`."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"


@op("compare.integer", Effect.PURE, result=I1)
class CompareInteger(Op):
    """Compare two words."""

    predicate: IntegerPredicate
    lhs: Value
    rhs: Value

    def evaluate(self, lhs: int, rhs: int) -> int:
        """Compare, reading the words as the predicate says."""
        name = self.predicate.value
        if name[0] == "s":
            lhs, rhs = signed(lhs), signed(rhs)
        return int(_ORDER[name[-2:]](lhs, rhs))


@op("compare.float", Effect.PURE, result=I1, operands=alike(F32, F64))
class CompareFloat(Op):
    """Compare two floats of one type."""

    predicate: FloatPredicate
    lhs: Value
    rhs: Value

    def evaluate(self, lhs: float, rhs: float) -> int:
        """Compare by IEEE 754."""
        return int(_ORDER[self.predicate.value](lhs, rhs))


_ORDER = {
    "eq": lambda lhs, rhs: lhs == rhs,
    "ne": lambda lhs, rhs: lhs != rhs,
    "lt": lambda lhs, rhs: lhs < rhs,
    "le": lambda lhs, rhs: lhs <= rhs,
    "gt": lambda lhs, rhs: lhs > rhs,
    "ge": lambda lhs, rhs: lhs >= rhs,
}
