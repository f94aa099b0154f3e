"""How the operations of models are lowered: an op each, with the storage that the place needs."""

import math
from collections.abc import Callable

from mlrift.ir.builder import Builder
from mlrift.ir.core import Global, Value
from mlrift.ir.ops import csr, dynamics, events, plasticity, population
from mlrift.ir.ops.arith import Add, Constant, Shl
from mlrift.ir.ops.call import Call, FunctionAddress
from mlrift.ir.ops.memory import GlobalAddress, Load, Stack
from mlrift.typesystem import F64, I64, MachineType, TensorType

WORD_BYTES = 8
# Operations that `--debug` lowers in frontend/lower/model_checks.py; no builtin has a space.
NEURON, EVENT, STEP = "a neuron", "an event", "a step"
Lowering = Callable[[Builder, list[Value]], Value]


def new_population(streams: int, widths: tuple[int, ...], struct: str) -> Lowering:
    """Operand: the number of neurons."""

    def lower(builder: Builder, operands: list[Value]) -> Value:
        return builder.emit(population.NewPopulation(operands[0], streams, widths, struct))

    return lower


def column_address(streams: int, column: int, struct: str) -> Lowering:
    """Operand: a population."""

    def lower(builder: Builder, operands: list[Value]) -> Value:
        return builder.emit(population.Column(operands[0], streams, column, struct))

    return lower


def fill_column(streams: int, column: int, memory: MachineType, struct: str) -> Lowering:
    """Operands: a population, the bits."""

    def lower(builder: Builder, operands: list[Value]) -> Value:
        neurons, bits = operands
        builder.emit(population.FillColumn(neurons, bits, streams, column, memory, struct))
        return builder.word(0)

    return lower


def step(
    streams: int,
    stream: int,
    shortest: float | None,
    columns: tuple[tuple[int, ...], ...],
    struct: str,
) -> Lowering:
    """Operands: the function, a population, the time step; `shortest` is a time constant.

    `columns` are those that the function gets, then the variables of f64 and of f32.
    """
    used, doubles, singles = columns

    def lower(builder: Builder, operands: list[Value]) -> Value:
        body, neurons, time_step = operands
        if not isinstance(time_step, Constant):
            _check_time_step(builder, time_step, shortest)
        interval = dynamics.INTERVAL_STEPS
        made = dynamics.Step(
            body, neurons, time_step, streams, stream, used, doubles, singles, interval, struct
        )
        return builder.emit(made)

    return lower


def prepared(lower_step: Lowering) -> Lowering:
    """Operands: those of a step, then the function (time step) that runs before it."""

    def lower(builder: Builder, operands: list[Value]) -> Value:
        *rest, function = operands
        assert isinstance(function, FunctionAddress)
        builder.emit(Call(function.callee, [rest[2]], ()))
        return lower_step(builder, rest)

    return lower


def _check_time_step(builder: Builder, time_step: Value, shortest: float | None) -> None:
    """Emit the call that refuses a time step that is not positive, and warns of a long one."""
    place = ""
    if builder.span is not None:
        line, column = builder.span.file.line_and_column(builder.span.start)
        place = f"{builder.span.file.path}:{line}:{column}: "
    long = f"{place}warning: the time step is longer than a time constant of {shortest or 0.0:g}\n"
    texts = [f"{place}the time step is not a positive number", long]
    addresses = []
    for text in texts:
        data = text.encode("utf-8", "surrogateescape") + b"\0"
        name = f"model.text.{len(builder.module.globals)}"
        builder.module.globals[name] = Global(name, len(data), 1, data, is_constant=True)
        addresses.append(builder.emit(GlobalAddress(name)))
    limit = builder.emit(Constant(shortest if shortest is not None else math.inf, F64))
    arguments = [time_step, limit, *addresses]
    builder.call_external("core.dynamics_check_step", arguments, ())


def slice_events(builder: Builder, operands: list[Value]) -> Value:
    """Operands: events, first, end."""
    storage = _frame_storage(builder, events.SLICE_WORDS)
    return builder.emit(events.SliceEvents(storage, *operands))


def slice_events_to_give(builder: Builder, operands: list[Value]) -> Value:
    """Operands: events, first, end, in a function that gives events: they outlive its frame."""
    storage = _own_storage(builder, events.SLICE_WORDS)
    return builder.emit(events.SliceEvents(storage, *operands))


