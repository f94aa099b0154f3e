"""Combinations over a workgroup: within waves, then over the waves' results, by way of LDS.

    %w = device.wave_reduce sum, %x
    device.lds_store f32, %array + 4 * wave, %w
    device.barrier
    %v = device.lds_load f32, %array + 4 * min(lane, waves - 1)
    %r = device.wave_reduce sum, select(lane < waves, %v, 0.0)

A group of 32 items is one wave. In a loop a second barrier keeps the next turn from writing what a
slow wave has not read yet. Groups of unknown size ask for it: when lanes are missing, each of five
exchanges takes what it gets only from a lane that exists; when there are several waves, the first
one alone combines their results (it is the only one that surely has as many lanes).
"""

from mlrift.ir.analysis.loops import loop_depths
from mlrift.ir.analysis.range_sources import GroupShape, group_size_of
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add, And, Constant, FAdd, Lshr, Mul, Select, Shl, Sub, Xor
from mlrift.ir.ops.compare import CompareFloat, CompareInteger, FloatPredicate, IntegerPredicate
from mlrift.ir.ops.control import Branch, Jump
from mlrift.ir.ops.device import (
    Axis,
    GroupBarrier,
    GroupReduce,
    GroupSize,
    Lane,
    LdsArray,
    LdsLoad,
    LdsStore,
    LocalId,
    Reduction,
    Shuffle,
    ShuffleXor,
    WaveReduce,
)
from mlrift.ir.passes.declaration import Pass, Property, on_functions
from mlrift.static_types import TypeVar
from mlrift.typesystem import F32, F64, I64, MachineType

_LANES = 32
_LANE_BITS = 5
_MOST_WAVES = 32
_DISTANCES = (16, 8, 4, 2, 1)
_SIZES: dict[MachineType, int] = {F32: 4, F64: 8, I64: 8}
_LIMITS = {Reduction.SUM: 0.0, Reduction.MAXIMUM: float("-inf"), Reduction.MINIMUM: float("inf")}
_Made = TypeVar("_Made", bound=Op)


def expand_reductions(function: Function) -> None:
    """Replace every combination over a group."""
    if not any(isinstance(made, GroupReduce) for made in function.ops()):
        return
    writer = _Writer(function)
    for block in list(function.blocks):
        writer.expand(block)
    function.blocks = writer.blocks
    for made in function.ops():
        made.replace_operands(writer.replacements)


PASS = Pass(
    "device_reduce",
    on_functions(expand_reductions),
    needs=frozenset({Property.NO_SLOTS, Property.NO_DEAD_BLOCKS}),
)


