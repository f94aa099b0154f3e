"""The flow graph of decoded code, and a solver for facts that flow forwards along it.

Offsets are bytes from the start of the kernel's code. A branch through a register is followed when
`constants.py` knows its destination; the graph is made once more then.
"""

from collections.abc import Callable

from mlrift.backends.amdgcn.check.steps import Step
from mlrift.backends.amdgcn.isa.instruction import Effects
from mlrift.static_types import TypeVar
from mlrift.values import record

State = TypeVar("State")


@record
class CheckedBlock:
    """Steps that run one after the other; `successors` are indices into the graph's blocks."""

    index: int
    steps: list[Step]
    successors: list[int]


@record
class Graph:
    """Blocks in the order of the code; the first is the entry.

    `stray` are steps whose branch leads to no instruction of the kernel; `falls_off` is the step
    after which nothing is left to execute, or None.
    """

    blocks: list[CheckedBlock]
    stray: list[Step]
    falls_off: Step | None


def build_graph(steps: list[Step], jumps: dict[int, int]) -> Graph:
    """Cut the steps into blocks. `jumps`: offset of an indirect branch -> where it goes."""
    places = {step.offset: index for index, step in enumerate(steps)}
    leaders = {0}
    for index, step in enumerate(steps):
        target = _target(step, jumps)
        if target in places:
            leaders.add(places[target])
        if _ends_block(step) and index + 1 < len(steps):
            leaders.add(index + 1)
    firsts = sorted(leaders)
    ends = [*firsts[1:], len(steps)]
    blocks = [
        CheckedBlock(number, steps[first:end], [])
        for number, (first, end) in enumerate(zip(firsts, ends, strict=True))
    ]
    number_of = {first: number for number, first in enumerate(firsts)}
    graph = Graph(blocks, [], None)
    for block in blocks:
        _connect(graph, block, lambda offset: number_of.get(places.get(offset, -1), -1), jumps)
    return graph


def _connect(
    graph: Graph, block: CheckedBlock, block_at: Callable[[int], int], jumps: dict[int, int]
) -> None:
    last = block.steps[-1]
    target = _target(last, jumps)
    if target >= 0 or last.target != -1:
        index = block_at(target)
        if index >= 0:
            block.successors.append(index)
        else:
            graph.stray.append(last)
    if not Effects.TERMINATES & last.instruction.row.effects:
        if block.index + 1 < len(graph.blocks):
            if block.index + 1 not in block.successors:
                block.successors.append(block.index + 1)
        else:
            graph.falls_off = last


def _target(step: Step, jumps: dict[int, int]) -> int:
    return jumps.get(step.offset, step.target)


def _ends_block(step: Step) -> bool:
    return step.target != -1 or bool(Effects.TERMINATES & step.instruction.row.effects)


def reachable(graph: Graph) -> set[int]:
    """Return the blocks that some path from the entry comes to."""
    found = {0}
    work = [0]
    while work:
        for successor in graph.blocks[work.pop()].successors:
            if successor not in found:
                found.add(successor)
                work.append(successor)
    return found


def solve_forwards(
    graph: Graph,
    entry: State,
    transfer: Callable[[CheckedBlock, State], State],
    join: Callable[[CheckedBlock, State, State], State],
) -> dict[int, State]:
    """Return the state at the start of each reachable block, joined over all paths."""
    states = {0: entry}
    work = [0]
    queued = {0}
    while work:
        index = min(work)
        work.remove(index)
        queued.discard(index)
        after = transfer(graph.blocks[index], states[index])
        for successor in graph.blocks[index].successors:
            known = states.get(successor)
            joined = after if known is None else join(graph.blocks[successor], known, after)
            if known is None or joined != known:
                states[successor] = joined
                if successor not in queued:
                    queued.add(successor)
                    work.append(successor)
    return states
