"""Objects that a C compiler links: whole programs, functions for C, functions of C."""

import ctypes
import os
from pathlib import Path

import pytest

from mlrift.targets import ARM64, CPUS, X86_64, Cpu
from tests.objects.toolchains import (
    HELLO,
    LEVELS,
    Run,
    c_file,
    command,
    compile_object,
    host_gcc,
    link,
    link_and_run,
    run,
)

EVERYTHING = """
struct Point { u32 x; u32 y }
static u64[4] table
fn divide(i64 a, i64 b) -> i64 { return a / b }
fn remainder(u64 a, u64 b) -> u64 { return a % b }
fn pair(u64 a) -> u64 { return (a, a + 1) }
fn main() {
    u64 room = alloc(1000)
    store64(room, 7)
    println(load64(room), f"{divide(0 - 7, 2)} and {remainder(7, 4)}")
    dealloc(room)
    u8[70000] big
    u64 index = cli_argc * 1000
    big[index] = 9
    Point point = Point { x: 1, y: 2 }
    Point other = point;
    ;(u64 a, u64 b) = pair(5)
    println(big[index], point == other, a, b, 2.5, sqrt(2.0), true, 'c')
    table[1] = str_len("four")
    u64 call = fn_addr("remainder")
    println(table[1], call_ptr(call, 17, 5), time_ns() > 0, get_target_os(), get_arch_id())
    u64 counter = alloc(8)
    atomic_add(counter, 4)
    print(atomic_load(counter))
    print_str("\\n")
    u64 file = file_open("/dev/null", 0)
    println(file_read(file, big, 1), file_close(file))
}
static u64 cli_argc
"""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("mode", [["-no-pie"], ["-pie"], ["-static"]], ids=lambda row: row[0])
def test_gcc_links_a_program_that_prints(tmp_path: Path, level: str, mode: list[str]) -> None:
    program = link(tmp_path, compile_object(tmp_path, HELLO, level), *mode)
    assert run(program) == Run("hello 42\n", 3)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_programs_use_the_whole_runtime(tmp_path: Path, cpu: Cpu, level: str) -> None:
    made = compile_object(tmp_path, EVERYTHING, level, f"--arch={cpu.name}")
    result = link_and_run(tmp_path, cpu, made)
    arch = 1 if cpu is X86_64 else 2
    lines = [
        "7 -3 and 3",
        "9 1 5 6 2.500000 1.414213 true c",
        f"4 2 1 0 {arch}",
        "4",
        "0 0",
    ]
    assert result.output.splitlines() == lines
    assert result.status == 0


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_division_by_zero_ends_the_program(tmp_path: Path, cpu: Cpu) -> None:
    text = "static u64 cli_argc\nfn main() -> u64 { return 1 / (cli_argc - 1) }"
    made = compile_object(tmp_path, text, f"--arch={cpu.name}")
    assert link_and_run(tmp_path, cpu, made).status == 136


def test_debug_checks_end_the_program(tmp_path: Path) -> None:
    text = "static u64 cli_argc\nfn main() { u8[4] a\n a[cli_argc + 5] = 1 }"
    result = run(link(tmp_path, compile_object(tmp_path, text, "--debug")))
    assert result.status != 0


def test_main_receives_arguments_and_environment(tmp_path: Path) -> None:
    text = """
    static u64 cli_argc
    static u64 cli_argv
    static u64 cli_envp
    fn main() -> u64 {
        print_str(load64(cli_argv + 8))
        print_str(load64(cli_envp))
        return cli_argc
    }
    """
    program = link(tmp_path, compile_object(tmp_path, text))
    assert run(program, "one", "two", environment={"A": "B"}) == Run("oneA=B", 3)


def test_the_status_of_main_is_an_int(tmp_path: Path) -> None:
    for text, status in (
        ("fn main() { println(1) }", 0),
        ("fn main() -> i64 { return 0 - 2 }", 254),
        ("fn main() { exit(7) }", 7),
    ):
        assert run(link(tmp_path, compile_object(tmp_path, text))).status == status


