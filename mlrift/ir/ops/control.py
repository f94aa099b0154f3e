"""Terminators."""

from mlrift.ir.core import Successor, Value
from mlrift.ir.op import Effect, Op, anything, op, typed
from mlrift.typesystem import I1


@op("control.jump", Effect.TERMINATOR)
class Jump(Op):
    """Go to a block."""

    target: Successor


@op("control.branch", Effect.TERMINATOR, operands=typed(condition=I1))
class Branch(Op):
    """Go to one of two blocks by a truth value (i1)."""

    condition: Value
    if_true: Successor
    if_false: Successor


@op("control.return", Effect.TERMINATOR, operands=anything)
class Return(Op):
    """Leave the function with its results."""

    values: list[Value]


@op("control.unreachable", Effect.TERMINATOR)
class Unreachable(Op):
    """Control never gets here (after a call that does not return); it traps if it does."""
