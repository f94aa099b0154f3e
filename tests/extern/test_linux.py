"""C functions in Linux executables: glibc's loader binds them, and glibc starts the program."""

import os
from pathlib import Path

import pytest

from mlrift.targets import ARM64, LINUX_ARM64, LINUX_X86_64, X86_64, Target
from tests.extern.elf_file import bound_symbols, interpreter, needed
from tests.extern.programs import (
    STREAMS,
    STREAMS_OUTPUT,
    compile_for,
    compile_text,
    run_command,
)
from tests.objects.toolchains import ARM64_LIBRARIES, LEVELS, tool
from tests.support.results import RunResult

TARGETS = (LINUX_X86_64, LINUX_ARM64)
INTERPRETERS = {
    X86_64.name: "/lib64/ld-linux-x86-64.so.2",
    ARM64.name: "/lib/ld-linux-aarch64.so.1",
}
SQLITE = "libsqlite3.so.0"
QUERY = """
@dynamic("libsqlite3.so.0") extern fn sqlite3_open(u64 path, u64 database) -> i32
@dynamic("libsqlite3.so.0")
extern fn sqlite3_prepare_v2(u64 db, u64 sql, i32 size, u64 row, u64 tail) -> i32
@dynamic("libsqlite3.so.0") extern fn sqlite3_step(u64 row) -> i32
@dynamic("libsqlite3.so.0") extern fn sqlite3_column_double(u64 row, i32 column) -> f64
@dynamic("libsqlite3.so.0") extern fn sqlite3_column_int64(u64 row, i32 column) -> i64
@dynamic("libsqlite3.so.0") extern fn sqlite3_finalize(u64 row) -> i32
@dynamic("libsqlite3.so.0") extern fn sqlite3_close(u64 db) -> i32
fn main() {
    u64[1] database
    u64[1] row
    println(sqlite3_open(":memory:", database))
    sqlite3_prepare_v2(database[0], "select 6 * 7, 2.5 * 2", -1, row, 0)
    println(sqlite3_step(row[0]))
    println(sqlite3_column_int64(row[0], 0), sqlite3_column_double(row[0], 1))
    println(sqlite3_finalize(row[0]), sqlite3_close(database[0]))
}
"""


def run_on(target: Target, program: Path) -> RunResult:
    """Run a dynamic executable on its CPU."""
    if target.cpu.name == os.uname().machine:
        return run_command(program)
    if target.cpu is not ARM64:
        pytest.skip(f"{target.name} needs an x86-64 host")
    emulator = tool("qemu-aarch64")
    if not Path(ARM64_LIBRARIES + INTERPRETERS[ARM64.name]).exists():
        pytest.skip("arm64 libraries are not installed (Debian package libc6-arm64-cross)")
    return run_command(emulator, "-L", ARM64_LIBRARIES, program)


@pytest.mark.parametrize("level", [*LEVELS, "-g"])
@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_programs_call_the_c_library(tmp_path: Path, target: Target, level: str) -> None:
    program = compile_for(tmp_path, STREAMS, target, level)
    assert run_on(target, program) == RunResult(STREAMS_OUTPUT, b"", 7)


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_the_loader_is_told_what_is_needed(tmp_path: Path, target: Target) -> None:
    program = compile_for(tmp_path, STREAMS, target)
    assert interpreter(program) == INTERPRETERS[target.cpu.name]
    assert needed(program) == ["libc.so.6", "libm.so.6"]
    assert bound_symbols(program) == ["__libc_start_main", "puts", "qsort", "cos"]


def test_only_called_functions_are_bound(tmp_path: Path) -> None:
    text = "extern fn puts(u64 text) -> i32\nextern fn cos(f64 x) -> f64\nfn main() { puts(0) }"
    program = compile_for(tmp_path, text, LINUX_X86_64)
    assert needed(program) == ["libc.so.6"]
    assert bound_symbols(program) == ["__libc_start_main", "puts"]


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
@pytest.mark.parametrize("declared", ["", "extern fn puts(u64 text) -> i32\n"])
def test_programs_that_call_no_c_stay_static(tmp_path: Path, target: Target, declared: str) -> None:
    program = compile_for(tmp_path, declared + 'fn main() { println("hello") }', target)
    assert interpreter(program) is None
    assert program.stat().st_size < 512


