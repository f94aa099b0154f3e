"""Delivery of short rows by several threads: edges are sorted to the owners of their targets.

First every thread takes a share of the events, in order, and writes the edges of each into one list
for each owner. Then every owner applies the lists made for it, those of the first share first. So
each edge is fetched once, and each target still gets its terms in the order of the events. Both are
done in rounds, so that the lists stay in the caches.
"""

from enum import Enum, unique

from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.loops import counted, when
from mlrift.ir.ops import csr
from mlrift.ir.ops.arith import Add, FAdd, Lshr, Mul, Select, Shl, Sub
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.convert import BitsToFloat
from mlrift.ir.ops.memory import Load, Store
from mlrift.ir.ops.vector_memory import Locality, Prefetch, PrefetchKind
from mlrift.ir.parallel import emit_parallel_for
from mlrift.ir.passes.expand_models.functions import region_body
from mlrift.ir.passes.expand_models.simple import MEMORY_BYTES, load_word
from mlrift.typesystem import F32, F64, I32, I64, MachineType

_AHEAD_EVENTS, _AHEAD_EDGES = 32, 32
# Words of the context (edges.py).
_ENTRIES, _LISTS = 8, 40
# Words of the lists' header (std/core/csrdelivery.mlr).
_CAPACITY, _COUNTS, _TARGETS, _VALUES, _SCALE = 0, 8, 16, 24, 32


@unique
class Values(Enum):
    """What edges deliver: each its own value, or all the same."""

    COLUMN = "column"
    ONE = "one"


def route(
    builder: Builder,
    delivered: tuple[MachineType, Values],
    context: Value,
    sizes: tuple[Value, Value, Value],
) -> None:
    """Emit both regions; `sizes` are the connections, the number of events and the parts."""
    connections, count, parts = sizes
    memory, kind = delivered
    width = builder.word(MEMORY_BYTES[memory])
    one = builder.word(1)
    routing, applying = (
        _route_function(builder, memory, kind),
        _apply_function(builder, memory, kind),
    )
    most = builder.call_external("core.csrdelivery_round_events", [connections, parts])
    rounds = builder.call_external("core.csrdelivery_rounds", [count, most])
    entries = load_word(builder, context, _ENTRIES)
    with counted(builder, builder.word(0), rounds) as number:
        begin = builder.emit(Mul(number, most))
        left = builder.emit(Sub(count, begin))
        is_whole = builder.emit(CompareInteger(IntegerPredicate.ULT, most, left))
        events = builder.emit(Select(is_whole, most, left))
        _store(builder, context, _ENTRIES, _at(builder, entries, begin, 4))
        lists = builder.call_external("core.csrdelivery_lists", [connections, most, parts, width])
        _store(builder, context, _LISTS, lists)
        emit_parallel_for(builder, routing, context, events, one, parts)
        emit_parallel_for(builder, applying, context, parts, one, parts)


def _store(builder: Builder, context: Value, offset: int, value: Value) -> None:
    builder.emit(Store(builder.emit(Add(context, builder.word(offset))), value, I64))


def _at(builder: Builder, base: Value, index: Value, size_bytes: int) -> Value:
    shift = builder.word(size_bytes.bit_length() - 1)
    return builder.emit(Add(base, builder.emit(Shl(index, shift))))


class _Lists:
    """The lists, loaded from the context: list number `part` * parts + owner."""

    def __init__(self, builder: Builder, context: Value, memory: MachineType) -> None:
        self._builder = builder
        self._memory = memory
        lists = load_word(builder, context, _LISTS)
        self.parts = load_word(builder, context, 48)
        self.capacity = load_word(builder, lists, _CAPACITY)
        self.counts = load_word(builder, lists, _COUNTS)
        self._targets = load_word(builder, lists, _TARGETS)
        self._values = load_word(builder, lists, _VALUES)
        self.scale = load_word(builder, lists, _SCALE)

    def count_of(self, part: Value, owner: Value) -> Value:
        """Return the address of a list's length; lists have 64 bytes for it."""
        builder = self._builder
        number = builder.emit(Add(builder.emit(Mul(part, self.parts)), owner))
        return _at(builder, self.counts, number, 64)

    def place(self, part: Value, owner: Value) -> tuple[Value, Value]:
        """Return the addresses of a list's targets and values."""
        builder = self._builder
        number = builder.emit(Add(builder.emit(Mul(part, self.parts)), owner))
        first = builder.emit(Mul(number, self.capacity))
        width = MEMORY_BYTES[self._memory]
        targets = _at(builder, self._targets, first, 4)
        return targets, _at(builder, self._values, first, width)


