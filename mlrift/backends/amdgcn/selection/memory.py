"""Loads and stores: global, scalar and private memory.

What a uniform load of memory that the kernel does not change needs is a scalar load. Private memory
is what `memory.stack` makes (see `private`).
"""

from mlrift.backends.amdgcn.isa.instruction import Inline
from mlrift.backends.amdgcn.isa.registers import NULL
from mlrift.backends.amdgcn.mir import FrameSlot, MachineOperand, MemoryAccess
from mlrift.backends.amdgcn.selection.addresses import (
    Terms,
    global_address,
    scalar_sum,
    terms_of,
)
from mlrift.backends.amdgcn.selection.constants import word_operand
from mlrift.backends.amdgcn.selection.emitter import dwords_of, is_vector, low_part, part_of
from mlrift.backends.amdgcn.selection.private import is_private, private_address
from mlrift.backends.amdgcn.selection.selector import Selector
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add, Constant, Lshr
from mlrift.ir.ops.memory import (
    Copy,
    Fill,
    Load,
    Stack,
    Store,
    VolatileLoad,
    VolatileStore,
)
from mlrift.ir.ops.vector import Extract, Insert, size_bits
from mlrift.ir.ops.vector_memory import VectorLoad, VectorStore
from mlrift.ir.ops.vector_types import LANE_BITS
from mlrift.typesystem import F32, F64, I8, I16, I32, I64, MachineType, VectorType

RULES: Rules[Selector] = Rules("amdgcn")

LOADS: dict[MachineType, str] = {
    I8: "load_u8",
    I16: "load_u16",
    I32: "load_b32",
    F32: "load_b32",
    I64: "load_b64",
    F64: "load_b64",
}
STORES: dict[MachineType, str] = {
    I8: "store_b8",
    I16: "store_b16",
    I32: "store_b32",
    F32: "store_b32",
    I64: "store_b64",
    F64: "store_b64",
}
BYTES: dict[MachineType, int] = {I8: 1, I16: 2, I32: 4, F32: 4, I64: 8, F64: 8}
_MOST_MOVED = 256
_HALF_BYTES, _HALF_BITS = 2, 16


# loads


@RULES.rule(Load)
def load(selector: Selector, made: Load) -> None:
    """Load one scalar."""
    access = made.memory_type
    if access is I64 and selector.size_of(made) == 1:
        access = I32
    _load(selector, made, made.address, LOADS[access], BYTES[access])


@RULES.rule(VolatileLoad)
def volatile_load(selector: Selector, made: VolatileLoad) -> None:
    """Load past the caches."""
    if is_private(selector, made.address):
        _load(selector, made, made.address, LOADS[made.memory_type], BYTES[made.memory_type])
        return
    found = global_address(selector, made.address)
    target = _vector_target(selector, made, BYTES[made.memory_type])
    memory = MemoryAccess("global", BYTES[made.memory_type], ordered=True)
    modifiers = {**selector.past_caches(), "offset": found.offset}
    selector.emit(
        f"global_{LOADS[made.memory_type]}",
        target,
        found.lanes,
        found.base,
        modifiers=modifiers,
        memory=memory,
    )
    selector.drain(load=1)
    _finish_load(selector, made, target)


@RULES.rule(VectorLoad)
def vector_load(selector: Selector, made: VectorLoad) -> None:
    """Load several scalars side by side."""
    size = size_bits(made.vector_type) // 8
    _load(selector, made, made.address, _WIDE_LOADS[size], size)


_WIDE_LOADS = {4: "load_b32", 8: "load_b64", 12: "load_b96", 16: "load_b128"}
_WIDE_STORES = {4: "store_b32", 8: "store_b64", 12: "store_b96", 16: "store_b128"}
_SCALAR_SIZES = (4, 8, 16, 32, 64)


def _load(selector: Selector, made: Op, address: Value, operation: str, size: int) -> None:
    slot = private_address(selector, address)
    if slot is not None:
        target = _vector_target(selector, made, size)
        memory = MemoryAccess("scratch", size)
        selector.emit(f"scratch_{operation}", target, slot.lanes, slot.base, memory=memory)
        _finish_load(selector, made, target)
        return
    if made in selector.facts.scalar_loads and size in _SCALAR_SIZES:
        scalar_load(selector, made, address, operation, size)
        return
    found = global_address(selector, address)
    target = _vector_target(selector, made, size)
    selector.emit(
        f"global_{operation}",
        target,
        found.lanes,
        found.base,
        modifiers={"offset": found.offset} if found.offset else {},
        memory=MemoryAccess("global", size),
    )
    _finish_load(selector, made, target)


