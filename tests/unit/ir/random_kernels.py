"""Random kernels from a seed: divergent control flow, memory, LDS and exchanges; all of them end.

A kernel takes a buffer that it reads, one that it writes, a number and a float. Each item writes
its own part of the second buffer, so that what comes out does not depend on any order.
"""

from collections.abc import Callable
from random import Random

import numpy as np

from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function, Linkage, Module, Value
from mlrift.ir.interpret.kernels import run_kernel
from mlrift.ir.numbers import to_single
from mlrift.ir.op import Op
from mlrift.ir.ops import arith, compare, convert, device, memory
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.control import Return
from mlrift.typesystem import F32, F64, I1, I8, I16, I32, I64, MachineType
from mlrift.values import value

LANES = 32
READ_BYTES = 512
OWN_BYTES = 64
_WORDS = (0, 1, 2, 3, 5, 7, 10, 31, 32, 63, 255, 1000, 2**16, 2**32 - 1, 2**32, 2**63, 2**64 - 1)
_DIVISORS = (1, 2, 3, 7, 10, 16, 60, 255, 641, 2**31 - 1, 2**32 + 1, 10**12, 2**63 + 1)
_FLOATS = (0.0, -0.0, 1.0, 0.5, -2.5, 3.0, 1e30, 1e-30)
_Binary = Callable[[Value, Value], Op]
_BINARY: tuple[_Binary, ...] = (
    arith.Add,
    arith.Add,
    arith.Sub,
    arith.Mul,
    arith.And,
    arith.Or,
    arith.Xor,
    arith.Shl,
    arith.Lshr,
    arith.Ashr,
)


@value
class Launch:
    """How a kernel is run."""

    group: tuple[int, int, int]
    grid: tuple[int, int]


LAUNCHES = (
    Launch((32, 1, 1), (2, 1)),
    Launch((40, 1, 1), (2, 1)),
    Launch((8, 4, 1), (2, 2)),
    Launch((64, 1, 1), (1, 2)),
    Launch((7, 1, 1), (3, 1)),
)


def random_kernel(seed: int) -> tuple[Module, Launch]:
    """Return a module with one kernel, `k`, and a launch; two of three assume their group size."""
    module = Module("random")
    launch = LAUNCHES[seed % len(LAUNCHES)]
    writer = _Writer(Random(seed), module, launch.group if seed % 3 else None)
    writer.has_whole_waves = launch.group[0] * launch.group[1] % LANES == 0
    writer.write()
    return module, launch