def test_arguments_and_environment_arrive(tmp_path: Path) -> None:
    text = """
    extern fn getenv(u64 name) -> u64
    extern fn puts(u64 text) -> i32
    static u64 cli_argc
    static u64 cli_argv
    static u64 cli_envp
    fn main() {
        puts(load64(cli_argv + 8))
        println(cli_argc, getenv("PATH") != 0, load64(cli_envp) != 0)
    }
    """
    program = compile_for(tmp_path, text, LINUX_X86_64)
    assert run_command(program, "first", "second").stdout == b"3 1 1\nfirst\n"


def test_a_library_is_named(tmp_path: Path) -> None:
    program = compile_for(tmp_path, QUERY, LINUX_X86_64)
    assert SQLITE in needed(program)
    result = run_on(LINUX_X86_64, program)
    if SQLITE.encode() in result.stderr:
        pytest.skip(f"{SQLITE} is not installed (Debian package libsqlite3-0)")
    assert result == RunResult(b"0\n100\n42 5.000000\n0 0\n", b"", 0)


def test_names_are_for_the_loader_to_find(tmp_path: Path) -> None:
    text = "extern fn no_such_function() -> u64\nfn main() { println(no_such_function()) }"
    result = run_on(LINUX_X86_64, compile_for(tmp_path, text, LINUX_X86_64))
    assert result.status == 127
    assert b"undefined symbol: no_such_function" in result.stderr


def test_hip_functions_have_a_library(tmp_path: Path) -> None:
    text = "@dynamic extern fn hipInit(u32 flags) -> u32\nfn main() { hipInit(0) }"
    assert "libamdhip64.so.7" in needed(compile_for(tmp_path, text, LINUX_X86_64))


def test_small_integers_are_extended(tmp_path: Path) -> None:
    text = """
    extern fn printf(u64 format, i8 a, u8 b, i16 c, u16 d) -> i32
    fn main() { printf("%d %d %d %d\\n", 0x1FF, 0x1FF, 0x18000, 0x18000) }
    """
    result = run_on(LINUX_X86_64, compile_for(tmp_path, text, LINUX_X86_64))
    assert result.stdout == b"-1 255 -32768 32768\n"


def test_dynamic_declarations_are_counted(tmp_path: Path) -> None:
    text = """
    @dynamic extern fn puts(u64 text) -> i32
    @dynamic extern fn abs(i32 number) -> i32
    fn main() { puts("a") puts("b") println(abs(-1)) }
    """
    status, messages, _ = compile_text(tmp_path, text, "--arch=x86_64")
    assert status == 0
    assert messages == "registered 2 @dynamic symbol(s)\nrecorded 3 @dynamic call site(s)\n"


@pytest.mark.parametrize("name", ["atexit", "GetTickCount"])
def test_what_the_c_library_lacks_is_refused(tmp_path: Path, name: str) -> None:
    text = f"extern fn {name}(u64 a) -> u64\nfn main() {{ println({name}(0)) }}"
    status, messages, _ = compile_text(tmp_path, text, "--targets=linux-x64,android-arm64,win-x64")
    assert status == 1
    assert "for linux-x64, android-arm64 [E0601]" in messages


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_functions_are_those_that_c_programs_get(tmp_path: Path, target: Target) -> None:
    """The oldest `realpath` of glibc on x86-64 refuses to allocate."""
    text = """
    extern fn realpath(u64 path, u64 result) -> u64
    extern fn strlen(u64 text) -> u64
    extern fn pthread_cond_signal(u64 condition) -> i32
    static u64[8] condition
    fn main() {
        u64 found = realpath("/usr/..", 0)
        println(found != 0, strlen("four"), pthread_cond_signal(condition))
        print_str(found)
    }
    """
    program = compile_for(tmp_path, text, target, "-g")
    assert run_on(target, program) == RunResult(b"1 4 0\n/", b"", 0)
