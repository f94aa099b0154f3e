"""Memory and atomics of interpreted kernels: loads, stores, LDS, what an item has for itself.

Atomics are done for one item after the other, in the order of their numbers.
"""

from collections.abc import Callable

import numpy as np

from mlrift.ir.interpret.kernel_memory import ACCESS_TYPES, Array, KernelFault
from mlrift.ir.op import Op
from mlrift.ir.ops import atomic, device
from mlrift.ir.ops.memory import (
    Copy,
    Fill,
    Fresh,
    Load,
    Stack,
    Store,
    VolatileLoad,
    VolatileStore,
)
from mlrift.static_types import TYPE_CHECKING, Any
from mlrift.typesystem import I8, I64, MachineType

if TYPE_CHECKING:
    from mlrift.ir.interpret.kernel_steps import Chunk

Update = Callable[[Any, Any], Any]


def _load(chunk: "Chunk", made: Any) -> None:
    found = chunk.memory.load(chunk.get(made.address), made.memory_type, made.span)
    chunk.put(made, _widened(found, made.memory_type))


def _store(chunk: "Chunk", made: Any) -> None:
    addresses, found = chunk.get(made.address), chunk.get(made.value)
    chunk.memory.store(addresses, found, made.memory_type, made.span)


def _widened(found: Array, access: MachineType) -> Array:
    return found if ACCESS_TYPES[access].kind == "f" else found.astype(np.uint64)


