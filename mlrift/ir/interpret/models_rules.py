"""What each op of a model means: a function of the running program and the operands' values.

Written from the ops' own descriptions, not from their expansion: plain loops in the order of the
contract, and numpy where an op has no function of the program in it.
"""

from collections import deque
from collections.abc import Callable

import numpy as np

from mlrift.ir.interpret.models_csr import CONNECTION_RULES
from mlrift.ir.interpret.models_delivery import DELIVERY_RULES, events_of
from mlrift.ir.interpret.models_memory import DTYPES, ModelMemory, draws, elements
from mlrift.ir.numbers import double_to_bits
from mlrift.ir.op import Op
from mlrift.ir.ops import csr, dynamics, events, plasticity, population
from mlrift.ir.ops.population import (
    STREAM_POPULATION,
    column_offset,
    stream_offset,
)
from mlrift.static_types import Any
from mlrift.typesystem import MachineType

Rule = Callable[..., Any]

_MOST_NEURONS = 0xFFFFFFFE
_MOST_DELAY = 1 << 24
_ENTRY_BYTES = 4


def evaluation(op: Op) -> Callable[..., Any]:
    """Return the function that computes an op; its first argument is the program."""
    rule = RULES.get(type(op))
    assert rule is not None, f"the interpreter has no rule for `{op.MNEMONIC}`"
    groups = [len(getattr(op, name)) for name in op.LIST_NAMES]

    def evaluate(program: Any, *values: Any) -> Any:
        single = len(values) - sum(groups)
        arguments, rest = list(values[:single]), list(values[single:])
        for count in groups:
            arguments.append(rest[:count])
            del rest[:count]
        return rule(program.model_memory(), op, *arguments)

    return evaluate


# ---- populations ----


def _new_population(on: ModelMemory, op: population.NewPopulation, count: int) -> int:
    if count > _MOST_NEURONS:
        raise on.fail(f"a population of {count} neurons: there may be 4294967294 at most")
    made = on.new(column_offset(op.streams, len(op.widths)))
    on.set_word(made, count)
    for number in range(op.streams):
        stream = made + stream_offset(number)
        on.set_word(stream, on.new(count * _ENTRY_BYTES, made))
        on.set_word(stream + STREAM_POPULATION, count)
    for number, width in enumerate(op.widths):
        on.set_word(made + column_offset(op.streams, number), on.new(count * width, made))
    return made


def _free(on: ModelMemory, op: Op, descriptor: int) -> None:
    on.free(descriptor)


def _column(on: ModelMemory, op: population.Column, made: int) -> int:
    return on.word(made + column_offset(op.streams, op.column))


def _fill_column(on: ModelMemory, op: population.FillColumn, made: int, bits: int) -> None:
    address = on.word(made + column_offset(op.streams, op.column))
    _fill(on, address, on.word(made), bits, op.memory)


def _fill(on: ModelMemory, address: int, count: int, bits: int, memory: MachineType) -> None:
    value = np.frombuffer(elements(bits, memory), DTYPES[memory])
    on.array(address, memory, count)[:] = value


# ---- dynamics ----


def _step(on: ModelMemory, op: dynamics.Step, body: int, made: int, time_step: float) -> int:
    count = on.word(made)
    bases = [on.word(made + column_offset(op.streams, row)) for row in op.columns]
    function = on.function(body, len(bases) + 2)
    bits = double_to_bits(time_step)
    fired = [neuron for neuron in range(count) if function(neuron, bits, *bases)]
    _check_finite(on, op, made, count)
    if op.stream < 0:
        return 0
    stream = made + stream_offset(op.stream)
    on.array(on.word(stream), MachineType.I32, len(fired))[:] = fired
    on.set_events(stream, on.word(stream), len(fired), count)
    return stream


def _check_finite(on: ModelMemory, op: dynamics.Step, made: int, count: int) -> None:
    """Count the step; end the program when a variable is not finite."""
    place = (made, op.stream)
    on.steps[place] = on.steps.get(place, 0) + 1
    if not dynamics.is_looked_at(on.steps[place], op.interval):
        return
    lost: list[tuple[int, int]] = []
    kinds = ((MachineType.F64, op.doubles), (MachineType.F32, op.singles))
    columns = [(memory, column) for memory, row in kinds for column in row]
    for rank, (memory, column) in enumerate(columns):
        address = on.word(made + column_offset(op.streams, column))
        found = np.flatnonzero(~np.isfinite(on.array(address, memory, count)))
        lost += [(int(found[0]), rank)] if len(found) else []
    if lost:
        neuron, rank = min(lost)
        message = dynamics.lost_message(op, on.functions, columns[rank][1])
        shown = message.replace("\x01", str(neuron)).replace("\x02", str(on.steps[place]))
        raise on.fail(shown)


