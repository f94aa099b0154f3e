"""Storage, loads, stores, copies and variables.

Plain accesses are `align 1`: any address is allowed, and both CPUs take it. Storage in the frame
becomes an `alloca` of the entry block, wherever the op stands.
"""

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import MEMORY_TYPE, VALUE_TYPE
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.ops import memory
from mlrift.typesystem import F32, F64, I64, MachineType

RULES: Rules[FunctionText] = Rules("llvm")

FRESH_FUNCTION = "core.memory_fresh"
_WHOLE = frozenset((F32, F64, I64))
_COPY = "llvm.memcpy.p0.p0.i64"
_FILL = "llvm.memset.p0.i64"


@RULES.rule(memory.Load)
def lower_load(out: FunctionText, made: memory.Load) -> None:
    """Load, zero-extending small integers."""
    _load(out, made, "load")


@RULES.rule(memory.Store)
def lower_store(out: FunctionText, made: memory.Store) -> None:
    """Store the low bytes of a word, or a float."""
    _store(out, made, "store")


def volatile_load(out: FunctionText, made: memory.VolatileLoad, barrier: str) -> None:
    """Load as written, then the CPU's full barrier."""
    _load(out, made, "load volatile")
    out.emit(barrier)


def volatile_store(out: FunctionText, made: memory.VolatileStore, barrier: str) -> None:
    """The CPU's full barrier, then a store as written."""
    out.emit(barrier)
    _store(out, made, "store volatile")


def _load(out: FunctionText, made: memory.Load | memory.VolatileLoad, instruction: str) -> None:
    kind = MEMORY_TYPE[made.memory_type]
    text = f"{instruction} {kind}, ptr {out.pointer(made.address)}, align 1"
    if made.memory_type in _WHOLE:
        out.define(made, text)
    else:
        out.define(made, f"zext {kind} {out.temporary(text)} to i64")


def _store(out: FunctionText, made: memory.Store | memory.VolatileStore, instruction: str) -> None:
    value = out.names[made.value]
    kind = MEMORY_TYPE[made.memory_type]
    if made.value.type is I64:
        value = _low_bytes(out, value, made.memory_type)
    out.emit(f"{instruction} {kind} {value}, ptr {out.pointer(made.address)}, align 1")


def _low_bytes(out: FunctionText, word: str, memory_type: MachineType) -> str:
    """Return the operand for storing a word as `memory_type`."""
    kind = MEMORY_TYPE[memory_type]
    if memory_type is I64:
        return word
    if memory_type is F64:
        return out.temporary(f"bitcast i64 {word} to double")
    if memory_type is F32:
        return out.temporary(f"bitcast i32 {_low_bytes(out, word, MachineType.I32)} to float")
    return out.temporary(f"trunc i64 {word} to {kind}")


@RULES.rule(memory.Stack)
def lower_stack(out: FunctionText, made: memory.Stack) -> None:
    """Storage in the frame."""
    name = f"%s{len(out.allocas)}"
    out.allocas.append(f"  {name} = alloca [{made.size_bytes} x i8], align {max(made.align, 1)}")
    _name_object(out, made, name)


@RULES.rule(memory.Fresh)
def lower_fresh(out: FunctionText, made: memory.Fresh) -> None:
    """Zeroed storage from the core library, which nothing else refers to."""
    out.context.declare_runtime(FRESH_FUNCTION, "noalias ptr", "i64")
    name = out.define_pointer(made, f"call noalias ptr @{FRESH_FUNCTION}(i64 {made.size_bytes})")
    if made in out.word_demand:
        out.define(made, f"ptrtoint ptr {name} to i64")


@RULES.rule(memory.GlobalAddress)
def lower_global(out: FunctionText, made: memory.GlobalAddress) -> None:
    """A symbol: a constant in both forms."""
    name = out.context.symbols.globals[made.symbol]
    out.pointers[made] = name
    out.names[made] = f"ptrtoint (ptr {name} to i64)"


def _name_object(out: FunctionText, made: Value, pointer: str) -> None:
    out.pointers[made] = pointer
    if made in out.word_demand:
        out.define(made, f"ptrtoint ptr {pointer} to i64")


@RULES.rule(memory.Copy)
def lower_copy(out: FunctionText, made: memory.Copy) -> None:
    """The intrinsic; LLVM expands small constant sizes."""
    out.context.declare(_COPY, f"declare void @{_COPY}(ptr, ptr, i64, i1)")
    destination, source = out.pointer(made.destination), out.pointer(made.source)
    size = out.names[made.size]
    out.emit(f"call void @{_COPY}(ptr {destination}, ptr {source}, i64 {size}, i1 false)")


@RULES.rule(memory.Fill)
def lower_fill(out: FunctionText, made: memory.Fill) -> None:
    """The intrinsic; LLVM expands small constant sizes."""
    out.context.declare(_FILL, f"declare void @{_FILL}(ptr, i8, i64, i1)")
    byte = _low_bytes(out, out.names[made.byte], MachineType.I8)
    destination, size = out.pointer(made.destination), out.names[made.size]
    out.emit(f"call void @{_FILL}(ptr {destination}, i8 {byte}, i64 {size}, i1 false)")


@RULES.rule(memory.SlotNew)
def lower_slot_new(out: FunctionText, made: memory.SlotNew) -> None:
    """A variable's place in the frame."""
    name = f"%s{len(out.allocas)}"
    kind = VALUE_TYPE[made.slot_type]
    out.allocas.append(f"  {name} = alloca {kind}")
    out.pointers[made] = name
    if out.debug is not None:
        out.debug.declare_slot(made.name, name)


@RULES.rule(memory.SlotGet)
def lower_slot_get(out: FunctionText, made: memory.SlotGet) -> None:
    """Read a variable."""
    out.define(made, f"load {VALUE_TYPE[made.slot_type]}, ptr {out.pointers[made.slot]}")


@RULES.rule(memory.SlotSet)
def lower_slot_set(out: FunctionText, made: memory.SlotSet) -> None:
    """Write a variable."""
    kind = VALUE_TYPE[made.value.type]
    out.emit(f"store {kind} {out.names[made.value]}, ptr {out.pointers[made.slot]}")
