"""What debuggers are told. Passes treat these ops as if they were not there."""

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, anything, op


@op("debug.value", Effect.PURE, operands=anything)
class DebugValue(Op):
    """From here on a variable has this value; without one, what it has is unknown.

    The variable is named as its slot was. Only `-g` makes these ops, where slots are promoted.
    """

    variable: str
    values: list[Value]

    def check(self) -> str | None:
        """Refuse several values."""
        return "a variable has one value" if len(self.values) > 1 else None