def delay_events(builder: Builder, operands: list[Value]) -> Value:
    """Operands: events, steps."""
    storage = _own_storage(builder, events.DELAY_WORDS)
    return builder.emit(events.DelayEvents(storage, *operands))


def poisson_events(builder: Builder, operands: list[Value]) -> Value:
    """Operands: the number of neurons, probability, seed, step."""
    storage = _own_storage(builder, events.POISSON_WORDS)
    return builder.emit(events.PoissonEvents(storage, *operands))


def count_events(builder: Builder, operands: list[Value]) -> Value:
    """Operand: events."""
    return builder.emit(events.CountEvents(operands[0]))


def build(rule: csr.ConnectionRule, widths: tuple[int, ...]) -> Lowering:
    """Operands: six words of the ranges, then the rule's details."""

    def lower(builder: Builder, operands: list[Value]) -> Value:
        source, source_first, source_end, target, target_first, target_end = operands[:6]
        sources, targets = (source, source_first, source_end), (target, target_first, target_end)
        return builder.emit(csr.Build(*sources, *targets, operands[6:], rule, widths))

    return lower


def build_from_edges(widths: tuple[int, ...]) -> Lowering:
    """Operands: six words of the ranges, then tensors of sources and targets."""
    from mlrift.ir.ops.tensor import (  # noqa: PLC0415 - few models need tensors
        Contiguous,
        Data,
        Keep,
        Length,
    )

    def lower(builder: Builder, operands: list[Value]) -> Value:
        lists: list[Value] = [builder.emit(Contiguous(row)) for row in operands[6:]]
        details: list[Value] = [builder.emit(Data(row)) for row in lists]
        details += [builder.emit(Length(row)) for row in lists]
        rule = csr.ConnectionRule.EDGES
        source, source_first, source_end, target, target_first, target_end = operands[:6]
        sources, targets = (source, source_first, source_end), (target, target_first, target_end)
        made = builder.emit(csr.Build(*sources, *targets, details, rule, widths))
        builder.emit(Keep(lists))
        return made

    return lower


def build_group(builder: Builder, operands: list[Value]) -> Value:
    """Operands: the seed, then the members."""
    builder.emit(csr.BuildGroup(list(operands[1:]), operands[0]))
    return builder.word(0)


def index_incoming(builder: Builder, operands: list[Value]) -> Value:
    """Operand: connections; the same, with the index that `post` rules need."""
    builder.emit(csr.IndexIncoming(operands[0]))
    return operands[0]


def check_ends(builder: Builder, operands: list[Value]) -> Value:
    """Operands: connections, the populations that they are between, 0 for any."""
    builder.call_external("core.csr_check_ends", operands, ())
    return builder.word(0)


def send(column: int, memory: MachineType) -> Lowering:
    """Operands: connections, events, the address of the targets' column, the population of it."""

    def lower(builder: Builder, operands: list[Value]) -> Value:
        connections, stream, target, owner = operands
        builder.call_external("core.csr_check_target", [connections, owner], ())
        builder.emit(csr.Send(connections, stream, target, column, memory))
        return builder.word(0)

    return lower


def send_value(memory: MachineType) -> Lowering:
    """Operands: as those of `send`, then the value."""

    def lower(builder: Builder, operands: list[Value]) -> Value:
        connections, stream, target, owner, value = operands
        builder.call_external("core.csr_check_target", [connections, owner], ())
        builder.emit(csr.SendValue(connections, stream, target, value, memory))
        return builder.word(0)

    return lower


def send_later(
    column: int, memory: MachineType, delay_column: int, delay_memory: MachineType
) -> Lowering:
    """Operands: connections, events, the address of the targets' column."""

    def lower(builder: Builder, operands: list[Value]) -> Value:
        connections, stream, target, owner = operands
        builder.call_external("core.csr_check_target", [connections, owner], ())
        storage = _own_storage(builder, csr.QUEUE_WORDS)
        made = csr.SendLater(
            storage, connections, stream, target, column, memory, delay_column, delay_memory
        )
        builder.emit(made)
        return builder.word(0)

    return lower


def fill_edges(column: int, memory: MachineType) -> Lowering:
    """Operands: connections, the bits."""

    def lower(builder: Builder, operands: list[Value]) -> Value:
        connections, bits = operands
        builder.emit(csr.FillEdges(connections, bits, column, memory))
        return builder.word(0)

    return lower


def find_edge(builder: Builder, operands: list[Value]) -> Value:
    """Operands: connections, source, target; ends the program when there is none."""
    return builder.call_external("core.csr_must_find", operands)


