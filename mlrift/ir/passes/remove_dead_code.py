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
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.numbers import WORD_MASK
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.arith import Constant, Sdiv, Srem, Udiv, Urem
from mlrift.ir.ops.debug import DebugValue
from mlrift.ir.ops.memory import SlotSet
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property, on_functions

_REMOVABLE = frozenset({Effect.PURE, Effect.READ, Effect.ALLOCATE})


def remove_dead_code(function: Function) -> None:
    """Keep what an effect or a terminator needs, directly or not."""
    live = _live_values(function)
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


def _live_values(function: Function) -> set[Value]:
    """Return the ops that stay and the parameters that they use."""
    incoming = incoming_edges(function.blocks)
    feeding: dict[Value, tuple[list[Successor], int]] = {}
    setting: dict[Value, list[Op]] = {}
    live: set[Value] = set()
    work: list[Value] = []
    for block in function.blocks:
        _note_parameters(block, incoming, feeding)
        for made in block.ops:
            if type(made) is SlotSet:
                setting.setdefault(made.slot, []).append(made)
            elif made.EFFECT not in _REMOVABLE and not _is_safe_division(made):
                live.add(made)
                work.append(made)
    while work:
        value = work.pop()
        needed = _needs(value, feeding)
        if value in setting:
            needed += setting[value]
        for used in needed:
            if used not in live:
                live.add(used)
                work.append(used)
    return live


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


def _needs(value: Value, feeding: dict[Value, tuple[list[Successor], int]]) -> list[Value]:
    """Return what a live value uses; edge arguments are used by parameters, not terminators."""
    if isinstance(value, BlockParameter):
        edges, position = feeding.get(value, ([], 0))
        return [edge.arguments[position] for edge in edges]
    assert isinstance(value, Op)
    if value.SUCCESSOR_NAMES:
        return [getattr(value, name) for name in value.OPERAND_NAMES]
    return value.operands()


def _note_parameters(
    block: Block,
    incoming: dict[Block, list[tuple[Block, Successor]]],
    feeding: dict[Value, tuple[list[Successor], int]],
) -> None:
    if block.parameters and incoming[block]:
        edges = [edge for _, edge in incoming[block]]
        for position, parameter in enumerate(block.parameters):
            feeding[parameter] = (edges, position)


def _is_safe_division(made: Op) -> bool:
    if isinstance(made, (Udiv, Urem)):
        return type(made.rhs) is Constant and made.rhs.value != 0
    if isinstance(made, (Sdiv, Srem)):
        return type(made.rhs) is Constant and made.rhs.value not in (0, WORD_MASK)
    return False


def _remove_parameters(function: Function, live: set[Value]) -> None:
    incoming = incoming_edges(function.blocks)
    for block in function.blocks[1:]:
        kept = [number for number, row in enumerate(block.parameters) if row in live]
        if len(kept) != len(block.parameters):
            block.parameters = [block.parameters[number] for number in kept]
            for _, edge in incoming[block]:
                edge.arguments = [edge.arguments[number] for number in kept]
