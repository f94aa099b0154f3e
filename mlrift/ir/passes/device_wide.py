"""Loads and stores of neighbours become one access of two to four words.

    %x = memory.load %p : f32                %v = vector.load %p, 4 : vec<f32, 2>
    %y = memory.load %p + 4 : f32     =>     %x = vector.extract %v, 0
                                             %y = vector.extract %v, 1

The accesses are in one block and aligned to an element, which is enough for memory of the device;
between loads nothing changes the memory, and between stores nothing reads or changes it. Loads
move up to the first of them, stores down to the last. Addresses are of the form of
`device_addresses`: neighbours have one base and differ in the constant.
"""

from mlrift.ir.analysis.memory_versions import Space, changed_spaces, read_space
from mlrift.ir.core import Block, Function, Value
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.arith import Add, Constant
from mlrift.ir.ops.memory import Load, Stack, Store
from mlrift.ir.ops.vector import Extract, Insert, VectorConstant
from mlrift.ir.ops.vector_memory import VectorLoad, VectorStore
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, on_functions
from mlrift.typesystem import F32, F64, I32, I64, MachineType, VectorType, vec
from mlrift.values import record

_BYTES: dict[MachineType, int] = {F32: 4, I32: 4, F64: 8, I64: 8}
_LANES: dict[int, tuple[int, ...]] = {4: (4, 3, 2), 8: (2,)}


def widen_accesses(function: Function) -> None:
    """Join the accesses of every block."""
    replacements: dict[Value, Value] = {}
    for block in function.blocks:
        replacements.update(_Joining(block).run())
    if replacements:
        for made in function.ops():
            made.replace_operands(replacements)


PASS = Pass("device_wide", on_functions(widen_accesses), keeps=EVERY_PROPERTY)


@record
class _Access:
    """A load or store at a constant distance from a base."""

    made: Load | Store
    offset: int


_Key = tuple[Value, MachineType]


class _Joining:
    """The work on one block: runs of accesses that nothing comes between."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.positions: dict[Op, int] = {made: at for at, made in enumerate(block.ops)}
        self.loads: dict[_Key, list[_Access]] = {}
        self.stores: dict[_Key, list[_Access]] = {}
        self.before: dict[Op, list[Op]] = {}
        self.instead: dict[Op, list[Op]] = {}
        self.replacements: dict[Value, Value] = {}

    def run(self) -> dict[Value, Value]:
        """Join what can be joined; return what stands for the loads that are gone."""
        for made in self.block.ops:
            if isinstance(made, Store):
                self._note_store(made)
            elif Space.DEVICE in changed_spaces(made):
                self._end_loads()
                self._end_stores()
            elif isinstance(made, Load):
                self._end_stores()
                self._note(made, self.loads)
            elif made.EFFECT is Effect.READ and read_space(made) is Space.DEVICE:
                self._end_stores()
        self._end_loads()
        self._end_stores()
        return self._write() if self.instead else {}

    def _note_store(self, made: Store) -> None:
        """A store ends the run of loads, and that of stores to other places."""
        self._end_loads()
        base, _ = _place(made.address)
        if any(key[0] is not base or key[1] is not made.memory_type for key in self.stores):
            self._end_stores()
        self._note(made, self.stores)

    def _note(self, made: Load | Store, into: dict[_Key, list[_Access]]) -> None:
        base, offset = _place(made.address)
        if made.memory_type in _BYTES and not isinstance(base, Stack):
            into.setdefault((base, made.memory_type), []).append(_Access(made, offset))

    def _end_loads(self) -> None:
        for (base, kind), row in self.loads.items():
            for lanes in _neighbours(row, _BYTES[kind]):
                self._join_loads(base, lanes)
        self.loads.clear()

    def _end_stores(self) -> None:
        for (base, kind), row in self.stores.items():
            if len({access.offset for access in row}) == len(row):
                for lanes in _neighbours(row, _BYTES[kind]):
                    self._join_stores(base, lanes)
        self.stores.clear()

    def _join_loads(self, base: Value, lanes: list[_Access]) -> None:
        first = min((row.made for row in lanes), key=self.positions.__getitem__)
        kind = lanes[0].made.memory_type
        address = _address(base, lanes[0].offset)
        loaded = VectorLoad(address[-1], _BYTES[kind], vec(kind, len(lanes)))
        ops: list[Op] = [*_new(address), loaded]
        for lane, row in enumerate(lanes):
            made = Extract(loaded, lane)
            ops.append(made)
            self.replacements[row.made] = made
            self.instead[row.made] = []
        self._put(self.before.setdefault(first, []), ops, first)

    def _join_stores(self, base: Value, lanes: list[_Access]) -> None:
        last = max((row.made for row in lanes), key=self.positions.__getitem__)
        kind = lanes[0].made.memory_type
        address = _address(base, lanes[0].offset)
        ops = _new(address)
        vector: Value = _zeros(vec(kind, len(lanes)), ops)
        for lane, row in enumerate(lanes):
            assert isinstance(row.made, Store)
            vector = Insert(vector, row.made.value, lane)
            ops.append(vector)
            self.instead[row.made] = []
        ops.append(VectorStore(address[-1], vector, _BYTES[kind]))
        self._put(self.before.setdefault(last, []), ops, last)

    def _put(self, into: list[Op], ops: list[Op], at: Op) -> None:
        for made in ops:
            made.span = at.span
        into += ops

    def _write(self) -> dict[Value, Value]:
        ops: list[Op] = []
        for made in self.block.ops:
            ops += self.before.get(made, ())
            ops += self.instead.get(made, [made])
        self.block.ops = ops
        return self.replacements


def _place(address: Value) -> tuple[Value, int]:
    match address:
        case Add(base, Constant(int(offset))):
            return base, offset - (1 << 64) if offset >> 63 else offset
    return address, 0


def _address(base: Value, offset: int) -> list[Value]:
    """Return what makes an address; the last one is it."""
    if offset == 0:
        return [base]
    constant = Constant(offset & ((1 << 64) - 1), I64)
    return [base, constant, Add(base, constant)]


def _new(address: list[Value]) -> list[Op]:
    return [row for row in address[1:] if isinstance(row, Op)]


def _zeros(kind: VectorType, ops: list[Op]) -> Value:
    zero: int | float = 0.0 if kind.element in (F32, F64) else 0
    made = VectorConstant((zero,) * kind.lanes, kind)
    ops.append(made)
    return made


def _neighbours(row: list[_Access], size: int) -> list[list[_Access]]:
    """Return the longest rows of neighbours that one access can do."""
    found: list[list[_Access]] = []
    by_offset = {access.offset: access for access in row}
    rest = sorted(by_offset)
    while rest:
        run = [rest[0]]
        while len(run) < len(rest) and rest[len(run)] == run[-1] + size:
            run.append(rest[len(run)])
        lanes = next((count for count in _LANES[size] if count <= len(run)), 1)
        if lanes > 1:
            found.append([by_offset[offset] for offset in run[:lanes]])
        del rest[:lanes]
    return found
