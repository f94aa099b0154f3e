"""Random IR from a seed: any ops at all (for text), and programs that end (for passes)."""

from collections.abc import Callable
from enum import Enum
from random import Random

import mlrift.ir.ops  # noqa: F401  # fills the registry
from mlrift.ir.assembly import Assembly
from mlrift.ir.builder import Builder
from mlrift.ir.core import (
    Block,
    BlockParameter,
    Function,
    Global,
    Linkage,
    Module,
    Successor,
    Value,
)
from mlrift.ir.op import REGISTRY, FieldKind, Op
from mlrift.ir.ops import arith, atomic, compare, convert, memory
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.call import Call, CallIndirect, CallResult, FunctionAddress
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.rare import is_core, load_every_family
from mlrift.typesystem import (
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    VOID_MACHINE,
    MachineType,
    ValueType,
    VectorType,
    vec,
)

load_every_family()
CORE = {row.MNEMONIC: row for row in REGISTRY.values() if is_core(row.MNEMONIC)}

_NAMES = ("a", "b", "x.1", "then", "", "7", "odd name", 'quo"te', "é", "back\\slash")
_FLOATS = (0.0, -0.0, 1.5, 1e300, 5e-324, float("inf"), float("-inf"), float("nan"), 0.1)
_WORDS = (0, 1, 2, 7, 63, 64, 255, 2**31, 2**63 - 1, 2**63, 2**64 - 1)


def any_module(seed: int) -> Module:
    """Return a module that prints, with ops of every kind and odd names; not legal IR."""
    random = Random(seed)
    module = Module(random.choice(_NAMES) or "m")
    for number in range(random.randrange(3)):
        name = f"{random.choice(_NAMES)}{number}"
        data = random.randbytes(random.randrange(6))
        size_bytes = len(data) + random.randrange(3)
        linkage = random.choice(list(Linkage))
        module.globals[name] = Global(
            name, size_bytes, 1 << random.randrange(5), data, linkage, random.random() < 0.3
        )
    for number in range(1 + random.randrange(2)):
        function = _any_function(random, f"{random.choice(_NAMES)}{number}")
        module.functions[function.name] = function
    module.declare("os.write", [I64, F64], (I64,)).returns = False
    return module


def _any_function(random: Random, name: str) -> Function:
    parameters = [
        BlockParameter(random.choice((I64, F64, F32)), random.choice(_NAMES))
        for _ in range(random.randrange(3))
    ]
    blocks = [Block(random.choice(_NAMES) or "entry", parameters)]
    for _ in range(random.randrange(3)):
        rows = [BlockParameter(I64, random.choice(_NAMES)) for _ in range(random.randrange(3))]
        blocks.append(Block(random.choice(_NAMES) or "block", rows))
    function = Function(
        name,
        parameters,
        random.choice(((), (I64,), (I64, F64))),
        random.choice((Linkage.INTERNAL, Linkage.EXPORTED)),
        blocks,
        is_naked=random.random() < 0.2,
        returns=random.random() < 0.8,
        section=random.choice((None, ".text.x", 'odd "one"')),
    )
    if random.random() < 0.1:
        function.blocks = []
        function.assembly = Assembly(
            tuple(random.choice(_NAMES) for _ in range(random.randrange(3))),
            tuple(random.sample(("rax", "x0", "r8"), random.randrange(3))),
            tuple(random.sample(("rdx", "x30", "in"), random.randrange(3))),
        )
        return function
    values: list[Value] = [row for block in blocks for row in block.parameters]
    classes = list(CORE.values())
    for block in blocks:
        first = Constant(random.choice(_WORDS), I64)
        block.ops.append(first)
        values.append(first)
        for _ in range(random.randrange(8)):
            made = _any_op(random, random.choice(classes), values, blocks)
            block.ops.append(made)
            if made.type is not VOID_MACHINE:
                values.append(made)
    return function


def _any_op(random: Random, op_class: type[Op], values: list[Value], blocks: list[Block]) -> Op:
    fields: list[object] = []
    for row in op_class.FIELDS:
        some = [random.choice(values) for _ in range(random.randrange(3))]
        if row.kind is FieldKind.OPERAND:
            fields.append(random.choice(values))
        elif row.kind is FieldKind.OPERANDS:
            fields.append(some)
        elif row.kind is FieldKind.SUCCESSOR:
            fields.append(Successor(random.choice(blocks), some))
        else:
            fields.append(_any_attribute(random, row.type))
    return op_class(*fields)


