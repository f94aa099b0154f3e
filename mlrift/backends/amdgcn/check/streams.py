"""Which operations are outstanding after an instruction, and what a wait says about them.

An operation belongs to *streams*. Those of one stream finish in the order they were issued, except
in `SCALAR`, whose operations finish in any order. A hardware counter counts the operations of one
or two streams (gpu.md 4.6): `lgkmcnt` of gfx10 and gfx11 both LDS and SCALAR, gfx12's `dscnt` and
`kmcnt` one each. A wait until a counter is at most n says for every stream of the counter that at
most n of its operations are left; that is all that is used here, so a mixed counter needs no rule
of its own: the n + 1st last operation of an ordered stream has finished, and of the unordered one
something is known for n = 0 only.
"""

from collections.abc import Callable, Iterator
from enum import Enum, unique

from mlrift.backends.amdgcn.check.steps import (
    ALL_SCALARS,
    ALL_VECTORS,
    ATOMIC_WITHOUT_RESULT,
    GLOBAL_LOAD,
    GLOBAL_STORE,
    LDS_ACCESS,
    WRITE_BACK,
    Step,
)
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Effects, Immediate, Instruction, Unit
from mlrift.backends.amdgcn.isa.registers import NULL


@unique
class Stream(Enum):
    """Operations that finish in order (all but SCALAR); the value indexes a state."""

    LOAD = 0
    """Vector memory that returns something: vmcnt, loadcnt."""
    STORE = 1
    """Vector memory that returns nothing: vscnt, storecnt."""
    LDS = 2
    """The local data share: lgkmcnt, dscnt."""
    SCALAR = 3
    """Scalar memory and messages, in any order: lgkmcnt, kmcnt."""


Limits = tuple[tuple[Stream, int], ...]

_VECTOR_MEMORY = (Unit.GLOBAL, Unit.FLAT, Unit.SCRATCH, Unit.BUFFER)
_WRITES_CACHE_BACK = ("global_wb", "global_wbinv")
_INVALIDATES = ("buffer_gl0_inv", "buffer_gl1_inv", "global_inv", "global_wbinv")


def invalidates_cache(instruction: Instruction) -> bool:
    """Return whether the instruction makes later vector loads see what others wrote."""
    return instruction.row.operation in _INVALIDATES


def issues(step: Step) -> Iterator[tuple[Stream, int]]:
    """Yield the streams that an operation joins and what it holds: registers and access kinds."""
    row = step.instruction.row
    vectors = step.writes & ALL_VECTORS
    if row.unit in _VECTOR_MEMORY:
        yield from _vector_memory(step, vectors)
    elif row.unit is Unit.LDS:
        yield Stream.LDS, vectors | LDS_ACCESS
    elif row.unit is Unit.SMEM or row.operation.startswith("s_sendmsg_rtn"):
        yield Stream.SCALAR, step.writes & ALL_SCALARS
    elif row.unit is Unit.CACHE and row.operation.startswith("global_"):
        # gfx12 counts cache control; gfx10's and gfx11's buffer_gl*_inv are not counted
        write_back = row.operation in _WRITES_CACHE_BACK
        yield (Stream.STORE, WRITE_BACK) if write_back else (Stream.LOAD, 0)


def _vector_memory(step: Step, vectors: int) -> Iterator[tuple[Stream, int]]:
    row = step.instruction.row
    returns = bool(Effects.RETURNS & row.effects) or (
        bool(Effects.LOADS & row.effects) and not Effects.ATOMIC & row.effects
    )
    if returns:
        yield Stream.LOAD, vectors | GLOBAL_LOAD
    elif Effects.ATOMIC & row.effects:
        yield Stream.STORE, ATOMIC_WITHOUT_RESULT
    else:
        yield Stream.STORE, 0 if row.unit is Unit.SCRATCH else GLOBAL_STORE
    if row.unit is Unit.FLAT:
        yield Stream.LDS, vectors | LDS_ACCESS


_Rule = Callable[[int], Limits]


def _packed_gfx10(bits: int) -> Limits:
    vector = bits & 15 | (bits >> 14 & 3) << 4
    return (Stream.LOAD, vector), *_lds_and_scalar(bits >> 8)


def _packed_gfx11(bits: int) -> Limits:
    return (Stream.LOAD, bits >> 10 & 63), *_lds_and_scalar(bits >> 4)


def _lds_and_scalar(bits: int) -> Limits:
    return (Stream.LDS, bits & 63), (Stream.SCALAR, bits & 63)


def _loads(bits: int) -> Limits:
    return ((Stream.LOAD, bits & 63),)


def _stores(bits: int) -> Limits:
    return ((Stream.STORE, bits & 63),)


def _lds(bits: int) -> Limits:
    return ((Stream.LDS, bits & 63),)


def _scalars(bits: int) -> Limits:
    return ((Stream.SCALAR, bits & 31),)


def _loads_and_lds(bits: int) -> Limits:
    return (Stream.LOAD, bits >> 8 & 63), (Stream.LDS, bits & 63)


def _stores_and_lds(bits: int) -> Limits:
    return (Stream.STORE, bits >> 8 & 63), (Stream.LDS, bits & 63)


def _everything(_bits: int) -> Limits:
    return tuple((stream, 0) for stream in Stream)


_REGISTER_FORMS: dict[str, _Rule] = {
    "s_waitcnt_vmcnt": _loads,
    "s_waitcnt_vscnt": _stores,
    "s_waitcnt_lgkmcnt": _lds_and_scalar,
}
"""Their operands are a scalar register, whose contents count too, and a number."""

_WAITS: dict[Generation, dict[str, _Rule]] = {
    Generation.GFX10: {"s_waitcnt": _packed_gfx10, **_REGISTER_FORMS},
    Generation.GFX11: {"s_waitcnt": _packed_gfx11, "s_wait_idle": _everything, **_REGISTER_FORMS},
    Generation.GFX12: {
        "s_wait_loadcnt": _loads,
        "s_wait_storecnt": _stores,
        "s_wait_dscnt": _lds,
        "s_wait_kmcnt": _scalars,
        "s_wait_loadcnt_dscnt": _loads_and_lds,
        "s_wait_storecnt_dscnt": _stores_and_lds,
        "s_wait_idle": _everything,
    },
}


def limits_of(instruction: Instruction, generation: Generation) -> Limits:
    """Return how many operations of which streams are left at most after the instruction."""
    rule = _WAITS[generation].get(instruction.row.operation)
    if rule is None:
        return ()
    bits = 0
    for operand in instruction.operands:
        if isinstance(operand, Immediate):
            bits = operand.number
        elif operand != NULL:
            return ()
    return rule(bits & 0xFFFF)
