"""What happens when a library is loaded and unloaded, and what threads do with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlrift.targets import (
    ARM64,
    CPUS,
    LINUX,
    LINUX_X86_64,
    MACOS,
    WINDOWS,
    WINDOWS_X86_64,
    Cpu,
    target_for,
)
from tests.extern.programs import compile_for
from tests.library.building import build_text
from tests.library.test_c_programs import RUN_PATH, gcc_for, windows_gcc
from tests.objects.toolchains import ARM64_LIBRARIES, c_file, command, host_gcc, run, tool
from tests.support.engines import default_engine, engine_named, engines_for

LOOKS_AROUND = """
static u64 cli_argc
static u64 cli_argv
fn goodbye(u64 n) { println("goodbye", n) }
@export fn look() {
    println(cli_argc, "arguments")
    for i in 1..cli_argc { print_str(load64(cli_argv + i * 8)) println("") }
    u64 row = os_environment()
    while load64(row) != 0 {
        u64 text = load64(row)
        if load32(text) == 0x3D4F4F46 { print_str(text) println("") }
        row = row + 8
    }
    os_at_exit(fn_addr("goodbye"), 7)
}
"""
CALLER_IN_C = '#include "libdemo.h"\nint main(void) { look(); return 0; }\n'
OUTPUT = "3 arguments\none\ntwo words\nFOO=bar\n"
ENVIRONMENT = {"FOO": "bar"}
ARGUMENTS = ("one", "two words")


@pytest.mark.parametrize("name", ["libdemo.so", "libdemo.a"])
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_a_library_sees_arguments_and_environment(tmp_path: Path, cpu: Cpu, name: str) -> None:
    library = build_text(tmp_path, LOOKS_AROUND, target_for(LINUX, cpu), name)
    program = tmp_path / "program"
    words: list[str | Path] = [gcc_for(cpu), f"-I{tmp_path}", c_file(tmp_path, CALLER_IN_C)]
    command([*words, library, RUN_PATH, "-o", program])
    emulator = [tool("qemu-aarch64"), "-L", ARM64_LIBRARIES] if cpu is ARM64 else []
    result = run(*emulator, program, *ARGUMENTS, environment=os.environ | ENVIRONMENT)
    assert (result.output, result.status) == (OUTPUT + "goodbye 7\n", 0)


def test_what_was_registered_runs_when_the_library_is_unloaded(tmp_path: Path) -> None:
    host_gcc()
    library = build_text(tmp_path, LOOKS_AROUND, LINUX_X86_64, "libdemo.so")
    text = f"""
