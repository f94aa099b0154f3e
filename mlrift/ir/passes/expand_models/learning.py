"""`plasticity.pre` and `plasticity.post`: two regions over the edges of every event.

What is added to neurons keeps the order of the contract: for `pre` the threads own blocks of
targets, as in `csr.send`; for `post` one thread does it. Changes of edges have no order, for no
edge belongs to two events: the threads share the events, and edges that lie side by side become
vector code.
"""

from mlrift.ir.builder import Builder
from mlrift.ir.core import BlockParameter, Value
from mlrift.ir.loops import counted
from mlrift.ir.ops import csr
from mlrift.ir.ops.arith import Add, Select, Shl, Sub
from mlrift.ir.ops.call import Call, FunctionAddress
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.loop import Vectorising
from mlrift.ir.ops.memory import Load, Stack, Store
from mlrift.ir.ops.plasticity import Post, Pre
from mlrift.ir.ops.vector_memory import PrefetchKind
from mlrift.ir.parallel import emit_parallel_for, emit_parallel_parts
from mlrift.ir.passes.expand_models.blocks import own_edges
from mlrift.ir.passes.expand_models.fetching import EdgeColumn, fetch, fetch_row
from mlrift.ir.passes.expand_models.functions import region_body
from mlrift.ir.passes.expand_models.simple import load_word, store_words
from mlrift.typesystem import I32, I64

GRAIN_EDGES = 8192
_AHEAD = 16
# Words of a region's context; the addresses of the neurons' columns follow.
_CONNECTIONS, _LIST, _COUNT, _SPLITS, _PARTS, _NEURONS = 0, 8, 16, 24, 32, 40


def pre(builder: Builder, made: Pre) -> None:
    """Emit the regions over the edges that leave the neurons that fired."""
    context, count, edges = _context(builder, made, "core.csrdelivery_events")
    one, grain = builder.word(1), builder.word(GRAIN_EDGES)
    if _body(made.add) is not None:
        shares = emit_parallel_parts(builder, edges, one, grain)
        parts = builder.call_external("core.csrdelivery_owners", [made.connections, shares])
        splits = builder.call_external("core.csrdelivery_splits", [made.connections, parts])
        _set(builder, context, _SPLITS, splits)
        _set(builder, context, _PARTS, parts)
        emit_parallel_for(builder, _adding(builder, made), context, parts, one, parts)
    if _body(made.change) is not None:
        _change(builder, made, "pre", (context, count, edges))


def post(builder: Builder, made: Post) -> None:
    """Emit the regions over the edges that end at the neurons that fired."""
    builder.call_external("core.csr_incoming", [made.connections])
    context, count, edges = _context(builder, made, "core.csrdelivery_targets")
    if _body(made.add) is not None:
        zero = builder.word(0)
        symbol = _sharing(builder, made, "post", "add")
        builder.call_external(symbol, [context, zero, count, zero], ())
    if _body(made.change) is not None:
        _change(builder, made, "post", (context, count, edges))


def _context(builder: Builder, made: Pre | Post, search: str) -> tuple[Value, Value, Value]:
    """Return the context of the regions, the number of events and about how many edges."""
    found = builder.emit(Stack(16, 16))
    builder.call_external(search, [made.connections, made.events, found], ())
    entries, count = load_word(builder, found, 0), load_word(builder, found, 8)
    zero = builder.word(0)
    words = [made.connections, entries, count, zero, zero, *made.neurons]
    edges = builder.call_external("core.csrdelivery_edges", [made.connections, count])
    return store_words(builder, words), count, edges


def _set(builder: Builder, context: Value, offset: int, value: Value) -> None:
    builder.emit(Store(builder.emit(Add(context, builder.word(offset))), value, I64))


def _change(
    builder: Builder, made: Pre | Post, side: str, sizes: tuple[Value, Value, Value]
) -> None:
    context, count, edges = sizes
    one = builder.word(1)
    parts = emit_parallel_parts(builder, edges, one, builder.word(GRAIN_EDGES))
    symbol = _sharing(builder, made, side, "change")
    emit_parallel_for(builder, symbol, context, count, one, parts)


def _body(address: Value) -> str | None:
    return address.callee if isinstance(address, FunctionAddress) else None


def _simd_body(builder: Builder, symbol: str) -> tuple[Builder, list[BlockParameter]]:
    inner, parameters = region_body(builder, symbol)
    inner.function.is_simd = True
    return inner, parameters


def _adding(builder: Builder, made: Pre) -> str:
    """Return the function that adds for the edges whose targets lie in blocks of them."""
    half = _body(made.add)
    symbol = f"{half}.blocks"
    if symbol in builder.module.functions:
        return symbol
    inner, (context, first, last, _) = _simd_body(builder, symbol)
    rule = _Rule(inner, made, context, half)
    splits, parts = load_word(inner, context, _SPLITS), load_word(inner, context, _PARTS)
    count = load_word(inner, context, _COUNT)

    def bounds(event: Value) -> tuple[Value, Value]:
        row, *whole = rule.row(rule.event(event))
        return own_edges(inner, (splits, parts), row, part, (whole[0], whole[1]))

    with counted(inner, first, last) as part, counted(inner, inner.word(0), count) as event:
        fetch_row(inner, (event, count), bounds, rule.edge_columns())
        rule.outgoing(rule.event(event), bounds(event), None)
    inner.emit(Return([]))
    return symbol


