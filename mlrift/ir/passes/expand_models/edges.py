"""`csr.send` and `csr.product`: loops over events and edges, run by threads that own targets.

Every thread goes through all events and does the edges whose targets lie in its block, which are
neighbours in a row because rows are sorted by target. So each target gets its terms in the order
of the events, then of the edges, whatever the number of threads, and nobody needs atomics.
"""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, Successor, Value
from mlrift.ir.loops import counted, when
from mlrift.ir.ops import csr
from mlrift.ir.ops.arith import WORD_MASK, Add, And, FAdd, FMul, Mul, Shl, Sub
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch, Return
from mlrift.ir.ops.convert import BitsToFloat, FloatToBits
from mlrift.ir.ops.memory import Load, Stack, Store
from mlrift.ir.ops.vector_memory import Locality, Prefetch, PrefetchKind
from mlrift.ir.parallel import emit_parallel_for, emit_parallel_parts
from mlrift.ir.passes.expand_models.blocks import own_edges, split_place
from mlrift.ir.passes.expand_models.fetching import EdgeColumn, fetch_row, fetch_start
from mlrift.ir.passes.expand_models.functions import region_body, word_function
from mlrift.ir.passes.expand_models.routing import Values, route
from mlrift.ir.passes.expand_models.simple import MEMORY_BYTES, load_word, store_words
from mlrift.typesystem import F32, F64, I32, I64, MachineType

GRAIN_EDGES = 8192
MULTIPLE_TARGETS = 64
_UNEQUAL = WORD_MASK
_NEAR_EVENTS, _FAR_EVENTS = 12, 32
_FEW_EDGES = 16


def send(builder: Builder, made: csr.Send) -> None:
    """Emit the call that delivers the events of a step."""
    connections = made.connections
    values = load_word(builder, connections, csr.FIRST_COLUMN + 8 * made.column)
    symbol = _deliver_function(builder, made.memory, Values.COLUMN)
    builder.call_external(symbol, [connections, made.events, made.target, values], ())


def send_value(builder: Builder, made: csr.SendValue) -> None:
    """Emit the call that delivers one value along the edges of a step's events."""
    bits: Value = made.value
    if made.memory in (F32, F64):
        bits = builder.emit(FloatToBits(made.value))
    symbol = _deliver_function(builder, made.memory, Values.ONE)
    builder.call_external(symbol, [made.connections, made.events, made.target, bits], ())


def _deliver_function(builder: Builder, memory: MachineType, kind: Values) -> str:
    """Return the function (connections, events, target, values) that chooses how to deliver.

    `values` is the address of a column, or the bits of the one value.
    """
    symbol = f"csr.deliver.{kind.value}.{memory.value}"
    if symbol in builder.module.functions:
        return symbol
    names = ("connections", "events", "target", "values")
    inner, parameters = word_function(builder, symbol, names)
    connections, stream, target, values = parameters
    found = inner.emit(Stack(16, 16))
    inner.call_external("core.csrdelivery_events", [connections, stream, found], ())
    entries, count = load_word(inner, found, 0), load_word(inner, found, 8)
    edges = inner.call_external("core.csrdelivery_edges", [connections, count])
    one = inner.word(1)
    parts = emit_parallel_parts(inner, edges, one, inner.word(GRAIN_EDGES))
    words = [connections, entries, count, target, values, inner.word(0), parts]
    context = store_words(inner, words)
    degree = load_word(inner, connections, csr.DEGREE)
    several = inner.emit(CompareInteger(IntegerPredicate.UGT, parts, one))
    few = inner.emit(CompareInteger(IntegerPredicate.ULE, degree, inner.word(_FEW_EDGES)))
    is_routed = inner.emit(And(several, few))
    routed, owned, after = Block("routed"), Block("owned"), Block("delivered")
    inner.emit(Branch(is_routed, Successor(routed), Successor(owned)))
    inner.function.blocks.append(routed)
    inner.block = routed
    route(inner, (memory, kind), context, (connections, count, parts))
    inner.jump(after)
    inner.function.blocks.append(owned)
    inner.block = owned
    owners = inner.call_external("core.csrdelivery_owners", [connections, parts])
    splits = inner.call_external("core.csrdelivery_splits", [connections, owners])
    inner.emit(Store(inner.emit(Add(context, inner.word(40))), splits, I64))
    inner.emit(Store(inner.emit(Add(context, inner.word(48))), owners, I64))
    emit_parallel_for(inner, send_function(inner, memory, kind), context, owners, one, owners)
    inner.jump(after)
    inner.function.blocks.append(after)
    inner.block = after
    inner.emit(Return([]))
    return symbol


