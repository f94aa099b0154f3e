"""The interpreter as a machine: programs, traps, limits, the OS layer and memory."""

import sys

import pytest

from mlrift.ir.core import Module
from mlrift.ir.interpret import (
    ProgramLimits,
    ProgramResult,
    ProgramTrap,
    RecordingOs,
    StackFill,
    UnresolvedSymbol,
    run_function,
    run_program,
)
from mlrift.ir.interpret.program import Program
from mlrift.ir.text import parse_module
from mlrift.ir.verify import check_module
from tests.unit.ir.random_ir import ending_module

OS = """
declare @os.exit(i64) noreturn
declare @os.write(i64, i64, i64) -> i64
declare @os.read(i64, i64, i64) -> i64
declare @os.open(i64, i64) -> i64
declare @os.close(i64) -> i64
declare @os.file_size(i64) -> i64
declare @os.map(i64) -> i64
declare @os.unmap(i64, i64) -> i64
declare @os.time_ns() -> i64
declare @os.exec(i64, i64, i64) -> i64
declare @os.set_executable(i64) -> i64
declare @os.module_path(i64, i64) -> i64
declare @os.syscall(i64, i64, i64, i64, i64, i64, i64) -> i64
declare @os.target_os() -> i64
declare @os.arch_id() -> i64
global @text 8 align 1 = "hello\\0a"
global @path 5 align 1 = "file"
global @buffer 64 align 8
"""


def made(body: str, head: str = "exported function @main() -> i64 {") -> Module:
    module = parse_module(f"{OS}\n{head}\n^entry:\n{body}\n}}\n")
    check_module(module, "the test")
    return module


def run(body: str, model: RecordingOs | None = None) -> ProgramResult:
    return run_program(made(body), (), model)


def word(body: str, model: RecordingOs | None = None) -> int:
    """Run lines that define `%r`; return it in full."""
    found = run_function(made(body + "\ncontrol.return %r"), "main", (), model)
    assert isinstance(found, int)
    return found


CONSTANTS = "\n".join(f"%{number} = arith.constant {number} : i64" for number in range(10))
HERE = (
    CONSTANTS + "\n%t = memory.global @text\n%p = memory.global @path\n%b = memory.global @buffer\n"
)


def test_output_and_status() -> None:
    result = run(
        HERE + "%r = call.direct @os.write(%1, %t, %6) -> i64\n"
        "%s = call.direct @os.write(%2, %t, %5) -> i64\ncontrol.return %r"
    )
    assert (result.stdout, result.stderr, result.status) == (b"hello\n", b"hello", 6)


def test_exit_ends_the_program_modulo_256() -> None:
    body = "%c = arith.constant 259 : i64\ncall.direct @os.exit(%c) -> ()\ncontrol.unreachable"
    assert run(body).status == 3


def test_writing_a_bad_range_is_an_error_of_the_system_call() -> None:
    assert word(HERE + "%r = call.direct @os.write(%1, %t, %9) -> i64") == 2**64 - 14
    assert word(HERE + "%r = call.direct @os.write(%7, %t, %1) -> i64") == 2**64 - 9


def test_reading_standard_input_to_its_end() -> None:
    read = (
        "%n = call.direct @os.read(%0, %b, %4) -> i64\n"
        "%m = call.direct @os.read(%0, %b, %8) -> i64\n"
    )
    model = RecordingOs(stdin=b"abcdef")
    assert word(HERE + read + "%r = arith.add %n, %m", model) == 6
    assert word(HERE + read + "%r = memory.load %b : i16", RecordingOs(b"abcdef")) == 0x6665
    assert word(HERE + read + "%r = call.direct @os.read(%0, %b, %8) -> i64") == 0


def test_files() -> None:
    model = RecordingOs(files={b"file": b"content"})
    opened = HERE + "%f = call.direct @os.open(%p, %0) -> i64\n"
    assert word(opened + "%r = call.direct @os.file_size(%f) -> i64", model) == 7
    assert word(opened + "%r = call.direct @os.close(%f) -> i64", model) == 0
    assert word(opened + "%r = arith.add %f, %0") == 2**64 - 2
    created = HERE + "%f = call.direct @os.open(%p, %1) -> i64\n"
    written = "%n = call.direct @os.write(%f, %t, %5) -> i64\n%r = call.direct @os.close(%f) -> i64"
    assert word(created + written, model) == 0
    assert model.files[b"file"] == b"hello"


