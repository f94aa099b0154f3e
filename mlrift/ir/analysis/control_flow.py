"""Block orders and edges of a function."""

from mlrift.ir.core import Block, Function, Successor


def reverse_postorder(function: Function) -> list[Block]:
    """Return the reachable blocks, each before its successors but for loops."""
    entry = function.blocks[0]
    order: list[Block] = []
    seen = {entry}
    stack = [(entry, iter(entry.successors()))]
    while stack:
        block, edges = stack[-1]
        for edge in edges:
            target = edge.block
            if target not in seen:
                seen.add(target)
                stack.append((target, iter(target.ops[-1].successors())))
                break
        else:
            stack.pop()
            order.append(block)
    order.reverse()
    return order


def incoming_edges(blocks: list[Block]) -> dict[Block, list[tuple[Block, Successor]]]:
    """Return for every block the edges into it, with the block each one leaves."""
    incoming: dict[Block, list[tuple[Block, Successor]]] = {block: [] for block in blocks}
    for block in blocks:
        for edge in block.ops[-1].successors():
            incoming[edge.block].append((block, edge))
    return incoming


def predecessors(blocks: list[Block]) -> dict[Block, list[Block]]:
    """Return the blocks with an edge to each block, one entry an edge."""
    found: dict[Block, list[Block]] = {block: [] for block in blocks}
    for block in blocks:
        for edge in block.ops[-1].successors():
            found[edge.block].append(block)
    return found
