"""Who has a tensor: the ops that `place_releases` adds. The interpreter has no use for them."""

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, anything, op


@op("tensor.retain", Effect.ANY, operands=anything)
class Retain(Op):
    """One more has the tensor."""

    operand: Value


@op("tensor.release", Effect.ANY, operands=anything)
class Release(Op):
    """One less has the tensor; without any it is gone."""

    operand: Value
