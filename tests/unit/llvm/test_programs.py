"""Memory, calls, control flow and traps as whole programs, on both CPUs and both levels."""

import struct
from collections.abc import Callable, Iterator

import pytest

from mlrift.backends.llvm.options import CodegenOptions, OptimisationLevel
from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Global, Linkage, Module, Successor, Value
from mlrift.ir.ops import arith, atomic, call, compare, control, convert, memory
from mlrift.targets import Cpu
from mlrift.typesystem import F32, F64, I8, I16, I32, I64, MachineType
from tests.unit.llvm.machine_code import (
    CPUS,
    can_run,
    new_function,
    new_start,
    run_module,
    write_and_return,
)

MINIMUM = 1 << 63
ALL_ONES = (1 << 64) - 1
Setting = tuple[Cpu, CodegenOptions]


def setting_id(row: tuple[Cpu, OptimisationLevel]) -> str:
    """Name a parameter."""
    return f"{row[0].name}-{row[1].value}"


@pytest.fixture(
    params=[(cpu, level) for cpu in CPUS for level in OptimisationLevel], ids=setting_id
)
def setting(request: pytest.FixtureRequest) -> Iterator[Setting]:
    cpu, level = request.param
    if not can_run(cpu):
        pytest.skip(f"needs a {cpu.name} machine or qemu")
    yield cpu, CodegenOptions(level=level)


def run_words(build: Callable[[Builder], list[Value]], setting: Setting) -> list[int]:
    """Run a program that computes words, and return them; `build` must not end the block."""
    module = Module("words")
    builder = new_start(module)
    words = build(builder)
    size = 8 * len(words)
    module.globals["result"] = Global("result", size, 8)
    address = builder.emit(memory.GlobalAddress("result"))
    for index, word in enumerate(words):
        place = builder.emit(arith.Add(address, builder.word(8 * index)))
        builder.emit(memory.Store(place, builder.as_word(word), I64))
    write_and_return(builder, address, builder.word(size))
    outcome = run_module(module, *setting)
    assert outcome.status == 0
    return list(struct.unpack(f"<{len(words)}Q", outcome.stdout))


def opaque(builder: Builder, value: int) -> Value:
    """A word LLVM cannot know."""
    name = f"opaque_{len(builder.module.globals)}"
    builder.module.globals[name] = Global(name, 8, 8, struct.pack("<Q", value), Linkage.EXPORTED)
    return builder.emit(memory.Load(builder.emit(memory.GlobalAddress(name)), I64))


def test_loads_and_stores_of_every_width_at_any_alignment(setting: Setting) -> None:
    def build(builder: Builder) -> list[Value]:
        base = builder.emit(memory.Stack(64, 8))
        builder.emit(memory.Fill(base, builder.word(0x1FF), builder.word(64)))
        found: list[Value] = []
        for index, kind in enumerate((I8, I16, I32, I64)):
            place = builder.emit(arith.Add(base, builder.word(1 + 9 * index)))
            builder.emit(memory.Store(place, builder.word(0x8182838485868788), kind))
            found.append(builder.emit(memory.Load(place, kind)))
        found.append(builder.emit(memory.Load(base, I64)))
        for kind, value in ((F64, 1.5), (F32, -0.25)):
            place = builder.emit(arith.Add(base, builder.word(41)))
            number = builder.emit(arith.Constant(value, kind))
            builder.emit(memory.Store(place, number, kind))
            loaded = builder.emit(memory.Load(place, kind))
            found.append(builder.emit(convert.FloatToBits(loaded)))
        return found

    assert run_words(build, setting) == [
        0x88,
        0x8788,
        0x85868788,
        0x8182838485868788,
        0xFFFFFFFFFFFF88FF,
        0x3FF8000000000000,
        0xBE800000,
    ]


def test_a_word_stored_as_a_float_keeps_its_low_bits(setting: Setting) -> None:
    def build(builder: Builder) -> list[Value]:
        base = builder.emit(memory.Stack(16, 8))
        builder.emit(memory.Fill(base, builder.word(0), builder.word(16)))
        builder.emit(memory.Store(base, opaque(builder, 0xAAAAAAAA3F800000), F32))
        return [builder.emit(memory.Load(base, I64))]

    assert run_words(build, setting) == [0x3F800000]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 8, 15, 16, 17, 33, 64, 65, 127, 128, 200, 1000])