def test_main_can_be_called_and_addressed(tmp_path: Path) -> None:
    text = """
    static u64 calls
    fn main() -> u64 {
        calls = calls + 1
        if calls == 1 { return main() + 10 }
        if calls == 2 { return call_ptr(fn_addr("main")) + 10 }
        return calls
    }
    """
    assert run(link(tmp_path, compile_object(tmp_path, text))).status == 23


EXPORTS = """
@export fn add(u64 a, u64 b) -> u64 { return a + b }
@export fn half(f64 x) -> f64 { return x / 2.0 }
@export fn mix(i32 a, f64 b, u8 c, f32 d, i16 e) -> f64 {
    f64 whole = a + c + e
    f64 sum = b
    sum = sum + d
    return whole + sum
}
@export fn negate(i32 a) -> i32 { return 0 - a }
@export fn is_small(i8 a) -> bool { return a < 10 }
@export fn say(u64 text) { print_str(text) }
@export fn first(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, i32 h) -> i32 { return h }
fn hidden() -> u64 { return 1 }
"""

EXPORTS_IN_C = """
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
uint64_t add(uint64_t, uint64_t);
double half(double);
double mix(int32_t, double, uint8_t, float, int16_t);
int32_t negate(int32_t);
bool is_small(int8_t);
void say(const char *);
int32_t first(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, int32_t);
int main(void) {
    volatile int32_t low = -5;
    printf("%llu %g ", (unsigned long long)add(UINT64_MAX, 3), half(5.0));
    printf("%g %d ", mix(low, 0.5, 200, 0.25f, -1), negate(low));
    printf("%d %d ", is_small((int8_t)low), is_small(100));
    printf("%d\\n", first(1, 2, 3, 4, 5, 6, 7, low));
    fflush(stdout);
    say("said\\n");
    return 0;
}
"""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_c_calls_exported_functions(tmp_path: Path, cpu: Cpu, level: str) -> None:
    made = compile_object(tmp_path, EXPORTS, level, f"--arch={cpu.name}")
    result = link_and_run(tmp_path, cpu, made, c_file(tmp_path, EXPORTS_IN_C))
    assert result == Run("2 2.5 194.75 5 1 0 -5\nsaid\n", 0)


EXTERNS = """
extern fn twice(u64 a) -> u64
extern fn minus(i32 a) -> i32
extern fn low_byte(u64 a) -> u8
extern fn is_even(i32 a) -> bool
extern fn scale(f64 a, f32 b) -> f64
extern fn last(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h, u64 i) -> u64
extern fn atoi(u64 text) -> i32
extern fn fabsf(f32 a) -> f32
extern fn call_back(u64 function) -> u64
fn callback(u64 a, u64 b) -> u64 { return a * 10 + b }
fn main() {
    i64 negative = minus(5)
    println(twice(21), negative, low_byte(0x1ff), is_even(3), is_even(4))
    println(scale(1.5, 2.0), last(1, 2, 3, 4, 5, 6, 7, 8, 9), fabsf(-2.5))
    println(atoi("-12"), call_back(fn_addr("callback")))
}
"""

