"""Storage of the frame whose parts are named by constants becomes variables, and then SSA values.

    %p = memory.stack 8, 8                   %p0 = slot.new @p0 : f32
    memory.fill %p, %zero, %eight            %p4 = slot.new @p4 : f32
    %q = arith.add %p, %four           =>    slot.set %p0, %0.0
    memory.store %q, %x : f32                slot.set %p4, %0.0
    %y = memory.load %p : f32                slot.set %p4, %x
                                             %y = slot.get %p0 : f32

A part is a range of bytes that every access means as a whole; parts do not overlap. Storage with
an address that is kept, or that depends on a variable, stays in private memory.
"""

from collections.abc import Iterator

from mlrift.ir.analysis.uses import users
from mlrift.ir.core import Function, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add, And, Constant
from mlrift.ir.ops.convert import BitsToFloat, FloatToBits
from mlrift.ir.ops.memory import Fill, Load, SlotGet, SlotNew, SlotSet, Stack, Store
from mlrift.ir.passes.declaration import Pass, on_functions
from mlrift.ir.passes.promote_slots import promote_slots
from mlrift.typesystem import F32, F64, I8, I16, I32, I64, MachineType
from mlrift.values import record

SIZES: dict[MachineType, int] = {I8: 1, I16: 2, I32: 4, I64: 8, F32: 4, F64: 8}
_MOST_PARTS = 64


def replace_arrays(function: Function) -> None:
    """Make variables of what can be one, and promote them."""
    stacks = [made for made in function.ops() if isinstance(made, Stack)]
    if not stacks:
        return
    uses = users(function)
    found = [row for row in (_trace(stack, uses) for stack in stacks) if row is not None]
    if found:
        _Rewriting(found).run(function)
        promote_slots(function)


PASS = Pass("device_arrays", on_functions(replace_arrays))


@record
class _Storage:
    """A replaceable `memory.stack`: where its uses reach and which parts it has."""

    stack: Stack
    offsets: dict[Value, int]
    parts: dict[int, MachineType]


def _trace(stack: Stack, uses: dict[Value, list[Op]]) -> _Storage | None:
    """Return what is known of a storage if all uses are accesses of parts."""
    offsets: dict[Value, int] = {stack: 0}
    work: list[Value] = [stack]
    accesses: list[tuple[int, MachineType]] = []
    fills: list[tuple[int, int]] = []
    while work:
        address = work.pop()
        for made in uses.get(address, ()):
            match made:
                case Add(_, Constant(int(distance))) if made.lhs is address:
                    if made not in offsets:
                        offsets[made] = offsets[address] + distance
                        work.append(made)
                case Load(_, access):
                    accesses.append((offsets[address], access))
                case Store(_, stored, access) if stored is not address:
                    accesses.append((offsets[address], access))
                case Fill(_, Constant(), Constant(int(size))) if made.destination is address:
                    fills.append((offsets[address], offsets[address] + size))
                case _:
                    return None
    parts = _partition(accesses, stack.size_bytes)
    if parts is None or not all(_is_whole(fill, parts) for fill in fills):
        return None
    return _Storage(stack, offsets, parts)


def _is_whole(fill: tuple[int, int], parts: dict[int, MachineType]) -> bool:
    """Whether a fill sets every part as a whole or not at all."""
    first, end = fill
    return all(
        offset >= end or offset + SIZES[access] <= first or first <= offset <= end - SIZES[access]
        for offset, access in parts.items()
    )


def _partition(
    accesses: list[tuple[int, MachineType]], size_bytes: int
) -> dict[int, MachineType] | None:
    """Return the type of the variable for each part by offset, or None where parts overlap."""
    parts: dict[int, MachineType] = {}
    for offset, access in accesses:
        known = parts.get(offset)
        if known is None:
            parts[offset] = access
        elif known is not access:
            if SIZES[known] != SIZES[access]:
                return None
            parts[offset] = I32 if SIZES[access] == SIZES[I32] else I64
    end = 0
    for offset in sorted(parts):
        if offset < end:
            return None
        end = offset + SIZES[parts[offset]]
    return parts if end <= size_bytes and len(parts) <= _MOST_PARTS else None


class _Rewriting:
    """Replaces the accesses of some storages of a function."""

    def __init__(self, storages: list[_Storage]) -> None:
        self.place: dict[Value, tuple[_Storage, int]] = {
            address: (row, offset) for row in storages for address, offset in row.offsets.items()
        }
        self.storages = storages
        self.slots: dict[tuple[_Storage, int], SlotNew] = {}
        self.loaded: dict[Value, Value] = {}

    def run(self, function: Function) -> None:
        """Put variables in the place of storages."""
        for number, row in enumerate(self.storages):
            for offset, access in sorted(row.parts.items()):
                slot = SlotNew(f"part{number}_{offset}", _held(access))
                slot.span = row.stack.span
                self.slots[row, offset] = slot
        for block in function.blocks:
            ops: list[Op] = []
            for made in block.ops:
                for new in self._rewrite(made):
                    new.span = made.span
                    ops.append(new)
            block.ops = ops
        function.entry.ops[:0] = self._starts()
        for made in function.ops():
            made.replace_operands(self.loaded)

    def _starts(self) -> list[Op]:
        """Return the variables; what is read before it is written is anything, here 0."""
        ops: list[Op] = list(self.slots.values())
        for slot in self.slots.values():
            zero = _zero(slot.slot_type)
            ops += [zero, SlotSet(slot, zero)]
        for made in ops:
            made.span = None
        return ops

    def _rewrite(self, made: Op) -> Iterator[Op]:
        if made in self.place:
            return
        match made:
            case Load(address, access) if address in self.place:
                yield from self._load(made, access, *self.place[address])
            case Store(address, stored, access) if address in self.place:
                yield from self._store(stored, access, *self.place[address])
            case Fill(address, Constant(int(byte)), Constant(int(size))) if address in self.place:
                yield from self._fill(byte & 0xFF, size, *self.place[address])
            case _:
                yield made

    def _load(self, made: Op, access: MachineType, row: _Storage, offset: int) -> Iterator[Op]:
        slot = self.slots[row, offset]
        found: Op = SlotGet(slot, slot.slot_type)
        yield found
        if slot.slot_type is I64 and access in (F32, F64):
            found = BitsToFloat(found, access)
            yield found
        self.loaded[made] = found

    def _store(
        self, stored: Value, access: MachineType, row: _Storage, offset: int
    ) -> Iterator[Op]:
        slot = self.slots[row, offset]
        if slot.slot_type is I64 and access in (F32, F64):
            stored = FloatToBits(stored)
            yield stored
        elif slot.slot_type is I64 and access is not I64:
            mask = Constant((1 << 8 * SIZES[access]) - 1, I64)
            yield mask
            stored = And(stored, mask)
            yield stored
        yield SlotSet(slot, stored)

    def _fill(self, byte: int, size: int, row: _Storage, offset: int) -> Iterator[Op]:
        for start, access in row.parts.items():
            length = SIZES[access]
            if start + length <= offset or start >= offset + size:
                continue
            slot = self.slots[row, start]
            bits = int.from_bytes(bytes([byte]) * length, "little")
            filled: Op = Constant(bits, I64)
            yield filled
            if slot.slot_type is not I64:
                filled = BitsToFloat(filled, access)
                yield filled
            yield SlotSet(slot, filled)


def _held(access: MachineType) -> MachineType:
    return access if access in (F32, F64) else I64


def _zero(held: object) -> Constant:
    if held is I64:
        return Constant(0, I64)
    return Constant(0.0, F32 if held is F32 else F64)
