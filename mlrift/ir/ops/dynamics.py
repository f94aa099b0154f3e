"""How a population moves over one step of time.

The body of a `dynamics` block is a scalar function of one neuron; the op says that it is done for
every neuron of a population, none of which sees another, so any order and any width will do.
"""

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, op, typed
from mlrift.typesystem import F64, I64


@op("dynamics.step", Effect.ANY, result=I64, operands=typed(time_step=F64))
class Step(Op):
    """Advance all neurons; the result is the stream of those that fired, in ascending order.

    `body` is the address of a function (neuron, time step, columns...) of words and one f64 whose
    result is 1 when the neuron fired; it gets the addresses of the columns numbered in `columns`,
    and reads and writes the neuron's own elements of them only. The stream is number `stream` of
    the population and is valid until its next step. A negative `stream` is for bodies that never
    fire: the result is null.
    """

    body: Value
    population: Value
    time_step: Value
    streams: int
    stream: int
    columns: tuple[int, ...]
