"""Populations of neurons: storage of one array per field, reached through a descriptor.

A population is a word, the address of its descriptor: the number of neurons, then for every event
stream four words (address of the list of u32, its length, the number of neurons, scratch of the
library), then the addresses of the columns. `column_offset` says where the last begin. Columns
start at multiples of 64 bytes. Populations are places, not values: what changes one says so by its
effect, and program order is time order. `struct` names the kind of neuron: populations of one kind
have the same columns, and no column is reached by another name.
"""

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, op
from mlrift.typesystem import I64, MachineType

WORD_BYTES = 8
STREAM_BYTES = 32
FIRST_STREAM = 16
STREAM_LIST, STREAM_COUNT, STREAM_POPULATION, STREAM_SCRATCH = 0, 8, 16, 24


def stream_offset(stream: int) -> int:
    """Return the offset of an event stream in the descriptor."""
    return FIRST_STREAM + STREAM_BYTES * stream


def column_offset(streams: int, column: int) -> int:
    """Return the offset of a column's address in the descriptor."""
    return FIRST_STREAM + STREAM_BYTES * streams + WORD_BYTES * column


@op("population.new", Effect.ALLOCATE, result=I64)
class NewPopulation(Op):
    """A population of `count` neurons, every column zero; `widths` are the columns' bytes each."""

    count: Value
    streams: int
    widths: tuple[int, ...]
    struct: str


@op("population.free", Effect.ANY)
class FreePopulation(Op):
    """Give the storage of a population back; null is nothing."""

    population: Value


@op("population.column", Effect.READ, result=I64)
class Column(Op):
    """The address of a column."""

    population: Value
    streams: int
    column: int
    struct: str


@op("population.fill", Effect.ANY)
class FillColumn(Op):
    """Set a column of a population to the low bits of a word, as an element of `memory`."""

    population: Value
    bits: Value
    streams: int
    column: int
    memory: MachineType
    struct: str
