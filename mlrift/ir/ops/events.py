"""Event streams: ascending lists of neurons of one population.

A stream is a word: the address of (list of u32, length, number of neurons). Where an op makes one,
`storage` is the address of the words that it lives in, which belong to the place in the program.
"""

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, op, typed
from mlrift.typesystem import F64, I64

SLICE_WORDS = 3
DELAY_WORDS = 9
POISSON_WORDS = 4


@op("events.slice", Effect.ANY, result=I64)
class SliceEvents(Op):
    """The events of neurons `first` to `end` - 1; the list is shared."""

    storage: Value
    events: Value
    first: Value
    end: Value


@op("events.delay", Effect.ANY, result=I64)
class DelayEvents(Op):
    """What the op was given `steps` evaluations ago, empty before; keeps a ring of copies."""

    storage: Value
    events: Value
    steps: Value


@op("events.poisson", Effect.ANY, result=I64, operands=typed(probability=F64))
class PoissonEvents(Op):
    """Each of `count` neurons with a probability; draw `step` * `count` + neuron of splitmix64."""

    storage: Value
    count: Value
    probability: Value
    seed: Value
    step: Value


@op("events.count", Effect.READ, result=I64)
class CountEvents(Op):
    """The length of a stream; null is an empty one."""

    events: Value
