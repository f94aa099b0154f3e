"""Copies that happen at once enter, moves in an order that gives the same leave.

    (a, b) = (b, a)         swap a, b
    (a, b, c) = (b, c, 7)   a = b; b = c; c = 7

Places are operands of one dword; whether two are the same place is equality.
"""

from enum import Enum, unique

from mlrift.backends.amdgcn.mir import MachineOperand
from mlrift.values import value


@unique
class Step(Enum):
    """What a move does with its two places."""

    MOVE = "target gets source"
    SWAP = "both change places"


@value
class Move:
    """One step."""

    step: Step
    target: MachineOperand
    source: MachineOperand


def in_order(pairs: list[tuple[MachineOperand, MachineOperand]]) -> list[Move]:
    """Return moves for (target, source) pairs; no two pairs have the same target."""
    waiting = {target: source for target, source in pairs if target != source}
    readers: dict[MachineOperand, int] = {}
    for source in waiting.values():
        readers[source] = readers.get(source, 0) + 1
    moves: list[Move] = []
    ready = [target for target in waiting if target not in readers]
    ready.reverse()
    while waiting:
        while ready:
            target = ready.pop()
            source = waiting.pop(target)
            moves.append(Move(Step.MOVE, target, source))
            readers[source] -= 1
            if not readers[source] and source in waiting:
                ready.append(source)
        if waiting:
            moves += _unwind_cycle(waiting)
    return moves


def _unwind_cycle(waiting: dict[MachineOperand, MachineOperand]) -> list[Move]:
    """Remove one cycle (all that is left are cycles) and return its swaps."""
    start = next(iter(waiting))
    moves: list[Move] = []
    target, source = start, waiting.pop(start)
    while source != start:
        moves.append(Move(Step.SWAP, target, source))
        target, source = source, waiting.pop(source)
    return moves
