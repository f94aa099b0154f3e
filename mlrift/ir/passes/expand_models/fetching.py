"""Prefetches of the rows of edges that later events need.

The processor foresees a row once it is being read, but not where the next one begins, and rows lie
anywhere in memory: without these, every event waits for the first lines of its row.
"""

from collections.abc import Callable, Sequence

from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.loops import counted, when
from mlrift.ir.ops.arith import Add, Select, Shl
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.vector_memory import Locality, Prefetch, PrefetchKind
from mlrift.values import value

# How many events ahead the edges of a row are fetched, and where the row begins.
ROW_EVENTS, START_EVENTS = 3, 10
# More edges of a row than these the processor foresees.
_MOST_EDGES = 256
_LINE_BYTES = 64


@value
class EdgeColumn:
    """An array with an element for each edge."""

    base: Value
    width: int
    kind: PrefetchKind


def fetch(builder: Builder, kind: PrefetchKind, base: Value, index: Value, width: int) -> None:
    """Emit the prefetch of an element of an array."""
    offset = builder.emit(Shl(index, builder.word(width.bit_length() - 1)))
    builder.emit(Prefetch(kind, Locality.HIGH, builder.emit(Add(base, offset))))


def fetch_row(
    builder: Builder,
    events: tuple[Value, Value],
    bounds: Callable[[Value], tuple[Value, Value]],
    columns: Sequence[EdgeColumn],
) -> None:
    """Emit prefetches of the edges that a later event has between `bounds(event)`.

    `events` are the number of the event at hand and the end of those there are.
    """
    event, end = events
    ahead = builder.emit(Add(event, builder.word(ROW_EVENTS)))
    with when(builder, builder.emit(CompareInteger(IntegerPredicate.ULT, ahead, end))):
        first, last = bounds(ahead)
        most = builder.emit(Add(first, builder.word(_MOST_EDGES)))
        is_less = builder.emit(CompareInteger(IntegerPredicate.ULT, most, last))
        stop = builder.emit(Select(is_less, most, last))
        stride = _LINE_BYTES // min(row.width for row in columns)
        with counted(builder, first, stop, stride) as edge:
            for row in columns:
                for place in range(0, stride, _LINE_BYTES // row.width):
                    later = builder.emit(Add(edge, builder.word(place)))
                    fetch(builder, row.kind, row.base, later, row.width)


def fetch_start(
    builder: Builder, events: tuple[Value, Value], places: Callable[[Value], Sequence[Value]]
) -> None:
    """Emit prefetches of the words at `places(event)`, which say where a later row begins."""
    event, end = events
    ahead = builder.emit(Add(event, builder.word(START_EVENTS)))
    with when(builder, builder.emit(CompareInteger(IntegerPredicate.ULT, ahead, end))):
        for place in places(ahead):
            builder.emit(Prefetch(PrefetchKind.READ, Locality.HIGH, place))
