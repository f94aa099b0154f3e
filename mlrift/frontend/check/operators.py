"""The typing rules of binary and unary operators: operand types in, operation and result type out.

Pure tables and functions (reference.md 7.3 to 7.6 with FIX Q24, Q27 and Q63): nothing here reports.
Two scalar operands either have a rule or are one of the mismatches that `expressions.py` reports.
"""

from functools import lru_cache

from mlrift.frontend.ast import BinaryOperator as Op
from mlrift.frontend.typed import BinaryKind as Kind
from mlrift.typesystem import CHAR, S64, U64, ScalarType, Tag, Type
from mlrift.values import value


@value
class BinaryRule:
    """The operation, its result type, and whether `--debug` checks it for overflow."""

    kind: Kind
    result: ScalarType
    is_overflow_checked: bool


INTEGER_KINDS: dict[Op, tuple[Kind, Kind]] = {
    Op.ADD: (Kind.ADD, Kind.ADD),
    Op.SUB: (Kind.SUB, Kind.SUB),
    Op.MUL: (Kind.MUL, Kind.MUL),
    Op.DIV: (Kind.UDIV, Kind.SDIV),
    Op.REM: (Kind.UREM, Kind.SREM),
    Op.SHL: (Kind.SHL, Kind.SHL),
    Op.SHR: (Kind.LSHR, Kind.ASHR),
    Op.BIT_AND: (Kind.AND, Kind.AND),
    Op.BIT_OR: (Kind.OR, Kind.OR),
    Op.BIT_XOR: (Kind.XOR, Kind.XOR),
    Op.EQ: (Kind.EQ, Kind.EQ),
    Op.NE: (Kind.NE, Kind.NE),
    Op.LT: (Kind.ULT, Kind.SLT),
    Op.LE: (Kind.ULE, Kind.SLE),
    Op.GT: (Kind.UGT, Kind.SGT),
    Op.GE: (Kind.UGE, Kind.SGE),
}
"""The unsigned and the signed operation of each operator on words."""

FLOAT_KINDS: dict[Op, Kind] = {
    Op.ADD: Kind.FADD,
    Op.SUB: Kind.FSUB,
    Op.MUL: Kind.FMUL,
    Op.DIV: Kind.FDIV,
    Op.EQ: Kind.FEQ,
    Op.NE: Kind.FNE,
    Op.LT: Kind.FLT,
    Op.LE: Kind.FLE,
    Op.GT: Kind.FGT,
    Op.GE: Kind.FGE,
}
"""The operators that floats have; the others are errors on them."""

ARITHMETIC = frozenset((Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.REM))
EQUALITIES = frozenset((Op.EQ, Op.NE))
ORDERINGS = frozenset((Op.LT, Op.LE, Op.GT, Op.GE))
COMPARISONS = EQUALITIES | ORDERINGS
_OVERFLOWING = frozenset((Op.ADD, Op.SUB, Op.MUL))
_CHAR_STEPS = frozenset((Op.ADD, Op.SUB))
_INTEGER_TAGS = (Tag.UNSIGNED, Tag.SIGNED)


@lru_cache(maxsize=4096)
def integer_rule(operator: Op, left: Type, right: Type) -> BinaryRule:
    """Return the rule for two operands held in words (integers, bool, char, addresses)."""
    is_signed = is_signed_pair(left, right)
    kind = INTEGER_KINDS[operator][is_signed]
    checked = is_signed and operator in _OVERFLOWING
    return BinaryRule(kind, _integer_result(operator, left.tag, right.tag), checked)


def is_signed_pair(left: Type, right: Type) -> bool:
    """Return whether an operation on these operands is the signed one."""
    return left.tag is Tag.SIGNED or right.tag is Tag.SIGNED


def _integer_result(operator: Op, left: Tag, right: Tag) -> ScalarType:
    if operator in COMPARISONS:
        return U64
    if left is Tag.CHAR and operator in _CHAR_STEPS and right in _INTEGER_TAGS:
        return CHAR
    if left is Tag.CHAR or left is Tag.BOOL:
        return U64
    return S64 if left is Tag.SIGNED or right is Tag.SIGNED else U64