def test_mapped_memory_is_zero_and_faults_once_given_back() -> None:
    mapped = HERE + "%m = call.direct @os.map(%8) -> i64\n"
    assert word(mapped + "%r = memory.load %m : i64") == 0
    gone = mapped + "%u = call.direct @os.unmap(%m, %8) -> i64\n"
    assert word(gone + "%r = arith.add %u, %0") == 0
    with pytest.raises(ProgramTrap, match="139"):
        word(gone + "%r = memory.load %m : i64")
    assert word(HERE + "%r = call.direct @os.unmap(%b, %8) -> i64") == 0
    assert word(HERE + "%r = call.direct @os.unmap(%9, %8) -> i64") == 2**64 - 22


def test_memory_has_a_limit() -> None:
    module = made(HERE + "%r = call.direct @os.map(%9) -> i64\ncontrol.return %r")
    assert run_function(module, "main", (), None, ProgramLimits(memory_bytes=8)) == 0


def test_the_rest_of_the_os_layer() -> None:
    model = RecordingOs(files={b"file": b""}, clock=lambda: 123)
    model.target_os, model.arch_id = 2, 3
    assert word("%r = call.direct @os.time_ns() -> i64", model) == 123
    assert word("%r = call.direct @os.target_os() -> i64", model) == 2
    assert word("%r = call.direct @os.arch_id() -> i64", model) == 3
    assert word(HERE + "%r = call.direct @os.exec(%p, %0, %0) -> i64", model) == 2**64 - 2
    assert word(HERE + "%r = call.direct @os.set_executable(%p) -> i64", model) == 0
    assert model.executable == {b"file"}
    path = HERE + "%x = call.direct @os.module_path(%b, %8) -> i64\n%r = memory.load %b : i64"
    assert word(path, model).to_bytes(8, "little") == b"program\0"
    call = "%r = call.direct @os.syscall(%1, %1, %1, %1, %1, %1, %1) -> i64"
    assert word(HERE + call, model) == 2**64 - 38


def test_programs_start_with_their_arguments_and_environment() -> None:
    body = (
        "%e = arith.constant 8 : i64\n%q = arith.add %argv, %e\n%a = memory.load %q : i64\n"
        "%one = arith.constant 1 : i64\n%n = arith.constant 3 : i64\n"
        "%w = call.direct @os.write(%one, %a, %n) -> i64\n%v = memory.load %envp : i64\n"
        "%u = call.direct @os.write(%one, %v, %n) -> i64\ncontrol.return %argc"
    )
    head = "exported function @program.start(%argc : i64, %argv : i64, %envp : i64) -> i64 {"
    model = RecordingOs(environment=["A=b"])
    result = run_program(made(body, head), ["xyz", ""], model)
    assert (result.stdout, result.status) == (b"xyzA=b", 3)


def test_traps_say_where() -> None:
    result = run(CONSTANTS + "\n%q = arith.udiv %1, %0\ncontrol.return %q")
    assert result.status == 136
    assert result.note == "division in @main at arith.udiv"
    result = run(CONSTANTS + "\n%q = memory.load %1 : i32\ncontrol.return %q")
    assert result.status == 139
    assert "@main" in result.note


RECURSION = """
exported function @down(%n : i64) -> i64 {
^entry:
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %c = compare.integer eq %n, %zero
  control.branch %c, ^end, ^on
^end:
  control.return %zero
^on:
  %m = arith.sub %n, %one
  %r = call.direct @down(%m) -> i64
  %s = arith.add %r, %one
  control.return %s
}
exported function @indirectly(%n : i64) -> i64 {
^entry:
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %c = compare.integer eq %n, %zero
  control.branch %c, ^end, ^on
^end:
  control.return %zero
^on:
  %m = arith.sub %n, %one
  %f = call.address_of @indirectly
  %r = call.indirect %f(%m, %m)
  %s = arith.add %r, %one
  control.return %s
}
"""


