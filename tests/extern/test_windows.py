"""C functions in Windows executables: msvcrt.dll, ucrtbase.dll, kernel32.dll, or a named DLL."""

from pathlib import Path

import lief
import pytest

from mlrift.targets import WINDOWS_ARM64, WINDOWS_X86_64, Target
from tests.extern.programs import STREAMS, STREAMS_OUTPUT, compile_for, compile_text
from tests.objects.toolchains import LEVELS
from tests.support.engines import engine_named
from tests.support.results import RunResult

TARGETS = (WINDOWS_X86_64, WINDOWS_ARM64)


def run_in_wine(program: Path) -> RunResult:
    """Run in Wine; C's streams write Windows line ends."""
    engine = engine_named("win-x64:wine")
    missing = engine.missing()
    if missing is not None:
        pytest.skip(f"Wine needs {missing}")
    result = engine.run(program.read_bytes())
    return RunResult(result.stdout.replace(b"\r\n", b"\n"), result.stderr, result.status)


def imported(program: Path) -> dict[str, set[str]]:
    """Return the functions that an executable imports, by library."""
    image = lief.PE.parse(program)
    assert isinstance(image, lief.PE.Binary)
    return {str(row.name): {str(entry.name) for entry in row.entries} for row in image.imports}


@pytest.mark.parametrize("level", LEVELS)
def test_programs_call_the_c_library(tmp_path: Path, level: str) -> None:
    """The callback is called by Windows' convention, and streams are flushed at the end."""
    program = compile_for(tmp_path, STREAMS, WINDOWS_X86_64, level)
    assert run_in_wine(program) == RunResult(STREAMS_OUTPUT, b"", 7)


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_names_decide_the_library(tmp_path: Path, target: Target) -> None:
    text = """
    extern fn puts(u64 text) -> i32
    extern fn getpid() -> i32
    extern fn round(f64 x) -> f64
    extern fn GetTickCount() -> u32
    @dynamic("version.dll") extern fn VerQueryValueA(u64 a, u64 b, u64 c, u64 d) -> i32
    fn main() {
        puts("a")
        println(getpid(), round(2.5), GetTickCount(), VerQueryValueA(0, 0, 0, 0))
    }
    """
    found = imported(compile_for(tmp_path, text, target))
    assert found["msvcrt.dll"] == {"puts", "_getpid", "exit"}
    assert found["ucrtbase.dll"] == {"round"}
    assert found["version.dll"] == {"VerQueryValueA"}
    assert {"GetTickCount", "WriteFile"} <= found["kernel32.dll"]


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_the_c_library_is_loaded_only_when_called(tmp_path: Path, target: Target) -> None:
    text = "extern fn GetTickCount() -> u32\nfn main() { println(GetTickCount()) }"
    assert set(imported(compile_for(tmp_path, text, target))) == {"kernel32.dll"}


@pytest.mark.parametrize("level", LEVELS)
def test_kernel32_functions(tmp_path: Path, level: str) -> None:
    text = """
    extern fn SetLastError(u32 code)
    extern fn GetLastError() -> u32
    extern fn MulDiv(i32 a, i32 b, i32 c) -> i32
    extern fn lstrlenA(u64 text) -> i32
    @dynamic("KERNELBASE.dll") extern fn GetACP() -> u32
    fn main() {
        SetLastError(77)
        println(GetLastError(), MulDiv(-6, 7, 3), GetACP() > 0)
    }
    """
    result = run_in_wine(compile_for(tmp_path, text, WINDOWS_X86_64, level))
    assert result == RunResult(b"77 -14 1\n", b"", 0)


@pytest.mark.parametrize("level", LEVELS)
def test_many_arguments_and_variable_ones(tmp_path: Path, level: str) -> None:
    text = """
    extern fn printf(u64 format, f64 a, u32 b, f64 c, u32 d, f64 e, u32 f, f32 g) -> i32
    fn main() { printf("%g %d %g %d %g %d %g\\n", 1.5, 2, 3.5, 4, 5.5, 6, 7.5) }
    """
    result = run_in_wine(compile_for(tmp_path, text, WINDOWS_X86_64, level))
    assert result.stdout == b"1.5 2 3.5 4 5.5 6 7.5\n"


def test_functions_with_addresses_are_called_by_the_program_too(tmp_path: Path) -> None:
    text = """
    extern fn GetTickCount() -> u32
    fn add(u64 a, f64 b, u64 c, u64 d, u64 e, u64 f) -> u64 { return a + c + d + e + f }
    fn main() {
        u64 apply = fn_addr("add")
        println(call_ptr(apply, 1, 0, 2, 3, 4, 5), GetTickCount() >= 0)
        println(call_ptr(fn_addr("GetTickCount")) >= 0)
    }
    """
    program = compile_for(tmp_path, text, WINDOWS_X86_64)
    assert run_in_wine(program).stdout == b"15 1\n1\n"


@pytest.mark.parametrize("name", ["snprintf", "fork", "pthread_create"])
def test_what_windows_lacks_is_refused(tmp_path: Path, name: str) -> None:
    text = f"extern fn {name}(u64 a) -> u64\nfn main() {{ println({name}(0)) }}"
    status, messages, _ = compile_text(tmp_path, text, "--targets=linux-x64,win-x64,win-arm64")
    assert status == 1
    assert "for win-x64, win-arm64 [E0601]" in messages
