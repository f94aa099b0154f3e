"""Functions of the program that C calls: `fn_addr` as an argument of an `extern fn`.

C leaves the bits beyond a type as they happen to be, keeps floats in their own registers, and puts
on macOS on arm64 what finds no register at its own size on the stack. In the strict runners the C
function `forward` is made here: it dirties all that C leaves open, then it goes where its first
argument points, so that the callback gets the other arguments of the call.
"""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlrift.targets import (
    CPUS,
    LINUX_X86_64,
    MACOS_ARM64,
    MACOS_X86_64,
    WINDOWS_ARM64,
    WINDOWS_X86_64,
    Cpu,
    Target,
)
from tests.extern.programs import compile_for, run_command
from tests.objects.toolchains import LEVELS, c_file, compile_object, host_gcc, link_and_run
from tests.support.engines import engine_named
from tests.support.machine import Machine
from tests.support.traps import ExportRegistry, ResultWidth

STRICT = (MACOS_X86_64, MACOS_ARM64, WINDOWS_X86_64, WINDOWS_ARM64)
OWN_DLL = "own.dll"
LIBSYSTEM_PATH = "/usr/lib/libSystem.B.dylib"
GARBAGE = 0xA5C3_9669_0000_0000
BYTE_GARBAGE = 0xA5C3_9669_5A3C_9600


def _forward(garbage: int) -> Callable[..., int | None]:
    """Return a C function that calls its first argument with the others."""

    def forward(process: object, callback: int, *_others: int) -> None:
        machine: Machine = process.machine  # type: ignore[attr-defined]
        for register in machine.convention.arguments[1:]:
            machine.set(register, machine.get(register) ^ garbage)
        machine.set(machine.convention.program_counter, callback)

    return forward


@pytest.fixture(autouse=True)
def _own_functions() -> Iterator[None]:
    pytest.importorskip("unicorn")
    importlib.import_module("tests.support.run_macho")
    importlib.import_module("tests.support.run_pe")
    libsystem = importlib.import_module("tests.support.mac_process").LIBSYSTEM
    libraries = importlib.import_module("tests.support.windows_process").LIBRARIES
    before = dict(libsystem.exports)
    own = ExportRegistry()
    for name, garbage in (("bytes", BYTE_GARBAGE), ("halves", GARBAGE), ("plain", 0)):
        for registry, prefix in ((libsystem, "_"), (own, "")):
            register = registry.export(f"{prefix}forward_{name}", 1, ResultWidth.NOTHING)
            register(_forward(garbage))
    libraries[OWN_DLL] = own.exports
    yield
    del libraries[OWN_DLL]
    libsystem.exports.clear()
    libsystem.exports.update(before)


def _run(folder: Path, target: Target, level: str, text: str) -> bytes:
    engine = engine_named(f"{target.name}:strict")
    missing = engine.missing()
    if missing is not None:
        pytest.skip(f"the runner needs {missing}")
    text = text.replace("C fn", f'@dynamic("{OWN_DLL}", "{LIBSYSTEM_PATH}") extern fn')
    result = engine.run(compile_for(folder, text, target, level).read_bytes())
    assert (result.status, result.stderr) == (0, b"")
    return result.stdout


@pytest.mark.parametrize("level", [*LEVELS, "-g"])
@pytest.mark.parametrize("target", STRICT, ids=lambda row: row.name)
def test_small_integers_arrive_whole(tmp_path: Path, target: Target, level: str) -> None:
    text = """
    C fn forward_bytes(u64 to, i8 a, u8 b, bool c) -> i64
    C fn forward_halves(u64 to, i32 a, u32 b) -> i32
    fn bytes(u64 to, i8 a, u8 b, bool c) -> i64 { println(a, b, c) return a }
    fn halves(u64 to, i32 a, u32 b) -> i64 { println(a, b) return a }
    fn main() {
        println(forward_bytes(fn_addr("bytes"), -3, 200, 1))
        println(forward_halves((fn_addr("halves")), -70000, 4000000000))
    }
    """
    expected = b"-3 200 true\n-3\n-70000 4000000000\n-70000\n"
    assert _run(tmp_path, target, level, text) == expected


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("target", STRICT, ids=lambda row: row.name)
def test_floats_stay_floats(tmp_path: Path, target: Target, level: str) -> None:
    text = """
    C fn forward_plain(u64 to, f64 a, f32 b, i64 c, f64 d, f32 e) -> f64
    fn work(u64 to, f64 a, f32 b, i64 c, f64 d, f32 e) -> f64 {
        println(a, b, c, d, e)
        return a + b
    }
    fn main() { println(forward_plain(fn_addr("work"), 1.5, 0.25f, -7, 2.5, 8.0f)) }
    """
    expected = b"1.500000 0.250000 -7 2.500000 8.000000\n1.750000\n"
    assert _run(tmp_path, target, level, text) == expected


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("target", STRICT, ids=lambda row: row.name)
def test_small_results_are_extended(tmp_path: Path, target: Target, level: str) -> None:
    """C takes an `int` from the function that is declared with one, and may count on its bits."""
    text = """
    C fn forward_plain(u64 to) -> i32
    fn small(u64 to) -> i8 { return 0x1F0 }
    fn large(u64 to) -> u16 { return 0x1FFF0 }
    fn main() { println(forward_plain(fn_addr("small")), forward_plain(fn_addr("large"))) }
    """
    assert _run(tmp_path, target, level, text) == b"-16 65520\n"


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("target", STRICT, ids=lambda row: row.name)
def test_arguments_on_the_stack(tmp_path: Path, target: Target, level: str) -> None:
    singles = ", ".join(f"f32 s{index}" for index in range(8))
    words = ", ".join(f"u64 w{index}" for index in range(7))
    types = f"u64 to, {words}, {singles}, i32 a, u8 b, i16 c, u64 d, f32 e, i8 f, f64 g, bool h"
    text = f"""
    C fn forward_plain({types}) -> u64
    fn many({types}) -> u64 {{
        println(w0, w6, s0, s7, a, b, c, d, e, f, g, h)
        return a
    }}
    fn main() {{
        f32 x = 1.5
        forward_plain(fn_addr("many"), 1, 2, 3, 4, 5, 6, 7, x, x, x, x, x, x, x, 9.5f,
            -2, 0x104, -5, 77, 2.5f, -6, 0.5, 1)
    }}
    """
    expected = b"1 7 1.500000 9.500000 -2 4 -5 77 2.500000 -6 0.500000 true\n"
    assert _run(tmp_path, target, level, text) == expected


