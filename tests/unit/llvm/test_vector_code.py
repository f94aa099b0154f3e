"""What the IR's tests of vectors and loops say is what machine code does, at every level."""

import math
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from mlrift.backends.llvm.options import CodegenOptions, OptimisationLevel
from mlrift.ir.builder import Builder
from mlrift.ir.core import Function, Global, Linkage, Module, Value
from mlrift.ir.interpret import ProgramTrap, run_function
from mlrift.ir.numbers import double_to_bits, single_to_bits
from mlrift.ir.ops.arith import Add, Constant
from mlrift.ir.ops.call import Call, CallResult
from mlrift.ir.ops.memory import GlobalAddress, Store
from mlrift.ir.text import parse_module
from mlrift.targets import X86_64, Cpu
from mlrift.typesystem import F32, F64, I64, MachineType
from tests.harness.ir_files import call_of, read_ir_test
from tests.unit.llvm.machine_code import (
    CPUS,
    can_run,
    host_level,
    new_start,
    run_module,
    write_and_return,
)

TESTS = Path(__file__).parents[2] / "ir"
FILES = [*TESTS.glob("ops/vector.*.ir"), *TESTS.glob("ops/loop.*.ir"), *TESTS.glob("vector/*.ir")]
LEVELS = (3, 4, 5)
ENCODE: dict[object, Callable[[float], int]] = {
    F64: double_to_bits,
    F32: single_to_bits,
    I64: int,
}
BASELINE = 0
SIMD = -1


RUNNABLE = [path for path in sorted(FILES) if read_ir_test(path).runs]


def constant(builder: Builder, value: int | float, kind: object) -> Value:
    """Emit an argument."""
    if kind in (F32, F64):
        assert kind is F32 or kind is F64
        return builder.emit(Constant(float(value), kind))
    return builder.word(int(value))


def store_results(builder: Builder, called: Function, call: Call, place: int) -> None:
    """Emit stores of what a call gave, a word each."""
    base = builder.emit(GlobalAddress("outputs"))
    for index, kind in enumerate(called.results):
        value: Value = call if index == 0 else builder.emit(CallResult(call, index, kind))
        address = builder.emit(Add(base, builder.word(8 * (place + index))))
        assert isinstance(kind, MachineType)
        builder.emit(Store(address, value, kind))


def expected_words(called: Function, result: object) -> list[int | None]:
    """Return the bits of results, None for NaNs."""
    rows = result if isinstance(result, tuple) else (result,)
    words: list[int | None] = []
    for kind, row in zip(called.results, rows, strict=True):
        if isinstance(row, float) and math.isnan(row):
            words.append(None)
        else:
            words.append(ENCODE[kind](row))
    return words


def program(path: Path) -> tuple[Module, list[int | None], list[str]]:
    """Return a program for all runs of a file that end, its expected words and their calls."""
    test = read_ir_test(path)
    module = parse_module(test.text, path.name)
    start = new_start(module)
    words: list[int | None] = []
    calls: list[str] = []
    for line in test.runs:
        name, arguments, _ = call_of(line)
        called = module.functions[name]
        try:
            result = run_function(module, name, arguments)
        except ProgramTrap:
            continue
        kinds = [row.type for row in called.parameters]
        values = [constant(start, *row) for row in zip(arguments, kinds, strict=True)]
        made = start.emit(Call(name, values, called.results))
        store_results(start, called, made, len(words))
        words += expected_words(called, result)
        calls += [line] * len(called.results)
    size_bytes = 8 * len(words)
    module.globals["outputs"] = Global("outputs", size_bytes, 8, b"", Linkage.EXPORTED)
    write_and_return(start, start.emit(GlobalAddress("outputs")), start.word(size_bytes))
    return module, words, calls


def check(path: Path, cpu: Cpu, level: OptimisationLevel, generation: int) -> None:
    """Run a file's calls as machine code and compare."""
    module, words, calls = program(path)
    for function in module.functions.values():
        if function.blocks and function.name != "program.start":
            function.level = max(generation, BASELINE)
            function.is_simd = generation == SIMD
            function.linkage = Linkage.KEPT
    outcome = run_module(module, cpu, CodegenOptions(level=level))
    assert outcome.status == 0
    found = struct.unpack(f"<{len(words)}Q", outcome.stdout)
    for line, expected, word in zip(calls, words, found, strict=True):
        assert expected is None or word == expected, f"{line}: {word:#x}, not {expected:#x}"


@pytest.mark.parametrize("level", (OptimisationLevel.NONE, OptimisationLevel.FULL), ids=str)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
@pytest.mark.parametrize("path", RUNNABLE, ids=lambda row: row.stem)
def test_machine_code_agrees_with_the_interpreter(
    path: Path, cpu: Cpu, level: OptimisationLevel
) -> None:
    if not can_run(cpu):
        pytest.skip(f"needs a {cpu.name} machine or qemu")
    check(path, cpu, level, BASELINE)


@pytest.mark.parametrize("generation", LEVELS)
@pytest.mark.parametrize("path", RUNNABLE, ids=lambda row: row.stem)
def test_every_level_of_x86_64_agrees(path: Path, generation: int) -> None:
    if not can_run(X86_64) or host_level() < generation:
        pytest.skip(f"needs an x86-64-v{generation}")
    check(path, X86_64, OptimisationLevel.FULL, generation)


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_functions_marked_simd_choose_a_level(cpu: Cpu) -> None:
    if not can_run(cpu):
        pytest.skip(f"needs a {cpu.name} machine or qemu")
    for name in ("convert", "compress_store"):
        check(TESTS / "ops" / f"vector.{name}.ir", cpu, OptimisationLevel.FULL, SIMD)
