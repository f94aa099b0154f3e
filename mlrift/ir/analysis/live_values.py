"""What a function's effects and terminators need, directly or not.

A division stays unless its divisor is a constant that cannot trap; a `slot.set` lives when its slot
is read. Parameters that only feed themselves round a loop do not live.
"""

from collections.abc import Set

from mlrift.ir.analysis.control_flow import incoming_edges
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.numbers import WORD_MASK
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.arith import Constant, Sdiv, Srem, Udiv, Urem
from mlrift.ir.ops.memory import SlotSet

_REMOVABLE = frozenset({Effect.PURE, Effect.READ, Effect.ALLOCATE})
_NOTHING: frozenset[Op] = frozenset()


def live_values(function: Function, without: Set[Op] = _NOTHING) -> set[Value]:
    """Return the ops that stay and the parameters that they use, were there no ops `without`."""
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
            elif made in without:
                continue
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
