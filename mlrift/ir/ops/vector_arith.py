"""Arithmetic on the lanes of vectors, lane by lane; nothing is contracted or reassociated.

Integers are computed modulo what a lane holds. Floats are rounded after every op, to nearest with
ties to even; f16 and bf16 are converted, never computed with. Results are the same on every CPU,
except for the bits of NaNs.
"""

from enum import Enum, unique

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, Trait, anything, op, same_as
from mlrift.ir.ops.compare import FloatPredicate, IntegerPredicate
from mlrift.ir.ops.vector_types import (
    ANY_LANES,
    FLOATS,
    HALVES,
    INTEGERS,
    LANE_BITS,
    MASKS,
    NUMBERS,
    check_alike,
    check_mask,
    check_type,
    mask_like,
)
from mlrift.typesystem import F32, F64, I8, I32, MachineType, ValueType, VectorType, vec


@unique
class UnaryKind(Enum):
    """What happens to each lane; `abs` and `neg` of the least integer are itself.

    NOT is for integers and masks; `round` gives the nearest whole number, ties to even.
    """

    NEG = "neg"
    ABS = "abs"
    NOT = "not"
    SQRT = "sqrt"
    FLOOR = "floor"
    CEIL = "ceil"
    TRUNC = "trunc"
    ROUND = "round"


@unique
class BinaryKind(Enum):
    """What is made of two lanes. Counts of shifts are taken modulo the bits of a lane.

    `min` is `lhs < rhs ? lhs : rhs` and `max` is `lhs > rhs ? lhs : rhs`: with a NaN, and of two
    zeros, the result is `rhs`.
    """

    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    DIV = "div"
    MIN = "min"
    MAX = "max"
    SMIN = "smin"
    SMAX = "smax"
    UMIN = "umin"
    UMAX = "umax"
    AND = "and"
    OR = "or"
    XOR = "xor"
    SHL = "shl"
    LSHR = "lshr"
    ASHR = "ashr"


@unique
class DivideKind(Enum):
    """Divisions of integers: u = unsigned, s = signed and truncated."""

    UDIV = "udiv"
    SDIV = "sdiv"
    UREM = "urem"
    SREM = "srem"


@unique
class ConvertKind(Enum):
    """How a lane becomes one of another type.

    `zext`, `sext` and `trunc` are for integers, the first two for masks as well. `widen` (f16 and
    bf16 to f32, f32 to f64) is exact, `narrow` (the other way) rounds. `from_signed` and
    `from_unsigned` make floats of integers and round; `to_signed` and `to_unsigned` truncate
    towards zero, saturate, and make 0 of a NaN.
    """

    ZEXT = "zext"
    SEXT = "sext"
    TRUNC = "trunc"
    WIDEN = "widen"
    NARROW = "narrow"
    FROM_SIGNED = "from_signed"
    FROM_UNSIGNED = "from_unsigned"
    TO_SIGNED = "to_signed"
    TO_UNSIGNED = "to_unsigned"


@unique
class Dot4Kind(Enum):
    """Whether the lanes of the first factor are signed; those of the second always are."""

    SIGNED = "signed"
    UNSIGNED_SIGNED = "unsigned_signed"


_UNARY_LANES: dict[UnaryKind, frozenset[MachineType]] = {
    UnaryKind.NEG: NUMBERS,
    UnaryKind.ABS: NUMBERS,
    UnaryKind.NOT: INTEGERS | MASKS,
}
_BINARY_LANES: dict[BinaryKind, frozenset[MachineType]] = {
    **dict.fromkeys((BinaryKind.ADD, BinaryKind.SUB, BinaryKind.MUL), NUMBERS),
    **dict.fromkeys((BinaryKind.DIV, BinaryKind.MIN, BinaryKind.MAX), FLOATS),
    **dict.fromkeys((BinaryKind.AND, BinaryKind.OR, BinaryKind.XOR), INTEGERS | MASKS),
}


@op("vector.unary", Effect.PURE, result=same_as("operand"), operands=anything)
class Unary(Op):
    """Something done to every lane."""

    kind: UnaryKind
    operand: Value

    def check(self) -> str | None:
        """Refuse lanes that the kind is not for."""
        return check_type(self.operand.type, _UNARY_LANES.get(self.kind, FLOATS))


@op("vector.binary", Effect.PURE, result=same_as("lhs"), operands=anything)
class Binary(Op):
    """Something made of every two lanes."""

    kind: BinaryKind
    lhs: Value
    rhs: Value

    def check(self) -> str | None:
        """Refuse two types, and lanes that the kind is not for."""
        return check_alike(_BINARY_LANES.get(self.kind, INTEGERS), self.lhs, self.rhs)