def degree(builder: Builder, operands: list[Value]) -> Value:
    """Operands: connections, source."""
    return builder.call_external("core.csr_degree", operands)


Shape = tuple[int, ...]


def learn(side: str, columns: Shape, widths: Shape, sides: Shape) -> Lowering:
    """Operands: the two halves of the rule, connections, events, addresses of neurons' columns."""

    def lower(builder: Builder, operands: list[Value]) -> Value:
        add, change, connections, stream = operands[:4]
        kind = plasticity.Pre if side == "pre" else plasticity.Post
        neurons = operands[4:]
        builder.emit(kind(add, change, connections, stream, neurons, columns, widths, sides))
        return builder.word(0)

    return lower


def _frame_storage(builder: Builder, words: int) -> Value:
    """Return words of the frame; ops of storage stand at the start of a function."""
    made = Stack(WORD_BYTES * words, 16)
    made.span = builder.span
    builder.function.blocks[0].ops.insert(0, made)
    return made


def _own_storage(builder: Builder, words: int) -> Value:
    """Return zeroed words that belong to the place in the program, as a static variable's would."""
    symbols = builder.module.globals
    name = f"model.storage.{len(symbols)}"
    symbols[name] = Global(name, WORD_BYTES * words, 16)
    return builder.emit(GlobalAddress(name))


def row_start(builder: Builder, operands: list[Value]) -> Value:
    """Operands: connections, row."""
    return builder.call_external("core.csr_row_start", operands)


def population_of_events(builder: Builder, operands: list[Value]) -> Value:
    """Operand: events; the number of neurons of their population."""
    return builder.call_external("core.events_population", operands)


def neuron_number(builder: Builder, operands: list[Value]) -> Value:
    """Operands: a population, the number of a neuron; the number, which `--debug` checks."""
    return operands[1]


def event_address(builder: Builder, operands: list[Value]) -> Value:
    """Operands: events, the number of one; where its neuron stands."""
    entries = builder.emit(Load(operands[0], I64))
    return builder.emit(Add(entries, builder.emit(Shl(operands[1], builder.word(2)))))


def free_population(builder: Builder, operands: list[Value]) -> Value:
    """Operand: a population, or null."""
    builder.emit(population.FreePopulation(operands[0]))
    return builder.word(0)


def free_connections(builder: Builder, operands: list[Value]) -> Value:
    """Operand: connections, or null."""
    builder.emit(csr.FreeConnections(operands[0]))
    return builder.word(0)


def product(column: int, memory: MachineType, result: TensorType) -> Lowering:
    """Operands: connections, a tensor with an element for each neuron of their source."""

    def lower(builder: Builder, operands: list[Value]) -> Value:
        from mlrift.ir.ops import tensor  # noqa: PLC0415 - few models need tensors

        connections, vector = operands
        given = builder.emit(tensor.Contiguous(vector))
        length = builder.emit(tensor.Length(given))
        count = builder.call_external("core.csr_result_count", [connections, length])
        zero = builder.emit(Constant(0.0, memory))
        own = builder.emit(tensor.Share(builder.emit(tensor.Fill(zero, [count], result))))
        sums = builder.emit(tensor.Data(builder.emit(tensor.Borrow(own, result))))
        source = builder.emit(tensor.Data(given))
        builder.emit(csr.Product(connections, source, sums, column, memory))
        builder.emit(tensor.Keep([given]))
        return builder.emit(tensor.Take(own, result))

    return lower


def edge_sums(function: str, width: int, result: TensorType) -> Lowering:
    """Operands: connections, the address of a column, how many edges there are."""

    def lower(builder: Builder, operands: list[Value]) -> Value:
        from mlrift.ir.ops import tensor  # noqa: PLC0415 - few models need tensors
        from mlrift.ir.ops.tensor_types import scalar_of  # noqa: PLC0415

        connections, column, count = operands
        kind = scalar_of(result.element)
        zero = builder.emit(Constant(0.0, kind))
        own = builder.emit(tensor.Share(builder.emit(tensor.Fill(zero, [count], result))))
        sums = builder.emit(tensor.Data(builder.emit(tensor.Borrow(own, result))))
        arguments = [connections, column, builder.word(width), sums]
        builder.call_external(f"core.csrsums_{function}", arguments, ())
        return builder.emit(tensor.Take(own, result))

    return lower
