"""Connections between two populations, by source: rows of targets, and columns of edge values.

A set of connections is a word, the address of its descriptor (std/core/csr.mlr): its rows are
sorted by target, edges from one source to one target stay in the order in which they were made.
"""

from enum import Enum, unique

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, anything, op
from mlrift.typesystem import F32, F64, I64, MachineType

QUEUE_WORDS = 8
# Offsets in the descriptor.
ROWS, SOURCE_FIRST, TARGET_COUNT, TARGET_FIRST, TARGET_END, EDGES = 0, 8, 16, 24, 32, 40
DEGREE, ROW_STARTS, TARGETS, COLUMN_COUNT = 48, 56, 64, 72
INCOMING_STARTS, INCOMING_EDGES = 80, 88
SOURCE_POPULATION, TARGET_POPULATION = 128, 136
FIRST_COLUMN = 192


@unique
class ConnectionRule(Enum):
    """Which pairs are connected; the operands of the op depend on it."""

    FIXED_OUT = "fixed_out"
    FIXED_IN = "fixed_in"
    BERNOULLI = "bernoulli"
    BERNOULLI_XORSHIFT = "bernoulli_xorshift"
    BERNOULLI_GROUP = "bernoulli_group"
    LATTICE = "lattice"
    ALL = "all"
    ONE_TO_ONE = "one_to_one"
    EDGES = "edges"
    WHERE = "where"
    PART = "part"


@op("csr.build", Effect.ALLOCATE, result=I64)
class Build(Op):
    """Connections by a rule from neurons `source_first` to `source_end` - 1 to others.

    Rules that choose (all but ONE_TO_ONE, EDGES, WHERE and PART) connect no neuron to itself.
    `details` are the rule's words: number of edges and seed, divisor and seed, offsets, addresses.
    """

    source: Value
    source_first: Value
    source_end: Value
    target: Value
    target_first: Value
    target_end: Value
    details: list[Value]
    rule: ConnectionRule
    widths: tuple[int, ...]


@op("csr.build_group", Effect.ANY)
class BuildGroup(Op):
    """Make all `members` from one xorshift32 sequence: the pairs in row-major order, one draw each.

    Members are descriptors that `csr.build` made with BERNOULLI_GROUP: of every pair in its ranges
    each member takes one draw, in the order given.
    """

    members: list[Value]
    seed: Value


@op("csr.send", Effect.ANY)
class Send(Op):
    """For every event in order, for every edge of it in order: target's element += edge's value.

    `column` is the edge column, `target` the address of the column of the target population; both
    have elements of `memory`.
    """

    connections: Value
    events: Value
    target: Value
    column: int
    memory: MachineType


@op("csr.send_value", Effect.ANY, operands=anything)
class SendValue(Op):
    """As `csr.send`, with one value for all edges, whose columns are not looked at.

    `value` is a word, an f32 or an f64, as an element of `memory` is.
    """

    connections: Value
    events: Value
    target: Value
    value: Value
    memory: MachineType

    def check(self) -> str | None:
        """Compare the types of the operands."""
        wanted = self.memory if self.memory in (F32, F64) else I64
        for name in ("connections", "events", "target", "value"):
            operand: Value = getattr(self, name)
            expected = wanted if name == "value" else I64
            if operand.type is not expected:
                found = operand.type.value
                return f"operand `{name}` must be {expected.value}, not {found}"
        return None


@op("csr.send_later", Effect.ANY)
class SendLater(Op):
    """As `csr.send`, but every edge delivers so many evaluations of the op later as it says.

    `storage` are the words of the queue, which belong to the place in the program: it grows as
    needed and keeps values until they are due. What is due is added in the order in which it was
    sent, then of the events, then of the edges. `delays` are elements of `delay_memory`, unsigned;
    0 is at once.
    """

    storage: Value
    connections: Value
    events: Value
    target: Value
    column: int
    memory: MachineType
    delay_column: int
    delay_memory: MachineType


@op("csr.index", Effect.ANY)
class IndexIncoming(Op):
    """Make the index of incoming edges now; else what needs it first makes it."""

    connections: Value


@op("csr.find", Effect.READ, result=I64)
class Find(Op):
    """The number of the first edge from a source to a target; all ones when there is none."""

    connections: Value
    source: Value
    target: Value


@op("csr.product", Effect.ANY)
class Product(Op):
    """Sparse matrix times vector: result[j] = sum over edges i -> j of value * vector[i].

    Terms are added to what is there, in ascending order of sources. `memory` is F32 or F64.
    """

    connections: Value
    vector: Value
    result: Value
    column: int
    memory: MachineType


@op("csr.fill", Effect.ANY)
class FillEdges(Op):
    """Set an edge column to the low bits of a word."""

    connections: Value
    bits: Value
    column: int
    memory: MachineType


@op("csr.free", Effect.ANY)
class FreeConnections(Op):
    """Give the storage back; null is nothing."""

    connections: Value
