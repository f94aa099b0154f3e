"""A kernel whose items wait for each other becomes a function that runs an item to its next wait.

    function @sum(%p : i64)              function @sum.items(%item : i64) -> i64
      ...                                  (go on where the item's word says)
      device.barrier               =>      ... keep the live values in the item, say where: return 1
      ...                                ^resume1: (load them) ...

So an item needs no stack of its own, and the same code runs on every processor. Values that live
over a wait become slots, which other passes turn into values again. Places are numbered in the
order of the blocks, in which only loops go back: where items of a wave are parted, those with the
lowest place go on first.
"""

from mlrift.ir.analysis.liveness import live_on_entry
from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function, Module, Successor, Value
from mlrift.ir.op import Op
from mlrift.ir.ops import device
from mlrift.ir.ops.arith import Constant, Xor
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Jump, Return, Unreachable
from mlrift.ir.ops.convert import BitsToFloat, TruthToWord
from mlrift.ir.ops.device import Reduction
from mlrift.ir.ops.memory import SlotGet, SlotNew, SlotSet, Stack, Store
from mlrift.ir.passes.expand_device import layout
from mlrift.ir.passes.expand_device.homes import (
    GroupItem,
    LdsPlaces,
    address_at,
    load_word,
)
from mlrift.ir.passes.expand_device.layout import NumberKind, Wait
from mlrift.ir.passes.expand_device.looped import arguments
from mlrift.ir.passes.expand_device.ops import bits_of, expand_ops
from mlrift.static_types import Any
from mlrift.typesystem import F32, F64, I1, I64, ValueType
from mlrift.values import record

SUSPENDING: tuple[type[Op], ...] = (
    device.GroupBarrier,
    device.GridBarrier,
    device.Shuffle,
    device.ShuffleXor,
    device.Ballot,
    device.WaveReduce,
    device.GroupReduce,
)
_KINDS: dict[type[Op], Wait] = {
    device.GroupBarrier: Wait.BARRIER,
    device.GridBarrier: Wait.GRID_BARRIER,
    device.Shuffle: Wait.SHUFFLE,
    device.ShuffleXor: Wait.SHUFFLE,
    device.Ballot: Wait.BALLOT,
    device.WaveReduce: Wait.WAVE_REDUCE,
    device.GroupReduce: Wait.GROUP_REDUCE,
}
_REDUCTIONS = {Reduction.SUM: 0, Reduction.MAXIMUM: 1, Reduction.MINIMUM: 2}
_NUMBERS: dict[ValueType, NumberKind] = {
    I64: NumberKind.WORD,
    F32: NumberKind.SINGLE,
    F64: NumberKind.DOUBLE,
}


@record
class _Stop:
    """A place where items wait: the block that ends there, what they do, where they go on."""

    block: Block
    made: Op
    rest: Block
    number: int


def make_suspended(module: Module, kernel: Function, places: LdsPlaces) -> int:
    """Turn a kernel without calls into a function of an item's address; return an item's bytes."""
    return _Suspension(module, kernel, places).run()