def _any_attribute(random: Random, hint: object) -> object:
    if hint is str:
        return random.choice(_NAMES) + "s"
    if hint is int:
        return random.choice((0, 1, 8, 4096))
    if hint == int | float:
        return random.choice((*_WORDS, *_FLOATS))
    if hint in (tuple[MachineType, ...], tuple[ValueType, ...]):
        return random.choice(((), (I64,), (I64, F64), (F32, I64, I64)))
    if hint == tuple[int, ...]:
        return tuple(random.randrange(9) for _ in range(random.randrange(4)))
    if hint == tuple[int | float, ...]:
        return tuple(random.choice((*_WORDS, *_FLOATS)) for _ in range(random.randrange(4)))
    if hint is VectorType:
        return random.choice((vec(F64, 8), vec(I64, 3)))
    if hint in (MachineType, ValueType):
        return random.choice((I64, F64, F32))
    assert isinstance(hint, type) and issubclass(hint, Enum)
    return random.choice(list(hint))


def ending_module(seed: int) -> Module:
    """Return legal IR with `f0`, `f1`, ... of two words and a float that all end."""
    random = Random(seed)
    module = Module("random")
    module.globals["data"] = Global("data", 64, 8, bytes(range(40)))
    for number in range(1 + random.randrange(3)):
        _Writer(random, module, number).write()
    return module