class _Writer:
    """Writes the kernel statement by statement, its variables in slots."""

    def __init__(self, random: Random, module: Module, group: tuple[int, int, int] | None) -> None:
        self.random = random
        self.group = group
        names = (("read", I64), ("write", I64), ("n", I64), ("x", F32))
        parameters = [BlockParameter(kind, name) for name, kind in names]
        self.read, self.write_to, self.count, self.factor = parameters
        blocks = [Block("entry", parameters)]
        self.function = Function("k", parameters, (), Linkage.EXPORTED, blocks)
        module.functions["k"] = self.function
        self.builder = Builder(module, self.function)
        self.emit = self.builder.emit
        self.has_whole_waves = True  # lanes that are not there give anything to an exchange
        self.loops: list[tuple[Block, Block]] = []
        self.counters = 0

    def write(self) -> None:
        """Write the body."""
        if self.group is not None:
            self.emit(device.AssumeGroupSize(*self.group))
        self.words = [self.emit(memory.SlotNew(f"w{index}", I64)) for index in range(4)]
        self.singles = [self.emit(memory.SlotNew(f"s{index}", F32)) for index in range(2)]
        self.doubles = [self.emit(memory.SlotNew(f"d{index}", F64)) for index in range(2)]
        self.storage = self.emit(memory.Stack(32, 8))
        self.emit(memory.Fill(self.storage, self.word_of(0), self.word_of(32)))
        self.own = self.own_place()
        self.set(self.words[0], self.emit(device.LocalId(device.Axis.X)))
        self.set(self.words[1], self.count)
        self.set(self.words[2], self.emit(device.GroupId(device.Axis.X)))
        self.set(self.words[3], self.word_of(9))
        for slot in self.singles:
            self.set(slot, self.factor)
        for slot in self.doubles:
            self.set(slot, self.emit(Constant(1.5, F64)))
        for _ in range(1 + self.random.randrange(3)):
            self.statements(3, 3)
            self.together()
        self.finish()

    def own_place(self) -> Value:
        """Return where the item's part of the buffer begins."""
        number: Value = self.emit(device.GroupId(device.Axis.Y))
        for index, scale in (
            (device.GroupId(device.Axis.X), device.GroupCount(device.Axis.X)),
            (device.LocalId(device.Axis.Y), device.GroupSize(device.Axis.Y)),
            (device.LocalId(device.Axis.X), device.GroupSize(device.Axis.X)),
        ):
            number = self.emit(arith.Mul(number, self.emit(scale)))
            number = self.emit(arith.Add(number, self.emit(index)))
        offset = self.emit(arith.Mul(number, self.word_of(OWN_BYTES)))
        return self.emit(arith.Add(self.write_to, offset))

    def finish(self) -> None:
        """Write what the variables hold to memory."""
        for position, slot in enumerate(self.words):
            self.put(8 * position, self.get(slot), I64)
        self.put(32, self.get(self.singles[0]), F32)
        self.put(36, self.get(self.singles[1]), F32)
        self.put(40, self.get(self.doubles[0]), F64)
        self.emit(Return([]))

    # ---- small things ----

    def word_of(self, number: int) -> Constant:
        """Write a constant."""
        return self.builder.word(number)

    def get(self, slot: memory.SlotNew) -> Value:
        """Read a variable."""
        return self.emit(memory.SlotGet(slot, slot.slot_type))

    def set(self, slot: memory.SlotNew, value: Value) -> None:
        """Give a variable a value."""
        self.emit(memory.SlotSet(slot, value))

    def put(self, offset: int, value: Value, kind: MachineType) -> None:
        """Store into the item's part of the buffer."""
        address = self.emit(arith.Add(self.own, self.word_of(offset)))
        self.emit(memory.Store(address, value, kind))

    # ---- statements ----

    def statements(self, depth: int, most: int) -> None:
        """Write some statements, nested at most that deep."""
        random = self.random
        for _ in range(1 + random.randrange(most)):
            kind = random.randrange(13)
            if kind < 2 and depth:
                self.if_else(depth)
            elif kind < 4 and depth:
                self.loop(depth)
            elif kind == 4:
                self.store()
            elif kind == 5 and self.loops:
                self.leave_loop()
            elif kind == 6 and depth < 2 and random.random() < 0.2:
                self.leave()
            elif kind == 7:
                self.set(random.choice(self.singles), self.single(2))
            elif kind == 8:
                self.set(random.choice(self.doubles), self.double(2))
            else:
                self.set(random.choice(self.words), self.word(3))

    def if_else(self, depth: int) -> None:
        """Write a conditional statement."""
        builder = self.builder
        then, other, join = (builder.new_block(name) for name in ("then", "else", "join"))
        builder.branch(self.truth(2), then, other if self.random.random() < 0.5 else join)
        for block in (then, other):
            builder.block = block
            self.statements(depth - 1, 2)
            builder.jump(join)
        builder.block = join

    def loop(self, depth: int) -> None:
        """Write a loop of a constant or a varying number of turns, with a counter of its own."""
        builder = self.builder
        self.counters += 1
        counter = memory.SlotNew(f"count{self.counters}", I64)
        self.function.entry.ops.insert(0, counter)
        start = self.word(1) if self.random.random() < 0.3 else self.word_of(0)
        self.set(counter, self.emit(arith.And(start, self.word_of(7))))
        head, body, end = (builder.new_block(name) for name in ("head", "body", "end"))
        limit: Value = self.word_of(self.random.choice((1, 3, 5, 8)))
        if self.random.random() < 0.5:
            limit = self.emit(arith.And(self.word(1), self.word_of(7)))
        builder.jump(head)
        builder.block = head
        below = compare.CompareInteger(compare.IntegerPredicate.ULT, self.get(counter), limit)
        builder.branch(self.emit(below), body, end)
        builder.block = body
        step = self.word_of(self.random.choice((1, 1, 2, 3)))
        self.set(counter, self.emit(arith.Add(self.get(counter), step)))
        if self.random.random() < 0.7:
            index = self.emit(arith.And(self.get(counter), self.word_of(15)))
            self.set(self.random.choice(self.singles), self.loaded_at(index, 4, F32))
        self.loops.append((head, end))
        self.statements(depth - 1, 3)
        self.loops.pop()
        builder.jump(head)
        builder.block = end

    def leave_loop(self) -> None:
        """Write a `break` or `continue` under a condition."""
        builder = self.builder
        target = self.random.choice(self.random.choice(self.loops))
        on = builder.new_block("on")
        builder.branch(self.truth(1), target, on)
        builder.block = on

    def leave(self) -> None:
        """Write a `return` under a condition; not before items do something together."""
        builder = self.builder
        gone, on = builder.new_block("gone"), builder.new_block("on")
        builder.branch(self.truth(1), gone, on)
        builder.block = gone
        self.put(56, self.get(self.words[0]), I64)
        builder.jump(on)
        builder.block = on

    def store(self) -> None:
        """Write a store into the item's part of the buffer, or into private memory."""
        kind = self.random.choice((I8, I16, I32, I64, F32))
        value = self.single(1) if kind is F32 else self.word(2)
        size = {I8: 1, I16: 2, I32: 4, I64: 8, F32: 4}[kind]
        if self.random.random() < 0.5:
            self.put(48 + size * self.random.randrange(8 // size), value, kind)
            return
        self.emit(memory.Store(self.private(size), value, kind))

    def private(self, size: int) -> Value:
        """Write an address in private memory."""
        index: Value = self.word_of(self.random.randrange(32 // size))
        if self.random.random() < 0.2:
            index = self.emit(arith.And(self.word(1), self.word_of(32 // size - 1)))
        offset = self.emit(arith.Mul(index, self.word_of(size)))
        return self.emit(arith.Add(self.storage, offset))

    def together(self) -> None:
        """Write something that all items of a group do together, outside of all conditions."""
        random = self.random
        kind = random.choice((0, 1, 2, 3, 4, 5) if self.has_whole_waves else (1, 4, 5))
        slot, single = random.choice(self.words), random.choice(self.singles)
        value = self.get(single)
        if kind == 0:
            self.set(
                single, self.emit(device.WaveReduce(random.choice(list(device.Reduction)), value))
            )
        elif kind == 1:
            self.set(
                single, self.emit(device.GroupReduce(random.choice(list(device.Reduction)), value))
            )
        elif kind == 2:
            lane = self.emit(arith.And(self.word(2), self.word_of(31)))
            self.set(slot, self.emit(device.Shuffle(self.get(slot), lane)))
        elif kind == 3:
            self.set(single, self.emit(device.ShuffleXor(value, random.randrange(32))))
        elif kind == 4:
            self.set(slot, self.emit(device.Ballot(self.truth(2))))
        else:
            self.by_lds(slot)

    def by_lds(self, slot: memory.SlotNew) -> None:
        """Write a word to LDS and read that of another item."""
        array = self.emit(device.LdsArray(1, 8 * 1024, 16))
        axes = (device.Axis.Y, device.Axis.X)
        item: Value = self.word_of(0)
        for axis in axes:
            item = self.emit(arith.Mul(item, self.emit(device.GroupSize(axis))))
            item = self.emit(arith.Add(item, self.emit(device.LocalId(axis))))
        self.emit(device.GroupBarrier())
        self.emit(device.LdsStore(I64, self.lds_place(array, item), self.get(slot)))
        self.emit(device.GroupBarrier())
        other = self.emit(arith.Lshr(item, self.word_of(self.random.randrange(3))))
        self.set(slot, self.emit(device.LdsLoad(I64, self.lds_place(array, other))))

    def lds_place(self, array: Value, item: Value) -> Value:
        """Write the address of a word in LDS."""
        return self.emit(arith.Add(array, self.emit(arith.Mul(item, self.word_of(8)))))

    # ---- expressions ----

    def loaded_at(self, index: Value, size: int, kind: MachineType) -> Value:
        """Write a load from the buffer that is read."""
        offset = self.emit(arith.Mul(index, self.word_of(size)))
        address = self.emit(arith.Add(self.read, offset))
        return self.emit(memory.Load(address, kind))

    def load(self, kind: MachineType, size: int) -> Value:
        """Write a load from anywhere in the buffer that is read, or from private memory."""
        if kind is not F64 and self.random.random() < 0.3:
            return self.emit(memory.Load(self.private(size), kind))
        index = self.emit(arith.And(self.word(1), self.word_of(READ_BYTES // size - 1)))
        return self.loaded_at(index, size, kind)

    def word(self, depth: int) -> Value:
        """Write an expression of a word."""
        random = self.random
        kind = random.randrange(11)
        if depth == 0 or kind == 0:
            return self.word_of(random.choice(_WORDS))
        if kind < 3:
            return self.get(random.choice(self.words))
        if kind == 3:
            return self.emit(convert.TruthToWord(self.truth(depth - 1)))
        if kind == 4:
            loaded, size = random.choice(((I8, 1), (I16, 2), (I32, 4), (I64, 8)))
            return self.load(loaded, size)
        if kind == 5:
            return self.emit(convert.FloatToBits(self.single(depth - 1)))
        if kind == 6:
            return self.divided(depth)
        if kind == 7:
            lhs, rhs = self.word(depth - 1), self.word(depth - 1)
            return self.emit(arith.Select(self.truth(depth - 1), lhs, rhs))
        if kind == 8:
            axis = random.choice((device.Axis.X, device.Axis.Y))
            source = random.choice((device.LocalId, device.GroupId, device.GroupSize))
            return self.emit(source(axis))
        if kind == 9 and random.random() < 0.3:
            count = self.word_of(random.choice((8, 32, 56)))
            shifted = self.emit(arith.Shl(self.word(depth - 1), count))
            return self.emit(random.choice((arith.Ashr, arith.Lshr))(shifted, count))
        made = random.choice(_BINARY)
        return self.emit(made(self.word(depth - 1), self.word(depth - 1)))

    def divided(self, depth: int) -> Value:
        """Write a division by something that is not zero, nor -1."""
        made = self.random.choice((arith.Udiv, arith.Urem, arith.Sdiv, arith.Srem))
        lhs = self.word(depth - 1)
        if self.random.random() < 0.6:
            return self.emit(made(lhs, self.word_of(self.random.choice(_DIVISORS))))
        masked = self.emit(arith.And(self.word(depth - 1), self.word_of(2**63 - 1)))
        return self.emit(made(lhs, self.emit(arith.Or(masked, self.word_of(1)))))

    def truth(self, depth: int) -> Value:
        """Write a condition."""
        random = self.random
        if depth > 1 and random.random() < 0.2:
            made = random.choice((arith.And, arith.Or, arith.Xor))
            return self.emit(made(self.truth(depth - 1), self.truth(depth - 1)))
        if random.random() < 0.2:
            order = random.choice(list(compare.FloatPredicate))
            lhs: Value = self.emit(convert.Widen(self.single(0)))
            return self.emit(compare.CompareFloat(order, lhs, self.double(0)))
        words = [self.word(max(depth, 1)), self.word(1)]
        predicate = random.choice(list(compare.IntegerPredicate))
        made_here: Value = self.emit(compare.CompareInteger(predicate, *words))
        if random.random() < 0.2:
            made_here = self.emit(arith.Xor(made_here, self.emit(Constant(1, I1))))
        return made_here

    def single(self, depth: int) -> Value:
        """Write an expression of an f32."""
        random = self.random
        kind = random.randrange(7)
        if depth == 0 or kind == 0:
            return self.emit(Constant(to_single(random.choice(_FLOATS)), F32))
        if kind < 3:
            return self.get(random.choice(self.singles))
        if kind == 3:
            return self.load(F32, 4)
        made: _Binary = random.choice((arith.FAdd, arith.FSub, arith.FMul, arith.FDiv))
        if kind == 4:
            lhs = self.emit(convert.Widen(self.single(depth - 1)))
            return self.emit(convert.Narrow(self.emit(made(lhs, self.double(0)))))
        return self.emit(made(self.single(depth - 1), self.single(depth - 1)))

    def double(self, depth: int) -> Value:
        """Write an expression of an f64."""
        random = self.random
        kind = random.randrange(4)
        if kind == 0:
            return self.emit(convert.Widen(self.single(depth)))
        if depth == 0 or kind == 1:
            return self.emit(Constant(random.choice(_FLOATS), F64))
        if kind == 2:
            return self.get(random.choice(self.doubles))
        made: _Binary = random.choice((arith.FAdd, arith.FSub, arith.FMul, arith.FDiv))
        return self.emit(made(self.double(depth - 1), self.double(depth - 1)))


def run(module: Module, launch: Launch, count: int, factor: float) -> bytes:
    """Run the kernel and return what it writes, all NaNs alike."""
    x, y, _ = launch.group
    across, down = launch.grid
    random = np.random.default_rng(7)
    read = random.integers(0, 256, READ_BYTES, dtype=np.uint8)
    read[:64] = random.standard_normal(16).astype(np.float32).view(np.uint8)
    written = np.zeros((x * y * across * down, OWN_BYTES), np.uint8)
    run_kernel(module, "k", launch.grid, launch.group, [read, written.reshape(-1), count, factor])
    for start, kind in ((32, np.float32), (36, np.float32), (40, np.float64)):
        size = np.dtype(kind).itemsize
        numbers = written[:, start : start + size].copy().view(kind)
        numbers[np.isnan(numbers)] = np.nan
        written[:, start : start + size] = numbers.view(np.uint8)
    return written.tobytes()


def results(module: Module, launch: Launch) -> list[bytes]:
    """Run the kernel with a small number and with one of more than 32 bits."""
    return [run(module, launch, 5, 1.25), run(module, launch, 2**40 + 3, -0.5)]