def test_other_addresses_take_words(tmp_path: Path) -> None:
    """`call_ptr` gives words, which nothing shortens."""
    text = """
    extern fn abs(i32 a) -> i32
    fn show(u8 a, f64 b) -> u8 { println(a, b) return a }
    fn main() {
        u64 address = fn_addr("show")
        println(call_ptr(address, 0x1FF, 1.5), abs(-3))
    }
    """
    program = compile_for(tmp_path, text, LINUX_X86_64)
    assert run_command(program).stdout == b"511 1.500000\n511 3\n"


LIBRARY = """
#include <stdint.h>
typedef int64_t words(int64_t, int64_t, int64_t, int64_t);
int64_t dirty(words *f) { return f(0x1234567800FFFFFE, 0x5A5A5A5A5A5A5AFE, 0x55FFFFFFF0, 0x6601); }
float halve(float (*f)(double, float, int8_t)) { return f(3.0, 4.0f, -9); }
int bytes(signed char (*f)(void), unsigned short (*g)(void), _Bool (*h)(void)) {
    return f() * 1000000 + g() * 10 + h();
}
"""
PROGRAM = """
@dynamic("libown.so") extern fn dirty(u64 f) -> i64
@dynamic("libown.so") extern fn halve(u64 f) -> f32
@dynamic("libown.so") extern fn bytes(u64 f, u64 g, u64 h) -> i32
fn narrow(i16 a, u8 b, i32 c, bool d) -> i64 { println(a, b, c, d) return a }
fn half(f64 a, f32 b, i8 c) -> f32 { println(a, b, c) return b / 2.0f }
fn small() -> i8 { return 0x1FF }
fn large() -> u16 { return 0x2FFFF }
fn truth() -> bool { return 1 }
fn main() {
    println(dirty(fn_addr("narrow")))
    println(halve(fn_addr("half")))
    println(bytes(fn_addr("small"), fn_addr("large"), fn_addr("truth")))
}
"""
PRINTED = [
    "-2 254 -16 true",
    "-2",
    "3.000000 4.000000 -9",
    "2.000000",
    str(-1000000 + 655350 + 1),
]


@pytest.mark.parametrize("level", LEVELS)
def test_gcc_calls_functions_by_address(tmp_path: Path, level: str) -> None:
    source, library = tmp_path / "own.c", tmp_path / "libown.so"
    source.write_text(LIBRARY, encoding="utf-8")
    run_command(host_gcc(), "-O2", "-shared", "-fPIC", source, "-o", library)
    program = compile_for(tmp_path, PROGRAM, LINUX_X86_64, level)
    result = run_command("env", f"LD_LIBRARY_PATH={tmp_path}", program)
    assert result.stdout.decode().splitlines() == PRINTED


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_functions_of_objects_are_called_alike(tmp_path: Path, cpu: Cpu, level: str) -> None:
    """Exported functions, too, whose own symbols have the C convention."""
    text = PROGRAM.replace('@dynamic("libown.so") ', "")
    for word in ("fn", "@export fn"):
        made = compile_object(
            tmp_path, text.replace("\nfn", f"\n{word}"), level, f"--arch={cpu.name}"
        )
        result = link_and_run(tmp_path, cpu, made, c_file(tmp_path, LIBRARY))
        assert result.output.splitlines() == PRINTED
