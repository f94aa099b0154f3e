"""Where a kernel may have changed global memory, or may still change it."""

from mlrift.ir.analysis.control_flow import predecessors
from mlrift.ir.core import Block, Function
from mlrift.ir.op import Op
from mlrift.ir.ops.device import Fence, GroupBarrier
from mlrift.ir.ops.memory import Copy, Fill, Store, VolatileStore
from mlrift.ir.ops.vector_memory import VectorStore

_STORES = (Store, VolatileStore, VectorStore, Copy, Fill)
_ATOMICS = ("device.atomic", "atomic.", "device.fragment_store", "device.grid_barrier")


class GlobalStores:
    """The stores and atomics of a function, and which blocks are before or after one."""

    def __init__(self, function: Function) -> None:
        storing = [block for block in function.blocks if any(map(_stores, block.ops))]
        following = {block: [edge.block for edge in block.successors()] for block in storing}
        after = {block: [edge.block for edge in block.successors()] for block in function.blocks}
        before = predecessors(function.blocks)
        self._reached = _closure([row for rows in following.values() for row in rows], after)
        self._leading = _closure([row for block in storing for row in before[block]], before)

    def may_be_before(self, block: Block, made: Op) -> bool:
        """Whether something may have been stored when an op of a block is executed."""
        position = block.ops.index(made)
        return block in self._reached or any(map(_stores, block.ops[:position]))

    def may_be_after(self, block: Block, made: Op) -> bool:
        """Whether something may be stored after an op of a block."""
        position = block.ops.index(made)
        return block in self._leading or any(map(_stores, block.ops[position:]))


def _stores(made: Op) -> bool:
    if isinstance(made, GroupBarrier | Fence):
        return False
    return isinstance(made, _STORES) or made.MNEMONIC.startswith(_ATOMICS)


def _closure(starts: list[Block], ways: dict[Block, list[Block]]) -> set[Block]:
    found: set[Block] = set()
    work = list(starts)
    while work:
        block = work.pop()
        if block not in found:
            found.add(block)
            work += ways[block]
    return found
