"""The machine of `kernels.py`: items with places in a kernel, and what each op does to them.

A kernel is cut into segments that end where items may have to wait. An item's place is the number
of its next segment; blocks are in an order in which only loops go back, so the earliest items are
those that others wait for.
"""

from collections.abc import Callable

import numpy as np

from mlrift.ir.core import Block, Function, Successor, Value
from mlrift.ir.interpret import kernel_lanes as lanes
from mlrift.ir.interpret.kernel_arithmetic import NUMPY_TYPES, evaluate
from mlrift.ir.interpret.kernel_fragments import FRAGMENT_RULES, Tiles
from mlrift.ir.interpret.kernel_memory import ACCESS_TYPES, Array, KernelFault, KernelMemory
from mlrift.ir.interpret.kernel_vectors import VECTOR_RULES
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops import atomic, control, device
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.device import Axis
from mlrift.ir.ops.memory import (
    Copy,
    Fill,
    Load,
    SlotGet,
    SlotNew,
    SlotSet,
    Stack,
    Store,
    VolatileLoad,
    VolatileStore,
)
from mlrift.static_types import Any
from mlrift.typesystem import I8, I32, I64, MachineType, VectorType

LANES = lanes.LANES
_LDS_LIMIT_BYTES = 65536
_WAITS = (device.GroupBarrier, device.GridBarrier)