import _ctypes, ctypes, sys
handle = _ctypes.dlopen({str(library)!r}, 2)
ctypes.CFUNCTYPE(None)(_ctypes.dlsym(handle, "look"))()
print("unload", flush=True)
_ctypes.dlclose(handle)
print("unloaded", flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert done.stdout.endswith("FOO=bar\nunload\ngoodbye 7\nunloaded\n")


@pytest.mark.parametrize("name", ["demo.dll", "demo.lib"])
def test_a_library_of_windows_asks_for_them(tmp_path: Path, name: str) -> None:
    build_text(tmp_path, LOOKS_AROUND, WINDOWS_X86_64, name)
    program = tmp_path / "program.exe"
    words: list[str | Path] = [windows_gcc(), f"-I{tmp_path}", c_file(tmp_path, CALLER_IN_C)]
    if name == "demo.lib":
        words.append("-DDEMO_STATIC")
    command([*words, tmp_path / "demo.lib", "-o", program])
    engine = engine_named("win-x64:wine")
    if engine.missing() is not None:
        pytest.skip(str(engine.missing()))
    result = engine.run(program.read_bytes(), ARGUMENTS, b"", ENVIRONMENT, tmp_path)
    assert result.stdout.decode().replace("\r", "") == OUTPUT + "goodbye 7\n"


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_a_library_of_macos_is_told_before_main(tmp_path: Path, cpu: Cpu) -> None:
    """Our loader calls nothing at the end."""
    target = target_for(MACOS, cpu)
    build_text(tmp_path, LOOKS_AROUND, target, "libdemo.dylib")
    text = """
    @dynamic("@rpath/libdemo.dylib") extern fn look()
    fn main() { look() }
    """
    program = compile_for(tmp_path, text, target)
    engine = default_engine(target)
    if engine.missing() is not None:
        pytest.skip(str(engine.missing()))
    result = engine.run(program.read_bytes(), ARGUMENTS, b"", ENVIRONMENT, tmp_path)
    assert (result.stdout.decode(), result.status) == (OUTPUT, 0)


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_a_library_that_looks_at_nothing_has_nothing_called(tmp_path: Path, cpu: Cpu) -> None:
    text = "@export fn f() -> u64 { return 1 }"
    library = build_text(tmp_path, text, target_for(LINUX, cpu), "libdemo.so")
    assert "INIT_ARRAY" not in command([tool("readelf"), "-dW", library])
    dll = build_text(tmp_path, text, target_for(WINDOWS, cpu), "demo.dll").read_bytes()
    header = int.from_bytes(dll[60:64], "little")
    assert dll[header + 40 : header + 44] == bytes(4)


CHURN = """
@export fn churn(u64 rounds) -> u64 {
    u64[64] kept
    u64 wrong = 0
    for i in 0..64 { kept[i] = 0 }
    for i in 0..rounds {
        u64 slot = i & 63
        if kept[slot] != 0 {
            if load64(kept[slot]) != i - 64 { wrong = wrong + 1 }
            dealloc(kept[slot])
        }
        kept[slot] = alloc(8 + (i * 37) % 500)
        if load64(kept[slot]) != 0 { wrong = wrong + 1 }
        store64(kept[slot], i)
    }
    for i in 0..64 { dealloc(kept[i]) }
    return wrong
}
"""
THREADS_IN_C = """
#include "libdemo.h"
#include <pthread.h>
#include <stdio.h>
static void *run(void *place) { *(uint64_t *)place = churn(20000); return 0; }
int main(void)
{
    pthread_t threads[6];
    uint64_t wrong[6], sum = 0;
    for (int i = 0; i < 6; i++) pthread_create(&threads[i], 0, run, &wrong[i]);
    for (int i = 0; i < 6; i++) { pthread_join(threads[i], 0); sum += wrong[i]; }
    printf("%d\\n", (int)sum);
    return 0;
}
"""


@pytest.mark.parametrize("name", ["libdemo.so", "libdemo.a"])
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_threads_of_the_program_share_the_heap(tmp_path: Path, cpu: Cpu, name: str) -> None:
    library = build_text(tmp_path, CHURN, target_for(LINUX, cpu), name)
    program = tmp_path / "program"
    words: list[str | Path] = [gcc_for(cpu), f"-I{tmp_path}", c_file(tmp_path, THREADS_IN_C)]
    command([*words, library, RUN_PATH, "-pthread", "-o", program])
    emulator = [tool("qemu-aarch64"), "-L", ARM64_LIBRARIES] if cpu is ARM64 else []
    assert run(*emulator, program).output == "0\n"


def test_a_library_may_make_threads(tmp_path: Path) -> None:
    text = """
import "std/thread.mlr"
static u64[4] results
fn work(u64 n) -> u64 {
    u64 sum = 0
    for i in 0..1000 { u64 p = alloc(24 + (i & 63)) store64(p, i) sum = sum + load64(p) dealloc(p) }
    results[n] = sum
    return 0
}
@export fn parallel() -> u64 {
    u64[4] handles
    for i in 0..4 { handles[i] = thread_start(fn_addr("work"), i) }
    for i in 0..4 { thread_join(handles[i]) }
    return results[0] + results[1] + results[2] + results[3]
}
"""
    source = '#include "libdemo.h"\n#include <stdio.h>\n'
    source += 'int main(void) { printf("%d ", (int)parallel()); return (int)parallel() & 127; }\n'
    for cpu in CPUS:
        library = build_text(tmp_path, text, target_for(LINUX, cpu), "libdemo.so")
        program = tmp_path / "program"
        words: list[str | Path] = [gcc_for(cpu), f"-I{tmp_path}", c_file(tmp_path, source)]
        command([*words, library, RUN_PATH, "-o", program])
        emulator = [tool("qemu-aarch64"), "-L", ARM64_LIBRARIES] if cpu is ARM64 else []
        assert run(*emulator, program).output == "1998000 "


def test_strict_engines_are_the_last_of_their_targets() -> None:
    assert engines_for(WINDOWS_X86_64)[-1].name == "win-x64:strict"