def send_function(builder: Builder, memory: MachineType, kind: Values) -> str:
    """Return the function (context, first, last, part) that delivers to blocks of targets."""
    symbol = f"csr.send.{kind.value}.{memory.value}"
    if symbol in builder.module.functions:
        return symbol
    inner, parameters = region_body(builder, symbol)
    rows = _Rows(inner, parameters[0], memory, kind)
    with counted(inner, parameters[1], parameters[2]) as part:
        rows.deliver(part)
    inner.emit(Return([]))
    return symbol


class _Rows:
    """What a delivery knows, loaded from its context."""

    def __init__(self, builder: Builder, context: Value, memory: MachineType, kind: Values) -> None:
        self._builder = builder
        self._memory = memory
        self._size_bytes = MEMORY_BYTES[memory]
        self.connections = load_word(builder, context, 0)
        self.entries = load_word(builder, context, 8)
        self.count = load_word(builder, context, 16)
        self.target = load_word(builder, context, 24)
        self.values = load_word(builder, context, 32)
        self.splits = load_word(builder, context, 40)
        self.parts = load_word(builder, context, 48)
        self.source_first = load_word(builder, self.connections, csr.SOURCE_FIRST)
        self.degree = load_word(builder, self.connections, csr.DEGREE)
        self.row_starts = load_word(builder, self.connections, csr.ROW_STARTS)
        self.targets = load_word(builder, self.connections, csr.TARGETS)
        self._one: Value | None = None
        if kind is Values.ONE:
            is_float = memory in (F32, F64)
            self._one = builder.emit(BitsToFloat(self.values, memory)) if is_float else self.values

    def _value(self, edge: Value) -> Value:
        if self._one is not None:
            return self._one
        return self._builder.emit(Load(self._at(self.values, edge, self._size_bytes), self._memory))

    def _at(self, base: Value, index: Value, size_bytes: int) -> Value:
        shift = self._builder.word(size_bytes.bit_length() - 1)
        return self._builder.emit(Add(base, self._builder.emit(Shl(index, shift))))

    def _is(self, predicate: IntegerPredicate, left: Value, right: int) -> Value:
        return self._builder.emit(
            CompareInteger(predicate, left, self._builder.word(right & WORD_MASK))
        )

    def _row_of(self, event: Value) -> Value:
        neuron = self._builder.emit(Load(self._at(self.entries, event, 4), I32))
        return self._builder.emit(Sub(neuron, self.source_first))

    def deliver(self, part: Value) -> None:
        """Emit the four loops: rows of one length or not, all targets or a block of them."""
        builder = self._builder
        equal, unequal, after = Block("equal"), Block("unequal"), Block("delivered")
        is_equal = self._is(IntegerPredicate.NE, self.degree, _UNEQUAL)
        builder.emit(Branch(is_equal, Successor(equal), Successor(unequal)))
        for block, has_degree in ((equal, True), (unequal, False)):
            builder.function.blocks.append(block)
            builder.block = block
            whole, split = Block("whole"), Block("split")
            is_split = self._is(IntegerPredicate.UGT, self.parts, 1)
            builder.emit(Branch(is_split, Successor(split), Successor(whole)))
            for inside, own in ((whole, None), (split, part)):
                builder.function.blocks.append(inside)
                builder.block = inside
                with counted(builder, builder.word(0), self.count) as event:
                    self._event(event, own, has_degree)
                builder.jump(after)
        builder.function.blocks.append(after)
        builder.block = after

    def _bounds(self, row: Value, has_degree: bool) -> tuple[Value, Value]:
        builder = self._builder
        if has_degree:
            start: Value = builder.emit(Mul(row, self.degree))
            return start, builder.emit(Add(start, self.degree))
        address = self._at(self.row_starts, row, 8)
        return builder.emit(Load(address, I64)), load_word(builder, address, 8)

    def _own_bounds(self, row: Value, part: Value | None, has_degree: bool) -> tuple[Value, Value]:
        bounds = self._bounds(row, has_degree)
        if part is None:
            return bounds
        return own_edges(self._builder, (self.splits, self.parts), row, part, bounds)

    def _event(self, event: Value, part: Value | None, has_degree: bool) -> None:
        builder, memory = self._builder, self._memory
        row = self._row_of(event)
        first, last = self._own_bounds(row, part, has_degree)
        if has_degree:
            self._fetch_ahead(event)
            with when(builder, self._is(IntegerPredicate.UGT, self.degree, _FEW_EDGES)):
                self._fetch_row(event, part, has_degree)
        else:
            self._fetch_row(event, part, has_degree)
        with counted(builder, first, last) as edge:
            neuron = builder.emit(Load(self._at(self.targets, edge, 4), I32))
            value = self._value(edge)
            place = self._at(self.target, neuron, self._size_bytes)
            old = builder.emit(Load(place, memory))
            total = FAdd(old, value) if memory in (F32, F64) else Add(old, value)
            builder.emit(Store(place, builder.emit(total), memory))

    def _fetch_row(self, event: Value, part: Value | None, has_degree: bool) -> None:
        """Emit prefetches of long rows."""
        fetch_start(
            self._builder, (event, self.count), lambda later: self._starts(later, part, has_degree)
        )
        columns = [EdgeColumn(self.targets, 4, PrefetchKind.READ)]
        if self._one is None:
            columns.append(EdgeColumn(self.values, self._size_bytes, PrefetchKind.READ))

        def bounds(later: Value) -> tuple[Value, Value]:
            return self._own_bounds(self._row_of(later), part, has_degree)

        fetch_row(self._builder, (event, self.count), bounds, columns)

    def _starts(self, event: Value, part: Value | None, has_degree: bool) -> list[Value]:
        """Return the addresses of the words that say where the row of an event begins."""
        row = self._row_of(event)
        places = [] if has_degree else [self._at(self.row_starts, row, 8)]
        if part is not None:
            places.append(split_place(self._builder, (self.splits, self.parts), row, part))
        return places

    def _fetch_ahead(self, event: Value) -> None:
        """Emit prefetches of short rows: far ahead their edges, then their targets."""
        builder, size_bytes = self._builder, self._size_bytes
        is_short = self._is(IntegerPredicate.ULE, self.degree, _FEW_EDGES)
        with when(builder, is_short):
            far = builder.emit(Add(event, builder.word(_FAR_EVENTS)))
            is_there = builder.emit(CompareInteger(IntegerPredicate.ULT, far, self.count))
            with when(builder, is_there):
                start, _ = self._bounds(self._row_of(far), has_degree=True)
                self._fetch(PrefetchKind.READ, self._at(self.targets, start, 4))
                if self._one is None:
                    self._fetch(PrefetchKind.READ, self._at(self.values, start, size_bytes))
            near = builder.emit(Add(event, builder.word(_NEAR_EVENTS)))
            is_there = builder.emit(CompareInteger(IntegerPredicate.ULT, near, self.count))
            with when(builder, is_there):
                first, last = self._bounds(self._row_of(near), has_degree=True)
                with counted(builder, first, last) as edge:
                    neuron = builder.emit(Load(self._at(self.targets, edge, 4), I32))
                    self._fetch(PrefetchKind.WRITE, self._at(self.target, neuron, size_bytes))

    def _fetch(self, kind: PrefetchKind, address: Value) -> None:
        self._builder.emit(Prefetch(kind, Locality.HIGH, address))


