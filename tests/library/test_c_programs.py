"""Programs in C and C++ that use shared libraries and archives on Linux and on Windows."""

import os
from pathlib import Path

import pytest

from mlrift.targets import (
    ANDROID_ARM64,
    ARM64,
    CPUS,
    LINUX,
    LINUX_X86_64,
    WINDOWS_ARM64,
    WINDOWS_X86_64,
    X86_64,
    Cpu,
    target_for,
)
from tests.extern.programs import compile_for
from tests.library.building import (
    CALLER,
    CALLER_OUTPUT,
    DEMO,
    DEMO_IN_C,
    DEMO_OUTPUT,
    STRICT_C,
    STRICT_CPP,
    build,
    build_text,
)
from tests.objects.toolchains import (
    ARM64_LIBRARIES,
    LEVELS,
    Run,
    c_file,
    command,
    host_gcc,
    run,
    tool,
)
from tests.support.engines import engine_named

RUN_PATH = "-Wl,-rpath,$ORIGIN"


def gcc_for(cpu: Cpu) -> str:
    return host_gcc() if cpu is X86_64 else tool("aarch64-linux-gnu-gcc")


def run_on(cpu: Cpu, program: Path) -> Run:
    if cpu is X86_64:
        return run(program)
    return run(tool("qemu-aarch64"), "-L", ARM64_LIBRARIES, program)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_a_c_program_uses_a_shared_library(tmp_path: Path, cpu: Cpu, level: str) -> None:
    library = build(tmp_path, DEMO, target_for(LINUX, cpu), "libdemo.so", level)
    program = tmp_path / "program"
    command([gcc_for(cpu), *STRICT_C, f"-I{tmp_path}", DEMO_IN_C, library, RUN_PATH, "-o", program])
    assert run_on(cpu, program) == Run(DEMO_OUTPUT, 0)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_a_c_program_uses_an_archive(tmp_path: Path, cpu: Cpu, level: str) -> None:
    library = build(tmp_path, DEMO, target_for(LINUX, cpu), "libdemo.a", level)
    program = tmp_path / "program"
    command([gcc_for(cpu), *STRICT_C, f"-I{tmp_path}", DEMO_IN_C, library, "-o", program])
    assert run_on(cpu, program) == Run(DEMO_OUTPUT, 0)


@pytest.mark.parametrize("mode", ["-no-pie", "-pie", "-fPIC"])
def test_variables_are_one_for_all_however_the_program_is_linked(tmp_path: Path, mode: str) -> None:
    """A program that is not PIC has its own copy, which the library must use, too."""
    library = build(tmp_path, DEMO, LINUX_X86_64, "libdemo.so")
    program = tmp_path / "program"
    command([host_gcc(), mode, f"-I{tmp_path}", DEMO_IN_C, library, RUN_PATH, "-o", program])
    assert run(program) == Run(DEMO_OUTPUT, 0)


def test_cpp_programs_take_the_header(tmp_path: Path) -> None:
    library = build(tmp_path, DEMO, LINUX_X86_64, "libdemo.so")
    program = tmp_path / "program"
    words: list[str | Path] = [
        tool("g++"),
        *STRICT_CPP,
        f"-I{tmp_path}",
        DEMO_IN_C,
        "-x",
        "none",
        library,
        RUN_PATH,
    ]
    command([*words, "-o", program])
    assert run(program) == Run(DEMO_OUTPUT, 0)


def test_lld_links_with_library_and_archive(tmp_path: Path) -> None:
    linker = tool("ld.lld", "ld.lld-19")
    for cpu in CPUS:
        for name in ("libdemo.so", "libdemo.a"):
            library = build(tmp_path, DEMO, target_for(LINUX, cpu), name)
            call = c_file(tmp_path, '#include "libdemo.h"\nvoid _start(void) { tick(); }\n')
            made = tmp_path / "call.o"
            command([gcc_for(cpu), f"-I{tmp_path}", "-c", call, "-o", made])
            words: list[str | Path] = [linker, "--defsym=memset=0", made, library]
            command([*words, "-o", tmp_path / "program"])


def test_an_exported_function_can_be_called_back(tmp_path: Path) -> None:
    """C passes only what the declaration has: the places of further results are not there."""
    text = """
    extern fn qsort(u64 base, u64 count, u64 size, u64 compare)
    extern fn bsearch(u64 key, u64 base, u64 count, u64 size, u64 compare) -> u64
    @export fn compare(u64 a, u64 b) -> i32 { return (load8(a) - load8(b), 5) }
    @export fn plain(u64 a, u64 b) -> i32 { return load8(a) - load8(b) }
    @export fn sort([u8] bytes) -> u64 {
        qsort(bytes, bytes.len, 1, fn_addr("compare"))
        u8[1] key
        key[0] = 7
        return bsearch(key, bytes, bytes.len, 1, fn_addr("plain")) - bytes
    }
    """
    program = """
    #include "libdemo.h"
    #include <stdio.h>
    int main(void) {
        uint8_t b[] = {9, 7, 200, 1, 3};
        uint64_t second, place = sort(b, 5);
        int first = compare(b, b + 1, &second);
        printf("%d %d %d %d %d\\n", (int)place, b[0], b[4], first, (int)second);
    }
    """
    for cpu in CPUS:
        library = build_text(tmp_path, text, target_for(LINUX, cpu), "libdemo.so")
        made = tmp_path / "program"
        words: list[str | Path] = [gcc_for(cpu), f"-I{tmp_path}", c_file(tmp_path, program)]
        command([*words, library, RUN_PATH, "-o", made])
        assert run_on(cpu, made) == Run("2 1 200 -2 5\n", 0)


