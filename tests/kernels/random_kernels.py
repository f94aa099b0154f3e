"""Random kernels: a seed enters, a module with one kernel and what to launch it with leaves.

A kernel reads words and floats, computes with variables of all kinds under nested control flow with
break, continue and return, and writes its variables to its own part of the output. Everything is
defined: addresses are masked, divisors are odd, loops are counted.
"""

import random
from dataclasses import dataclass
from enum import Enum, unique

from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function, Linkage, Module, Successor, Value
from mlrift.ir.ops.arith import (
    Add,
    And,
    Ashr,
    Constant,
    FAdd,
    FDiv,
    FMul,
    FMultiplyAdd,
    FSqrt,
    FSub,
    Lshr,
    Mul,
    Or,
    Select,
    Shl,
    Sub,
    Udiv,
    Urem,
    Xor,
)
from mlrift.ir.ops.compare import (
    CompareFloat,
    CompareInteger,
    FloatPredicate,
    IntegerPredicate,
)
from mlrift.ir.ops.control import Branch, Jump, Return
from mlrift.ir.ops.convert import (
    BitsToFloat,
    FloatToBits,
    FloatToSigned,
    HalfToSingle,
    Narrow,
    SignedToFloat,
    SingleToHalf,
    TruthToWord,
    Widen,
)
from mlrift.ir.ops.device import (
    AssumeGroupSize,
    AtomicAdd,
    AtomicExchangeIf,
    Axis,
    Ballot,
    GroupBarrier,
    GroupId,
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
from mlrift.ir.ops.memory import Load, SlotGet, SlotNew, SlotSet, Stack, Store
from mlrift.typesystem import F32, F64, I8, I16, I32, I64, MachineType

GROUP = 64
GROUPS = 2
INPUT_BYTES = 4096
WORDS, SINGLES, DOUBLES = 5, 3, 2
OUTPUT_BYTES = 8 * (WORDS + SINGLES + DOUBLES)


@unique
class Shape(Enum):
    """How much control flow a kernel has."""

    STRAIGHT = "straight line"
    BRANCHES = "branches and loops"
    DEVICE = "branches, LDS and lanes"


@dataclass(frozen=True)
class RandomKernel:
    """A module with the kernel `random`: buffers output and input, two words, an f32, an f64."""

    module: Module
    shape: Shape


def random_kernel(seed: int, shape: Shape, statements: int = 14) -> RandomKernel:
    """Return the kernel of a seed."""
    writer = _Writer(random.Random(f"{seed} {shape.value}"), shape)
    return RandomKernel(writer.write(statements), shape)


@dataclass
class _Loop:
    leave: Block
    again: Block


class _Writer:
    def __init__(self, choices: random.Random, shape: Shape) -> None:
        self.choices = choices
        self.shape = shape
        module = Module("random")
        parameters = [
            BlockParameter(I64, "output"),
            BlockParameter(I64, "input"),
            BlockParameter(I64, "first"),
            BlockParameter(I64, "second"),
            BlockParameter(F32, "number"),
            BlockParameter(F64, "double"),
        ]
        function = Function("random", parameters, (), Linkage.EXPORTED)
        function.blocks = [Block("entry", parameters)]
        module.functions["random"] = function
        self.module = module
        self.builder = Builder(module, function)
        self.parameters = parameters
        self.loops: list[_Loop] = []
        self.depth = 0
        self.is_divergent = False
        self.counters = 0

    def write(self, statements: int) -> Module:
        emit = self.builder.emit
        entry = self.builder.block
        emit(AssumeGroupSize(GROUP, 1, 1))
        self.item = emit(LocalId(Axis.X))
        self.group = emit(GroupId(Axis.X))
        wide = emit(Mul(self.group, self.builder.word(GROUP)))
        self.index = emit(Add(wide, self.item))
        self.output = emit(
            Add(self.parameters[0], emit(Mul(self.index, self.builder.word(OUTPUT_BYTES))))
        )
        self.words = [self._slot(f"w{n}", I64) for n in range(WORDS)]
        self.singles = [self._slot(f"f{n}", F32) for n in range(SINGLES)]
        self.doubles = [self._slot(f"d{n}", F64) for n in range(DOUBLES)]
        self._initialise()
        self.finish = self.builder.new_block("finish")
        for _ in range(statements):
            self._statement()
        emit(Jump(Successor(self.finish)))
        self.builder.block = self.finish
        self._write_results()
        emit(Return([]))
        entry.ops.sort(key=lambda made: not isinstance(made, SlotNew | Stack))
        return self.module

    # variables

    def _slot(self, name: str, kind: MachineType) -> SlotNew:
        made = SlotNew(name, kind)
        self.builder.block.ops.append(made)
        return made

    def _initialise(self) -> None:
        emit, word = self.builder.emit, self.builder.word
        values = [self.index, self.item, self.parameters[2], self._load(I64), self._load(I32)]
        for slot, value in zip(self.words, values, strict=True):
            emit(SlotSet(slot, value))
        single = emit(SignedToFloat(emit(And(self._load(I64), word(0xFFFF))), F32))
        for slot, number in zip(
            self.singles, (single, self.parameters[4], self._load(F32)), strict=True
        ):
            emit(SlotSet(slot, number))
        for slot, number in zip(self.doubles, (self.parameters[5], self._load(F64)), strict=True):
            emit(SlotSet(slot, number))

    def _write_results(self) -> None:
        offset = 0
        for slot in (*self.words, *self.singles, *self.doubles):
            value = self.builder.emit(SlotGet(slot, slot.slot_type))
            address = self.builder.emit(Add(self.output, self.builder.word(offset)))
            kind = slot.slot_type
            assert isinstance(kind, MachineType)
            self.builder.emit(Store(address, value, kind))
            offset += 8

    # statements

    def _statement(self) -> None:
        if self.builder.is_terminated:
            return
        kinds = [self._assign] * 5 + [self._store]
        if self.shape is not Shape.STRAIGHT:
            if self.depth < 3:
                kinds += [self._if] * 3 + [self._while] * 2
            if self.loops and self.is_divergent:
                kinds += [self._break, self._continue]
            if self.depth > 0 and self.shape is Shape.BRANCHES:
                kinds += [self._return] if self.choices.random() < 0.15 else []
            kinds += [self._private]
        if self.shape is Shape.DEVICE and self.depth == 0:
            kinds += [self._exchange_in_lds, self._neighbours_in_lds, self._lanes, self._lanes]
        if self.shape is Shape.DEVICE:
            kinds += [self._atomic, self._float_atomic, self._swap]
        self.choices.choice(kinds)()

    def _assign(self) -> None:
        kind = self.choices.choice((I64, I64, I64, F32, F32, F64))
        if kind is I64:
            slot, value = self.choices.choice(self.words), self._word(3)
        elif kind is F32:
            slot, value = self.choices.choice(self.singles), self._single(3)
        else:
            slot, value = self.choices.choice(self.doubles), self._double(2)
        self.builder.emit(SlotSet(slot, value))

    def _store(self) -> None:
        offset = self.choices.randrange(OUTPUT_BYTES // 8) * 8
        address = self.builder.emit(Add(self.output, self.builder.word(offset)))
        access = self.choices.choice((I8, I16, I32, I64))
        value = self._word(2)
        if self.choices.random() < 0.3:
            value = self.builder.emit(Lshr(value, self.builder.word(16)))
        self.builder.emit(Store(address, value, access))

    def _if(self) -> None:
        then, end = self.builder.new_block("then"), self.builder.new_block("end")
        other = self.builder.new_block("else") if self.choices.random() < 0.5 else end
        self.builder.emit(Branch(self._truth(2), Successor(then), Successor(other)))
        self._body(then, end)
        if other is not end:
            self._body(other, end)
        self.builder.block = end

    def _body(self, block: Block, after: Block) -> None:
        was_divergent, self.is_divergent = self.is_divergent, True
        self.depth += 1
        self.builder.block = block
        for _ in range(self.choices.randrange(1, 4)):
            self._statement()
        if not self.builder.is_terminated:
            self.builder.emit(Jump(Successor(after)))
        self.depth -= 1
        self.is_divergent = was_divergent

    def _while(self) -> None:
        emit = self.builder.emit
        counter = SlotNew(f"i{self.counters}", I64)
        self.counters += 1
        self.builder.function.entry.ops.insert(0, counter)
        emit(SlotSet(counter, self.builder.word(0)))
        head, body = self.builder.new_block("head"), self.builder.new_block("body")
        after = self.builder.new_block("after")
        limit = emit(And(self._word(1), self.builder.word(self.choices.choice((1, 3, 7)))))
        emit(Jump(Successor(head)))
        self.builder.block = head
        count = emit(SlotGet(counter, I64))
        emit(SlotSet(counter, emit(Add(count, self.builder.word(1)))))
        more = emit(CompareInteger(IntegerPredicate.ULT, count, limit))
        emit(Branch(more, Successor(body), Successor(after)))
        self.loops.append(_Loop(after, head))
        self._body(body, head)
        self.loops.pop()
        self.builder.block = after

    def _break(self) -> None:
        self.builder.emit(Jump(Successor(self.loops[-1].leave)))

    def _continue(self) -> None:
        self.builder.emit(Jump(Successor(self.loops[-1].again)))

    def _return(self) -> None:
        self.builder.emit(Jump(Successor(self.finish)))

    # what only devices do

    def _exchange_in_lds(self) -> None:
        emit, word = self.builder.emit, self.builder.word
        access = self.choices.choice((I32, I64))
        size = 4 if access is I32 else 8
        array = emit(LdsArray(0 if access is I32 else 1, GROUP * size, 8))
        own = emit(Add(array, emit(Mul(self.item, word(size)))))
        emit(GroupBarrier())
        emit(LdsStore(access, own, self._word(2)))
        emit(GroupBarrier())
        other = emit(And(self._word(2), word(GROUP - 1)))
        where = emit(Add(emit(Mul(other, word(size))), array))
        emit(SlotSet(self.choices.choice(self.words), emit(LdsLoad(access, where))))

    def _neighbours_in_lds(self) -> None:
        """Write and read several elements from one address on."""
        emit, word, choices = self.builder.emit, self.builder.word, self.choices
        array = emit(LdsArray(2, 8 * GROUP * 4, 16))
        stride = choices.choice((4, 8, 16))
        first = emit(Add(emit(Mul(self.item, word(stride))), array))
        spread = choices.choice((4, 8, 64, 256))
        emit(GroupBarrier())
        emit(LdsStore(I32, emit(Add(array, emit(Mul(self.item, word(4))))), self._word(1)))
        emit(LdsStore(I32, emit(Add(array, emit(Mul(self.item, word(4))))), self._word(1)))
        for part in range(1, 8):
            address = emit(Add(emit(Mul(self.item, word(4))), word(4 * GROUP * part)))
            emit(LdsStore(I32, emit(Add(address, array)), self._word(0)))
        emit(GroupBarrier())
        total: Value = word(0)
        for number in range(choices.randrange(2, 6)):
            offset = number * spread % 1024
            loaded = emit(LdsLoad(I32, emit(Add(first, word(offset)))))
            total = emit(Add(emit(Mul(total, word(3))), loaded))
        emit(SlotSet(choices.choice(self.words), total))

    def _private(self) -> None:
        """Write two elements of an array of the item and read one."""
        emit, word = self.builder.emit, self.builder.word
        array = Stack(64, 8)
        self.builder.function.entry.ops.insert(0, array)

        def element() -> Value:
            index = emit(And(self._word(1), word(7)))
            return emit(Add(array, emit(Mul(index, word(8)))))

        for number in range(8):
            emit(Store(emit(Add(array, word(8 * number))), self._word(0), I64))
        emit(Store(element(), self._word(1), I64))
        emit(SlotSet(self.choices.choice(self.words), emit(Load(element(), I64))))

    def _lanes(self) -> None:
        emit, choices = self.builder.emit, self.choices
        kind = choices.randrange(7)
        word = choices.choice(self.words)
        if kind == 0:
            emit(SlotSet(word, emit(Ballot(self._truth(2)))))
        elif kind == 1:
            emit(SlotSet(word, emit(ShuffleXor(self._word(2), choices.randrange(32)))))
        elif kind == 2:
            emit(SlotSet(word, emit(Shuffle(self._word(2), self._word(2)))))
        elif kind == 3:
            reduction = choices.choice(list(Reduction))
            value = emit(And(self._word(2), self.builder.word(choices.choice((0xFFFF, 1 << 40)))))
            emit(SlotSet(word, emit(WaveReduce(reduction, value))))
        elif kind == 4:
            single = choices.choice(self.singles)
            emit(SlotSet(single, emit(WaveReduce(choices.choice(list(Reduction)), self._small()))))
        elif kind == 5:
            single = choices.choice(self.singles)
            emit(SlotSet(single, emit(Shuffle(self._single(2), emit(Lane())))))
        else:
            double = choices.choice(self.doubles)
            emit(SlotSet(double, emit(ShuffleXor(self._double(1), choices.randrange(32)))))

    def _atomic(self) -> None:
        offset = self.choices.randrange(WORDS) * 8
        address = self.builder.emit(Add(self.output, self.builder.word(offset)))
        if self.choices.random() < 0.5:
            made: Value = self.builder.emit(AtomicAdd(I64, address, self._word(1)))
        else:
            made = self.builder.emit(AtomicAdd(I32, address, self._word(1)))
        if self.choices.random() < 0.5:
            self.builder.emit(SlotSet(self.choices.choice(self.words), made))

    def _float_atomic(self) -> None:
        number = self.choices.randrange(SINGLES + DOUBLES)
        offset = 8 * (WORDS + number)
        address = self.builder.emit(Add(self.output, self.builder.word(offset)))
        if number < SINGLES:
            made = self.builder.emit(AtomicAdd(F32, address, self._single(1)))
            slots = self.singles
        else:
            made = self.builder.emit(AtomicAdd(F64, address, self._double(1)))
            slots = self.doubles
        if self.choices.random() < 0.5:
            self.builder.emit(SlotSet(self.choices.choice(slots), made))

    def _swap(self) -> None:
        offset = self.choices.randrange(WORDS) * 8
        address = self.builder.emit(Add(self.output, self.builder.word(offset)))
        access = self.choices.choice((I32, I64))
        made = AtomicExchangeIf(access, address, self._word(0), self._word(1))
        self.builder.emit(made)
        self.builder.emit(SlotSet(self.choices.choice(self.words), made))

    # expressions

    def _get(self, slots: list[SlotNew]) -> Value:
        slot = self.choices.choice(slots)
        return self.builder.emit(SlotGet(slot, slot.slot_type))

    def _load(self, access: MachineType) -> Value:
        emit, word = self.builder.emit, self.builder.word
        choices = self.choices
        size = {I8: 1, I16: 2, I32: 4, F32: 4, I64: 8, F64: 8}[access]
        index: Value = self.index if choices.random() < 0.7 else self.parameters[2]
        if choices.random() < 0.3:
            index = emit(Add(index, word(choices.randrange(64))))
        masked = emit(And(index, word(127)))
        address = emit(Add(self.parameters[1], emit(Mul(masked, word(size)))))
        if choices.random() < 0.5:
            address = emit(Add(address, word(choices.randrange(16) * 8)))
        return emit(Load(address, access))

    def _constant(self) -> int:
        choices = self.choices
        return choices.choice(
            (
                choices.randrange(70),
                choices.randrange(1 << 16),
                choices.randrange(1 << 32),
                choices.randrange(1 << 64),
                (1 << choices.randrange(64)) - 1,
                (1 << 64) - 1 - choices.randrange(40),
            )
        )

    def _word(self, depth: int) -> Value:
        emit, choices = self.builder.emit, self.choices
        if depth == 0 or choices.random() < 0.15:
            return self._leaf()
        kind = choices.randrange(13)
        if kind < 7:
            operation = choices.choice((Add, Sub, Mul, And, Or, Xor, Add))
            return emit(operation(self._word(depth - 1), self._word(depth - 1)))
        if kind == 7:
            shift = choices.choice((Shl, Lshr, Ashr))
            count: Value = self.builder.word(choices.randrange(64))
            if choices.random() < 0.3:
                count = self._word(0)
            return emit(shift(self._word(depth - 1), count))
        if kind == 8:
            chosen = self._word(depth - 1), self._word(depth - 1)
            return emit(Select(self._truth(depth - 1), *chosen))
        if kind == 9:
            return self._division(depth) if choices.random() < 0.5 else self._idiom(depth)
        return self._converted(depth, kind)

    def _idiom(self, depth: int) -> Value:
        """Return what selection knows as one instruction: extremes, sign extensions, products."""
        emit, choices = self.builder.emit, self.choices
        mask = self.builder.word(choices.choice((0xFF, 0xFFFFFFFF, 0xFFFFFF)))
        one, other = emit(And(self._word(depth - 1), mask)), emit(And(self._word(0), mask))
        kind = choices.randrange(4)
        if kind == 0:
            predicate = choices.choice(list(IntegerPredicate))
            chosen = (one, other) if choices.random() < 0.5 else (other, one)
            return emit(Select(emit(CompareInteger(predicate, one, other)), *chosen))
        if kind == 1:
            count = self.builder.word(choices.choice((32, 40, 48, 56, 61)))
            return emit(Ashr(emit(Shl(one, count)), count))
        if kind == 2:
            count = self.builder.word(choices.choice((32, 33, 40)))
            return emit(Lshr(emit(Mul(one, other)), count))
        return emit(Add(emit(Shl(one, self.builder.word(choices.randrange(5)))), other))

    def _converted(self, depth: int, kind: int) -> Value:
        emit, choices = self.builder.emit, self.choices
        if kind == 10:
            return emit(TruthToWord(self._truth(depth - 1)))
        if kind == 11:
            access = choices.choice((I8, I16, I32, I64))
            return self._load(access)
        number = self._single(depth - 1) if choices.random() < 0.6 else self._double(depth - 1)
        made = choices.randrange(3)
        if made == 0:
            return emit(FloatToSigned(number))
        if made == 1 and number.type is F32:
            return emit(SingleToHalf(self._small()))
        return emit(FloatToSigned(number))

    def _division(self, depth: int) -> Value:
        emit, choices = self.builder.emit, self.choices
        over, under = self._word(depth - 1), self._word(depth - 1)
        operation = choices.choice((Udiv, Urem))
        if choices.random() < 0.3:
            return emit(operation(over, self.builder.word(self._constant() | 1)))
        mask = self.builder.word(choices.choice((0xFFF, 0xFFFFFFFF, (1 << 64) - 1)))
        over, under = emit(And(over, mask)), emit(And(under, mask))
        return emit(operation(over, emit(Or(under, self.builder.word(1)))))

    def _leaf(self) -> Value:
        choice = self.choices.randrange(6)
        if choice < 3:
            return self._get(self.words)
        if choice == 3:
            return self.builder.word(self._constant())
        return self.choices.choice((self.item, self.index, self.parameters[2], self.parameters[3]))

    def _single(self, depth: int) -> Value:
        emit, choices = self.builder.emit, self.choices
        if depth == 0 or choices.random() < 0.2:
            if choices.random() < 0.3:
                return emit(Constant(choices.choice((0.5, 1.0, -3.25, 100.0, 0.125)), F32))
            return self._get(self.singles)
        kind = choices.randrange(10)
        if kind < 4:
            operation = choices.choice((FAdd, FSub, FMul, FDiv))
            return emit(operation(self._single(depth - 1), self._single(depth - 1)))
        if kind == 4:
            return emit(FSub(emit(Constant(-0.0, F32)), self._single(depth - 1)))
        if kind == 5:
            operands = [self._single(depth - 1) for _ in range(3)]
            return emit(FMultiplyAdd(*operands))
        if kind == 6:
            return emit(FSqrt(self._single(depth - 1)))
        if kind == 7:
            return emit(SignedToFloat(self._word(depth - 1), F32))
        if kind == 8:
            chosen = self._single(depth - 1), self._single(depth - 1)
            return emit(Select(self._truth(depth - 1), *chosen))
        if choices.random() < 0.5:
            return emit(Narrow(self._double(depth - 1)))
        return emit(HalfToSingle(emit(And(self._word(depth - 1), self.builder.word(0x7BFF)))))

    def _small(self) -> Value:
        """Return an f32 of moderate size."""
        word = self.builder.emit(And(self._word(1), self.builder.word(0xFFF)))
        return self.builder.emit(SignedToFloat(word, F32))

    def _double(self, depth: int) -> Value:
        emit, choices = self.builder.emit, self.choices
        if depth == 0 or choices.random() < 0.2:
            return self._get(self.doubles)
        kind = choices.randrange(8)
        if kind < 4:
            operation = choices.choice((FAdd, FSub, FMul, FDiv))
            return emit(operation(self._double(depth - 1), self._double(depth - 1)))
        if kind == 4:
            return emit(FSqrt(self._double(depth - 1)))
        if kind == 5:
            return emit(SignedToFloat(self._word(depth - 1), F64))
        if kind == 6:
            return emit(Widen(self._single(depth - 1)))
        bits = emit(FloatToBits(self._double(depth - 1)))
        masked = emit(And(bits, self.builder.word((1 << 63) - 1)))
        return emit(BitsToFloat(masked, F64))

    def _truth(self, depth: int) -> Value:
        emit, choices = self.builder.emit, self.choices
        kind = choices.randrange(8)
        if depth > 0 and kind == 0:
            operation = choices.choice((And, Or, Xor))
            return emit(operation(self._truth(depth - 1), self._truth(depth - 1)))
        if depth > 0 and kind == 1:
            predicate = choices.choice(list(FloatPredicate))
            if choices.random() < 0.5:
                return emit(CompareFloat(predicate, self._single(1), self._single(1)))
            return emit(CompareFloat(predicate, self._double(1), self._double(1)))
        order = choices.choice(list(IntegerPredicate))
        if kind < 5:
            mask = self.builder.word(choices.choice((1, 3, 15)))
            few = emit(And(self._word(1), mask))
            return emit(CompareInteger(order, few, self.builder.word(choices.randrange(4))))
        return emit(CompareInteger(order, self._word(1), self._word(1)))