def _sharing(builder: Builder, made: Pre | Post, side: str, which: str) -> str:
    """Return the function that does half a rule for a range of events."""
    half = _body(made.add if which == "add" else made.change)
    symbol = f"{half}.events"
    if symbol in builder.module.functions:
        return symbol
    inner, (context, first, last, _) = _simd_body(builder, symbol)
    rule = _Rule(inner, made, context, half)
    with counted(inner, first, last) as event:
        neuron = rule.event(event)
        if side == "pre":
            _, begin, end = rule.row(neuron)
            rule.outgoing(neuron, (begin, end), Vectorising.AUTOMATIC)
        else:
            rule.incoming(event, last)
    inner.emit(Return([]))
    return symbol


class _Rule:
    """Half a rule and the addresses that it gets."""

    def __init__(
        self, builder: Builder, made: Pre | Post, context: Value, half: str | None
    ) -> None:
        assert half is not None
        self._builder = builder
        self._half = half
        for parameter in builder.module.functions[half].parameters[:3]:
            parameter.is_number = True
        connections = load_word(builder, context, _CONNECTIONS)
        self._connections = connections
        self._entries = load_word(builder, context, _LIST)
        self._bases = [
            load_word(builder, connections, csr.FIRST_COLUMN + 8 * row) for row in made.columns
        ]
        self._edge_columns = len(self._bases)
        self._widths, self._sides = made.widths, made.sides
        self._bases += [
            load_word(builder, context, _NEURONS + 8 * row) for row in range(len(made.neurons))
        ]
        self._targets = load_word(builder, connections, csr.TARGETS)
        self._source_first = load_word(builder, connections, csr.SOURCE_FIRST)
        self._target_first = load_word(builder, connections, csr.TARGET_FIRST)
        self._starts = load_word(builder, connections, csr.INCOMING_STARTS)
        self._pairs = load_word(builder, connections, csr.INCOMING_EDGES)

    def _call(self, source: Value, target: Value, edge: Value) -> None:
        self._builder.emit(Call(self._half, [source, target, edge, *self._bases], ()))

    def event(self, event: Value) -> Value:
        """Emit the load of the neuron of an event."""
        builder = self._builder
        place = builder.emit(Add(self._entries, builder.emit(Shl(event, builder.word(2)))))
        return builder.emit(Load(place, I32))

    def row(self, source: Value) -> tuple[Value, Value, Value]:
        """Emit the number of a source's row and its first and last edge."""
        builder = self._builder
        row = builder.emit(Sub(source, self._source_first))
        first = builder.call_external("core.csr_row_start", [self._connections, row])
        following = builder.emit(Add(row, builder.word(1)))
        last = builder.call_external("core.csr_row_start", [self._connections, following])
        return row, first, last

    def outgoing(
        self, source: Value, bounds: tuple[Value, Value], vectorising: Vectorising | None
    ) -> None:
        """Emit the loop over edges of a row."""
        builder = self._builder
        with counted(builder, *bounds, vectorising=vectorising) as edge:
            place = builder.emit(Add(self._targets, builder.emit(Shl(edge, builder.word(2)))))
            self._call(source, builder.emit(Load(place, I32)), edge)

    def edge_columns(self) -> list[EdgeColumn]:
        """Return what lies side by side for the edges of a row."""
        columns = [EdgeColumn(self._targets, 4, PrefetchKind.READ)]
        for base, width in zip(self._bases[: self._edge_columns], self._widths, strict=False):
            columns.append(EdgeColumn(base, width, PrefetchKind.WRITE))
        return columns

    def incoming(self, event: Value, end: Value) -> None:
        """Emit the loop over the edges that end at the neuron of an event.

        What the edges of the next event need is fetched in the last turns of this one's.
        """
        builder = self._builder
        pairs = [EdgeColumn(self._pairs, 8, PrefetchKind.READ)]
        fetch_row(builder, (event, end), self._pairs_of, pairs)
        target = self.event(event)
        first, last = self._pairs_of(event)
        following = builder.emit(Add(event, builder.word(1)))
        has_next = builder.emit(CompareInteger(IntegerPredicate.ULT, following, end))
        next_first, _ = self._pairs_of(builder.emit(Select(has_next, following, event)))
        jump = builder.emit(Sub(next_first, last))
        with counted(builder, first, last) as index:
            pair = self._pair(index)
            edge = builder.emit(Load(pair, I32))
            source = builder.emit(Load(builder.emit(Add(pair, builder.word(4))), I32))
            ahead = builder.emit(Add(index, builder.word(_AHEAD)))
            is_own = builder.emit(CompareInteger(IntegerPredicate.ULT, ahead, last))
            later = builder.emit(Select(is_own, ahead, builder.emit(Add(ahead, jump))))
            self._fetch_ahead(self._pair(later))
            self._call(source, target, edge)

    def _pairs_of(self, event: Value) -> tuple[Value, Value]:
        builder = self._builder
        row = builder.emit(Sub(self.event(event), self._target_first))
        place = builder.emit(Add(self._starts, builder.emit(Shl(row, builder.word(3)))))
        return builder.emit(Load(place, I64)), load_word(builder, place, 8)

    def _pair(self, index: Value) -> Value:
        builder = self._builder
        return builder.emit(Add(self._pairs, builder.emit(Shl(index, builder.word(3)))))

    def _fetch_ahead(self, pair: Value) -> None:
        """Emit prefetches for an edge some places ahead; the list has slack behind it."""
        builder = self._builder
        edge = builder.emit(Load(pair, I32))
        source = builder.emit(Load(builder.emit(Add(pair, builder.word(4))), I32))
        for number, (base, width) in enumerate(zip(self._bases, self._widths, strict=True)):
            is_edge = number < self._edge_columns
            if not is_edge and self._sides[number - self._edge_columns] != 0:
                continue
            kind = PrefetchKind.WRITE if is_edge else PrefetchKind.READ
            fetch(builder, kind, base, edge if is_edge else source, width)