class Launch:
    """The sizes of a launch. Groups are padded to whole waves."""

    def __init__(
        self, grid: tuple[int, int, int], group: tuple[int, int, int], memory: KernelMemory
    ) -> None:
        self.grid = grid
        self.group = group
        self.memory = memory
        self.items = group[0] * group[1] * group[2]
        self.padded = -(-self.items // LANES) * LANES


class Segments:
    """A kernel in pieces: `pieces` are lists of ops, `starts` the first piece of each block."""

    def __init__(self, kernel: Function) -> None:
        self.kernel = kernel
        self.pieces: list[list[Op]] = []
        self.starts: dict[Block, int] = {}
        self.lds_offsets: dict[int, int] = {}
        self.lds_bytes = 0
        for block in kernel.blocks:
            self.starts[block] = len(self.pieces)
            self.pieces.append([])
            for made in block.ops:
                self.pieces[-1].append(made)
                if isinstance(made, device.LdsArray):
                    self._place(made)
                if isinstance(made, _WAITS):
                    self.pieces.append([])

    def _place(self, made: device.LdsArray) -> None:
        if made.number not in self.lds_offsets:
            self.lds_offsets[made.number] = self.lds_bytes
            self.lds_bytes += -(-made.size_bytes // 16) * 16
            if self.lds_bytes > _LDS_LIMIT_BYTES:
                raise KernelFault(f"{self.lds_bytes} bytes of LDS in a group", made.span)


class Chunk:
    """Groups that run side by side, from number `first` on."""

    def __init__(
        self, segments: Segments, launch: Launch, words: list[Any], first: int, count: int
    ) -> None:
        self.segments = segments
        self.launch = launch
        self.memory = launch.memory
        self.size = count * launch.padded
        self.first = first
        self.numbers = np.arange(self.size)
        self.live = self.numbers % launch.padded < launch.items
        self.waiting = np.zeros(self.size, np.bool_)
        self.place = np.zeros(self.size, np.int64)
        self.values: dict[Value, Any] = {}
        self.tiles: dict[Value, Tiles] = {}
        self.lds = np.full((count, segments.lds_bytes), 0xA5, np.uint8)
        self.at: Array = self.numbers
        for parameter, word in zip(segments.kernel.parameters, words, strict=True):
            self.values[parameter] = np.full(self.size, word)

    # ------------------------------------------------------------------- values

    def get(self, operand: Value) -> Array:
        """Return an operand of the items that are executing."""
        found: Array = self.values[operand]
        return found[self.at]

    def everywhere(self, operand: Value) -> tuple[Array, Array]:
        """Return an operand of all items, and which of them are executing."""
        active = np.zeros(self.size, np.bool_)
        active[self.at] = True
        return self.values[operand], active

    def put(self, target: Value, found: Array) -> None:
        """Give a value to the items that are executing."""
        known = self.values.get(target)
        if known is None:
            shape = (self.size, *found.shape[1:])  # vectors have their lanes side by side
            known = self.values[target] = np.zeros(shape, found.dtype)
        known[self.at] = found

    def put_tiles(self, target: Value, tiles: Tiles) -> None:
        """Give a fragment to the waves that are executing."""
        old = self.tiles.get(target)
        waves = np.unique(self.at // LANES)
        kept = np.zeros_like(tiles) if old is None else old.copy()
        kept[waves] = tiles[waves]
        self.tiles[target] = kept

    # ------------------------------------------------------------------ control

    def go(self, edge: Successor, at: Array) -> None:
        """Send items along an edge."""
        if not len(at):
            return
        outer, self.at = self.at, at
        moved = [
            (parameter, None if argument in self.tiles else self.get(argument), argument)
            for parameter, argument in zip(edge.block.parameters, edge.arguments, strict=True)
        ]
        for parameter, found, argument in moved:
            if found is None:
                self.put_tiles(parameter, self.tiles[argument])
            else:
                self.put(parameter, found)
        self.place[at] = self.segments.starts[edge.block]
        self.at = outer


def run_chunk(chunk: Chunk) -> None:
    """Run groups to their ends."""
    pieces = chunk.segments.pieces
    while True:
        ready = chunk.live & ~chunk.waiting
        if not ready.any():
            if not chunk.live.any():
                return
            _release(chunk)
            continue
        earliest = int(chunk.place[ready].min())
        chunk.at = chunk.numbers[ready & (chunk.place == earliest)]
        chunk.place[chunk.at] = earliest + 1
        for made in pieces[earliest]:
            _execute(chunk, made)


def _release(chunk: Chunk) -> None:
    """Let the items go on that wait at a barrier; those of a group must wait at the same one."""
    padded = chunk.launch.padded
    for row in np.nonzero(chunk.live.reshape(-1, padded).any(axis=1))[0]:
        group = slice(row * padded, (row + 1) * padded)
        places = np.unique(chunk.place[group][chunk.live[group]])
        if len(places) > 1:
            barrier = chunk.segments.pieces[int(places[0]) - 1][-1]
            reason = "a barrier that some items of the group do not reach together with the others"
            raise KernelFault(reason, barrier.span)
    chunk.waiting[:] = False


def _execute(chunk: Chunk, made: Op) -> None:
    rule = RULES.get(type(made))
    if rule is not None:
        rule(chunk, made)
    elif type(made) in FRAGMENT_RULES:
        FRAGMENT_RULES[type(made)](chunk, made)
    elif type(made) in VECTOR_RULES:
        VECTOR_RULES[type(made)](chunk, made)
    elif made.EFFECT is Effect.PURE or type(made).__name__ in ("Udiv", "Sdiv", "Urem", "Srem"):
        chunk.put(made, evaluate(made, [chunk.get(row) for row in made.operands()]))
    else:
        raise KernelFault(f"`{made.MNEMONIC}` cannot be in a kernel", made.span)


# -------------------------------------------------------------------- control flow


def _jump(chunk: Chunk, made: control.Jump) -> None:
    chunk.go(made.target, chunk.at)


def _branch(chunk: Chunk, made: control.Branch) -> None:
    condition, at = chunk.get(made.condition), chunk.at
    chunk.go(made.if_true, at[condition])
    chunk.go(made.if_false, at[~condition])


def _return(chunk: Chunk, made: Op) -> None:
    chunk.live[chunk.at] = False


def _wait(chunk: Chunk, made: Op) -> None:
    chunk.waiting[chunk.at] = True


def _nothing(chunk: Chunk, made: Op) -> None:
    pass


def _grid_wait(chunk: Chunk, made: device.GridBarrier) -> None:
    """Count the groups as a device does, and wait."""
    firsts = np.unique(chunk.at // chunk.launch.padded, return_index=True)[1]
    for address in chunk.get(made.counter)[firsts]:
        where = np.array([address], np.uint64)
        old = chunk.memory.load(where, _U32, made.span)
        chunk.memory.store(where, old + 1, _U32, made.span)
    _wait(chunk, made)


# -------------------------------------------------------------------- values


def _constant(chunk: Chunk, made: Constant) -> None:
    kind = NUMPY_TYPES[made.constant_type]
    chunk.put(made, np.full(len(chunk.at), made.value, kind))


def _slot_new(chunk: Chunk, made: SlotNew) -> None:
    if not isinstance(made.slot_type, VectorType):
        chunk.values[made] = np.zeros(chunk.size, NUMPY_TYPES[made.slot_type])


def _slot_get(chunk: Chunk, made: SlotGet) -> None:
    if made.slot in chunk.tiles:
        chunk.tiles[made] = chunk.tiles[made.slot]
    else:
        chunk.put(made, chunk.get(made.slot))


def _slot_set(chunk: Chunk, made: SlotSet) -> None:
    tiles = chunk.tiles.get(made.value)
    if tiles is None:
        chunk.values[made.slot][chunk.at] = chunk.get(made.value)
    else:
        chunk.put_tiles(made.slot, tiles)


_AXES = {Axis.X: 0, Axis.Y: 1, Axis.Z: 2}


def _local_id(chunk: Chunk, made: device.LocalId) -> None:
    x, y, _ = chunk.launch.group
    local = chunk.at % chunk.launch.padded
    found = (local % x, local // x % y, local // (x * y))[_AXES[made.axis]]
    chunk.put(made, found.astype(np.uint64))


def _group_id(chunk: Chunk, made: device.GroupId) -> None:
    x, y, _ = chunk.launch.grid
    group = chunk.first + chunk.at // chunk.launch.padded
    found = (group % x, group // x % y, group // (x * y))[_AXES[made.axis]]
    chunk.put(made, found.astype(np.uint64))


def _group_size(chunk: Chunk, made: device.GroupSize) -> None:
    size = chunk.launch.group[_AXES[made.axis]]
    chunk.put(made, np.full(len(chunk.at), size, np.uint64))


def _group_count(chunk: Chunk, made: device.GroupCount) -> None:
    count = chunk.launch.grid[_AXES[made.axis]]
    chunk.put(made, np.full(len(chunk.at), count, np.uint64))


def _lane(chunk: Chunk, made: Op) -> None:
    chunk.put(made, (chunk.at % LANES).astype(np.uint64))


# -------------------------------------------------------------------- memory


def _load(chunk: Chunk, made: Any) -> None:
    found = chunk.memory.load(chunk.get(made.address), made.memory_type, made.span)
    chunk.put(made, _widened(found, made.memory_type))


def _store(chunk: Chunk, made: Any) -> None:
    addresses, found = chunk.get(made.address), chunk.get(made.value)
    chunk.memory.store(addresses, found, made.memory_type, made.span)


def _widened(found: Array, access: MachineType) -> Array:
    return found if ACCESS_TYPES[access].kind == "f" else found.astype(np.uint64)


def _stack(chunk: Chunk, made: Stack) -> None:
    size = -(-made.size_bytes // made.align) * made.align
    area = np.full(chunk.size * size, 0xA5, np.uint8)
    base = chunk.memory.place(area, "the storage of a local variable")
    own = np.uint64(base) + chunk.numbers.astype(np.uint64) * np.uint64(size)
    chunk.values[made] = own


def _copy(chunk: Chunk, made: Copy) -> None:
    rows = zip(*(chunk.get(row).tolist() for row in made.operands()), strict=True)
    for destination, source, size in rows:
        steps = np.arange(size, dtype=np.uint64)
        found = chunk.memory.load(np.uint64(source) + steps, I8, made.span)
        chunk.memory.store(np.uint64(destination) + steps, found, I8, made.span)


def _fill(chunk: Chunk, made: Fill) -> None:
    rows = zip(*(chunk.get(row).tolist() for row in made.operands()), strict=True)
    for destination, byte, size in rows:
        steps = np.arange(size, dtype=np.uint64)
        chunk.memory.store(
            np.uint64(destination) + steps, np.full(size, byte & 0xFF), I8, made.span
        )


def _lds_array(chunk: Chunk, made: device.LdsArray) -> None:
    offset = chunk.segments.lds_offsets[made.number]
    chunk.put(made, np.full(len(chunk.at), offset, np.uint64))


def _lds_bytes(chunk: Chunk, made: Any) -> tuple[Array, Array]:
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


def _lds_load(chunk: Chunk, made: device.LdsLoad) -> None:
    raw = np.ascontiguousarray(chunk.lds[_lds_bytes(chunk, made)])
    found = raw.view(ACCESS_TYPES[made.access])[:, 0]
    chunk.put(made, _widened(found, made.access))


def _lds_store(chunk: Chunk, made: device.LdsStore) -> None:
    kind = ACCESS_TYPES[made.access]
    raw = np.ascontiguousarray(chunk.get(made.value).astype(kind)).view(np.uint8)
    chunk.lds[_lds_bytes(chunk, made)] = raw.reshape(-1, kind.itemsize)


def _lds_add(chunk: Chunk, made: device.LdsAdd) -> None:
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

_U32 = I32
Update = Callable[[Any, Any], Any]


def _update(chunk: Chunk, made: Any, access: MachineType, change: Update, given: Array) -> Array:
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


def _atomic_add(chunk: Chunk, made: device.AtomicAdd) -> None:
    given = chunk.get(made.operand).astype(ACCESS_TYPES[made.access])
    old = _update(chunk, made, made.access, lambda a, b: a + b, given)
    chunk.put(made, _widened(old, made.access))


def _exchange_if(chunk: Chunk, made: device.AtomicExchangeIf) -> None:
    kind = ACCESS_TYPES[made.access]
    expected, new = chunk.get(made.expected).astype(kind), chunk.get(made.new).astype(kind)
    pairs = np.stack([expected, new], axis=1)
    old = _update(chunk, made, made.access, lambda a, pair: pair[1] if a == pair[0] else a, pairs)
    chunk.put(made, old.astype(np.uint64))


def _compare_exchange(chunk: Chunk, made: atomic.AtomicCompareExchange) -> None:
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


def _atomic_update(chunk: Chunk, made: atomic.AtomicUpdate) -> None:
    chunk.put(made, _update(chunk, made, I64, _CHANGES[made.kind], chunk.get(made.operand)))


def _atomic_load(chunk: Chunk, made: atomic.AtomicLoad) -> None:
    chunk.put(made, chunk.memory.load(chunk.get(made.address), I64, made.span))


def _atomic_store(chunk: Chunk, made: atomic.AtomicStore) -> None:
    chunk.memory.store(chunk.get(made.address), chunk.get(made.value), I64, made.span)


# -------------------------------------------------------------------- lanes


def _shuffle(chunk: Chunk, made: device.Shuffle) -> None:
    values, active = chunk.everywhere(made.value)
    wanted, _ = chunk.everywhere(made.lane)
    chunk.put(made, lanes.shuffle(values, wanted, active)[chunk.at])


def _shuffle_xor(chunk: Chunk, made: device.ShuffleXor) -> None:
    values, active = chunk.everywhere(made.value)
    wanted = ((chunk.numbers % LANES) ^ made.mask).astype(np.uint64)
    chunk.put(made, lanes.shuffle(values, wanted, active)[chunk.at])


def _ballot(chunk: Chunk, made: device.Ballot) -> None:
    condition, active = chunk.everywhere(made.condition)
    chunk.put(made, lanes.ballot(condition, active)[chunk.at])


def _wave_reduce(chunk: Chunk, made: device.WaveReduce) -> None:
    values, active = chunk.everywhere(made.operand)
    chunk.put(made, lanes.reduce_waves(made.reduction, values, active)[chunk.at])


def _group_reduce(chunk: Chunk, made: device.GroupReduce) -> None:
    values, active = chunk.everywhere(made.operand)
    padded = chunk.launch.padded
    members = active.reshape(-1, padded).any(axis=1).repeat(padded) & chunk.live
    if (members & ~active).any():
        raise KernelFault("a reduction that not every item of the group executes", made.span)
    found = lanes.reduce_groups(made.reduction, values, active, padded)
    chunk.put(made, found[chunk.at])


RULES: dict[type[Op], Callable[[Chunk, Any], None]] = {
    control.Jump: _jump,
    control.Branch: _branch,
    control.Return: _return,
    control.Unreachable: _return,
    device.GroupBarrier: _wait,
    device.GridBarrier: _grid_wait,
    device.Fence: _nothing,
    device.AssumeGroupSize: _nothing,
    Constant: _constant,
    SlotNew: _slot_new,
    SlotGet: _slot_get,
    SlotSet: _slot_set,
    device.LocalId: _local_id,
    device.GroupId: _group_id,
    device.GroupSize: _group_size,
    device.GroupCount: _group_count,
    device.Lane: _lane,
    Load: _load,
    VolatileLoad: _load,
    Store: _store,
    VolatileStore: _store,
    Stack: _stack,
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
    device.Shuffle: _shuffle,
    device.ShuffleXor: _shuffle_xor,
    device.Ballot: _ballot,
    device.WaveReduce: _wave_reduce,
    device.GroupReduce: _group_reduce,
}
