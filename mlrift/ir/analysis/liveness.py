"""Which values are still needed where control enters a block."""

from mlrift.ir.analysis.control_flow import reverse_postorder
from mlrift.ir.core import Block, Function, Value


def live_on_entry(function: Function) -> dict[Block, set[Value]]:
    """Return the values of other blocks that each reachable block, or what follows it, uses."""
    order = reverse_postorder(function)
    order.reverse()
    local = {block: _uses_and_definitions(block) for block in order}
    live: dict[Block, set[Value]] = {block: set() for block in order}
    changed = True
    while changed:
        changed = False
        for block in order:
            used, defined = local[block]
            needed = set(used)
            for edge in block.successors():
                needed |= live[edge.block] - defined
            if len(needed) != len(live[block]):
                live[block] = needed
                changed = True
    return live


def _uses_and_definitions(block: Block) -> tuple[set[Value], set[Value]]:
    used: set[Value] = set()
    defined: set[Value] = set(block.parameters)
    for made in block.ops:
        used.update(value for value in made.operands() if value not in defined)
        defined.add(made)
    return used, defined
