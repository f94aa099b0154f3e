"""How a population moves over one step of time.

The body of a `dynamics` block is a scalar function of one neuron; the op says that it is done for
every neuron of a population, none of which sees another, so any order and any width will do.
"""

from mlrift.ir.core import Function, Value
from mlrift.ir.op import Effect, Op, op, typed
from mlrift.ir.ops.call import FunctionAddress
from mlrift.typesystem import F64, I64

# Steps between two looks at the variables: what reads them costs one in a hundred.
INTERVAL_STEPS = 64


@op("dynamics.step", Effect.ANY, result=I64, operands=typed(time_step=F64))
class Step(Op):
    """Advance all neurons; the result is the stream of those that fired, in ascending order.

    `body` is the address of a function (neuron, time step, columns...) of words and one f64 whose
    result is 1 when the neuron fired; it gets the addresses of the columns numbered in `columns`,
    and reads and writes the neuron's own elements of them only. The stream is number `stream` of
    the population and is valid until its next step. A negative `stream` is for bodies that never
    fire: the result is null.

    A variable that is not finite ends the program with a message; `doubles` and `singles` are the
    columns of f64 and f32 that are looked at, after the steps 1, 2, 4 and so on to `interval`, and
    then after each multiple of it. Steps are counted for each stream, those without one together.
    """

    body: Value
    population: Value
    time_step: Value
    streams: int
    stream: int
    columns: tuple[int, ...]
    doubles: tuple[int, ...]
    singles: tuple[int, ...]
    interval: int
    struct: str


def is_looked_at(step: int, interval: int) -> bool:
    """Whether the variables are looked at after a step."""
    return step % interval == 0 or (step < interval and step & (step - 1) == 0)


def lost_message(made: Step, functions: dict[str, Function], column: int) -> str:
    """Return what is said of a variable that is not finite; bytes 1, 2 are neuron and step.

    Parameters of a body are named for the fields, `v:base`.
    """
    place = ""
    if made.span is not None:
        line, position = made.span.file.line_and_column(made.span.start)
        place = f"{made.span.file.path}:{line}:{position}: "
    name = f"column {column}"
    if isinstance(made.body, FunctionAddress) and column in made.columns:
        parameters = functions[made.body.callee].parameters
        name = parameters[2 + made.columns.index(column)].name.partition(":")[0]
    return (
        f"{place}`{name}` of neuron \x01 is not a finite number after step \x02: "
        "the time step is too long, what is added grows without bound, or a time constant is not "
        "above zero"
    )
