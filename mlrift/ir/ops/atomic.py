"""Atomics on aligned words (sequentially consistent), barriers and caches."""

from enum import Enum, unique

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, op
from mlrift.typesystem import I64


@unique
class AtomicKind(Enum):
    """Read-modify-write operations."""

    ADD = "add"
    SUB = "sub"
    AND = "and"
    OR = "or"
    XOR = "xor"


@unique
class BarrierKind(Enum):
    """ISB, DSB SY and DMB ISH; on x86-64 nothing, MFENCE and MFENCE."""

    INSTRUCTION = "isb"
    SYNCHRONIZE = "dsb"
    MEMORY = "dmb"


@op("atomic.load", Effect.ANY, result=I64)
class AtomicLoad(Op):
    """Load a word."""

    address: Value


@op("atomic.store", Effect.ANY)
class AtomicStore(Op):
    """Store a word."""

    address: Value
    value: Value


@op("atomic.compare_exchange", Effect.ANY, result=I64)
class AtomicCompareExchange(Op):
    """Store `new` if the word equals `expected`; 1 on success, 0 on failure."""

    address: Value
    expected: Value
    new: Value


@op("atomic.update", Effect.ANY, result=I64)
class AtomicUpdate(Op):
    """Combine the word with an operand; the value is the old word."""

    kind: AtomicKind
    address: Value
    operand: Value


@op("atomic.barrier", Effect.ANY)
class Barrier(Op):
    """A barrier instruction."""

    kind: BarrierKind


@op("atomic.flush_data_cache", Effect.ANY)
class FlushDataCache(Op):
    """CLFLUSH + MFENCE; DC CIVAC + DSB ISH + ISB."""

    address: Value


@op("atomic.invalidate_instruction_cache", Effect.ANY)
class InvalidateInstructionCache(Op):
    """Nothing on x86-64; IC IVAU + DSB ISH + ISB."""

    address: Value
