"""What the ops that use connections mean: delivery as sums in order, edges by number."""

from collections import deque
from collections.abc import Callable

import numpy as np

from mlrift.ir.interpret.models_memory import DTYPES, UNEQUAL, ModelMemory, elements
from mlrift.ir.interpret.tensor_values import Array
from mlrift.ir.op import Op
from mlrift.ir.ops import csr
from mlrift.static_types import Any

_LONGEST_DELAY = 1 << 24
_MEMORIES = {dtype: memory for memory, dtype in DTYPES.items()}


def events_of(on: ModelMemory, place: int, stream: int) -> list[int]:
    """Return the events of a stream, which must be of the population whose address is there."""
    found = on.events(stream)
    size, wanted = on.population_of(stream), on.word(on.word(place))
    if found and size != wanted:
        raise on.fail(
            f"events of a population of {size} neurons for connections of one of {wanted}"
        )
    return found


def _send(on: ModelMemory, op: csr.Send, made: int, stream: int, target: int) -> None:
    edges = on.word(made + csr.EDGES)
    _deliver(
        on, (made, stream, target), on.array(on.edge_column(made, op.column), op.memory, edges)
    )


def _send_value(on: ModelMemory, op: csr.SendValue, *operands: Any) -> None:
    made, stream, target, sent = operands
    if isinstance(sent, int):
        sent = np.frombuffer(elements(sent, op.memory), DTYPES[op.memory])[0]
    values = np.full(on.word(made + csr.EDGES), sent, DTYPES[op.memory])
    _deliver(on, (made, stream, target), values)


def _deliver(on: ModelMemory, places: tuple[int, int, int], values: Array) -> None:
    """Add the values of the edges of every event to where they end."""
    made, stream, target = places
    rows = {source: (first, end) for source, first, end in on.rows(made)}
    targets = on.targets(made)
    count = on.word(made + csr.TARGET_COUNT)
    sums = on.array(target, _MEMORIES[values.dtype.type], count)
    with np.errstate(all="ignore"):
        for source in events_of(on, made + csr.SOURCE_POPULATION, stream):
            first, end = rows.get(source, (0, 0))
            np.add.at(sums, targets[first:end], values[first:end])


def _send_later(on: ModelMemory, op: csr.SendLater, *operands: int) -> None:
    storage, made, stream, target = operands
    edges = on.word(made + csr.EDGES)
    values = on.array(on.edge_column(made, op.column), op.memory, edges)
    delays = on.array(on.edge_column(made, op.delay_column), op.delay_memory, edges)
    rows = {source: (first, end) for source, first, end in on.rows(made)}
    targets = on.targets(made)
    queue = on.waiting.setdefault(storage, deque())
    for source in events_of(on, made + csr.SOURCE_POPULATION, stream):
        for edge in range(*rows.get(source, (0, 0))):
            delay = int(delays[edge])
            if delay >= _LONGEST_DELAY:
                raise on.fail(
                    f"an edge with a delay of {delay} steps: {_LONGEST_DELAY - 1} is the longest"
                )
            while len(queue) <= delay:
                queue.append([])
            queue[delay].append((int(targets[edge]), values[edge]))
    sums = on.array(target, op.memory, on.word(made + csr.TARGET_COUNT))
    with np.errstate(all="ignore"):
        for place, value in queue.popleft() if queue else ():
            sums[place] += value


def _index(on: ModelMemory, op: csr.IndexIncoming, made: int) -> None:
    """Do nothing: what needs incoming edges looks for them."""


def _find(on: ModelMemory, op: csr.Find, made: int, source: int, target: int) -> int:
    targets = on.targets(made)
    for own, first, end in on.rows(made):
        found = np.flatnonzero(targets[first:end] == target)
        if own == source and len(found):
            return first + int(found[0])
    return UNEQUAL


def _product(on: ModelMemory, op: csr.Product, made: int, vector: int, result: int) -> None:
    targets = on.targets(made)
    values = on.array(on.edge_column(made, op.column), op.memory, len(targets))
    for source, first, end in on.rows(made):
        factor = on.array(vector, op.memory, source + 1)[source]
        sums = on.array(result, op.memory, on.word(made + csr.TARGET_COUNT))
        np.add.at(sums, targets[first:end], values[first:end] * factor)


def _fill_edges(on: ModelMemory, op: csr.FillEdges, made: int, bits: int) -> None:
    column = on.array(on.edge_column(made, op.column), op.memory, on.word(made + csr.EDGES))
    column[:] = np.frombuffer(elements(bits, op.memory), column.dtype)


DELIVERY_RULES: dict[type[Op], Callable[..., Any]] = {
    csr.Send: _send,
    csr.SendValue: _send_value,
    csr.SendLater: _send_later,
    csr.IndexIncoming: _index,
    csr.Find: _find,
    csr.Product: _product,
    csr.FillEdges: _fill_edges,
}