def test_copies_and_fills_of_unknown_size(setting: Setting, size: int) -> None:
    def build(builder: Builder) -> list[Value]:
        source = builder.emit(memory.Stack(1024, 8))
        target = builder.emit(memory.Stack(1024, 8))
        count = opaque(builder, size)
        for base, byte in ((source, 0x11), (target, 0x22)):
            builder.emit(memory.Fill(base, builder.word(byte), opaque(builder, 1024)))
        inner = builder.emit(arith.Add(target, builder.word(3)))
        builder.emit(memory.Copy(inner, source, count))
        sums: list[Value] = []
        for position in (2, 3, 2 + size, 3 + size, 4 + size):
            place = builder.emit(arith.Add(target, builder.word(position)))
            sums.append(builder.emit(memory.Load(place, I8)))
        return sums

    before, inside = 0x22, 0x11
    expected = [before if not 3 <= row < 3 + size else inside for row in (2, 3, 2 + size)]
    assert run_words(build, setting) == [*expected, before, before]


@pytest.mark.parametrize("op_class", [arith.Udiv, arith.Urem, arith.Sdiv, arith.Srem])
@pytest.mark.parametrize(("lhs", "rhs"), [(5, 0), (0, 0), (MINIMUM, ALL_ONES)])
def test_impossible_divisions_end_with_status_136(
    setting: Setting, op_class: type[arith.Udiv], lhs: int, rhs: int
) -> None:
    if rhs and op_class in (arith.Udiv, arith.Urem):
        pytest.skip("an unsigned division by 2**64 - 1 is possible")
    for is_constant in (False, True):
        module = Module("division")
        builder = new_start(module)
        divisor = builder.word(rhs) if is_constant else opaque(builder, rhs)
        builder.emit(op_class(opaque(builder, lhs), divisor))
        write_and_return(builder, builder.word(0), builder.word(0), 3)
        assert run_module(module, *setting).status == 136


def test_a_dead_division_still_traps_and_a_valid_one_does_not(setting: Setting) -> None:
    def build(builder: Builder) -> list[Value]:
        lhs = opaque(builder, MINIMUM)
        return [
            builder.emit(arith.Sdiv(lhs, opaque(builder, 1))),
            builder.emit(arith.Srem(opaque(builder, 7), opaque(builder, ALL_ONES))),
            builder.emit(arith.Sdiv(opaque(builder, 7), opaque(builder, ALL_ONES))),
            builder.emit(arith.Udiv(lhs, opaque(builder, ALL_ONES))),
        ]

    assert run_words(build, setting) == [MINIMUM, 0, ALL_ONES - 6, 0]


def test_calls_pass_floats_words_and_three_results(setting: Setting) -> None:
    def build(builder: Builder) -> list[Value]:
        module = builder.module
        inner = new_function(module, "three", (I64, F64, F32), (I64, F64, F32), Linkage.INTERNAL)
        word, double, single = inner.function.parameters
        inner.emit(control.Return([word, inner.emit(arith.FAdd(double, double)), single]))
        made = builder.emit(
            call.Call(
                "three",
                [
                    builder.word(9),
                    builder.emit(arith.Constant(1.25, F64)),
                    builder.emit(arith.Constant(0.5, F32)),
                ],
                (I64, F64, F32),
            )
        )
        second = builder.emit(call.CallResult(made, 1, F64))
        third = builder.emit(call.CallResult(made, 2, F32))
        return [made] + [builder.emit(convert.FloatToBits(row)) for row in (second, third)]

    assert run_words(build, setting) == [9, 0x4004000000000000, 0x3F000000]


def test_ten_arguments_arrive(setting: Setting) -> None:
    def build(builder: Builder) -> list[Value]:
        inner = new_function(builder.module, "many", (I64,) * 10, (I64,), Linkage.INTERNAL)
        total: Value = inner.word(0)
        for index, parameter in enumerate(inner.function.parameters):
            scaled = inner.emit(arith.Mul(parameter, inner.word(index + 1)))
            total = inner.emit(arith.Add(total, scaled))
        inner.emit(control.Return([total]))
        arguments = [opaque(builder, row) for row in range(10)]
        return [builder.emit(call.Call("many", list(arguments), (I64,)))]

    assert run_words(build, setting) == [sum(row * (row + 1) for row in range(10))]


@pytest.mark.parametrize(
    ("parameters", "results", "expected"),
    [
        ((I64, I64), (I64,), 7),
        ((F64, I64), (F64,), 0x4000000000000000),
        ((F32, I64), (F32,), 0x40000000),
        ((I64, I64), (), 0),
        ((I64, I64), (I64, I64), 7),
    ],
)
def test_calls_by_address_take_and_give_words(
    setting: Setting,
    parameters: tuple[MachineType, ...],
    results: tuple[MachineType, ...],
    expected: int,
) -> None:
    argument = {I64: 7, F64: 0x4000000000000000, F32: 0xDEADBEEF40000000}[parameters[0]]

    def build(builder: Builder) -> list[Value]:
        inner = new_function(builder.module, "target", parameters, results, Linkage.INTERNAL)
        first = inner.function.parameters[0]
        inner.emit(control.Return([first] * len(results)))
        cell = builder.emit(memory.Stack(8, 8))
        builder.emit(memory.Store(cell, builder.emit(call.FunctionAddress("target")), I64))
        address = builder.emit(memory.VolatileLoad(cell, I64))
        words: list[Value] = [opaque(builder, argument), builder.word(1)]
        return [builder.emit(call.CallIndirect(address, words))]

    assert run_words(build, setting) == [expected]