@pytest.mark.parametrize("name", ["down", "indirectly"])
def test_recursion_is_deep_and_ends_in_a_fault(name: str) -> None:
    module = parse_module(RECURSION)
    before = sys.getrecursionlimit()
    assert run_function(module, name, [20_000]) == 20_000
    with pytest.raises(ProgramTrap, match="139"):
        run_function(module, name, [10_000_000])
    assert sys.getrecursionlimit() == before


def test_endless_programs_stop_at_the_limit() -> None:
    module = parse_module(
        "exported function @main() {\n^e:\ncontrol.jump ^l\n^l:\ncontrol.jump ^l\n}"
    )
    assert run_program(module, limits=ProgramLimits(steps=1000)).status == 152


def test_stack_storage_is_poisoned_or_zero() -> None:
    module = made("%s = memory.stack 8, 8\n%r = memory.load %s : i64\ncontrol.return %r")
    assert run_function(module, "main") == 0xA5A5A5A5A5A5A5A5
    assert run_function(module, "main", (), None, ProgramLimits(stack_fill=StackFill.ZERO)) == 0


def test_stack_storage_ends_with_its_call() -> None:
    module = parse_module(
        "function @leak() -> i64 {\n^e:\n%s = memory.stack 8, 8\ncontrol.return %s\n}\n"
        "function @f() -> i64 {\n^e:\n%p = call.direct @leak() -> i64\n"
        "%r = memory.load %p : i64\ncontrol.return %r\n}\n"
    )
    with pytest.raises(ProgramTrap, match="139"):
        run_function(module, "f")


def test_symbols_that_nobody_defines() -> None:
    module = parse_module(
        "declare @c_function()\nexternal global @c_data 8\n"
        "function @f() {\n^e:\ncall.direct @c_function() -> ()\ncontrol.return\n}\n"
        "function @g() -> i64 {\n^e:\n%a = memory.global @c_data\ncontrol.return %a\n}\n"
    )
    with pytest.raises(UnresolvedSymbol, match="@c_function"):
        run_function(module, "f")
    with pytest.raises(UnresolvedSymbol, match="@c_data"):
        run_function(module, "g")
    with pytest.raises(UnresolvedSymbol, match="@h"):
        run_function(module, "h")


def test_functions_give_one_result_several_or_none() -> None:
    module = parse_module(
        "function @none() {\n^e:\ncontrol.return\n}\n"
        "function @two(%a : i64, %x : f32) -> (f32, i64) {\n^e:\ncontrol.return %x, %a\n}\n"
    )
    assert run_function(module, "none") is None
    assert run_function(module, "two", [1, 0.5]) == (0.5, 1)


@pytest.mark.parametrize("edges", ["^yes{0}, ^test{1}", "^test{1}, ^yes{0}"])
def test_ladders_of_branches_translate(edges: str) -> None:
    """Five hundred tests nest no deeper than Python allows, whichever side goes on."""
    steps = "".join(
        f"^test{n}:\n%k{n} = arith.constant {n} : i64\n%c{n} = compare.integer eq %n, %k{n}\n"
        f"control.branch %c{n}, {edges.format(n, n + 1)}\n^yes{n}:\ncontrol.return %k{n}\n"
        for n in range(500)
    )
    head = "function @f(%n : i64) -> i64 {\n^entry:\ncontrol.jump ^test0\n"
    module = parse_module(head + steps + "^test500:\ncontrol.return %n\n}\n")
    check_module(module, "the ladder")
    expected = 450 if edges.startswith("^yes") else 0
    assert run_function(module, "f", [450]) == expected


def test_every_generated_line_knows_its_op() -> None:
    module = ending_module(3)
    program = Program(module, RecordingOs(), ProgramLimits())
    for name in module.functions:
        program.function(name)
        translation = program.translations[name]
        assert len(translation.lines) == len(translation.origins)