@op("vector.divide", Effect.ANY, Trait.TRAPS, result=same_as("lhs"), operands=anything)
class Divide(Op):
    """Quotients or remainders of integers.

    As for words, the program ends with status 136 when a divisor is zero, or when a signed one is
    -1 and the dividend the least integer.
    """

    kind: DivideKind
    lhs: Value
    rhs: Value

    def check(self) -> str | None:
        """Refuse two types, and lanes that are no integers."""
        return check_alike(INTEGERS, self.lhs, self.rhs)


@op("vector.fma", Effect.PURE, result=same_as("factor"), operands=anything)
class MultiplyAdd(Op):
    """IEEE fused multiply-add: factor * other + addend, rounded once."""

    factor: Value
    other: Value
    addend: Value

    def check(self) -> str | None:
        """Refuse several types, and lanes that are no floats."""
        return check_alike(FLOATS, self.factor, self.other, self.addend)


def _mask_of_lhs(made: Op) -> ValueType:
    assert isinstance(made, (CompareIntegers, CompareFloats))
    return mask_like(made.lhs)


@op("vector.compare_integer", Effect.PURE, result=_mask_of_lhs, operands=anything)
class CompareIntegers(Op):
    """Compare integers; the result is a mask."""

    predicate: IntegerPredicate
    lhs: Value
    rhs: Value

    def check(self) -> str | None:
        """Refuse two types, and lanes that are no integers."""
        return check_alike(INTEGERS, self.lhs, self.rhs)


@op("vector.compare_float", Effect.PURE, result=_mask_of_lhs, operands=anything)
class CompareFloats(Op):
    """Compare floats by IEEE 754; the result is a mask."""

    predicate: FloatPredicate
    lhs: Value
    rhs: Value

    def check(self) -> str | None:
        """Refuse two types, and lanes that are no floats."""
        return check_alike(FLOATS, self.lhs, self.rhs)


@op("vector.select", Effect.PURE, result=same_as("if_true"), operands=anything)
class SelectLanes(Op):
    """For every lane one of two values, by a mask."""

    mask: Value
    if_true: Value
    if_false: Value

    def check(self) -> str | None:
        """Refuse two types, and another number of lanes in the mask."""
        return check_alike(ANY_LANES, self.if_true, self.if_false) or check_mask(
            self.mask, self.if_true.type
        )


@op("vector.convert", Effect.PURE, result=same_as("vector_type"), operands=anything)
class Convert(Op):
    """Lanes of another type."""

    kind: ConvertKind
    operand: Value
    vector_type: VectorType

    def check(self) -> str | None:
        """Refuse types that the kind does not convert, and another number of lanes."""
        source, target = self.operand.type, self.vector_type
        message = check_type(source, ANY_LANES) or check_type(target, ANY_LANES)
        if message is not None:
            return message
        assert isinstance(source, VectorType)
        is_known = _converts(self.kind, source.element, target.element)
        if source.lanes != target.lanes or not is_known:
            return f"no `{self.kind.value}` makes {target.value} of {source.value}"
        return None


def _converts(kind: ConvertKind, source: MachineType, target: MachineType) -> bool:
    is_wider = LANE_BITS[target] > LANE_BITS[source]
    match kind:
        case ConvertKind.ZEXT | ConvertKind.SEXT:
            return source in INTEGERS | MASKS and target in INTEGERS and is_wider
        case ConvertKind.TRUNC:
            return source in INTEGERS and target in INTEGERS and not is_wider
        case ConvertKind.WIDEN:
            return (target is F32 and source in HALVES) or (source is F32 and target is F64)
        case ConvertKind.NARROW:
            return (source is F32 and target in HALVES) or (source is F64 and target is F32)
        case ConvertKind.FROM_SIGNED | ConvertKind.FROM_UNSIGNED:
            return source in INTEGERS and target in FLOATS
        case ConvertKind.TO_SIGNED | ConvertKind.TO_UNSIGNED:
            return source in FLOATS and target in INTEGERS


@op("vector.dot4", Effect.PURE, result=same_as("sums"), operands=anything)
class Dot4(Op):
    """Add to every i32 lane the products of four lanes of i8: exactly, then modulo 2**32.

    Lane i of the result uses the lanes 4i to 4i + 3 of the factors.
    """

    kind: Dot4Kind
    sums: Value
    first: Value
    second: Value

    def check(self) -> str | None:
        """Refuse sums that are no i32 and factors that have not four i8 for each of them."""
        message = check_type(self.sums.type, frozenset((I32,)))
        if message is not None:
            return message
        assert isinstance(self.sums.type, VectorType)
        factor = vec(I8, 4 * self.sums.type.lanes)
        for row in (self.first, self.second):
            if row.type is not factor:
                return f"the factors must be {factor.value}, not {row.type.value}"
        return None