def test_atomics_barriers_and_caches(setting: Setting) -> None:
    def build(builder: Builder) -> list[Value]:
        cell = builder.emit(memory.Stack(8, 8))
        found: list[Value] = []
        builder.emit(atomic.AtomicStore(cell, builder.word(12)))
        for kind in atomic.AtomicKind:
            found.append(builder.emit(atomic.AtomicUpdate(kind, cell, builder.word(10))))
        exchange = atomic.AtomicCompareExchange
        found.append(builder.emit(exchange(cell, builder.word(0), builder.word(99))))
        found.append(builder.emit(exchange(cell, builder.word(99), builder.word(5))))
        found.append(builder.emit(exchange(cell, builder.word(99), builder.word(6))))
        found.append(builder.emit(atomic.AtomicLoad(cell)))
        for barrier in atomic.BarrierKind:
            builder.emit(atomic.Barrier(barrier))
        builder.emit(atomic.FlushDataCache(cell))
        builder.emit(atomic.InvalidateInstructionCache(cell))
        builder.emit(memory.VolatileStore(cell, builder.word(0x1FF), I8))
        found.append(builder.emit(memory.VolatileLoad(cell, I64)))
        return found

    # add, sub, and, or, xor of 10, each giving the old word
    assert run_words(build, setting) == [12, 22, 12, 8, 10, 1, 1, 0, 5, 0xFF]


def test_slots_hold_variables(setting: Setting) -> None:
    def build(builder: Builder) -> list[Value]:
        count = builder.emit(memory.SlotNew("count", I64))
        ratio = builder.emit(memory.SlotNew("ratio", F64))
        builder.emit(memory.SlotSet(count, opaque(builder, 3)))
        builder.emit(memory.SlotSet(ratio, builder.emit(arith.Constant(2.5, F64))))
        got = builder.emit(memory.SlotGet(count, I64))
        builder.emit(memory.SlotSet(count, builder.emit(arith.Mul(got, got))))
        bits = builder.emit(convert.FloatToBits(builder.emit(memory.SlotGet(ratio, F64))))
        return [builder.emit(memory.SlotGet(count, I64)), bits]

    assert run_words(build, setting) == [9, 0x4004000000000000]


def test_both_edges_of_a_branch_may_reach_one_block(setting: Setting) -> None:
    def build(builder: Builder) -> list[Value]:
        found: list[Value] = []
        for number in (0, 1):
            parameter = BlockParameter(I64, "x")
            after = Block(f"after{number}", [parameter])
            builder.function.blocks.append(after)
            condition = builder.truth(opaque(builder, number))
            lhs, rhs = builder.word(10), builder.word(20)
            builder.emit(
                control.Branch(condition, Successor(after, [lhs]), Successor(after, [rhs]))
            )
            builder.block = after
            found.append(parameter)
        return found

    assert run_words(build, setting) == [20, 10]


def test_the_entry_block_may_be_a_loop(setting: Setting) -> None:
    def build(builder: Builder) -> list[Value]:
        inner = new_function(builder.module, "countdown", (I64, I64), (I64,), Linkage.INTERNAL)
        left, total = inner.function.parameters
        entry, done = inner.block, inner.new_block("done")
        scratch = inner.emit(memory.Stack(8, 8))
        inner.emit(memory.Store(scratch, total, I64))
        less = inner.emit(arith.Sub(left, inner.word(1)))
        more = inner.emit(arith.Add(inner.emit(memory.Load(scratch, I64)), left))
        is_more = inner.emit(
            compare.CompareInteger(compare.IntegerPredicate.NE, less, inner.word(0))
        )
        inner.emit(control.Branch(is_more, Successor(entry, [less, more]), Successor(done)))
        inner.block = done
        inner.emit(control.Return([more]))
        arguments = [opaque(builder, 10), builder.word(0)]
        return [builder.emit(call.Call("countdown", list(arguments), (I64,)))]

    assert run_words(build, setting) == [55]


