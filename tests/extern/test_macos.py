"""C functions in macOS executables: libSystem by default, or a named library.

The strict runner has no C library; the functions that these programs call are made here.
"""

import importlib
import struct
from collections.abc import Iterator
from pathlib import Path

import lief
import pytest

from mlrift.targets import MACOS_ARM64, MACOS_X86_64, Target
from tests.extern.programs import compile_for
from tests.objects.toolchains import LEVELS
from tests.support.engines import engine_named
from tests.support.mac_process import LIBSYSTEM, MacProcess
from tests.support.results import RunResult
from tests.support.traps import ResultWidth

TARGETS = (MACOS_X86_64, MACOS_ARM64)
LIBSYSTEM_PATH = "/usr/lib/libSystem.B.dylib"


@pytest.fixture(autouse=True)
def _own_functions() -> Iterator[None]:
    pytest.importorskip("unicorn")
    importlib.import_module("tests.support.run_macho")  # registers what the runner has itself
    before = dict(LIBSYSTEM.exports)

    @LIBSYSTEM.export("_add_up", 10, ResultWidth.WORD64)
    def add_up(process: MacProcess, *words: int) -> int:
        return sum(word * int(10**index) for index, word in enumerate(words))

    @LIBSYSTEM.export("_printf", 3, ResultWidth.WORD32, variadic_from=1)
    def printf(process: MacProcess, text: int, first: int, second: int) -> int:
        return first + second

    @LIBSYSTEM.export("_stack_words", 10, ResultWidth.WORD64)
    def stack_words(process: MacProcess, *words: int) -> int:
        return words[8] ^ words[9]

    yield
    LIBSYSTEM.exports.clear()
    LIBSYSTEM.exports.update(before)


def run_strictly(program: Path, target: Target) -> RunResult:
    """Run in the strict runner."""
    engine = engine_named(f"{target.name}:strict")
    missing = engine.missing()
    if missing is not None:
        pytest.skip(f"the runner needs {missing}")
    return engine.run(program.read_bytes())


def libraries(program: Path) -> list[str]:
    """Return the libraries that an executable loads."""
    found = lief.MachO.parse(program)
    assert found is not None
    image = found.at(0)
    assert image is not None
    return [str(row.name) for row in image.libraries]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_programs_call_libsystem(tmp_path: Path, target: Target, level: str) -> None:
    """The status goes to `exit` by way of dyld, which called the program."""
    text = """
    extern fn getpid() -> i32
    extern fn add_up(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h, u64 i, u64 j) -> u64
    extern fn printf(u64 format, u64 first, u64 second) -> i32
    fn main() -> u64 {
        println(getpid() > 0, add_up(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), printf("", 4, 5))
        return 7
    }
    """
    program = compile_for(tmp_path, text, target, level)
    assert libraries(program) == [LIBSYSTEM_PATH]
    assert run_strictly(program, target) == RunResult(b"1 9876543210 9\n", b"", 7)


@pytest.mark.parametrize("level", LEVELS)
def test_arguments_on_the_stack_have_their_own_sizes(tmp_path: Path, level: str) -> None:
    """On arm64 i32, u8 and u16 share a word of the stack; the u64 begins the next one."""
    singles = ", ".join(f"f32 s{index}" for index in range(8))
    words = ", ".join(f"u64 w{index}" for index in range(8))
    text = f"""
    extern fn stack_words({words}, {singles}, i32 a, u8 b, u16 c, u64 d, f32 e) -> u64
    fn main() {{
        f32 one = 1.0
        u64 found = stack_words(1, 2, 3, 4, 5, 6, 7, 8, one, one, one, one, one, one, one, one,
            -2, 0x104, 5, 0, one)
        println(found)
    }}
    """
    program = compile_for(tmp_path, text, MACOS_ARM64, level)
    expected = int.from_bytes(struct.pack("<iBxH", -2, 4, 5), "little")
    assert run_strictly(program, MACOS_ARM64).stdout == f"{expected}\n".encode()


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_a_library_is_named(tmp_path: Path, target: Target) -> None:
    text = """
    @dynamic("libsqlite3.dylib") extern fn sqlite3_libversion_number() -> i32
    @dynamic("/opt/own/libown.dylib", "libown.so") extern fn own() -> i32
    @dynamic("libown.dll") extern fn own() -> i32
    fn main() { println(sqlite3_libversion_number(), own()) }
    """
    program = compile_for(tmp_path, text, target)
    own = ["/opt/own/libown.dylib", "/usr/lib/libsqlite3.dylib"]
    assert libraries(program) == [LIBSYSTEM_PATH, *own]
