"""Learning rules: what a spike does to the edges of the neuron that fired.

A rule is two scalar functions of one edge, because what it adds to neurons must happen in order
while what it does to edges may happen in any: the first adds, the second changes the edge. Both see
the edge as it was; neither reads what the first adds to.
"""

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, op


@op("plasticity.pre", Effect.ANY)
class Pre(Op):
    """For every event, for every edge of it in order: add, then change the edges.

    `add` and `change` are addresses of functions (source, target, edge, columns...) of words, or
    null for a rule without that half. The columns are addresses: of the edges by number in
    `columns`, then the operands `neurons`. `widths` are the bytes of an element of each of them;
    `sides` say for each of `neurons` whether the source (0) or the target (1) has it.
    """

    add: Value
    change: Value
    connections: Value
    events: Value
    neurons: list[Value]
    columns: tuple[int, ...]
    widths: tuple[int, ...]
    sides: tuple[int, ...]


@op("plasticity.post", Effect.ANY)
class Post(Op):
    """For every event, for every edge that ends there, sources ascending: add, then change.

    The fields are those of `plasticity.pre`.
    """

    add: Value
    change: Value
    connections: Value
    events: Value
    neurons: list[Value]
    columns: tuple[int, ...]
    widths: tuple[int, ...]
    sides: tuple[int, ...]
