"""The counters of memory operations under way, and the instructions that wait for them.

Three models: gfx10 and gfx11 count loads, stores, and everything local or scalar (their packings of
`s_waitcnt` differ); gfx12 counts local and scalar operations apart and has an instruction for each.
Sources: gpu.md 4.3 (packing, sizes) and 4.6 (what returns in order).
"""

from collections.abc import Callable
from enum import Enum, unique

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Access
from mlrift.backends.amdgcn.isa.registers import NULL
from mlrift.backends.amdgcn.mir import MachineInstruction, MachineOperand
from mlrift.values import value


@unique
class Counter(Enum):
    """A counter that rises when an operation is issued and falls when it is complete."""

    LOAD = "loads from global and private memory, atomics that return"
    STORE = "stores to them, atomics that do not return"
    LOCAL = "local data share; on gfx10 and gfx11 scalar loads, too"
    SCALAR = "scalar loads and messages of gfx12"


@unique
class Kind(Enum):
    """What an operation does; those of one kind finish in order unless `UNORDERED` has it."""

    VECTOR_LOAD = "vector load"
    VECTOR_STORE = "vector store"
    LOCAL = "local data share"
    SCALAR = "scalar load or message"
    FLAT = "flat access: global or local"


UNORDERED = frozenset({Kind.SCALAR, Kind.FLAT})

Counts = dict[Counter, int]
"""The most operations that may still be under way, for the counters that are waited for."""


@value
class WaitModel:
    """A generation's counters: the one for scalar loads, the greatest number each can be asked for,
    and the instructions for a set of counts. `cache_operations_count`: cache invalidation counts as
    a load, write-back as a store that is waited for.
    """

    scalar_counter: Counter
    limits: Counts
    instructions: Callable[[Counts], list[MachineInstruction]]
    cache_operations_count: bool

    def counters_of(self, kind: Kind, *, writes_register: bool) -> tuple[Counter, ...]:
        """Return the counters that an operation raises."""
        memory = Counter.LOAD if writes_register else Counter.STORE
        match kind:
            case Kind.VECTOR_LOAD:
                return (Counter.LOAD,)
            case Kind.VECTOR_STORE:
                return (Counter.STORE,)
            case Kind.LOCAL:
                return (Counter.LOCAL,)
            case Kind.SCALAR:
                return (self.scalar_counter,)
            case Kind.FLAT:
                return (memory, Counter.LOCAL)


def _wait(operation: str, *operands: MachineOperand) -> MachineInstruction:
    return MachineInstruction(operation, list(operands), (Access.READ,) * len(operands))


def _packed(counts: Counts, pack: Callable[[int, int], int]) -> list[MachineInstruction]:
    made = []
    load, local = counts.get(Counter.LOAD), counts.get(Counter.LOCAL)
    if load is not None or local is not None:
        number = pack(63 if load is None else load, 63 if local is None else local)
        made.append(_wait("s_waitcnt", number))
    if Counter.STORE in counts:
        made.append(_wait("s_waitcnt_vscnt", NULL, counts[Counter.STORE]))
    return made


def _gfx10(counts: Counts) -> list[MachineInstruction]:
    return _packed(counts, lambda load, local: (load & 15) | load >> 4 << 14 | 7 << 4 | local << 8)


def _gfx11(counts: Counts) -> list[MachineInstruction]:
    return _packed(counts, lambda load, local: load << 10 | local << 4 | 7)


def _gfx12(counts: Counts) -> list[MachineInstruction]:
    left = dict(counts)
    made = []
    for counter, operation in (
        (Counter.LOAD, "s_wait_loadcnt_dscnt"),
        (Counter.STORE, "s_wait_storecnt_dscnt"),
    ):
        if counter in left and Counter.LOCAL in left:
            made.append(_wait(operation, left.pop(counter) << 8 | left.pop(Counter.LOCAL)))
    made += [_wait(_SINGLE[counter], number) for counter, number in left.items()]
    return made


_SINGLE = {
    Counter.LOAD: "s_wait_loadcnt",
    Counter.STORE: "s_wait_storecnt",
    Counter.LOCAL: "s_wait_dscnt",
    Counter.SCALAR: "s_wait_kmcnt",
}
_SHARED_LIMITS = {Counter.LOAD: 63, Counter.STORE: 63, Counter.LOCAL: 63}

WAIT_MODELS: dict[Generation, WaitModel] = {
    Generation.GFX10: WaitModel(Counter.LOCAL, _SHARED_LIMITS, _gfx10, False),
    Generation.GFX11: WaitModel(Counter.LOCAL, _SHARED_LIMITS, _gfx11, False),
    Generation.GFX12: WaitModel(
        Counter.SCALAR, {**_SHARED_LIMITS, Counter.SCALAR: 31}, _gfx12, True
    ),
}
