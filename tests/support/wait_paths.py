"""Walk along paths of a kernel and watch what is in flight: an oracle for the checker's wait rules.

Where the checker reasons about all paths at once, this follows single ones, with exact queues, and
says which instruction touches what may not have arrived. A path is made of random turns.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from mlrift.backends.amdgcn.check.graph import CheckedBlock, Graph
from mlrift.backends.amdgcn.check.steps import ALL_SCALARS, ALL_VECTORS, Step
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Effects, Immediate, Unit

_LONGEST_PATH = 4000
_VECTOR_MEMORY = (Unit.GLOBAL, Unit.FLAT, Unit.SCRATCH, Unit.BUFFER)
_ARRIVALS = ("s_barrier", "s_barrier_signal", "s_barrier_signal_isfirst")


@dataclass
class Flight:
    """Operations in flight by counter, oldest first: registers still to be written, and a word."""

    queues: dict[str, list[tuple[int, str]]] = field(
        default_factory=lambda: {name: [] for name in ("load", "store", "lds", "scalar")}
    )

    def start(self, name: str, registers: int, what: str) -> None:
        """Issue an operation."""
        self.queues[name].append((registers, what))

    def leave(self, name: str, count: int) -> None:
        """Wait until at most so many are left."""
        queue = self.queues[name]
        if name != "scalar":
            del queue[: max(len(queue) - count, 0)]
        elif count == 0:
            queue.clear()

    def pending(self, names: tuple[str, ...] = ("load", "lds", "scalar")) -> int:
        """Return all registers still to be written."""
        found = 0
        for name in names:
            for registers, _ in self.queues[name]:
                found |= registers
        return found

    def has(self, *words: str) -> bool:
        """Return whether an operation of a kind is in flight."""
        return any(what in words for queue in self.queues.values() for _, what in queue)


def first_mistake(graph: Graph, generation: Generation, seed: int, paths: int) -> Step | None:
    """Return an instruction that comes too early on one of some random paths, or None."""
    chooser = random.Random(seed)
    for _ in range(paths):
        flight = Flight()
        for step in _path(graph, chooser):
            if _is_early(step, flight, generation):
                return step
            _advance(step, flight, generation)
    return None


def _path(graph: Graph, chooser: random.Random) -> Iterator[Step]:
    block: CheckedBlock | None = graph.blocks[0]
    length = 0
    while block is not None and length < _LONGEST_PATH:
        yield from block.steps
        length += len(block.steps)
        block = graph.blocks[chooser.choice(block.successors)] if block.successors else None


def _is_early(step: Step, flight: Flight, generation: Generation) -> bool:
    touched = step.reads | step.writes
    pending = flight.pending()
    if touched & pending:
        row = step.instruction.row
        ordered = _is_load(step) and row.unit is not Unit.FLAT
        ordered = ordered and generation is not Generation.GFX12
        others = flight.pending(("lds", "scalar"))
        if step.reads & pending or not ordered or step.writes & others:
            return True
    operation = step.instruction.row.operation
    if operation in _ARRIVALS:
        return flight.has("lds", "global load", "global store", "atomic")
    if operation in ("buffer_gl0_inv", "buffer_gl1_inv", "global_inv"):
        return flight.has("global load")
    is_write = bool((Effects.STORES | Effects.ATOMIC) & step.instruction.row.effects)
    return is_write and flight.has("write back")


def _is_load(step: Step) -> bool:
    row = step.instruction.row
    if row.unit not in _VECTOR_MEMORY:
        return False
    if Effects.ATOMIC & row.effects:
        return bool(Effects.RETURNS & row.effects)
    return bool(Effects.LOADS & row.effects)


def _advance(step: Step, flight: Flight, generation: Generation) -> None:
    row = step.instruction.row
    vectors = step.writes & ALL_VECTORS
    if row.unit is Unit.WAIT:
        for name, count in _counts(step, generation):
            flight.leave(name, count)
    elif row.unit in _VECTOR_MEMORY:
        _start_vector_memory(step, vectors, flight)
    elif row.unit is Unit.LDS:
        flight.start("lds", vectors, "lds")
    elif row.unit is Unit.SMEM or row.operation.startswith("s_sendmsg_rtn"):
        flight.start("scalar", step.writes & ALL_SCALARS, "scalar")
    elif row.operation == "global_wb":
        flight.start("store", 0, "write back")
    elif row.operation == "global_inv":
        flight.start("load", 0, "invalidation")


def _start_vector_memory(step: Step, vectors: int, flight: Flight) -> None:
    row = step.instruction.row
    if _is_load(step):
        flight.start("load", vectors, "global load")
    elif Effects.ATOMIC & row.effects:
        flight.start("store", 0, "atomic")
    else:
        flight.start("store", 0, "scratch" if row.unit is Unit.SCRATCH else "global store")
    if row.unit is Unit.FLAT:
        flight.start("lds", vectors, "lds")


def _counts(step: Step, generation: Generation) -> Iterator[tuple[str, int]]:
    bits = next(
        operand.number for operand in step.instruction.operands if isinstance(operand, Immediate)
    )
    match step.instruction.row.operation:
        case "s_waitcnt" if generation is Generation.GFX10:
            yield "load", bits & 15 | bits >> 14 << 4 & 0x30
            yield from (("lds", bits >> 8 & 63), ("scalar", bits >> 8 & 63))
        case "s_waitcnt":
            yield "load", bits >> 10 & 63
            yield from (("lds", bits >> 4 & 63), ("scalar", bits >> 4 & 63))
        case "s_waitcnt_vscnt" | "s_wait_storecnt":
            yield "store", bits & 63
        case "s_waitcnt_vmcnt" | "s_wait_loadcnt":
            yield "load", bits & 63
        case "s_waitcnt_lgkmcnt":
            yield from (("lds", bits & 63), ("scalar", bits & 63))
        case "s_wait_dscnt":
            yield "lds", bits & 63
        case "s_wait_kmcnt":
            yield "scalar", bits & 31
        case "s_wait_loadcnt_dscnt":
            yield from (("load", bits >> 8 & 63), ("lds", bits & 63))
        case "s_wait_storecnt_dscnt":
            yield from (("store", bits >> 8 & 63), ("lds", bits & 63))
        case _:
            return
