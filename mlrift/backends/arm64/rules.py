"""What arm64 lowers in its own way: barriers, caches, volatile accesses and halves."""

from mlrift.backends.llvm.lower import RULES as SHARED
from mlrift.backends.llvm.lower.convert import native_half_to_single, native_single_to_half
from mlrift.backends.llvm.lower.memory import volatile_load, volatile_store
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.rules import Rules
from mlrift.ir.ops import atomic, convert, memory
from mlrift.ir.ops.atomic import BarrierKind

RULES: Rules[FunctionText] = Rules("arm64")

# Arm ARM, barrier options: 15 is the full system, 11 the inner shareable domain.
_SYSTEM, _INNER_SHAREABLE = 15, 11
_BARRIERS = {
    BarrierKind.INSTRUCTION: ("isb", _SYSTEM),
    BarrierKind.SYNCHRONIZE: ("dsb", _SYSTEM),
    BarrierKind.MEMORY: ("dmb", _INNER_SHAREABLE),
}
# LLVM has no intrinsics for DC CIVAC and IC IVAU: encoded stubs of the OS layer, barriers included.
_CLEAN_DATA = "cpu.dc_civac"
_INVALIDATE_INSTRUCTIONS = "cpu.ic_ivau"


@RULES.rule(memory.VolatileLoad)
def lower_volatile_load(out: FunctionText, made: memory.VolatileLoad) -> None:
    """LDR, DSB SY."""
    volatile_load(out, made, _barrier(out, "dsb", _SYSTEM))


@RULES.rule(memory.VolatileStore)
def lower_volatile_store(out: FunctionText, made: memory.VolatileStore) -> None:
    """DSB SY, STR."""
    volatile_store(out, made, _barrier(out, "dsb", _SYSTEM))


@RULES.rule(atomic.Barrier)
def lower_barrier(out: FunctionText, made: atomic.Barrier) -> None:
    """ISB, DSB SY or DMB ISH."""
    out.emit(_barrier(out, *_BARRIERS[made.kind]))


@RULES.rule(atomic.FlushDataCache)
def lower_flush_data_cache(out: FunctionText, made: atomic.FlushDataCache) -> None:
    """DC CIVAC, DSB ISH, ISB."""
    _maintain(out, _CLEAN_DATA, out.names[made.address])


@RULES.rule(atomic.InvalidateInstructionCache)
def lower_invalidate(out: FunctionText, made: atomic.InvalidateInstructionCache) -> None:
    """IC IVAU, DSB ISH, ISB."""
    _maintain(out, _INVALIDATE_INSTRUCTIONS, out.names[made.address])


def _maintain(out: FunctionText, stub: str, address: str) -> None:
    out.context.declare_runtime(stub, "void", "i64")
    out.emit(f"call void @{stub}(i64 {address})")


def _barrier(out: FunctionText, instruction: str, option: int) -> str:
    name = f"llvm.aarch64.{instruction}"
    out.context.declare(name, f"declare void @{name}(i32)")
    return f"call void @{name}(i32 {option})"


RULES.rule(convert.HalfToSingle)(native_half_to_single)
RULES.rule(convert.SingleToHalf)(native_single_to_half)
RULES.later("vector", "mlrift.backends.arm64.vector_rules")
RULES.include(SHARED)
