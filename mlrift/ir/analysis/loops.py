"""Natural loops: a header and the blocks from which a back edge to it is reached."""

from mlrift.ir.analysis.control_flow import predecessors
from mlrift.ir.analysis.dominance import Dominators
from mlrift.ir.core import Block, Function
from mlrift.values import record


@record
class Loop:
    """A loop; `blocks` holds the header too."""

    header: Block
    blocks: set[Block]


def natural_loops(function: Function, dominators: Dominators | None = None) -> list[Loop]:
    """Return the loops, one per header, outer headers before those of the loops inside them."""
    tree = dominators if dominators is not None else Dominators(function)
    before = predecessors(tree.order)
    loops: list[Loop] = []
    for header in tree.order:
        tails = [block for block in before[header] if tree.dominates(header, block)]
        if tails:
            loops.append(Loop(header, _body(header, tails, before)))
    return loops


def loop_depths(function: Function) -> dict[Block, int]:
    """Return in how many loops every reachable block is."""
    tree = Dominators(function)
    depths = dict.fromkeys(tree.order, 0)
    for loop in natural_loops(function, tree):
        for block in loop.blocks:
            depths[block] += 1
    return depths


def _body(header: Block, tails: list[Block], before: dict[Block, list[Block]]) -> set[Block]:
    found = {header}
    stack = list(tails)
    while stack:
        block = stack.pop()
        if block not in found:
            found.add(block)
            stack += before[block]
    return found
