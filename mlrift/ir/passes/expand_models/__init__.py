"""Populations, events, connections and learning rules become loops, calls and memory accesses.

%s = dynamics.step %body, %n, %dt, 1, 0, (0, 1)   =>   parallel.for @dynamics.Lif.range, ...
                                                       call.direct @core.events_join(...)

Enters: a module with ops of those families, before the core library is merged. Leaves: core ops,
calls of `core.population_*`, `core.events_*` and `core.csr_*`, and the functions of the loops. All
that stands where an op stood is straight-line code.
"""

from collections.abc import Callable

from mlrift.ir.builder import Builder
from mlrift.ir.core import Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops import csr, dynamics, events, plasticity, population
from mlrift.ir.ops.memory import Stack
from mlrift.ir.passes.declaration import Pass
from mlrift.ir.passes.expand_models import edges, learning, simple, stepping
from mlrift.static_types import Any

Expansion = Callable[[Builder, Any], Value | None]

EXPANSIONS: dict[type[Op], Expansion] = {
    population.NewPopulation: simple.new_population,
    population.FreePopulation: simple.free_population,
    population.Column: simple.column,
    population.FillColumn: simple.fill_column,
    dynamics.Step: stepping.step,
    events.SliceEvents: simple.slice_events,
    events.DelayEvents: simple.delay_events,
    events.PoissonEvents: simple.poisson_events,
    events.CountEvents: simple.count_events,
    csr.Build: simple.build,
    csr.BuildGroup: simple.build_group,
    csr.IndexIncoming: simple.index_incoming,
    csr.Find: simple.find,
    csr.FillEdges: simple.fill_edges,
    csr.FreeConnections: simple.free_connections,
    csr.Send: edges.send,
    csr.SendValue: edges.send_value,
    csr.SendLater: simple.send_later,
    csr.Product: edges.product,
    plasticity.Pre: learning.pre,
    plasticity.Post: learning.post,
}


def expand_models(module: Module) -> None:
    """Replace the ops of models in every function."""
    for function in list(module.functions.values()):
        if any(type(made) in EXPANSIONS for made in function.ops()):
            _expand(module, function)


PASS = Pass("expand_models", expand_models)


def _expand(module: Module, function: Function) -> None:
    builder = Builder(module, function)
    replacements: dict[Value, Value] = {}
    for block in list(function.blocks):
        ops, block.ops = block.ops, []
        builder.block = block
        for made in ops:
            made.replace_operands(replacements)
            expansion = EXPANSIONS.get(type(made))
            if expansion is None:
                block.ops.append(made)
                continue
            builder.span = made.span
            result = expansion(builder, made)
            if result is not None:
                replacements[made] = result
    for made in function.ops():
        made.replace_operands(replacements)
    _move_stacks(function)


def _move_stacks(function: Function) -> None:
    """Put the storage that expansions ask for at the start of the function."""
    moved: list[Op] = []
    for block in function.blocks[1:]:
        moved += [made for made in block.ops if isinstance(made, Stack)]
        block.ops = [made for made in block.ops if not isinstance(made, Stack)]
    entry = function.blocks[0]
    moved += [made for made in entry.ops if isinstance(made, Stack)]
    entry.ops = [*moved, *(made for made in entry.ops if not isinstance(made, Stack))]
