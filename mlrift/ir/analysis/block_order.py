"""An order of blocks in which those of a loop stand together, each after what leads to it."""

from mlrift.ir.analysis.control_flow import predecessors
from mlrift.ir.analysis.dominance import Dominators
from mlrift.ir.analysis.loops import Loop, natural_loops
from mlrift.ir.core import Block, Function


def innermost_loops(loops: list[Loop]) -> dict[Block, Loop]:
    """Return the smallest loop around every block that is in one."""
    found: dict[Block, Loop] = {}
    for loop in sorted(loops, key=lambda row: -len(row.blocks)):
        for block in loop.blocks:
            found[block] = loop
    return found


def surrounding_loops(loops: list[Loop]) -> dict[Block, Loop]:
    """Return by header the innermost loop around each loop that is in another one."""
    found: dict[Block, Loop] = {}
    for loop in sorted(loops, key=lambda row: -len(row.blocks)):
        for inner in loops:
            if inner is not loop and inner.header in loop.blocks:
                found[inner.header] = loop
    return found


def loop_order(function: Function) -> list[Block]:
    """Return the reachable blocks: the entry first, loops without gaps, edges forward.

    Back edges of loops are the only ones that lead to an earlier block.
    """
    dominators = Dominators(function)
    loops = natural_loops(function, dominators)
    innermost = innermost_loops(loops)
    around = surrounding_loops(loops)
    before = predecessors(dominators.order)
    missing = {
        block: sum(not dominators.dominates(block, row) for row in before[block])
        for block in dominators.order
    }
    order: list[Block] = []
    ready = [function.entry]
    inside: Loop | None = None
    while ready:
        position = _choose(ready, inside)
        while position is None:
            assert inside is not None
            inside = around.get(inside.header)
            position = _choose(ready, inside)
        block = ready.pop(position)
        inside = innermost.get(block)
        order.append(block)
        for edge in reversed(block.successors()):
            target = edge.block
            if not dominators.dominates(target, block):
                missing[target] -= 1
                if missing[target] == 0:
                    ready.append(target)
    return order


def _choose(ready: list[Block], inside: Loop | None) -> int | None:
    """Return the position of the latest block that is ready and in the loop."""
    for position in range(len(ready) - 1, -1, -1):
        if inside is None or ready[position] in inside.blocks:
            return position
    return None