# ---- events ----


def _slice(on: ModelMemory, op: events.SliceEvents, *operands: int) -> int:
    storage, stream, first, end = operands
    if not stream:
        on.set_events(storage, 0, 0, 0)
        return storage
    size = on.population_of(stream)
    if first > end or end > size:
        text = "the population is smaller, or the range is reversed"
        raise on.fail(f"events of neurons {first} to {end} (excluded): {text}")
    found = on.events(stream)
    before = sum(row < first for row in found)
    count = sum(first <= row < end for row in found)
    on.set_events(storage, on.word(stream) + before * _ENTRY_BYTES, count, size)
    return storage


def _delay(on: ModelMemory, op: events.DelayEvents, storage: int, stream: int, steps: int) -> int:
    ring = on.rings.get(storage)
    if ring is None:
        if not 0 < steps <= _MOST_DELAY:
            raise on.fail(f"a delay of {steps} steps: from 1 to 16777216 can be")
        ring = on.rings[storage] = deque([] for _ in range(steps))
    if len(ring) != steps:
        raise on.fail(f"a delay of {steps} steps was one of {len(ring)} before: it can't change")
    ring.append(on.events(stream))
    size = on.population_of(stream) if stream else on.population_of(storage)
    on.keep_events(storage, ring.popleft(), size)
    return storage


def _poisson(on: ModelMemory, op: events.PoissonEvents, *operands: Any) -> int:
    storage: int = operands[0]
    count, probability, seed, step = operands[1:]
    if not 0.0 <= probability <= 1.0:
        raise on.fail("poisson: a probability per step must be from 0 to 1")
    with np.errstate(over="ignore"):
        numbers = np.uint64(step) * np.uint64(count) + np.arange(count, dtype=np.uint64)
    fractions = (draws(seed, numbers) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    on.keep_events(storage, np.flatnonzero(fractions < probability).tolist(), count)
    return storage


def _count(on: ModelMemory, op: events.CountEvents, stream: int) -> int:
    return len(on.events(stream))


# ---- learning ----


def _learn(
    on: ModelMemory,
    op: plasticity.Pre | plasticity.Post,
    operands: tuple[Any, ...],
    edges: list[tuple[int, int, int]],
) -> None:
    """Do both halves of a rule for edges (source, target, number)."""
    *halves, connections, _, neurons = operands
    bases = [on.edge_column(connections, row) for row in op.columns]
    bases += neurons
    functions = [on.function(half, len(bases) + 3) for half in halves if half]
    for edge in edges:
        for function in functions:
            function(*edge, *bases)


def _pre(on: ModelMemory, op: plasticity.Pre, *operands: Any) -> None:
    connections, stream = operands[2:4]
    targets = on.targets(connections)
    rows = {source: (first, end) for source, first, end in on.rows(connections)}
    edges = [
        (source, int(targets[edge]), edge)
        for source in events_of(on, connections + csr.SOURCE_POPULATION, stream)
        if source in rows
        for edge in range(*rows[source])
    ]
    _learn(on, op, operands, edges)


def _post(on: ModelMemory, op: plasticity.Post, *operands: Any) -> None:
    connections, stream = operands[2:4]
    incoming: dict[int, list[tuple[int, int, int]]] = {}
    targets = on.targets(connections)
    for source, first, end in on.rows(connections):
        for edge in range(first, end):
            target = int(targets[edge])
            incoming.setdefault(target, []).append((source, target, edge))
    fired = events_of(on, connections + csr.TARGET_POPULATION, stream)
    edges = [row for target in fired for row in incoming.get(target, ())]
    _learn(on, op, operands, edges)


RULES: dict[type[Op], Rule] = {
    population.NewPopulation: _new_population,
    population.FreePopulation: _free,
    population.Column: _column,
    population.FillColumn: _fill_column,
    dynamics.Step: _step,
    events.SliceEvents: _slice,
    events.DelayEvents: _delay,
    events.PoissonEvents: _poisson,
    events.CountEvents: _count,
    csr.FreeConnections: _free,
    plasticity.Pre: _pre,
    plasticity.Post: _post,
    **CONNECTION_RULES,
    **DELIVERY_RULES,
}