class _Writer:
    """Writes a function's blocks anew."""

    def __init__(self, function: Function) -> None:
        self.shape = group_size_of(function)
        self.depths = loop_depths(function)
        arrays = [made.number for made in function.ops() if isinstance(made, LdsArray)]
        self.next_array = max(arrays, default=0) + 1
        self.blocks: list[Block] = []
        self.current = function.entry
        self.made: Op = function.entry.ops[0]
        self.is_repeated = False
        self.replacements: dict[Value, Value] = {}

    def expand(self, block: Block) -> None:
        """Write a block, which may become several."""
        ops, block.ops = block.ops, []
        self.is_repeated = self.depths[block] > 0
        self._enter(block)
        for made in ops:
            if isinstance(made, GroupReduce):
                made.replace_operands(self.replacements)
                self.made = made
                self.replacements[made] = self._combined(made)
            else:
                self.current.ops.append(made)

    def _enter(self, block: Block) -> None:
        self.blocks.append(block)
        self.current = block

    def _emit(self, made: _Made) -> _Made:
        made.span = self.made.span
        self.current.ops.append(made)
        return made

    def _word(self, number: int) -> Constant:
        return self._emit(Constant(number, I64))

    def _combined(self, made: GroupReduce) -> Value:
        items = _items(self.shape)
        if items is not None and items % _LANES == 0:
            return self._of_whole_waves(made, items // _LANES)
        return self._of_any_group(made)

    # ---- whole waves ----

    def _of_whole_waves(self, made: GroupReduce, waves: int) -> Value:
        result = self._emit(WaveReduce(made.reduction, made.operand))
        if waves == 1:
            return self._with_absent_waves(made, result)
        access = _access(made)
        array = self._array(waves * _SIZES[access])
        wave = self._emit(Lshr(self._item(), self._word(_LANE_BITS)))
        self._emit(LdsStore(access, self._place(array, wave, access), result))
        self._emit(GroupBarrier())
        known = self._found_by_waves(made, array, self._word(waves))
        if self.is_repeated:
            self._emit(GroupBarrier())
        return self._emit(WaveReduce(made.reduction, known))

    def _found_by_waves(self, made: GroupReduce, array: Value, waves: Value) -> Value:
        """Load what the wave of this lane's number has found, or what absent waves count as."""
        access = _access(made)
        lane = self._emit(Lane())
        is_there = self._emit(CompareInteger(IntegerPredicate.ULT, lane, waves))
        chosen = self._emit(Select(is_there, lane, self._word(0)))
        loaded = self._emit(LdsLoad(access, self._place(array, chosen, access)))
        return self._emit(Select(is_there, loaded, self._limit(made)))

    def _with_absent_waves(self, made: GroupReduce, result: Value) -> Value:
        """Combine with what absent waves count as: -0.0 becomes zero, NaN the limit."""
        if made.type is I64:
            return result
        if made.reduction is Reduction.SUM:
            return self._emit(FAdd(result, self._limit(made)))
        is_number = self._emit(CompareFloat(FloatPredicate.EQ, result, result))
        return self._emit(Select(is_number, result, self._limit(made)))

    # ---- any group ----

    def _of_any_group(self, made: GroupReduce) -> Value:
        """Decide by the size of the group, which is the same for all its items."""
        item, items = self._item(), self._count()
        of_wave = self._of_any_wave(made, item, items)
        end = Block("reduced", [BlockParameter(made.type)])
        one, more = Block("one_wave"), Block("waves")
        is_one = CompareInteger(IntegerPredicate.ULE, items, self._word(_LANES))
        self._emit(Branch(self._emit(is_one), Successor(one), Successor(more)))
        self._enter(one)
        self._emit(Jump(Successor(end, [self._with_absent_waves(made, of_wave)])))
        self._enter(more)
        self._emit(Jump(Successor(end, [self._of_waves(made, of_wave, item, items)])))
        self._enter(end)
        return end.parameters[0]

    def _of_any_wave(self, made: GroupReduce, item: Value, items: Value) -> Value:
        """Combine within waves, of which the last one may lack lanes."""
        end = Block("wave_reduced", [BlockParameter(made.type)])
        whole, cut = Block("whole_waves"), Block("cut_wave")
        rest = self._emit(And(items, self._word(_LANES - 1)))
        is_whole = CompareInteger(IntegerPredicate.EQ, rest, self._word(0))
        self._emit(Branch(self._emit(is_whole), Successor(whole), Successor(cut)))
        self._enter(whole)
        result = self._emit(WaveReduce(made.reduction, made.operand))
        self._emit(Jump(Successor(end, [result])))
        self._enter(cut)
        lane = self._emit(Lane())
        in_wave = self._emit(Sub(items, self._emit(Sub(item, lane))))
        self._emit(Jump(Successor(end, [self._exchanged(made, lane, in_wave)])))
        self._enter(end)
        return end.parameters[0]

    def _of_waves(self, made: GroupReduce, of_wave: Value, item: Value, items: Value) -> Value:
        """Combine what waves have found: the first one, which lacks no lane, does it for all."""
        access = _access(made)
        array = self._array((_MOST_WAVES + 1) * _SIZES[access])
        wave = self._emit(Lshr(item, self._word(_LANE_BITS)))
        self._emit(LdsStore(access, self._place(array, wave, access), of_wave))
        self._emit(GroupBarrier())
        is_first = self._emit(CompareInteger(IntegerPredicate.EQ, wave, self._word(0)))
        first, after = Block("first_wave"), Block("waves_reduced")
        self._emit(Branch(is_first, Successor(first), Successor(after)))
        self._enter(first)
        more = self._emit(Add(items, self._word(_LANES - 1)))
        known = self._found_by_waves(made, array, self._emit(Lshr(more, self._word(_LANE_BITS))))
        result = self._emit(WaveReduce(made.reduction, known))
        self._emit(LdsStore(access, self._place(array, self._word(_MOST_WAVES), access), result))
        self._emit(Jump(Successor(after)))
        self._enter(after)
        self._emit(GroupBarrier())
        found = self._emit(LdsLoad(access, self._place(array, self._word(_MOST_WAVES), access)))
        if self.is_repeated:
            self._emit(GroupBarrier())
        return found

    def _exchanged(self, made: GroupReduce, lane: Value, lanes: Value) -> Value:
        """Combine over the lanes that are there, which are the first ones.

        The first lane's value is the result: where a lane is missing from its tree, all that this
        lane would have combined are missing, too.
        """
        limit, value = self._limit(made), made.operand
        for distance in _DISTANCES:
            other = self._emit(Xor(lane, self._word(distance)))
            is_there = self._emit(CompareInteger(IntegerPredicate.ULT, other, lanes))
            received = self._emit(ShuffleXor(value, distance))
            value = self._both(made.reduction, value, self._emit(Select(is_there, received, limit)))
        return self._emit(Shuffle(value, self._word(0)))

    def _both(self, reduction: Reduction, one: Value, other: Value) -> Value:
        """Combine two values; of a number and a NaN the number is the greater and the lesser."""
        if one.type is I64:
            if reduction is Reduction.SUM:
                return self._emit(Add(one, other))
            predicate = _WORD_ORDER[reduction]
            return self._emit(Select(self._emit(CompareInteger(predicate, one, other)), one, other))
        if reduction is Reduction.SUM:
            return self._emit(FAdd(one, other))
        is_number = self._emit(CompareFloat(FloatPredicate.EQ, other, other))
        is_better = self._emit(CompareFloat(_ORDER[reduction], one, other))
        better = self._emit(Select(is_better, one, other))
        is_real = self._emit(CompareFloat(FloatPredicate.EQ, one, one))
        return self._emit(Select(is_number, self._emit(Select(is_real, better, other)), one))

    # ---- parts ----

    def _array(self, size_bytes: int) -> LdsArray:
        self.next_array += 1
        return self._emit(LdsArray(self.next_array - 1, size_bytes, 16))

    def _place(self, array: Value, index: Value, access: MachineType) -> Value:
        scale = self._word(_SIZES[access].bit_length() - 1)
        return self._emit(Add(array, self._emit(Shl(index, scale))))

    def _limit(self, made: GroupReduce) -> Constant:
        if made.type is I64:
            return self._word(_WORD_LIMITS[made.reduction])
        return self._emit(Constant(_LIMITS[made.reduction], made.type))

    def _item(self) -> Value:
        """Return the number of the item in its group."""
        number: Value = self._emit(LocalId(Axis.Z))
        for axis in (Axis.Y, Axis.X):
            number = self._emit(Mul(number, self._size(axis)))
            number = self._emit(Add(number, self._emit(LocalId(axis))))
        return number

    def _size(self, axis: Axis) -> Value:
        if self.shape is None:
            return self._emit(GroupSize(axis))
        return self._word(self.shape["xyz".index(axis.value)])

    def _count(self) -> Value:
        count = self._size(Axis.X)
        for axis in (Axis.Y, Axis.Z):
            count = self._emit(Mul(count, self._size(axis)))
        return count


_ORDER = {Reduction.MAXIMUM: FloatPredicate.GE, Reduction.MINIMUM: FloatPredicate.LE}
_WORD_ORDER = {Reduction.MAXIMUM: IntegerPredicate.UGT, Reduction.MINIMUM: IntegerPredicate.ULT}
_WORD_LIMITS = {Reduction.SUM: 0, Reduction.MAXIMUM: 0, Reduction.MINIMUM: (1 << 64) - 1}


def _items(shape: GroupShape | None) -> int | None:
    return shape[0] * shape[1] * shape[2] if shape is not None else None


def _access(made: GroupReduce) -> MachineType:
    return F32 if made.type is F32 else F64 if made.type is F64 else I64
