"""What x86-64 lowers in its own way: barriers, caches, volatile accesses and halves."""

from mlrift.backends.llvm.lower import RULES as SHARED
from mlrift.backends.llvm.lower.convert import (
    integer_half_to_single,
    integer_single_to_half,
    native_half_to_single,
    native_single_to_half,
)
from mlrift.backends.llvm.lower.memory import volatile_load, volatile_store
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.rules import Rules
from mlrift.ir.ops import atomic, convert, memory
from mlrift.ir.ops.atomic import BarrierKind

RULES: Rules[FunctionText] = Rules("x86_64")

_FENCE = "llvm.x86.sse2.mfence"
_FLUSH = "llvm.x86.sse2.clflush"
_CALL_FENCE = f"call void @{_FENCE}()"
_COMPILER_FENCE = 'fence syncscope("singlethread") seq_cst'


@RULES.rule(memory.VolatileLoad)
def lower_volatile_load(out: FunctionText, made: memory.VolatileLoad) -> None:
    """MOV, MFENCE."""
    volatile_load(out, made, _fence(out))


@RULES.rule(memory.VolatileStore)
def lower_volatile_store(out: FunctionText, made: memory.VolatileStore) -> None:
    """MFENCE, MOV."""
    volatile_store(out, made, _fence(out))


@RULES.rule(atomic.Barrier)
def lower_barrier(out: FunctionText, made: atomic.Barrier) -> None:
    """MFENCE; an instruction barrier is nothing but a limit to LLVM's reordering."""
    out.emit(_COMPILER_FENCE if made.kind is BarrierKind.INSTRUCTION else _fence(out))


@RULES.rule(atomic.FlushDataCache)
def lower_flush_data_cache(out: FunctionText, made: atomic.FlushDataCache) -> None:
    """CLFLUSH, MFENCE."""
    out.context.declare(_FLUSH, f"declare void @{_FLUSH}(ptr)")
    out.emit(f"call void @{_FLUSH}(ptr {out.pointer(made.address)})")
    out.emit(_fence(out))


@RULES.rule(atomic.InvalidateInstructionCache)
def lower_invalidate(out: FunctionText, _made: atomic.InvalidateInstructionCache) -> None:
    """Nothing: the instruction cache follows stores."""
    out.emit(_COMPILER_FENCE)


def _fence(out: FunctionText) -> str:
    out.context.declare(_FENCE, f"declare void @{_FENCE}()")
    return _CALL_FENCE


@RULES.rule(convert.HalfToSingle)
def lower_half_to_single(out: FunctionText, made: convert.HalfToSingle) -> None:
    """An instruction where the level has it."""
    lower = native_half_to_single if out.converts_halves() else integer_half_to_single
    lower(out, made)


@RULES.rule(convert.SingleToHalf)
def lower_single_to_half(out: FunctionText, made: convert.SingleToHalf) -> None:
    """An instruction where the level has it."""
    lower = native_single_to_half if out.converts_halves() else integer_single_to_half
    lower(out, made)


RULES.later("cpu", "mlrift.backends.x86_64.processor_rules")
RULES.later("vector", "mlrift.backends.x86_64.vector_rules")
RULES.later("vector", "mlrift.backends.x86_64.float_rules")
RULES.include(SHARED)