def _vector_target(selector: Selector, made: Op, size: int) -> MachineOperand:
    """Return where a vector load of a value goes: its own register if that has the right size."""
    place = selector.place(made)
    count = max(1, size // 4)
    if is_vector(place) and dwords_of(place) == count:
        return place
    return selector.vector(count)


def _finish_load(selector: Selector, made: Op, loaded: MachineOperand) -> None:
    """Bring what was loaded to where the value lives."""
    place = selector.place(made)
    if place is loaded:
        return
    for number in range(dwords_of(place)):
        source = part_of(loaded, number) if number < dwords_of(loaded) else Inline(0)
        selector.copy(part_of(place, number), source)


def scalar_load(selector: Selector, made: Value, address: Value, operation: str, size: int) -> None:
    """Append a load of the scalar unit."""
    terms = terms_of(selector, address)
    base, constant = _scalar_base(selector, terms)
    place = selector.place(made)
    count = size // 4
    target: MachineOperand = place
    if is_vector(place) or dwords_of(place) != count:
        target = selector.scalar(count)
    selector.emit(
        f"s_{operation}",
        target,
        base,
        NULL,
        modifiers={"offset": constant} if constant else {},
        memory=MemoryAccess("constant", size),
    )
    if target is not place:
        for number in range(dwords_of(place)):
            source = part_of(target, number) if number < count else Inline(0)
            selector.copy(part_of(place, number), source)


def _scalar_base(selector: Selector, terms: Terms) -> tuple[MachineOperand, int]:
    constant = terms.constant
    if not terms.uniform:
        return selector.constant_pair(constant), 0
    if constant in selector.rules.scalar_offsets:
        return scalar_sum(selector, terms.uniform, 0), constant
    return scalar_sum(selector, terms.uniform, constant), 0


# stores


@RULES.rule(Store)
def store(selector: Selector, made: Store) -> None:
    """Store one scalar."""
    size = BYTES[made.memory_type]
    if is_private(selector, made.value):
        raise selector.refuse("the address of a local array is stored in a kernel")
    upper = selector.match(made.value, Lshr) if size <= _HALF_BYTES else None
    if upper is not None and isinstance(upper.rhs, Constant) and upper.rhs.value == _HALF_BITS:
        data = selector.vector_word(upper.lhs)
        _store(selector, made.address, data, f"store_d16_hi_b{8 * size}", size)
        return
    data = stored_data(selector, made.value, made.memory_type)
    _store(selector, made.address, data, STORES[made.memory_type], size)


@RULES.rule(VolatileStore)
def volatile_store(selector: Selector, made: VolatileStore) -> None:
    """Store after everything before it."""
    data = stored_data(selector, made.value, made.memory_type)
    if is_private(selector, made.address):
        size = BYTES[made.memory_type]
        _store(selector, made.address, data, STORES[made.memory_type], size)
        return
    found = global_address(selector, made.address)
    selector.drain(load=1, store=1, lds=1)
    selector.emit(
        f"global_{STORES[made.memory_type]}",
        found.lanes,
        data,
        found.base,
        modifiers={**selector.past_caches(), "offset": found.offset},
        memory=MemoryAccess("global", BYTES[made.memory_type], ordered=True),
    )


@RULES.rule(VectorStore)
def vector_store(selector: Selector, made: VectorStore) -> None:
    """Store several scalars side by side."""
    kind = made.vector.type
    assert isinstance(kind, VectorType)
    size = size_bits(kind) // 8
    _store(selector, made.address, vector_data(selector, made.vector), _WIDE_STORES[size], size)


def stored_data(selector: Selector, stored: Value, access: MachineType) -> MachineOperand:
    """Return what a store writes, in vector registers."""
    if access in (I64, F64):
        return selector.vector_pair(stored)
    return selector.vector_word(stored)


def _store(
    selector: Selector, address: Value, data: MachineOperand, operation: str, size: int
) -> None:
    slot = private_address(selector, address)
    if slot is not None:
        memory = MemoryAccess("scratch", size)
        selector.emit(f"scratch_{operation}", slot.lanes, data, slot.base, memory=memory)
        return
    found = global_address(selector, address)
    selector.emit(
        f"global_{operation}",
        found.lanes,
        data,
        found.base,
        modifiers={"offset": found.offset} if found.offset else {},
        memory=MemoryAccess("global", size),
    )


# vectors as registers side by side


def vector_data(selector: Selector, vector: Value) -> MachineOperand:
    """Return a vector as vector registers: elements that were put in one by one are assembled."""
    kind = vector.type
    assert isinstance(kind, VectorType)
    width = LANE_BITS[kind.element] // 32
    parts: dict[int, Value] = {}
    inner: Value = vector
    while isinstance(inner, Insert) and len(parts) < kind.lanes:
        parts.setdefault(inner.lane, inner.scalar)
        inner = inner.vector
    if len(parts) < kind.lanes or width == 0:
        return selector.in_vectors(selector.place(vector))
    dwords: list[MachineOperand] = []
    for lane in range(kind.lanes):
        dwords += element_dwords(selector, parts[lane], width)
    made = selector.vector(len(dwords))
    selector.assemble(made, *dwords)
    return made


def element_dwords(selector: Selector, scalar: Value, width: int) -> list[MachineOperand]:
    """Return the dwords of an element."""
    if width == 1:
        return [selector.word(scalar)]
    return list(selector.words(scalar))


@RULES.rule(Extract)
def extract(selector: Selector, made: Extract) -> None:
    """A lane of a vector: some of its registers."""
    kind = made.vector.type
    assert isinstance(kind, VectorType)
    bits = LANE_BITS[kind.element]
    source, place = selector.place(made.vector), selector.place(made)
    if bits < 32:
        _extract_narrow(selector, made, bits)
        return
    width = bits // 32
    for number in range(dwords_of(place)):
        part = part_of(source, made.lane * width + number) if number < width else Inline(0)
        selector.copy(part_of(place, number), part)


def _extract_narrow(selector: Selector, made: Extract, bits: int) -> None:
    per_word = 32 // bits
    word = part_of(selector.place(made.vector), made.lane // per_word)
    first = made.lane % per_word * bits
    place = low_part(selector.place(made)) if selector.size_of(made) > 1 else selector.place(made)
    selector.valu("v_bfe_u32", place, word, Inline(first), Inline(bits))
    if selector.size_of(made) > 1:
        selector.copy(part_of(selector.place(made), 1), Inline(0))


@RULES.rule(Insert)
def insert(selector: Selector, made: Insert) -> None:
    """A vector with another lane."""
    kind = made.vector.type
    assert isinstance(kind, VectorType)
    width = LANE_BITS[kind.element] // 32
    if width == 0:
        raise selector.refuse("elements of less than 32 bits cannot be put into a vector")
    source, place = selector.place(made.vector), selector.place(made)
    lane = element_dwords(selector, made.scalar, width)
    first = made.lane * width
    parts = [
        lane[number - first] if first <= number < first + width else part_of(source, number)
        for number in range(dwords_of(place))
    ]
    selector.assemble(place, *parts)


# private memory


@RULES.rule(Stack)
def stack(selector: Selector, made: Stack) -> None:
    """The address of a local array as a number: where it is in the frame."""
    low, *upper = _parts(selector, made)
    selector.copy(low, FrameSlot(selector.frame_number(made)))
    for part in upper:
        selector.copy(part, Inline(0))


def _parts(selector: Selector, made: Value) -> list[MachineOperand]:
    place = selector.place(made)
    return [part_of(place, number) for number in range(dwords_of(place))]


@RULES.rule(Fill)
def fill(selector: Selector, made: Fill) -> None:
    """Set a constant number of bytes."""
    if not isinstance(made.size, Constant) or int(made.size.value) > _MOST_MOVED:
        raise selector.refuse(f"more than {_MOST_MOVED} bytes are set at once in a kernel")
    if not isinstance(made.byte, Constant):
        raise selector.refuse("memory is set to a byte that is no constant in a kernel")
    byte = int(made.byte.value) & 0xFF
    data = selector.in_vector(word_operand(byte * 0x01010101))
    for offset, access in _chunks(int(made.size.value)):
        where = _shifted(selector, made.destination, offset)
        _store(selector, where, data, STORES[access], BYTES[access])


@RULES.rule(Copy)
def copy(selector: Selector, made: Copy) -> None:
    """Copy a constant number of bytes."""
    if not isinstance(made.size, Constant) or int(made.size.value) > _MOST_MOVED:
        raise selector.refuse(f"more than {_MOST_MOVED} bytes are copied at once in a kernel")
    for offset, access in _chunks(int(made.size.value)):
        source = Load(_shifted(selector, made.source, offset), access)
        if made.source in selector.facts.divergent or made.destination in selector.facts.divergent:
            selector.facts.divergent.add(source)
        selector.places[source] = selector.vector()
        load(selector, source)
        where = _shifted(selector, made.destination, offset)
        _store(selector, where, selector.places[source], STORES[access], BYTES[access])


def _chunks(size: int) -> list[tuple[int, MachineType]]:
    found: list[tuple[int, MachineType]] = []
    offset = 0
    for access in (I32, I16, I8):
        while size - offset >= BYTES[access]:
            found.append((offset, access))
            offset += BYTES[access]
    return found


def _shifted(selector: Selector, address: Value, offset: int) -> Value:
    """Return an address that no op of the function makes; it is taken apart at once."""
    if not offset:
        return address
    made = Add(address, Constant(offset, I64))
    if address in selector.facts.divergent:
        selector.facts.divergent.add(made)
    return made
