"""Ops without effects whose values nobody uses go, and so do unused block parameters.

    %a = arith.add %x, %y            (gone)
    control.jump ^next(%a)     =>    control.jump ^next
    ^next(%p : i64):                 ^next:
      control.return %x                control.return %x

What counts is use by an op that stays: a parameter that only feeds itself round a loop goes too.
A division stays unless its divisor is a constant that cannot trap; a slot that is never read goes
with all its `slot.set`s. A `debug.value` keeps only what costs nothing, else its variable is
unknown.
"""

from mlrift.ir.analysis.control_flow import incoming_edges
from mlrift.ir.analysis.live_values import live_values
from mlrift.ir.core import Function, Value
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.debug import DebugValue
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property, on_functions


def remove_dead_code(function: Function) -> None:
    """Keep what an effect or a terminator needs, directly or not."""
    live = live_values(function)
    if function.source is not None:
        _keep_debug_values(function, live)
    for block in function.blocks:
        block.ops = [made for made in block.ops if made in live]
    _remove_parameters(function, live)


PASS = Pass(
    "remove_dead_code",
    on_functions(remove_dead_code),
    needs=frozenset({Property.NO_DEAD_BLOCKS}),
    keeps=EVERY_PROPERTY - {Property.NO_DEAD_FUNCTIONS},
)


def _keep_debug_values(function: Function, live: set[Value]) -> None:
    """Keep every `debug.value`, with its value if that is live, a constant or a parameter."""
    for block in function.blocks:
        for made in block.ops:
            if not isinstance(made, DebugValue):
                continue
            live.add(made)
            for value in made.values:
                if type(value) is Constant:
                    live.add(value)
                elif value not in live and value not in function.parameters:
                    made.values = []


def _remove_parameters(function: Function, live: set[Value]) -> None:
    incoming = incoming_edges(function.blocks)
    for block in function.blocks[1:]:
        kept = [number for number, row in enumerate(block.parameters) if row in live]
        if len(kept) != len(block.parameters):
            block.parameters = [block.parameters[number] for number in kept]
            for _, edge in incoming[block]:
                edge.arguments = [edge.arguments[number] for number in kept]