class _Suspension:
    """The rewriting of one kernel."""

    def __init__(self, module: Module, kernel: Function, places: LdsPlaces) -> None:
        self.kernel = kernel
        self.places = places
        self.builder = Builder(module, kernel)
        self.builder.span = kernel.span
        self.module = module
        self.item = BlockParameter(I64, "item")
        self.slots: dict[Value, SlotNew] = {}
        self.offsets: dict[Value, int] = {}
        self.item_bytes = layout.ITEM_VALUES

    def run(self) -> int:
        """Do everything in order."""
        parameters = self.kernel.parameters
        stops = self._split()
        self._copy_constants()
        live = live_on_entry(self.kernel)
        held = {value for stop in stops for value in live[stop.rest]}
        held.update(stop.made for stop in stops if stop.made.type in _NUMBERS)
        for block in self.kernel.blocks:
            for value in (*block.parameters, *block.ops):
                if value in held:
                    self._give_slot(value)
        self._place_storage()
        self._demote(parameters)
        for stop in stops:
            needed = [row for row in live[stop.rest] if row is not stop.made]
            self._suspend(stop, sorted(needed, key=lambda row: self.offsets[row]))
        self._end_items()
        self._start(parameters, stops)
        expand_ops(self.module, self.kernel, self._home())
        return -(-self.item_bytes // 16) * 16

    def _split(self) -> list[_Stop]:
        """End blocks where items wait."""
        stops: list[_Stop] = []
        blocks: list[Block] = []
        pending = self.kernel.blocks[::-1]
        while pending:
            block = pending.pop()
            blocks.append(block)
            for position, made in enumerate(block.ops):
                if isinstance(made, SUSPENDING):
                    rest = Block("rest")
                    rest.ops = block.ops[position + 1 :]
                    block.ops = block.ops[:position]
                    # A jump for the analyses; `_suspend` puts a return there.
                    block.ops += [made, Jump(Successor(rest))]
                    stops.append(_Stop(block, made, rest, len(stops) + 1))
                    pending.append(rest)
                    break
        self.kernel.blocks = blocks
        return stops

    def _copy_constants(self) -> None:
        """Give every block constants of its own."""
        for block in self.kernel.blocks:
            own = {made for made in block.ops if isinstance(made, Constant)}
            copies: dict[Value, Value] = {}
            for made in block.ops:
                for value in made.operands():
                    if isinstance(value, Constant) and value not in own and value not in copies:
                        copies[value] = Constant(value.value, value.constant_type)
            for made in block.ops:
                made.replace_operands(copies)
            block.ops[:0] = [row for row in copies.values() if isinstance(row, Constant)]

    def _give_slot(self, value: Value) -> None:
        if isinstance(value, Stack | Constant) or value in self.slots:
            return
        held = I64 if value.type is I1 else value.type
        self.slots[value] = SlotNew("kept", held)
        self.slots[value].span = self.kernel.span
        self.offsets[value] = self.item_bytes
        self.item_bytes += layout.WORD_BYTES

    def _place_storage(self) -> None:
        """Let the frame's storage be part of the item."""
        for made in self.kernel.ops():
            if isinstance(made, Stack):
                self.item_bytes = -(-self.item_bytes // made.align) * made.align
                self.offsets[made] = self.item_bytes
                words = -(-made.size_bytes // layout.WORD_BYTES)
                self.item_bytes += words * layout.WORD_BYTES
        for block in self.kernel.blocks:
            block.ops = [made for made in block.ops if not isinstance(made, Stack)]
            self.builder.block = Block("storage")
            copies: dict[Value, Value] = {}
            for made in block.ops:
                for value in made.operands():
                    if isinstance(value, Stack) and value not in copies:
                        offset = self.offsets[value]
                        copies[value] = address_at(self.builder, self.item, offset)
                made.replace_operands(copies)
            block.ops[:0] = self.builder.block.ops

    def _demote(self, parameters: list[BlockParameter]) -> None:
        """Set the slots where their values are made, and read them wherever these are used."""
        for block in self.kernel.blocks:
            ops, block.ops = block.ops, []
            self.builder.block = block
            if block is not self.kernel.blocks[0]:
                for parameter in block.parameters:
                    self._keep(parameter)
            for made in ops:
                self.builder.span = made.span
                self._read(made)
                block.ops.append(made)
                if not isinstance(made, SUSPENDING):
                    self._keep(made)

    def _read(self, made: Op) -> None:
        known: dict[Value, Value] = {}
        for value in made.operands():
            slot = self.slots.get(value)
            if slot is not None and value not in known:
                found: Value = self.builder.emit(SlotGet(slot, slot.slot_type))
                if value.type is I1:
                    found = self.builder.truth(found)
                known[value] = found
        made.replace_operands(known)

    def _keep(self, value: Value) -> None:
        slot = self.slots.get(value)
        if slot is not None:
            held = self.builder.emit(TruthToWord(value)) if value.type is I1 else value
            self.builder.emit(SlotSet(slot, held))

    # ------------------------------------------------------------------ waiting

    def _suspend(self, stop: _Stop, needed: list[Value]) -> None:
        """Put the end of a step at a stop, and the block that goes on there before its rest."""
        builder, made = self.builder, stop.made
        stop.block.ops = [row for row in stop.block.ops[:-1] if row is not made]
        builder.block, builder.span = stop.block, made.span
        self._offer(made)
        kept = [value for value in needed if value in self.slots]
        for value in kept:
            slot = self.slots[value]
            word = bits_of(builder, builder.emit(SlotGet(slot, slot.slot_type)))
            self._store(self.offsets[value], word)
        self._store(layout.ITEM_PLACE, builder.word(stop.number))
        builder.emit(Return([builder.word(_KINDS[type(made)])]))
        resume = Block(f"resume{stop.number}")
        builder.block = resume
        for value in kept:
            self._reload(value, self.offsets[value])
        if made in self.slots:
            self._reload(made, layout.ITEM_VALUE)
        builder.jump(stop.rest)
        position = self.kernel.blocks.index(stop.rest)
        self.kernel.blocks.insert(position, resume)
        stop.block = resume

    def _offer(self, made: Any) -> None:
        """Store what the others need of the item."""
        builder = self.builder
        match made:
            case device.Shuffle():
                self._store(layout.ITEM_VALUE, bits_of(builder, made.value))
                self._store(layout.ITEM_LANE, made.lane)
            case device.ShuffleXor():
                self._store(layout.ITEM_VALUE, bits_of(builder, made.value))
                own = load_word(builder, self.item, layout.ITEM_NUMBER)
                lane = builder.emit(Xor(own, builder.word(made.mask)))
                self._store(layout.ITEM_LANE, lane)
            case device.Ballot():
                self._store(layout.ITEM_VALUE, bits_of(builder, made.condition))
            case device.WaveReduce() | device.GroupReduce():
                self._store(layout.ITEM_VALUE, bits_of(builder, made.operand))
                reduction = _REDUCTIONS[made.reduction] * layout.REDUCTION_STEP
                detail = reduction + _NUMBERS[made.operand.type]
                self._store(layout.ITEM_DETAIL, builder.word(detail))
            case device.GridBarrier():
                self._store(layout.ITEM_VALUE, made.counter)
            case _:
                pass

    def _store(self, offset: int, word: Value) -> None:
        place = address_at(self.builder, self.item, offset)
        self.builder.emit(Store(place, word, I64))

    def _reload(self, value: Value, offset: int) -> None:
        slot = self.slots[value]
        word = load_word(self.builder, self.item, offset)
        if slot.slot_type in (F32, F64):
            word = self.builder.emit(BitsToFloat(word, slot.slot_type))
        self.builder.emit(SlotSet(slot, word))

    # ------------------------------------------------------------------ start and end

    def _end_items(self) -> None:
        done = self.kernel.blocks
        for block in done:
            end = block.ops[-1]
            if isinstance(end, Unreachable) or (isinstance(end, Return) and not end.values):
                block.ops.pop()
                self.builder.block, self.builder.span = block, end.span
                self.builder.emit(Return([self.builder.word(Wait.DONE)]))

    def _start(self, parameters: list[BlockParameter], stops: list[_Stop]) -> None:
        """Go on where the item says; at the first time, load the arguments."""
        builder = self.builder
        builder.span = self.kernel.span
        body = self.kernel.blocks
        body[0].parameters = []
        start = Block("entry", [self.item])
        self.kernel.parameters, self.kernel.results = [self.item], (I64,)
        chain: list[Block] = [start]
        builder.block = start
        place = load_word(builder, self.item, layout.ITEM_PLACE)
        for stop in stops:
            other = Block("other")
            number = builder.word(stop.number)
            here = builder.emit(CompareInteger(IntegerPredicate.EQ, place, number))
            builder.branch(here, stop.block, other)
            builder.block = other
            chain.append(other)
        group = load_word(builder, self.item, layout.ITEM_GROUP)
        launch = load_word(builder, group, layout.GROUP_LAUNCH)
        values = arguments(builder, launch, parameters)
        for parameter in parameters:
            slot = self.slots.get(parameter)
            if slot is not None:
                builder.emit(SlotSet(slot, values[parameter]))
        builder.jump(body[0])
        start.ops[:0] = list(self.slots.values())
        self.kernel.blocks = [*chain, *body]
        for block in body:
            for made in block.ops:
                made.replace_operands(values)

    def _home(self) -> "_WaitingItem":
        return _WaitingItem(self.item, self.places)


class _WaitingItem(GroupItem):
    """An item whose words are at an address: it loads what it needs where it needs it."""

    def __init__(self, item: Value, places: LdsPlaces) -> None:
        super().__init__(item, [], item, places)
        self._item = item

    def local_id(self, builder: Builder, axis: device.Axis) -> Value:
        """Load the index along an axis."""
        offset = list(device.Axis).index(axis) * layout.WORD_BYTES
        return load_word(builder, self._item, layout.ITEM_LOCAL + offset)

    def number(self, builder: Builder) -> Value:
        """Load the index over all axes."""
        return load_word(builder, self._item, layout.ITEM_NUMBER)

    def group_words(self, builder: Builder) -> Value:
        """Load the address of the group's words."""
        return load_word(builder, self._item, layout.ITEM_GROUP)