def test_pointers_walk_through_memory(setting: Setting) -> None:
    """A pointer that is a block parameter, compared and moved, over an array in the frame."""

    def build(builder: Builder) -> list[Value]:
        array = builder.emit(memory.Stack(80, 8))
        for index in range(10):
            place = builder.emit(arith.Add(array, builder.word(8 * index)))
            builder.emit(memory.Store(place, opaque(builder, index * index), I64))
        end = builder.emit(arith.Add(array, builder.word(80)))
        cursor, total = BlockParameter(I64, "cursor"), BlockParameter(I64, "total")
        head = Block("head", [cursor, total])
        body, after = builder.new_block("body"), builder.new_block("after")
        builder.function.blocks.append(head)
        builder.emit(control.Jump(Successor(head, [array, builder.word(0)])))
        builder.block = head
        is_inside = compare.CompareInteger(compare.IntegerPredicate.ULT, cursor, end)
        builder.emit(control.Branch(builder.emit(is_inside), Successor(body), Successor(after)))
        builder.block = body
        value = builder.emit(memory.Load(cursor, I64))
        added = builder.emit(arith.Add(total, value))
        moved = builder.emit(arith.Add(cursor, builder.word(8)))
        builder.emit(control.Jump(Successor(head, [moved, added])))
        builder.block = after
        previous = builder.emit(arith.Sub(end, builder.word(8)))
        return [total, builder.emit(memory.Load(previous, I64))]

    assert run_words(build, setting) == [285, 81]


def test_an_index_before_the_base_reaches_memory(setting: Setting) -> None:
    """`0 + address` in an inlined function: LLVM must not take 0 for the base."""

    def build(builder: Builder) -> list[Value]:
        read = new_function(builder.module, "read", (I64, I64), (I64,), Linkage.INTERNAL)
        index, address = read.function.parameters
        total = read.emit(arith.Add(index, address))
        read.emit(control.Return([read.emit(memory.Load(total, I64))]))
        cell = builder.emit(memory.Stack(16, 8))
        found: list[Value] = []
        for value in (5, 6):
            builder.emit(memory.Store(cell, opaque(builder, value), I64))
            second = builder.emit(arith.Add(cell, builder.word(8)))
            builder.emit(memory.Store(second, opaque(builder, value + 10), I64))
            for offset in (0, 8):
                arguments: list[Value] = [builder.word(offset), cell]
                found.append(builder.emit(call.Call("read", arguments, (I64,))))
        return found

    assert run_words(build, setting) == [5, 15, 6, 16]


def test_fresh_storage_comes_from_the_core_library(setting: Setting) -> None:
    def build(builder: Builder) -> list[Value]:
        fresh = new_function(builder.module, "core.memory_fresh", (I64,), (I64,), Linkage.INTERNAL)
        size = fresh.function.parameters[0]
        mapped = fresh.call_external("os.map", [fresh.emit(arith.Add(size, fresh.word(8)))])
        fresh.emit(memory.Store(mapped, size, I64))
        fresh.emit(control.Return([fresh.emit(arith.Add(mapped, fresh.word(8)))]))
        one, two = builder.emit(memory.Fresh(24)), builder.emit(memory.Fresh(24))
        builder.emit(memory.Store(one, opaque(builder, 4), I64))
        different = compare.CompareInteger(compare.IntegerPredicate.NE, one, two)
        before = builder.emit(arith.Sub(one, builder.word(8)))
        return [
            builder.emit(memory.Load(one, I64)),
            builder.emit(memory.Load(two, I64)),
            builder.emit(different),
            builder.emit(memory.Load(before, I64)),
        ]

    assert run_words(build, setting) == [4, 0, 1, 24]


@pytest.mark.parametrize("name", ["memcpy", "strlen", "fmod", "memset", "sin", "main", "llvm.x"])
def test_functions_named_like_c_functions_are_the_programs_own(setting: Setting, name: str) -> None:
    def build(builder: Builder) -> list[Value]:
        module = builder.module
        inner = new_function(module, name, (I64,), (I64,), Linkage.INTERNAL)
        module.globals["environ"] = Global("environ", 8)
        doubled = inner.emit(arith.Add(inner.function.parameters[0], inner.word(5)))
        inner.emit(control.Return([doubled]))
        source = builder.emit(memory.Stack(512, 8))
        target = builder.emit(memory.Stack(512, 8))
        builder.emit(memory.Fill(source, builder.word(3), opaque(builder, 300)))
        builder.emit(memory.Copy(target, source, opaque(builder, 300)))
        place = builder.emit(arith.Add(target, builder.word(299)))
        found = builder.emit(call.Call(name, [opaque(builder, 1)], (I64,)))
        return [found, builder.emit(memory.Load(place, I8))]

    assert run_words(build, setting) == [6, 3]


def test_the_null_page_faults(setting: Setting) -> None:
    module = Module("null")
    builder = new_start(module)
    builder.emit(memory.Store(builder.word(0), builder.word(1), I64))
    write_and_return(builder, builder.word(0), builder.word(0), 3)
    assert run_module(module, *setting).status == 139


def test_unreachable_code_traps(setting: Setting) -> None:
    module = Module("unreachable")
    new_start(module).emit(control.Unreachable())
    assert run_module(module, *setting).status in (128 + 4, 128 + 5)