def _route_function(builder: Builder, memory: MachineType, kind: Values) -> str:
    symbol = f"csr.route.{kind.value}.{memory.value}"
    if symbol in builder.module.functions:
        return symbol
    inner, (context, first, last, part) = region_body(builder, symbol)
    lists = _Lists(inner, context, memory)
    connections = load_word(inner, context, 0)
    entries = load_word(inner, context, _ENTRIES)
    values = load_word(inner, context, 32)
    source_first = load_word(inner, connections, csr.SOURCE_FIRST)
    target_first = load_word(inner, connections, csr.TARGET_FIRST)
    degree = load_word(inner, connections, csr.DEGREE)
    targets = load_word(inner, connections, csr.TARGETS)
    width = MEMORY_BYTES[memory]
    with counted(inner, inner.word(0), lists.parts) as owner:
        inner.emit(Store(lists.count_of(part, owner), inner.word(0), I64))

    def start_of(event: Value) -> Value:
        neuron = inner.emit(Load(_at(inner, entries, event, 4), I32))
        return inner.emit(Mul(inner.emit(Sub(neuron, source_first)), degree))

    with counted(inner, first, last) as event:
        ahead = inner.emit(Add(event, inner.word(_AHEAD_EVENTS)))
        with when(inner, inner.emit(CompareInteger(IntegerPredicate.ULT, ahead, last))):
            later = start_of(ahead)
            addresses = [_at(inner, targets, later, 4)]
            if kind is Values.COLUMN:
                addresses.append(_at(inner, values, later, width))
            for address in addresses:
                inner.emit(Prefetch(PrefetchKind.READ, Locality.HIGH, address))
        start = start_of(event)
        with counted(inner, start, inner.emit(Add(start, degree))) as edge:
            neuron = inner.emit(Load(_at(inner, targets, edge, 4), I32))
            scaled = inner.emit(Mul(inner.emit(Sub(neuron, target_first)), lists.scale))
            owner = inner.emit(Lshr(scaled, inner.word(32)))
            length_place = lists.count_of(part, owner)
            length = inner.emit(Load(length_place, I64))
            own_targets, own_values = lists.place(part, owner)
            inner.emit(Store(_at(inner, own_targets, length, 4), neuron, I32))
            if kind is Values.COLUMN:
                value = inner.emit(Load(_at(inner, values, edge, width), memory))
                inner.emit(Store(_at(inner, own_values, length, width), value, memory))
            following = inner.emit(Add(length, inner.word(1)))
            inner.emit(Store(length_place, following, I64))
    inner.emit(Return([]))
    return symbol


def _apply_function(builder: Builder, memory: MachineType, kind: Values) -> str:
    symbol = f"csr.apply.{kind.value}.{memory.value}"
    if symbol in builder.module.functions:
        return symbol
    inner, (context, first, last, _) = region_body(builder, symbol)
    lists = _Lists(inner, context, memory)
    target = load_word(inner, context, 24)
    width = MEMORY_BYTES[memory]
    one: Value | None = None
    if kind is Values.ONE:
        one = load_word(inner, context, 32)
        one = inner.emit(BitsToFloat(one, memory)) if memory in (F32, F64) else one
    with (
        counted(inner, first, last) as owner,
        counted(inner, inner.word(0), lists.parts) as part,
    ):
        own_targets, own_values = lists.place(part, owner)
        count = inner.emit(Load(lists.count_of(part, owner), I64))
        with counted(inner, inner.word(0), count) as entry:
            ahead = inner.emit(Add(entry, inner.word(_AHEAD_EDGES)))
            later = inner.emit(Load(_at(inner, own_targets, ahead, 4), I32))
            inner.emit(
                Prefetch(PrefetchKind.WRITE, Locality.HIGH, _at(inner, target, later, width))
            )
            neuron = inner.emit(Load(_at(inner, own_targets, entry, 4), I32))
            value = one
            if value is None:
                value = inner.emit(Load(_at(inner, own_values, entry, width), memory))
            place = _at(inner, target, neuron, width)
            old = inner.emit(Load(place, memory))
            total = FAdd(old, value) if memory in (F32, F64) else Add(old, value)
            inner.emit(Store(place, inner.emit(total), memory))
    inner.emit(Return([]))
    return symbol
