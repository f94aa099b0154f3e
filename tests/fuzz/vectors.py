"""Programs of random ops on vectors: the interpreter's output against machine code's.

    python -m tests.fuzz.vectors --seconds 60 --seed 1000

A program computes vectors of all types from odd constants, and stores every one it made, with NaNs
replaced because their bits may differ.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from mlrift.backends.llvm.options import CodegenOptions, OptimisationLevel
from mlrift.ir.builder import Builder
from mlrift.ir.core import Global, Linkage, Module, Value
from mlrift.ir.interpret import RecordingOs, run_program
from mlrift.ir.interpret.vector_arrays import array_of
from mlrift.ir.numbers import to_single
from mlrift.ir.op import Op
from mlrift.ir.ops import vector, vector_arith, vector_dot, vector_memory, vector_reduce
from mlrift.ir.ops.arith import Add
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.compare import FloatPredicate, IntegerPredicate
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.convert import TruthToWord
from mlrift.ir.ops.memory import GlobalAddress, Stack
from mlrift.ir.ops.vector_arith import BinaryKind, ConvertKind, DivideKind, Dot4Kind, UnaryKind
from mlrift.ir.ops.vector_reduce import Order, ReduceKind
from mlrift.ir.ops.vector_types import (
    ANY_LANES,
    FLOATS,
    HALVES,
    INTEGERS,
    LANE_BITS,
)
from mlrift.ir.text import print_module
from mlrift.ir.verify import check_module
from mlrift.targets import ARM64, X86_64, Cpu
from mlrift.typesystem import BF16, F32, I1, I8, I16, I32, I64, MachineType, VectorType, vec
from tests.unit.llvm.machine_code import (
    can_run,
    host_level,
    new_function,
    new_start,
    run_module,
    write_and_return,
)

OPS_IN_A_PROGRAM = 70
LANES = (1, 2, 3, 4, 4, 5, 8, 8, 8, 16, 16, 17, 32)
ELEMENTS = tuple(row for row in MachineType if row in ANY_LANES)
FLOAT_VALUES: tuple[float, ...] = (
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.1,
    2.5,
    1e300,
    -1e300,
    5e-324,
    2.0**63,
    -(2.0**31),
    2.0**-149,
)
FLOAT_VALUES += (
    float("inf"),
    float("-inf"),
    float("nan"),
    65519.0,
    65520.0,
    1e-8,
    6e-8,
    3.4028236e38,
)
ROOM_BYTES = 1 << 16


@dataclass(frozen=True)
class Machine:
    """A way to run a program as machine code."""

    cpu: Cpu
    optimisation: OptimisationLevel
    level: int = 0

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return f"{self.cpu.name} -{self.optimisation.value} level {self.level}"

    @property
    def is_present(self) -> bool:
        """Whether this machine can run it."""
        return can_run(self.cpu) and (self.level == 0 or host_level() >= self.level)


MACHINES = (
    Machine(X86_64, OptimisationLevel.NONE),
    Machine(X86_64, OptimisationLevel.FULL),
    Machine(X86_64, OptimisationLevel.FULL, 3),
    Machine(X86_64, OptimisationLevel.FULL, 4),
    Machine(X86_64, OptimisationLevel.FULL, 5),
    Machine(ARM64, OptimisationLevel.NONE),
    Machine(ARM64, OptimisationLevel.FULL),
)


@dataclass
class Writer:
    """Writes one program; `values` are the vectors it has made so far, by type."""

    random: Random
    builder: Builder
    room: Value
    inputs: Value
    data: bytearray = field(default_factory=bytearray)
    values: dict[VectorType, list[Value]] = field(default_factory=dict)
    room_bytes: int = 0

    def any_type(self, elements: frozenset[MachineType]) -> VectorType:
        """Return a type, often one that there is a value of."""
        known = [row for row in self.values if row.element in elements]
        if known and self.random.random() < 0.75:
            return self.random.choice(known)
        rows = [row for row in ELEMENTS if row in elements]
        return vec(self.random.choice(rows), self.random.choice(LANES))

    def lane(self, element: MachineType) -> int | float:
        """Return an odd constant."""
        random = self.random
        if element in FLOATS:
            number = random.choice((*FLOAT_VALUES, random.uniform(-100, 100), random.gauss(0, 1e6)))
            return to_single(number) if element is F32 else number
        bits = LANE_BITS[element]
        near = random.choice((0, 1, (1 << bits) - 1, 1 << bits - 1, (1 << bits - 1) - 1))
        return random.choice((near, random.randrange(1 << bits))) % (1 << bits)

    def constant(self, row: VectorType) -> Value:
        """Make odd constants: those in memory are unknown to LLVM."""
        lanes = tuple(self.lane(row.element) for _ in range(row.lanes))
        if row.element is I1 or self.random.random() < 0.25:
            return self.keep(self.builder.emit(vector.VectorConstant(lanes, row)))
        start = len(self.data)
        self.data += array_of(list(lanes), row).tobytes()
        place = self.builder.emit(Add(self.inputs, self.builder.word(start)))
        return self.keep(self.builder.emit(vector_memory.VectorLoad(place, 1, row)))

    def allocate(self, row: VectorType) -> Value:
        """Return a fresh address for a vector, sometimes an odd one."""
        start = self.room_bytes + self.random.choice((0, 0, 3))
        self.room_bytes = -(-(start + LANE_BITS[row.element] * row.lanes) // 64) * 64
        assert self.room_bytes <= ROOM_BYTES
        return self.builder.emit(Add(self.room, self.builder.word(start)))

    def keep(self, made: Value) -> Value:
        """Note a value for later ops."""
        assert isinstance(made.type, VectorType)
        self.values.setdefault(made.type, []).append(made)
        return made

    def value(self, row: VectorType) -> Value:
        """Return a value of a type."""
        known = self.values.get(row, [])
        return self.random.choice(known) if known else self.constant(row)

    def mask(self, lanes: int) -> Value:
        """Return a mask."""
        return self.value(vec(I1, lanes))

    def show(self, made: Value) -> None:
        """Store a value in the room; NaNs become zeros."""
        row = made.type
        emit = self.builder.emit
        assert isinstance(row, VectorType)
        if row.element is I1:
            made = emit(vector_arith.Convert(ConvertKind.SEXT, made, vec(I8, row.lanes)))
        if row.element in HALVES:
            row = vec(F32, row.lanes)
            made = emit(vector_arith.Convert(ConvertKind.WIDEN, made, row))
        if row.element in FLOATS:
            is_number = emit(vector_arith.CompareFloats(FloatPredicate.EQ, made, made))
            zeros = emit(vector.VectorConstant((0.0,) * row.lanes, row))
            made = emit(vector_arith.SelectLanes(is_number, made, zeros))
        assert isinstance(made.type, VectorType)
        emit(vector_memory.VectorStore(self.allocate(made.type), made, 1))


def _unary(writer: Writer) -> Value:
    kind = writer.random.choice(list(UnaryKind))
    elements = FLOATS
    if kind in (UnaryKind.NEG, UnaryKind.ABS):
        elements = INTEGERS | FLOATS
    elif kind is UnaryKind.NOT:
        elements = INTEGERS | {I1}
    return vector_arith.Unary(kind, writer.value(writer.any_type(elements)))


def _binary(writer: Writer) -> Value:
    kind = writer.random.choice(list(BinaryKind))
    elements = INTEGERS
    if kind in (BinaryKind.ADD, BinaryKind.SUB, BinaryKind.MUL):
        elements = INTEGERS | FLOATS
    elif kind in (BinaryKind.DIV, BinaryKind.MIN, BinaryKind.MAX):
        elements = FLOATS
    elif kind in (BinaryKind.AND, BinaryKind.OR, BinaryKind.XOR):
        elements = INTEGERS | {I1}
    row = writer.any_type(elements)
    return vector_arith.Binary(kind, writer.value(row), writer.value(row))


def _divide(writer: Writer) -> Value:
    """Divide by what is neither 0 nor -1."""
    row = writer.any_type(INTEGERS)
    kind = writer.random.choice(list(DivideKind))
    low = writer.builder.emit(vector.VectorConstant((0x3D,) * row.lanes, row))
    one = writer.builder.emit(vector.VectorConstant((1,) * row.lanes, row))
    masked = writer.builder.emit(vector_arith.Binary(BinaryKind.AND, writer.value(row), low))
    divisor = writer.builder.emit(vector_arith.Binary(BinaryKind.OR, masked, one))
    return vector_arith.Divide(kind, writer.value(row), divisor)


def _fma(writer: Writer) -> Value:
    row = writer.any_type(FLOATS)
    return vector_arith.MultiplyAdd(*[writer.value(row) for _ in range(3)])


def _compare(writer: Writer) -> Value:
    row = writer.any_type(INTEGERS | FLOATS)
    lhs, rhs = writer.value(row), writer.value(row)
    if row.element in FLOATS:
        return vector_arith.CompareFloats(writer.random.choice(list(FloatPredicate)), lhs, rhs)
    return vector_arith.CompareIntegers(writer.random.choice(list(IntegerPredicate)), lhs, rhs)


def _select(writer: Writer) -> Value:
    row = writer.any_type(ANY_LANES)
    return vector_arith.SelectLanes(writer.mask(row.lanes), writer.value(row), writer.value(row))


def _convert(writer: Writer) -> Value:
    while True:
        source = writer.any_type(ANY_LANES)
        target = vec(writer.random.choice(ELEMENTS), source.lanes)
        kind = writer.random.choice(list(ConvertKind))
        if source.element in HALVES:
            target, kind = vec(F32, source.lanes), ConvertKind.WIDEN
        made = vector_arith.Convert(kind, writer.value(source), target)
        if made.check() is None:
            return made


def _dot4(writer: Writer) -> Value:
    lanes = writer.random.choice((1, 2, 4, 8, 16, 3))
    factors = [writer.value(vec(I8, 4 * lanes)) for _ in range(2)]
    kind = writer.random.choice(list(Dot4Kind))
    return vector_arith.Dot4(kind, writer.value(vec(I32, lanes)), *factors)


def _pairs(writer: Writer) -> Value:
    lanes = writer.random.choice((1, 2, 4, 8, 16, 3, 32))
    if writer.random.random() < 0.5:
        words = [writer.value(vec(I16, 2 * lanes)) for _ in range(2)]
        return vector_dot.Dot2Words(writer.value(vec(I32, lanes)), *words)
    halves = [writer.value(vec(BF16, 2 * lanes)) for _ in range(2)]
    return vector_dot.Dot2(writer.value(vec(F32, lanes)), *halves)


def _table(writer: Writer) -> Value:
    indices = writer.value(vec(I8, writer.random.choice(LANES)))
    return vector.Table(writer.value(vec(I8, 16)), indices)


def _lanes_at(writer: Writer) -> Value:
    """Take a lane out by its number and put it into another vector so."""
    row = writer.any_type(ANY_LANES)
    numbers = [writer.builder.word(writer.random.randrange(100)) for _ in range(2)]
    scalar = writer.builder.emit(vector.ExtractAt(writer.value(row), numbers[0]))
    return vector.InsertAt(writer.value(row), scalar, numbers[1])


def _shuffle(writer: Writer) -> Value:
    row = writer.any_type(ANY_LANES)
    lanes = [writer.random.randrange(2 * row.lanes) for _ in range(writer.random.choice(LANES))]
    return vector.Shuffle(writer.value(row), writer.value(row), tuple(lanes))


def _concat(writer: Writer) -> Value:
    row = writer.any_type(ANY_LANES)
    if row.lanes > 16:
        return vector.Slice(writer.value(row), 1, row.lanes // 2)
    return vector.Concat(writer.value(row), writer.value(row))


def _slice(writer: Writer) -> Value:
    row = writer.any_type(ANY_LANES)
    first = writer.random.randrange(row.lanes)
    return vector.Slice(writer.value(row), first, writer.random.randint(1, row.lanes - first))


def _bitcast(writer: Writer) -> Value:
    """Read numbers as other integers: NaNs would show their bits."""
    row = writer.any_type(INTEGERS)
    bits = LANE_BITS[row.element] * row.lanes
    fitting = [kind for kind in (I8, I16, I32, I64) if bits % LANE_BITS[kind] == 0]
    element = writer.random.choice(fitting)
    return vector.Bitcast(writer.value(row), vec(element, bits // LANE_BITS[element]))


def _lanes(writer: Writer) -> Value:
    """Take a lane out and put it into another vector, or into all lanes."""
    row = writer.any_type(ANY_LANES)
    taken = vector.Extract(writer.value(row), writer.random.randrange(row.lanes))
    scalar = writer.builder.emit(taken)
    if writer.random.random() < 0.5:
        return vector.Splat(scalar, row)
    return vector.Insert(writer.value(row), scalar, writer.random.randrange(row.lanes))


def _reduce(writer: Writer) -> Value:
    kind = writer.random.choice(list(ReduceKind))
    order = writer.random.choice(list(Order))
    elements = INTEGERS
    if kind in (ReduceKind.ADD, ReduceKind.MUL):
        elements = INTEGERS | FLOATS
    elif kind in (ReduceKind.MIN, ReduceKind.MAX):
        elements = FLOATS
    row = writer.any_type(elements)
    found = writer.builder.emit(vector_reduce.Reduce(kind, order, writer.value(row)))
    return vector.Splat(found, vec(row.element, 2))


def _of_mask(writer: Writer) -> Value:
    mask = writer.mask(writer.random.choice(LANES))
    emit = writer.builder.emit
    random = writer.random.randrange(4)
    if random == 0:
        word: Value = emit(vector_reduce.Count(mask))
    elif random == 1:
        word = emit(vector_reduce.MaskToWord(mask))
    elif random == 2:
        word = emit(TruthToWord(emit(vector_reduce.Any(mask))))
    else:
        word = emit(TruthToWord(emit(vector_reduce.All(mask))))
    if writer.random.random() < 0.5:
        return vector_reduce.WordToMask(word, vec(I1, writer.random.choice(LANES)))
    return vector.Splat(word, vec(I64, 1))


def _memory(writer: Writer) -> Value:
    row = writer.any_type(INTEGERS | FLOATS | HALVES)
    emit = writer.builder.emit
    place, mask = emit(Stack(LANE_BITS[row.element] * row.lanes, 8)), writer.mask(row.lanes)
    emit(vector_memory.VectorStore(place, writer.value(row), 1))
    stored = writer.value(row)
    kind = writer.random.randrange(3)
    if kind == 0:
        emit(vector_memory.MaskedStore(place, mask, stored, 1))
    elif kind == 1:
        emit(vector_memory.CompressStore(place, mask, stored))
    else:
        emit(vector_memory.Scatter(place, _indices(writer, row), mask, stored))
    mask, otherwise = writer.mask(row.lanes), writer.value(row)
    kind = writer.random.randrange(4)
    if kind == 0:
        return vector_memory.MaskedLoad(place, mask, otherwise, 1)
    if kind == 1:
        return vector_memory.ExpandLoad(place, mask, otherwise)
    if kind == 2:
        return vector_memory.Gather(place, _indices(writer, row), mask, otherwise)
    return vector_memory.VectorLoad(place, 1, row)


def _indices(writer: Writer, row: VectorType) -> Value:
    """Return indices inside the vector."""
    element = writer.random.choice((I32, I64))
    lanes = tuple(writer.random.randrange(row.lanes) for _ in range(row.lanes))
    return writer.builder.emit(vector.VectorConstant(lanes, vec(element, row.lanes)))


CHOICES: tuple[Callable[[Writer], Value], ...] = (
    _unary,
    _binary,
    _binary,
    _binary,
    _divide,
    _fma,
    _compare,
    _select,
    _convert,
    _convert,
    _convert,
    _dot4,
    _pairs,
    _table,
    _lanes_at,
    _shuffle,
    _concat,
    _slice,
    _bitcast,
    _lanes,
    _reduce,
    _of_mask,
    _memory,
    _memory,
)


def random_program(seed: int) -> Module:
    """Return the program of a seed: `compute` does the work, `program.start` writes the room."""
    module = Module("vectors")
    module.globals["room"] = Global("room", ROOM_BYTES, 64, b"", Linkage.EXPORTED)
    compute = new_function(module, "compute", (I64, I64), ())
    room, inputs = compute.function.parameters
    writer = Writer(Random(seed), compute, room, inputs)
    for _ in range(OPS_IN_A_PROGRAM):
        made = writer.random.choice(CHOICES)(writer)
        assert isinstance(made, Op)
        writer.show(writer.keep(compute.emit(made)))
    compute.emit(Return([]))
    data = bytes(writer.data)
    module.globals["inputs"] = Global("inputs", len(data) + 1, 64, data, Linkage.EXPORTED)
    start = new_start(module)
    places: list[Value] = [start.emit(GlobalAddress(name)) for name in ("room", "inputs")]
    start.emit(Call("compute", places, ()))
    write_and_return(start, places[0], start.word(writer.room_bytes))
    return module


def differences(seed: int) -> list[str]:
    """Return how the machines differ from the interpreter on the program of a seed."""
    found = []
    module = random_program(seed)
    check_module(module, f"seed {seed}")
    expected = run_program(module, os_model=RecordingOs())
    for machine in MACHINES:
        if not machine.is_present:
            continue
        module.functions["compute"].level = machine.level
        outcome = run_module(module, machine.cpu, CodegenOptions(level=machine.optimisation))
        if (outcome.stdout, outcome.status) != (expected.stdout, expected.status):
            pairs = enumerate(zip(outcome.stdout, expected.stdout, strict=False))
            place = next((at for at, (left, right) in pairs if left != right), -1)
            found.append(f"seed {seed}, {machine.name}: status {outcome.status}, byte {place}")
    return found


def main() -> int:
    """Compare programs until the time is over; write those that differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print the program of the seed")
    options = parser.parse_args()
    if options.show:
        print(print_module(random_program(options.seed)))
        return 0
    end = time.monotonic() + options.seconds
    seed, failures = options.seed, 0
    while time.monotonic() < end:
        for text in differences(seed):
            print(text, flush=True)
            failures += 1
        seed += 1
    print(f"{seed - options.seed} programs, {failures} differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
