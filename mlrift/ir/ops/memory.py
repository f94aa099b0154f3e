"""Storage and memory accesses. Addresses are words; any alignment is allowed."""

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, anything, op, same_as
from mlrift.typesystem import (
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    MachineType,
    TensorType,
    ValueType,
    VectorType,
)

FRESH_SYMBOL = "core.memory_fresh"

_ACCESSED = (I8, I16, I32, I64, F32, F64)
_HELD = (I64, F32, F64)


def _check_access(memory_type: MachineType) -> str | None:
    if memory_type in _ACCESSED:
        return None
    return f"memory is not accessed as {memory_type.value}"


def _check_store(address: Value, value: Value, memory_type: MachineType) -> str | None:
    if address.type is not I64:
        return f"operand `address` must be i64, not {address.type.value}"
    held = memory_type if memory_type in (F32, F64) else I64
    if value.type is not held:
        return f"operand `value` must be {held.value}, not {value.type.value}"
    return _check_access(memory_type)


def _loaded(made: Op) -> MachineType:
    memory_type: MachineType = made.memory_type  # type: ignore[attr-defined]  # loads only
    return memory_type if memory_type in (F32, F64) else I64


@op("memory.load", Effect.READ, result=_loaded)
class Load(Op):
    """Load `memory_type` from an address; integers are zero-extended to a word."""

    address: Value
    memory_type: MachineType

    def check(self) -> str | None:
        """Refuse types that memory does not hold."""
        return _check_access(self.memory_type)


@op("memory.store", Effect.WRITE, operands=anything)
class Store(Op):
    """Store a value's low bytes (or its float) as `memory_type` at an address."""

    address: Value
    value: Value
    memory_type: MachineType

    def check(self) -> str | None:
        """Refuse a value that is not what the memory type holds."""
        return _check_store(self.address, self.value, self.memory_type)


@op("memory.volatile_load", Effect.ANY, result=_loaded)
class VolatileLoad(Op):
    """A load that is never removed, merged or reordered, then a full barrier."""

    address: Value
    memory_type: MachineType

    def check(self) -> str | None:
        """Refuse types that memory does not hold."""
        return _check_access(self.memory_type)


@op("memory.volatile_store", Effect.ANY, operands=anything)
class VolatileStore(Op):
    """A full barrier, then a store that is never removed, merged or reordered."""

    address: Value
    value: Value
    memory_type: MachineType

    def check(self) -> str | None:
        """Refuse a value that is not what the memory type holds."""
        return _check_store(self.address, self.value, self.memory_type)


@op("memory.stack", Effect.ALLOCATE, result=I64)
class Stack(Op):
    """The address of storage in the frame; one address per op, valid until return, not zeroed."""

    size_bytes: int
    align: int

    def check(self) -> str | None:
        """Refuse empty storage and odd alignments."""
        if self.size_bytes <= 0:
            return "the size must be positive"
        if self.align <= 0 or self.align & (self.align - 1):
            return "the alignment must be a power of two"
        return None


@op("memory.fresh", Effect.ALLOCATE, result=I64)
class Fresh(Op):
    """The address of fresh zeroed storage that is never freed (struct locals, big arrays).

    What no pass turns into frame storage becomes a call of the core library's FRESH_SYMBOL.
    """

    size_bytes: int

    def check(self) -> str | None:
        """Refuse negative sizes."""
        return "the size must not be negative" if self.size_bytes < 0 else None


@op("memory.global", Effect.PURE, result=I64)
class GlobalAddress(Op):
    """The address of a global by its symbol."""

    symbol: str


@op("memory.copy", Effect.WRITE)
class Copy(Op):
    """Copy `size` bytes; the ranges must not overlap (or be the same)."""

    destination: Value
    source: Value
    size: Value


@op("memory.fill", Effect.WRITE)
class Fill(Op):
    """Set `size` bytes to the low byte of `byte`."""

    destination: Value
    byte: Value
    size: Value


@op("slot.new", Effect.ALLOCATE, result=I64)
class SlotNew(Op):
    """A variable; only `slot.get` and `slot.set` may use it. Promoted to SSA values by a pass.

    It stands in the entry block. A `slot.get` before the first `slot.set` gives zero in the
    interpreter and after promotion; machine code may give anything, so lowering always sets first.
    """

    name: str
    slot_type: ValueType

    def check(self) -> str | None:
        """Refuse types that a variable cannot have."""
        if self.slot_type in _HELD or isinstance(self.slot_type, (TensorType, VectorType)):
            return None
        return f"no slot holds {self.slot_type.value}"


@op("slot.get", Effect.READ, result=same_as("slot_type"))
class SlotGet(Op):
    """The variable's value."""

    slot: Value
    slot_type: ValueType

    def check(self) -> str | None:
        """Refuse what is no slot, and a slot of another type."""
        return _check_slot(self.slot, self.slot_type)


@op("slot.set", Effect.WRITE, operands=anything)
class SlotSet(Op):
    """Give the variable a value."""

    slot: Value
    value: Value

    def check(self) -> str | None:
        """Refuse what is no slot, and a value of another type."""
        return _check_slot(self.slot, self.value.type)


def _check_slot(slot: Value, held: ValueType) -> str | None:
    if not isinstance(slot, SlotNew):
        return "operand `slot` must be a `slot.new`"
    if slot.slot_type is not held:
        return f"the slot `{slot.name}` holds {slot.slot_type.value}, not {held.value}"
    return None
