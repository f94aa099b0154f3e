"""Calls. A call's value is its first result; the others are `call.result` projections."""

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, anything, op, same_as
from mlrift.typesystem import I64, VOID_MACHINE, ValueType


def _first_result(made: Op) -> ValueType:
    results: tuple[ValueType, ...] = made.results  # type: ignore[attr-defined]  # calls only
    return results[0] if results else VOID_MACHINE


@op("call.direct", Effect.ANY, result=_first_result, operands=anything)
class Call(Op):
    """Call a function of the module (or a declared external one) by name."""

    callee: str
    arguments: list[Value]
    results: tuple[ValueType, ...]


@op("call.indirect", Effect.ANY, result=I64)
class CallIndirect(Op):
    """Call the code at an address with words; the result is a word."""

    address: Value
    arguments: list[Value]


@op("call.result", Effect.PURE, result=same_as("result_type"), operands=anything)
class CallResult(Op):
    """The further result number `index` (1 or 2) of a `call.direct`."""

    call: Value
    index: int
    result_type: ValueType

    def check(self) -> str | None:
        """Refuse a number that the call does not have, and another type."""
        if not isinstance(self.call, Call):
            return "operand `call` must be a `call.direct`"
        if not 1 <= self.index < len(self.call.results):
            return f"the call has no further result {self.index}"
        found = self.call.results[self.index]
        if found is not self.result_type:
            return f"result {self.index} is {found.value}, not {self.result_type.value}"
        return None


@op("call.address_of", Effect.PURE, result=I64)
class FunctionAddress(Op):
    """An address for `call.indirect`: entered with words, floats as their bits."""

    callee: str
