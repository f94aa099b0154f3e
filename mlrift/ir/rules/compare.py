"""Rewrites of comparisons. A float is not equal to itself when it is a NaN, so floats have none."""

from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Constant, Xor
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.convert import TruthToWord
from mlrift.ir.rules.declaration import Make, Rules
from mlrift.ir.rules.predicates import HOLDS_FOR_EQUAL, SWAPPED
from mlrift.typesystem import I1

_P = IntegerPredicate


def simplify_compare(made: CompareInteger, make: Make) -> Value | None:
    """x == x, a == x, and tests of a truth value that was made a word."""
    if type(made.lhs) is Constant and type(made.rhs) is not Constant:
        made.predicate = SWAPPED[made.predicate]
        made.lhs, made.rhs = made.rhs, made.lhs
    match made:
        case CompareInteger(predicate, x, y) if x is y:
            return make(Constant(int(predicate in HOLDS_FOR_EQUAL), I1))
        case CompareInteger(_P.NE, TruthToWord(truth), Constant(0)):
            return truth
        case CompareInteger(_P.EQ, TruthToWord(truth), Constant(1)):
            return truth
        case CompareInteger(_P.EQ, TruthToWord(truth), Constant(0)):
            return make(Xor(truth, make(Constant(1, I1))))
        case CompareInteger(_P.NE, TruthToWord(truth), Constant(1)):
            return make(Xor(truth, make(Constant(1, I1))))
        case CompareInteger(_P.ULT, _, Constant(0)):
            return make(Constant(0, I1))
        case CompareInteger(_P.UGE, _, Constant(0)):
            return make(Constant(1, I1))
    return None


COMPARE_RULES: Rules = {CompareInteger: simplify_compare}
