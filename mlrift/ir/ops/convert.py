"""Conversions between words, truth values and floats."""

from mlrift.ir.core import Value
from mlrift.ir.numbers import (
    bits_to_double,
    bits_to_single,
    double_to_bits,
    float_to_signed,
    half_to_single,
    signed_to_double,
    signed_to_single,
    single_to_bits,
    single_to_half,
    to_single,
)
from mlrift.ir.op import Effect, Op, alike, op, same_as, typed
from mlrift.typesystem import F32, F64, I1, I64, MachineType

_float = alike(F32, F64)


def _check_target(target: MachineType) -> str | None:
    return None if target in (F32, F64) else f"{target.value} is no float type"


@op("convert.truth_to_word", Effect.PURE, result=I64, operands=typed(operand=I1))
class TruthToWord(Op):
    """i1 to 0 or 1."""

    operand: Value

    def evaluate(self, operand: int) -> int:
        """Keep 0 or 1."""
        return operand


@op("convert.signed_to_float", Effect.PURE, result=same_as("to"))
class SignedToFloat(Op):
    """A word read as signed to the nearest float (ties to even)."""

    operand: Value
    to: MachineType

    def evaluate(self, operand: int) -> float:
        """Round once, to the target."""
        return signed_to_single(operand) if self.to is F32 else signed_to_double(operand)

    def check(self) -> str | None:
        """Refuse a target that is no float."""
        return _check_target(self.to)


@op("convert.float_to_signed", Effect.PURE, result=I64, operands=_float)
class FloatToSigned(Op):
    """Truncate towards zero, saturating at the ends of i64; a NaN gives 0."""

    operand: Value

    def evaluate(self, operand: float) -> int:
        """Truncate and saturate."""
        return float_to_signed(operand)


@op("convert.widen", Effect.PURE, result=F64, operands=typed(operand=F32))
class Widen(Op):
    """f32 to f64, exact."""

    operand: Value

    def evaluate(self, operand: float) -> float:
        """Keep the number."""
        return operand


@op("convert.narrow", Effect.PURE, result=F32, operands=typed(operand=F64))
class Narrow(Op):
    """f64 to f32, nearest even."""

    operand: Value

    def evaluate(self, operand: float) -> float:
        """Round."""
        return to_single(operand)


@op("convert.bits_to_float", Effect.PURE, result=same_as("to"))
class BitsToFloat(Op):
    """A word's bits as an f64, or its low 32 bits as an f32."""

    operand: Value
    to: MachineType

    def evaluate(self, operand: int) -> float:
        """Reinterpret."""
        return bits_to_single(operand) if self.to is F32 else bits_to_double(operand)

    def check(self) -> str | None:
        """Refuse a target that is no float."""
        return _check_target(self.to)


@op("convert.float_to_bits", Effect.PURE, result=I64, operands=_float)
class FloatToBits(Op):
    """A float's bits as a word; those of an f32 zero-extended."""

    operand: Value

    def evaluate(self, operand: float) -> int:
        """Reinterpret."""
        single = self.operand.type is F32
        return single_to_bits(operand) if single else double_to_bits(operand)


@op("convert.half_to_single", Effect.PURE, result=F32)
class HalfToSingle(Op):
    """The low 16 bits of a word, an IEEE half, to f32, exact."""

    operand: Value

    def evaluate(self, operand: int) -> float:
        """Widen."""
        return half_to_single(operand)


@op("convert.single_to_half", Effect.PURE, result=I64, operands=typed(operand=F32))
class SingleToHalf(Op):
    """f32 to the bits of the nearest IEEE half (ties to even), zero-extended."""

    operand: Value

    def evaluate(self, operand: float) -> int:
        """Round."""
        return single_to_half(operand)