def _stack(chunk: "Chunk", made: Stack) -> None:
    size = -(-made.size_bytes // made.align) * made.align
    area = np.full(chunk.size * size, 0xA5, np.uint8)
    base = chunk.memory.place(area, "the storage of a local variable")
    own = np.uint64(base) + chunk.numbers.astype(np.uint64) * np.uint64(size)
    chunk.values[made] = own


def _fresh(chunk: "Chunk", made: Fresh) -> None:
    size = max(8, -(-made.size_bytes // 8) * 8)
    area = np.zeros(len(chunk.at) * size, np.uint8)
    base = chunk.memory.place(area, "the storage of a local variable")
    steps = np.arange(len(chunk.at), dtype=np.uint64) * np.uint64(size)
    chunk.put(made, np.uint64(base) + steps)


def _copy(chunk: "Chunk", made: Copy) -> None:
    rows = zip(*(chunk.get(row).tolist() for row in made.operands()), strict=True)
    for destination, source, size in rows:
        steps = np.arange(size, dtype=np.uint64)
        found = chunk.memory.load(np.uint64(source) + steps, I8, made.span)
        chunk.memory.store(np.uint64(destination) + steps, found, I8, made.span)


def _fill(chunk: "Chunk", made: Fill) -> None:
    rows = zip(*(chunk.get(row).tolist() for row in made.operands()), strict=True)
    for destination, byte, size in rows:
        steps = np.arange(size, dtype=np.uint64)
        chunk.memory.store(
            np.uint64(destination) + steps, np.full(size, byte & 0xFF), I8, made.span
        )


def _lds_array(chunk: "Chunk", made: device.LdsArray) -> None:
    offset = chunk.segments.lds_offsets[made.number]
    chunk.put(made, np.full(len(chunk.at), offset, np.uint64))


def _lds_bytes(chunk: "Chunk", made: Any) -> tuple[Array, Array]:
    """Return the groups and the bytes that LDS addresses mean."""
    size = ACCESS_TYPES[made.access].itemsize
    offsets = chunk.get(made.address).astype(np.int64)
    limit = chunk.segments.lds_bytes - size
    outside = (offsets < 0) | (offsets > limit)
    if outside.any():
        offset = int(offsets[outside][0])
        raise KernelFault(f"LDS address {offset}, of {limit + size} bytes", made.span)
    groups = chunk.at // chunk.launch.padded
    return groups[:, None], offsets[:, None] + np.arange(size)


def _lds_load(chunk: "Chunk", made: device.LdsLoad) -> None:
    raw = np.ascontiguousarray(chunk.lds[_lds_bytes(chunk, made)])
    found = raw.view(ACCESS_TYPES[made.access])[:, 0]
    chunk.put(made, _widened(found, made.access))


def _lds_store(chunk: "Chunk", made: device.LdsStore) -> None:
    kind = ACCESS_TYPES[made.access]
    raw = np.ascontiguousarray(chunk.get(made.value).astype(kind)).view(np.uint8)
    chunk.lds[_lds_bytes(chunk, made)] = raw.reshape(-1, kind.itemsize)


def _lds_add(chunk: "Chunk", made: device.LdsAdd) -> None:
    kind = ACCESS_TYPES[made.access]
    groups, places = _lds_bytes(chunk, made)
    operands = chunk.get(made.operand).astype(kind)
    old = np.zeros(len(chunk.at), kind)
    for item in range(len(chunk.at)):
        cell = (groups[item], places[item])
        old[item] = np.ascontiguousarray(chunk.lds[cell]).view(kind)[0]
        chunk.lds[cell] = np.array([old[item] + operands[item]], kind).view(np.uint8)
    chunk.put(made, old.astype(np.uint64))


# -------------------------------------------------------------------- atomics


def _update(chunk: "Chunk", made: Any, access: MachineType, change: Update, given: Array) -> Array:
    """Change a place in memory for one item after the other; return what was there."""
    kind = ACCESS_TYPES[access]
    old = np.zeros(len(chunk.at), kind)
    for item, address in enumerate(chunk.get(made.address)):
        where = np.array([address], np.uint64)
        found = chunk.memory.load(where, access, made.span)
        old[item] = found[0]
        new = np.array([change(found[0], given[item])]).astype(kind)
        chunk.memory.store(where, new, access, made.span)
    return old


def _atomic_add(chunk: "Chunk", made: device.AtomicAdd) -> None:
    given = chunk.get(made.operand).astype(ACCESS_TYPES[made.access])
    old = _update(chunk, made, made.access, lambda a, b: a + b, given)
    chunk.put(made, _widened(old, made.access))


def _exchange_if(chunk: "Chunk", made: device.AtomicExchangeIf) -> None:
    kind = ACCESS_TYPES[made.access]
    expected, new = chunk.get(made.expected).astype(kind), chunk.get(made.new).astype(kind)
    pairs = np.stack([expected, new], axis=1)
    old = _update(chunk, made, made.access, lambda a, pair: pair[1] if a == pair[0] else a, pairs)
    chunk.put(made, old.astype(np.uint64))


def _compare_exchange(chunk: "Chunk", made: atomic.AtomicCompareExchange) -> None:
    expected, new = chunk.get(made.expected), chunk.get(made.new)
    pairs = np.stack([expected, new], axis=1)
    old = _update(chunk, made, I64, lambda a, pair: pair[1] if a == pair[0] else a, pairs)
    chunk.put(made, (old == expected).astype(np.uint64))


_CHANGES: dict[atomic.AtomicKind, Update] = {
    atomic.AtomicKind.ADD: lambda a, b: a + b,
    atomic.AtomicKind.SUB: lambda a, b: a - b,
    atomic.AtomicKind.AND: lambda a, b: a & b,
    atomic.AtomicKind.OR: lambda a, b: a | b,
    atomic.AtomicKind.XOR: lambda a, b: a ^ b,
}


def _atomic_update(chunk: "Chunk", made: atomic.AtomicUpdate) -> None:
    chunk.put(made, _update(chunk, made, I64, _CHANGES[made.kind], chunk.get(made.operand)))


def _atomic_load(chunk: "Chunk", made: atomic.AtomicLoad) -> None:
    chunk.put(made, chunk.memory.load(chunk.get(made.address), I64, made.span))


def _atomic_store(chunk: "Chunk", made: atomic.AtomicStore) -> None:
    chunk.memory.store(chunk.get(made.address), chunk.get(made.value), I64, made.span)


ACCESS_RULES: dict[type[Op], Callable[["Chunk", Any], None]] = {
    Load: _load,
    VolatileLoad: _load,
    Store: _store,
    VolatileStore: _store,
    Stack: _stack,
    Fresh: _fresh,
    Copy: _copy,
    Fill: _fill,
    device.LdsArray: _lds_array,
    device.LdsLoad: _lds_load,
    device.LdsStore: _lds_store,
    device.LdsAdd: _lds_add,
    device.AtomicAdd: _atomic_add,
    device.AtomicExchangeIf: _exchange_if,
    atomic.AtomicCompareExchange: _compare_exchange,
    atomic.AtomicUpdate: _atomic_update,
    atomic.AtomicLoad: _atomic_load,
    atomic.AtomicStore: _atomic_store,
}