def test_a_library_may_use_c_libraries(tmp_path: Path) -> None:
    text = """
    extern fn cos(f64 x) -> f64
    extern fn qsort(u64 base, u64 count, u64 size, u64 compare)
    fn compare(u64 a, u64 b) -> i64 { return load64(a) - load64(b) }
    @export fn largest([u64] values) -> f64 {
        qsort(values, values.len, 8, fn_addr("compare"))
        return cos(0.0) + int_to_f64(values[values.len - 1])
    }
    """
    library = build_text(tmp_path, text, LINUX_X86_64, "libdemo.so")
    program = """
    #include "libdemo.h"
    #include <stdio.h>
    int main(void) { uint64_t a[] = {3, 9, 4}; printf("%g %d\\n", largest(a, 3), (int)a[0]); }
    """
    made = tmp_path / "program"
    command([host_gcc(), f"-I{tmp_path}", c_file(tmp_path, program), library, RUN_PATH, "-o", made])
    assert run(made) == Run("10 3\n", 0)


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_programs_of_the_language_use_libraries_too(tmp_path: Path, cpu: Cpu) -> None:
    gcc_for(cpu)
    target = target_for(LINUX, cpu)
    build(tmp_path, DEMO, target, "libdemo.so")
    program = compile_for(tmp_path, CALLER, target)
    environment = os.environ | {"LD_LIBRARY_PATH": str(tmp_path)}
    emulator = [] if cpu is X86_64 else [tool("qemu-aarch64"), "-L", ARM64_LIBRARIES]
    assert run(*emulator, program, environment=environment) == Run(CALLER_OUTPUT, 5)


def windows_gcc() -> str:
    return tool("x86_64-w64-mingw32-gcc")


def run_in_wine(program: Path, stdin: bytes = b"") -> Run:
    engine = engine_named("win-x64:wine")
    missing = engine.missing()
    if missing is not None:
        pytest.skip(missing)
    result = engine.run(program.read_bytes(), stdin=stdin, working_folder=program.parent)
    return Run(result.stdout.decode().replace("\r\n", "\n"), result.status)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("linked", ["demo.lib", "demo.dll"])
def test_windows_programs_use_a_dll(tmp_path: Path, linked: str, level: str) -> None:
    build(tmp_path, DEMO, WINDOWS_X86_64, "demo.dll", level)
    program = tmp_path / "program.exe"
    words: list[str | Path] = [
        windows_gcc(),
        *STRICT_C,
        f"-I{tmp_path}",
        DEMO_IN_C,
        tmp_path / linked,
    ]
    command([*words, "-o", program])
    assert run_in_wine(program) == Run(DEMO_OUTPUT, 0)


@pytest.mark.parametrize("level", LEVELS)
def test_windows_programs_use_an_archive(tmp_path: Path, level: str) -> None:
    library = build(tmp_path, DEMO, WINDOWS_X86_64, "demo.lib", level)
    program = tmp_path / "program.exe"
    words: list[str | Path] = [
        windows_gcc(),
        *STRICT_C,
        "-DDEMO_STATIC",
        f"-I{tmp_path}",
        DEMO_IN_C,
        library,
    ]
    command([*words, "-o", program])
    assert run_in_wine(program) == Run(DEMO_OUTPUT, 0)


def test_lld_link_takes_the_import_library(tmp_path: Path) -> None:
    linker = tool("lld-link", "lld-link-19")
    build(tmp_path, DEMO, WINDOWS_X86_64, "demo.dll")
    text = '#include "libdemo.h"\nint start(void) { return (int)counter + add(30, 5); }\n'
    made, program = tmp_path / "call.o", tmp_path / "program.exe"
    command([windows_gcc(), f"-I{tmp_path}", "-c", c_file(tmp_path, text), "-o", made])
    library = tmp_path / "demo.lib"
    flags = ["/nodefaultlib", "/entry:start", "/subsystem:console", f"/out:{program}"]
    command([linker, *flags, made, library])
    assert run_in_wine(program) == Run("", 42)


def test_arm64_windows_linkers_take_import_library_and_archive(tmp_path: Path) -> None:
    """There is nothing here that could run the program."""
    linker = tool("lld-link", "lld-link-19")
    text = """
    extern fn tick() -> u64
    @export fn start() -> u64 { return tick() }
    """
    call = build_text(tmp_path, text, WINDOWS_ARM64, "call.lib")
    build(tmp_path, DEMO, WINDOWS_ARM64, "demo.dll")
    flags = ["/nodefaultlib", "/entry:start", "/subsystem:console", "/machine:arm64"]
    for name in ("demo.lib", "static.lib"):
        if name == "static.lib":
            build(tmp_path, DEMO, WINDOWS_ARM64, name)
        words: list[str | Path] = [
            linker,
            *flags,
            "/force:unresolved",
            f"/out:{tmp_path / 'program.exe'}",
        ]
        messages = command([*words, call, tmp_path / name])
        assert "undefined symbol: tick" not in messages


def test_a_library_of_android_is_one_of_linux_with_larger_pages(tmp_path: Path) -> None:
    """Without C functions it needs nothing of Android but the page size."""
    library = build(tmp_path, DEMO, ANDROID_ARM64, "libdemo.so")
    program = tmp_path / "program"
    words: list[str | Path] = [
        gcc_for(ARM64),
        *STRICT_C,
        f"-I{tmp_path}",
        DEMO_IN_C,
        library,
        RUN_PATH,
    ]
    command([*words, "-o", program])
    assert run_on(ARM64, program) == Run(DEMO_OUTPUT, 0)