def product(builder: Builder, made: csr.Product) -> None:
    """Emit the loop of a sparse matrix times a vector, rows in ascending order."""
    connections = made.connections
    values = load_word(builder, connections, csr.FIRST_COLUMN + 8 * made.column)
    symbol = _product_function(builder, made.memory)
    builder.call_external(symbol, [connections, made.vector, made.result, values], ())


def _product_function(builder: Builder, memory: MachineType) -> str:
    symbol = f"csr.product.{memory.value}"
    if symbol in builder.module.functions:
        return symbol
    names = ("connections", "vector", "result", "values")
    inner, parameters = word_function(builder, symbol, names)
    connections, vector, result, values = parameters
    size_bytes = MEMORY_BYTES[memory]
    shift = inner.word(size_bytes.bit_length() - 1)
    targets = load_word(inner, connections, csr.TARGETS)
    source_first = load_word(inner, connections, csr.SOURCE_FIRST)
    rows = load_word(inner, connections, csr.ROWS)
    with counted(inner, inner.word(0), rows) as row:
        start = inner.call_external("core.csr_row_start", [connections, row])
        following = inner.emit(Add(row, inner.word(1)))
        end = inner.call_external("core.csr_row_start", [connections, following])
        source = inner.emit(Add(source_first, row))
        factor = inner.emit(Load(inner.emit(Add(vector, inner.emit(Shl(source, shift)))), memory))
        with counted(inner, start, end) as edge:
            place = inner.emit(Add(targets, inner.emit(Shl(edge, inner.word(2)))))
            neuron = inner.emit(Load(place, I32))
            value_place = inner.emit(Add(values, inner.emit(Shl(edge, shift))))
            term = inner.emit(FMul(inner.emit(Load(value_place, memory)), factor))
            sum_place = inner.emit(Add(result, inner.emit(Shl(neuron, shift))))
            total = inner.emit(FAdd(inner.emit(Load(sum_place, memory)), term))
            inner.emit(Store(sum_place, total, memory))
    inner.emit(Return([]))
    return symbol
