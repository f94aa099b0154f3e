"""COFF and Mach-O objects: linkers of their systems take them, and programs run where they can."""

import re
from pathlib import Path

import pytest

from mlrift.backends.platforms import platform_for
from mlrift.frontend.builtins.sockets import SOCKETS
from mlrift.targets import (
    ARM64,
    CPUS,
    MACOS,
    WINDOWS,
    WINDOWS_X86_64,
    X86_64,
    Cpu,
    target_for,
)
from tests.objects.every_builtin import LEVELS_OF_ALL_BUILTINS, every_builtin
from tests.objects.toolchains import (
    HELLO,
    LEVELS,
    SUPPORT,
    c_file,
    command,
    compile_object,
    flags_of,
    tool,
)
from tests.support.engines import default_engine

LIBRARY_OF_MACOS = """--- !tapi-tbd
tbd-version: 4
targets: [ x86_64-macos, arm64-macos ]
install-name: '/usr/lib/libSystem.B.dylib'
current-version: 1319
exports:
  - targets: [ x86_64-macos, arm64-macos ]
    symbols: [ {symbols} ]
...
"""

# LLVM's objects with floats name this symbol, which every C library of Windows defines.
FLOATS_ARE_USED = "_fltused"

START_IN_C = """
int main(int, char **, char **);
__declspec(dllimport) void ExitProcess(unsigned);
int _fltused = 0;
void *memset(void *to, int value, unsigned long long size) {
    volatile char *byte = to;
    while (size--) *byte++ = value;
    return to;
}
void *memcpy(void *to, const void *from, unsigned long long size) {
    volatile char *byte = to;
    const char *other = from;
    while (size--) *byte++ = *other++;
    return to;
}
void start(void) {
    char *arguments[] = {"program", 0};
    ExitProcess(main(1, arguments, arguments + 1));
}
"""

LARGE_FRAME = """
static u64 cli_argc
fn fill(u64 n) -> u64 {
    u8[60000] bytes
    bytes[n] = 5
    return bytes[n * 2] + bytes[n]
}
@export fn twice(i32 a) -> i32 { return a * 2 }
fn main() -> u64 {
    println(fill(cli_argc), 2.5, twice(0 - 4))
    return 3
}
"""


def link_macos(folder: Path, made: Path, cpu: Cpu) -> Path:
    """Link with LLVM's linker for macOS and a stub of libSystem."""
    linker = tool("ld64.lld", "ld64.lld-19")
    system = platform_for(MACOS)
    plain = (*system.c_functions, *system.c_thread_functions, *sorted(SUPPORT), "bzero", "__bzero")
    names = [f"_{name}" for name in plain]
    stub = LIBRARY_OF_MACOS.format(symbols=", ".join(names))
    (folder / "libSystem.tbd").write_text(stub, encoding="utf-8")
    program = folder / "program-macos"
    version = ["-arch", cpu.name, "-platform_version", "macos", "13.0", "13.0"]
    libraries = ["-e", "_main", f"-L{folder}", "-lSystem"]
    command([linker, *version, made, *libraries, "-o", program])
    return program


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_macos_programs_link_and_run(tmp_path: Path, cpu: Cpu, level: str) -> None:
    target = target_for(MACOS, cpu)
    made = compile_object(tmp_path, HELLO, level, *flags_of(target))
    program = link_macos(tmp_path, made, cpu)
    engine = default_engine(target)
    missing = engine.missing()
    if missing is not None:
        pytest.skip(missing)
    result = engine.run(program.read_bytes())
    assert (result.stdout, result.status) == (b"hello 42\n", 3)


@pytest.mark.parametrize("level", LEVELS_OF_ALL_BUILTINS)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_macos_objects_need_only_libsystem(tmp_path: Path, cpu: Cpu, level: str) -> None:
    made = compile_object(tmp_path, every_builtin(), level, *flags_of(target_for(MACOS, cpu)))
    link_macos(tmp_path, made, cpu)


@pytest.mark.parametrize("level", LEVELS_OF_ALL_BUILTINS)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_windows_objects_need_only_kernel32(tmp_path: Path, cpu: Cpu, level: str) -> None:
    offered = {*platform_for(WINDOWS).c_functions, *SUPPORT, FLOATS_ARE_USED}
    undefined = undefined_on_windows(tmp_path, cpu, level, every_builtin(SOCKETS))
    assert "WriteFile" in undefined
    assert undefined <= offered


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_windows_objects_with_sockets_need_ws2_32_too(tmp_path: Path, cpu: Cpu) -> None:
    platform = platform_for(WINDOWS)
    offered = {*platform.c_functions, *platform.socket_functions, *SUPPORT, FLOATS_ARE_USED}
    level = LEVELS_OF_ALL_BUILTINS[0]
    undefined = undefined_on_windows(tmp_path, cpu, level, every_builtin())
    assert "WSAStartup" in undefined
    assert undefined <= offered


def undefined_on_windows(tmp_path: Path, cpu: Cpu, level: str, text: str) -> set[str]:
    """Return what an object of the program asks of the libraries that it is linked with."""
    linker = tool("lld-link", "lld-link-19")
    made = compile_object(tmp_path, text, level, *flags_of(target_for(WINDOWS, cpu)))
    flags = ["/nodefaultlib", "/entry:main", "/subsystem:console", "/force:unresolved"]
    messages = command([linker, *flags, f"/out:{tmp_path / 'program.exe'}", made])
    return set(re.findall(r"undefined symbol: (\S+)", messages))


@pytest.mark.parametrize("level", LEVELS)
def test_windows_programs_link_and_run(tmp_path: Path, level: str) -> None:
    compiler = tool("x86_64-w64-mingw32-gcc")
    made = compile_object(tmp_path, LARGE_FRAME, level, *flags_of(WINDOWS_X86_64))
    program = tmp_path / "program.exe"
    start = c_file(tmp_path, START_IN_C)
    flags = ["-O1", "-nostdlib", "-fno-builtin", "-e", "start"]
    command([compiler, *flags, made, start, "-o", program, "-lkernel32"])
    engine = default_engine(WINDOWS_X86_64)
    missing = engine.missing()
    if missing is not None:
        pytest.skip(missing)
    result = engine.run(program.read_bytes())
    assert (result.stdout, result.status) == (b"5 2.500000 -8\n", 3)


@pytest.mark.parametrize("cpu", [X86_64, ARM64], ids=lambda row: row.name)
def test_lld_takes_elf_objects(tmp_path: Path, cpu: Cpu) -> None:
    linker = tool("ld.lld", "ld.lld-19")
    made = compile_object(tmp_path, HELLO, f"--arch={cpu.name}")
    command([linker, "-pie", "-e", "main", made, "-o", tmp_path / "program"])
