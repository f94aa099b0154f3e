"""Expansions that are one call of the core library, or a load."""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Global, Value
from mlrift.ir.ops import csr, events, population
from mlrift.ir.ops.arith import Add
from mlrift.ir.ops.memory import GlobalAddress, Load, Stack, Store
from mlrift.typesystem import I64, MachineType

WORD_BYTES = 8
MEMORY_BYTES = {
    MachineType.I8: 1,
    MachineType.I16: 2,
    MachineType.I32: 4,
    MachineType.I64: 8,
    MachineType.F32: 4,
    MachineType.F64: 8,
}


def load_word(builder: Builder, base: Value, offset: int) -> Value:
    """Emit the load of a word of a descriptor."""
    address = base if not offset else builder.emit(Add(base, builder.word(offset)))
    return builder.emit(Load(address, I64))


def store_words(builder: Builder, words: list[Value]) -> Value:
    """Emit words side by side in the frame; return their address."""
    area = builder.emit(Stack(WORD_BYTES * max(len(words), 1), 16))
    for index, word in enumerate(words):
        address = builder.emit(Add(area, builder.word(WORD_BYTES * index))) if index else area
        builder.emit(Store(address, word, I64))
    return area


def _bytes_global(builder: Builder, data: tuple[int, ...]) -> Value:
    name = "model.widths." + "_".join(map(str, data))
    known = builder.module.globals
    if name not in known:
        content = bytes(data)
        known[name] = Global(name, len(content) + 1, 1, content, is_constant=True)
    return builder.emit(GlobalAddress(name))


def new_population(builder: Builder, made: population.NewPopulation) -> Value:
    """Emit the call that makes a population."""
    widths = _bytes_global(builder, made.widths)
    streams, columns = builder.word(made.streams), builder.word(len(made.widths))
    return builder.call_external(
        "core.population_new", [made.count, streams, widths, columns], (I64,)
    )


def free_population(builder: Builder, made: population.FreePopulation) -> None:
    """Emit the call that gives a population back."""
    builder.call_external("core.population_free", [made.population], ())


def column(builder: Builder, made: population.Column) -> Value:
    """Emit the load of a column's address."""
    offset = population.column_offset(made.streams, made.column)
    return load_word(builder, made.population, offset)


def fill_column(builder: Builder, made: population.FillColumn) -> None:
    """Emit the call that sets a column."""
    offset = population.column_offset(made.streams, made.column)
    address = load_word(builder, made.population, offset)
    count = builder.emit(Load(made.population, I64))
    width = builder.word(MEMORY_BYTES[made.memory])
    builder.call_external("core.population_fill", [address, count, width, made.bits], ())


def slice_events(builder: Builder, made: events.SliceEvents) -> Value:
    """Emit the call that finds the range."""
    return builder.call_external(
        "core.events_slice", [made.storage, made.events, made.first, made.end]
    )


def delay_events(builder: Builder, made: events.DelayEvents) -> Value:
    """Emit the call that turns the ring."""
    return builder.call_external("core.events_delay", [made.storage, made.events, made.steps])


def poisson_events(builder: Builder, made: events.PoissonEvents) -> Value:
    """Emit the call that draws."""
    operands = [made.storage, made.count, made.probability, made.seed, made.step]
    return builder.call_external("core.events_poisson", operands)


def count_events(builder: Builder, made: events.CountEvents) -> Value:
    """Emit the call that counts, for a stream may be null."""
    return builder.call_external("core.events_count", [made.events])


def build(builder: Builder, made: csr.Build) -> Value:
    """Emit the calls that make connections: begin, the rule, the columns."""
    sources = [made.source, made.source_first, made.source_end]
    targets = [made.target, made.target_first, made.target_end]
    connections = builder.call_external("core.csr_begin", [*sources, *targets])
    details = store_words(builder, made.details)
    builder.call_external(f"core.csr_{made.rule.value}", [connections, details], ())
    return _add_columns(builder, connections, made.widths)


def _add_columns(builder: Builder, connections: Value, widths: tuple[int, ...]) -> Value:
    columns = builder.word(len(widths))
    return builder.call_external(
        "core.csr_end", [connections, _bytes_global(builder, widths), columns]
    )


def build_group(builder: Builder, made: csr.BuildGroup) -> None:
    """Emit the call that draws the edges of all members, and their columns."""
    members = store_words(builder, made.members)
    count = builder.word(len(made.members))
    builder.call_external("core.csrdraws_group", [members, count, made.seed], ())
    for member in made.members:
        builder.call_external("core.csr_renew_columns", [member], ())


def send_later(builder: Builder, made: csr.SendLater) -> None:
    """Emit the call that queues the edges of the events, then adds what is due."""
    offset = csr.FIRST_COLUMN + WORD_BYTES * made.column
    delay_offset = csr.FIRST_COLUMN + WORD_BYTES * made.delay_column
    values = load_word(builder, made.connections, offset)
    delays = load_word(builder, made.connections, delay_offset)
    width = builder.word(MEMORY_BYTES[made.memory])
    delay_width = builder.word(MEMORY_BYTES[made.delay_memory])
    queue = [made.storage, made.connections, made.events]
    builder.call_external("core.csrqueue_add", [*queue, values, width, delays, delay_width], ())
    kind = {MachineType.F64: "f64", MachineType.F32: "f32"}.get(made.memory, "word")
    builder.call_external(f"core.csrqueue_drain_{kind}", [made.storage, made.target, width], ())


def index_incoming(builder: Builder, made: csr.IndexIncoming) -> None:
    """Emit the call that makes the index of incoming edges."""
    builder.call_external("core.csr_incoming", [made.connections])


def find(builder: Builder, made: csr.Find) -> Value:
    """Emit the search."""
    return builder.call_external("core.csr_find", [made.connections, made.source, made.target])


def fill_edges(builder: Builder, made: csr.FillEdges) -> None:
    """Emit the call that sets an edge column."""
    offset = csr.FIRST_COLUMN + WORD_BYTES * made.column
    address = load_word(builder, made.connections, offset)
    count = load_word(builder, made.connections, csr.EDGES)
    width = builder.word(MEMORY_BYTES[made.memory])
    builder.call_external("core.population_fill", [address, count, width, made.bits], ())


def free_connections(builder: Builder, made: csr.FreeConnections) -> None:
    """Emit the call that gives connections back."""
    builder.call_external("core.csr_free", [made.connections], ())
