"""The checks of `--debug` on models: numbers of neurons and events, the state after each step."""

from collections.abc import Callable

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.builtins.models import EVENT, NEURON, STEP
from mlrift.frontend.lower.checks import check_count
from mlrift.frontend.lower.context import FunctionContext
from mlrift.ir.core import Value
from mlrift.ir.ops.dynamics import Step
from mlrift.ir.ops.events import CountEvents
from mlrift.ir.ops.memory import Load
from mlrift.source import Span
from mlrift.typesystem import I64

Check = Callable[[FunctionContext, Builtin, list[Value], Span], Value]


def _check_neuron(
    context: FunctionContext, builtin: Builtin, operands: list[Value], span: Span
) -> Value:
    count = context.builder.emit(Load(operands[0], I64))
    check_count(context, operands[1], count, "a population", span)
    return builtin.lower(context.builder, operands)


def _check_event(
    context: FunctionContext, builtin: Builtin, operands: list[Value], span: Span
) -> Value:
    count = context.builder.emit(CountEvents(operands[0]))
    check_count(context, operands[1], count, "events", span)
    return builtin.lower(context.builder, operands)


def _check_step(
    context: FunctionContext, builtin: Builtin, operands: list[Value], span: Span
) -> Value:
    """Let every step look at the variables."""
    made = builtin.lower(context.builder, operands)
    assert isinstance(made, Step)
    made.interval = 1
    return made


CHECKED_OPERATIONS: dict[str, Check] = {
    NEURON: _check_neuron,
    EVENT: _check_event,
    STEP: _check_step,
}