EXTERNS_IN_C = """
#include <stdbool.h>
#include <stdint.h>
typedef uint64_t word;
word twice(word a) { return a * 2; }
int32_t minus(int32_t a) { return -a; }
uint8_t low_byte(word a) { return (uint8_t)a; }
bool is_even(int32_t a) { return a % 2 == 0; }
double scale(double a, float b) { return a * b; }
word last(word a, word b, word c, word d, word e, word f, word g, word h, word i) {
    return i - h + a + b - c;
}
word call_back(word (*function)(word, word)) { return function(4, 2); }
"""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_programs_call_functions_of_c(tmp_path: Path, cpu: Cpu, level: str) -> None:
    made = compile_object(tmp_path, EXTERNS, level, f"--arch={cpu.name}")
    result = link_and_run(tmp_path, cpu, made, c_file(tmp_path, EXTERNS_IN_C))
    assert result == Run("42 -5 255 false true\n3.000000 1 2.500000\n-12 42\n", 0)


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_variadic_functions_find_floats(tmp_path: Path, cpu: Cpu) -> None:
    text = """
    extern fn printf(u64 format, f64 a, u64 b) -> i32
    extern fn exit(i32 status)
    fn main() {
        printf("%g %d\\n", 2.5, 3)
        exit(4)
    }
    """
    made = compile_object(tmp_path, text, f"--arch={cpu.name}")
    assert link_and_run(tmp_path, cpu, made) == Run("2.5 3\n", 4)


def test_functions_may_have_names_of_the_c_library(tmp_path: Path) -> None:
    text = """
    fn read_some() -> u64 { return 1 }
    fn mmap(u64 a) -> u64 { return a + 2 }
    fn syscall() -> u64 { return 3 }
    fn malloc(u64 a) -> u64 { return a + 4 }
    fn strlen(u64 a) -> u64 { return a + 5 }
    fn _exit() -> u64 { return 6 }
    fn environ() -> u64 { return 7 }
    fn main() { println(read_some(), mmap(0), syscall(), malloc(0), strlen(0), _exit(), environ()) }
    """
    assert run(link(tmp_path, compile_object(tmp_path, text))).output == "1 2 3 4 5 6 7\n"


def test_two_objects_make_one_program(tmp_path: Path) -> None:
    library = """
    static u64 count
    @export fn next() -> u64 {
        count = count + 1
        println("next", count)
        return count
    }
    """
    program = """
    extern fn next() -> u64
    static u64 count
    fn main() { println(next() + next(), count) }
    """
    first = compile_object(tmp_path, library, name="library")
    second = compile_object(tmp_path, program, name="main")
    assert run(link(tmp_path, first, second)).output == "next 1\nnext 2\n3 0\n"


def test_a_shared_library_has_the_exported_functions(tmp_path: Path) -> None:
    text = """
    static u64 total
    @export fn add(u64 amount) -> u64 {
        total = total + amount
        return total
    }
    @export fn twice(u64 amount) -> u64 {
        add(amount)
        return add(amount) + call_ptr(fn_addr("add"), 0)
    }
    """
    made = tmp_path / "library.so"
    command([host_gcc(), "-shared", compile_object(tmp_path, text), "-o", made])
    library = ctypes.CDLL(os.fspath(made))
    assert library.add(5) == 5
    assert library.twice(2) == 18


@pytest.mark.parametrize("level", LEVELS)
def test_llvm_knows_nothing_of_system_calls(tmp_path: Path, level: str) -> None:
    text = """
    fn main() -> u64 {
        u8[8] byte
        u64 total = 0
        while syscall_raw(0, 0, byte, 1, 0, 0, 0) == 1 { total = total + byte[0] }
        return total
    }
    """
    program = link(tmp_path, compile_object(tmp_path, text, level))
    assert run(program, stdin=b"\1\2\4").status == 7


def test_debug_information_survives(tmp_path: Path) -> None:
    program = link(tmp_path, compile_object(tmp_path, HELLO, "-g", "-O0"))
    assert run(program) == Run("hello 42\n", 3)


@pytest.mark.parametrize("level", LEVELS)
def test_cache_maintenance_of_arm64(tmp_path: Path, level: str) -> None:
    text = """
    fn main() {
        u64 room = alloc(64)
        dcache_flush(room)
        icache_invalidate(room)
        println("done")
    }
    """
    made = compile_object(tmp_path, text, level, f"--arch={ARM64.name}")
    assert link_and_run(tmp_path, ARM64, made).output == "done\n"
