"""Sums of products of neighbouring lanes, two at a time; `vector.dot4` has those of bytes."""

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, anything, op, same_as
from mlrift.ir.ops.vector_types import check_type
from mlrift.typesystem import BF16, F32, I16, I32, MachineType, VectorType, vec


@op("vector.dot2", Effect.PURE, result=same_as("sums"), operands=anything)
class Dot2(Op):
    """Add to every f32 lane the products of two lanes of bf16, the second product first.

    Lane i is fma(a[2i], b[2i], fma(a[2i + 1], b[2i + 1], sums[i])), where zeros of the same sign
    stand for numbers that go into a fused multiply-add with a magnitude below 2**-126, and for its
    result if the magnitude, rounded to 24 bits whatever the exponent is, is below 2**-126.
    """

    sums: Value
    first: Value
    second: Value

    def check(self) -> str | None:
        """Refuse sums that are no f32 and factors that have not two bf16 for each of them."""
        return _check_pairs(self.sums, (self.first, self.second), F32, BF16)


@op("vector.dot2_words", Effect.PURE, result=same_as("sums"), operands=anything)
class Dot2Words(Op):
    """Add to every i32 lane the products of two lanes of signed i16, modulo 2**32."""

    sums: Value
    first: Value
    second: Value

    def check(self) -> str | None:
        """Refuse sums that are no i32 and factors that have not two i16 for each of them."""
        return _check_pairs(self.sums, (self.first, self.second), I32, I16)


def _check_pairs(
    sums: Value, factors: tuple[Value, Value], wide: MachineType, narrow: MachineType
) -> str | None:
    message = check_type(sums.type, frozenset((wide,)))
    if message is not None:
        return message
    assert isinstance(sums.type, VectorType)
    wanted = vec(narrow, 2 * sums.type.lanes)
    for row in factors:
        if row.type is not wanted:
            return f"the factors must be {wanted.value}, not {row.type.value}"
    return None