class _Writer:
    """Writes one function statement by statement, its variables in slots."""

    def __init__(self, random: Random, module: Module, number: int) -> None:
        self.random = random
        self.number = number
        parameters = [BlockParameter(I64, "a"), BlockParameter(I64, "b"), BlockParameter(F64, "x")]
        self.function = Function(
            f"f{number}",
            parameters,
            (I64, F64),
            Linkage.EXPORTED,
            [Block("entry", parameters)],
        )
        module.functions[self.function.name] = self.function
        self.builder = Builder(module, self.function)
        emit = self.builder.emit
        self.words = [emit(memory.SlotNew(f"w{index}", I64)) for index in range(4)]
        self.floats = [emit(memory.SlotNew(f"d{index}", F64)) for index in range(2)]
        self.storage = emit(memory.Stack(64, 8))
        emit(memory.Fill(self.storage, self.builder.word(0), self.builder.word(64)))
        for slot, parameter in zip(self.words, parameters[:2], strict=False):
            emit(memory.SlotSet(slot, parameter))
        emit(memory.SlotSet(self.floats[0], parameters[2]))

    def write(self) -> None:
        """Write the body."""
        self.statements(3, 3)
        if self.random.random() < 0.4:
            self.recurse()
        emit = self.builder.emit
        emit(Return([self.get(self.words[0]), self.get(self.floats[0])]))

    def statements(self, depth: int, most: int) -> None:
        """Write some statements, nested at most that deep."""
        for _ in range(1 + self.random.randrange(most)):
            kind = self.random.randrange(10)
            if kind < 2 and depth:
                self.if_else(depth)
            elif kind < 4 and depth:
                self.loop(depth)
            elif kind == 4:
                self.store()
            elif kind == 5 and self.number:
                self.call()
            elif kind == 6:
                self.builder.emit(memory.SlotSet(self.random.choice(self.floats), self.double()))
            else:
                self.builder.emit(memory.SlotSet(self.random.choice(self.words), self.word(3)))

    def get(self, slot: memory.SlotNew) -> Value:
        """Read a variable."""
        return self.builder.emit(memory.SlotGet(slot, slot.slot_type))

    def word(self, depth: int) -> Value:
        """Write an expression of a word."""
        random, emit = self.random, self.builder.emit
        kind = random.randrange(9)
        if depth == 0 or kind == 0:
            return self.builder.word(random.choice(_WORDS))
        if kind == 1:
            return self.get(random.choice(self.words))
        if kind == 2:
            return emit(convert.TruthToWord(self.truth(depth - 1)))
        if kind == 3:
            loaded = random.choice((I8, I16, I32, I64))
            return emit(memory.Load(self.address(depth), loaded))
        if kind == 4:
            return emit(convert.FloatToSigned(self.double()))
        if kind == 5:
            return emit(convert.FloatToBits(emit(convert.Narrow(self.double()))))
        if kind == 6:
            lhs, rhs = self.word(depth - 1), self.word(depth - 1)
            return emit(arith.Select(self.truth(depth - 1), lhs, rhs))
        classes: tuple[Callable[[Value, Value], Op], ...] = (
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
        if random.random() < 0.1:
            classes = (arith.Udiv, arith.Urem, arith.Sdiv, arith.Srem)
        return emit(random.choice(classes)(self.word(depth - 1), self.word(depth - 1)))

    def truth(self, depth: int) -> Value:
        """Write a condition."""
        random, emit = self.random, self.builder.emit
        if random.random() < 0.2:
            predicate = random.choice(list(compare.FloatPredicate))
            return emit(compare.CompareFloat(predicate, self.double(), self.double()))
        made: Value = emit(
            compare.CompareInteger(
                random.choice(list(compare.IntegerPredicate)),
                self.word(max(depth, 0)),
                self.word(max(depth, 0)),
            )
        )
        if random.random() < 0.2:
            made = emit(arith.Xor(made, emit(Constant(1, MachineType.I1))))
        return made

    def double(self) -> Value:
        """Write an expression of an f64."""
        random, emit = self.random, self.builder.emit
        kind = random.randrange(5)
        if kind == 0:
            return emit(Constant(random.choice(_FLOATS), F64))
        if kind == 1:
            return emit(convert.SignedToFloat(self.get(random.choice(self.words)), F64))
        if kind == 2:
            return emit(convert.Widen(emit(convert.Narrow(self.get(random.choice(self.floats))))))
        classes = (arith.FAdd, arith.FSub, arith.FMul, arith.FDiv)
        lhs, rhs = self.get(self.floats[0]), self.get(self.floats[1])
        return emit(random.choice(classes)(lhs, rhs))

    def address(self, depth: int) -> Value:
        """Write an address in the storage or the global."""
        emit = self.builder.emit
        base: Value = self.storage
        if self.random.random() < 0.3:
            base = emit(memory.GlobalAddress("data"))
        offset = emit(arith.And(self.word(depth - 1), self.builder.word(31)))
        return emit(arith.Add(base, offset))

    def store(self) -> None:
        """Write a store, or an atomic."""
        address = self.address(2)
        if self.random.random() < 0.2:
            kind = self.random.choice(list(atomic.AtomicKind))
            self.builder.emit(atomic.AtomicUpdate(kind, address, self.word(1)))
            return
        stored = self.random.choice((I8, I16, I32, I64, F64))
        value = self.double() if stored is F64 else self.word(2)
        self.builder.emit(memory.Store(address, value, stored))

    def call(self) -> None:
        """Write a call of an earlier function, directly or by its address."""
        emit = self.builder.emit
        name = f"f{self.random.randrange(self.number)}"
        arguments = [self.word(1), self.word(1), self.double()]
        if self.random.random() < 0.3:
            words = [*arguments[:2], emit(convert.FloatToBits(arguments[2]))]
            made = emit(CallIndirect(emit(FunctionAddress(name)), words))
            emit(memory.SlotSet(self.words[2], made))
            return
        call = emit(Call(name, arguments, (I64, F64)))
        emit(memory.SlotSet(self.words[1], call))
        if self.random.random() < 0.5:
            emit(memory.SlotSet(self.floats[1], emit(CallResult(call, 1, F64))))

    def recurse(self) -> None:
        """Write a call of the function itself, at most seven deep, often a tail call."""
        random, builder, emit = self.random, self.builder, self.builder.emit
        fuel = emit(arith.And(self.function.parameters[0], builder.word(7)))
        again, done = builder.new_block("again"), builder.new_block("done")
        builder.branch(builder.truth(fuel), again, done)
        builder.block = again
        arguments = [emit(arith.Sub(fuel, builder.word(1))), self.word(1), self.double()]
        call = emit(Call(self.function.name, arguments, (I64, F64)))
        further: Value = emit(CallResult(call, 1, F64))
        if random.random() < 0.5:
            emit(Return([call, further]))
        else:
            combine = random.choice((arith.Add, arith.Mul, arith.Xor, arith.Sub))
            emit(Return([emit(combine(self.word(1), call)), further]))
        builder.block = done

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
        """Write a loop of a few turns, perhaps with a way out of the middle."""
        builder = self.builder
        count = SlotCounter(builder)
        head, body, end = (builder.new_block(name) for name in ("head", "body", "end"))
        builder.jump(head)
        builder.block = head
        builder.branch(count.below(self.random.randrange(5)), body, end)
        builder.block = body
        count.advance()
        self.statements(depth - 1, 2)
        if self.random.random() < 0.4:
            go_on = builder.new_block("go_on")
            builder.branch(self.truth(1), end, go_on)
            builder.block = go_on
            self.statements(depth - 1, 1)
        builder.jump(head)
        builder.block = end


class SlotCounter:
    """A loop's own variable, which nothing else changes."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.slot = memory.SlotNew("count", I64)
        builder.function.entry.ops.insert(0, self.slot)
        builder.emit(memory.SlotSet(self.slot, builder.word(0)))

    def below(self, limit: int) -> Value:
        """Compare it with a constant."""
        emit = self.builder.emit
        value = emit(memory.SlotGet(self.slot, I64))
        return emit(
            compare.CompareInteger(compare.IntegerPredicate.ULT, value, self.builder.word(limit))
        )

    def advance(self) -> None:
        """Add one to it."""
        emit = self.builder.emit
        value = emit(memory.SlotGet(self.slot, I64))
        emit(memory.SlotSet(self.slot, emit(arith.Add(value, self.builder.word(1)))))
