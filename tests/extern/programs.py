"""Programs that call C, compiled for one target; images and messages for the tests beside this."""

import subprocess
from pathlib import Path

from mlrift.targets import Target
from tests.harness.compiler import run_mlrc
from tests.objects.toolchains import flags_of
from tests.support.results import RunResult

TIMEOUT_SECONDS = 60
STREAMS = """
extern fn puts(u64 text) -> i32
extern fn cos(f64 x) -> f64
extern fn qsort(u64 base, u64 count, u64 size, u64 compare)
static u64 address
fn compare(u64 a, u64 b) -> i64 { return load64(a) - load64(b) }
fn main() -> u64 {
    u64[3] numbers
    numbers[0] = 30
    numbers[1] = 10
    numbers[2] = 20
    address = numbers
    qsort(address, 3, 8, fn_addr("compare"))
    println(numbers[0], numbers[1], numbers[2], cos(0.0))
    puts("flushed when main returns")
    return 7
}
"""
STREAMS_OUTPUT = b"10 20 30 1.000000\nflushed when main returns\n"


def compile_text(folder: Path, text: str, *flags: str) -> tuple[int, str, Path]:
    """Compile a program; return the status, the messages and where the output is."""
    source, made = folder / "program.mlr", folder / "program"
    source.write_text(text, encoding="utf-8")
    status, _, messages = run_mlrc([*flags, str(source), "-o", str(made)])
    return status, messages, made


def compile_for(folder: Path, text: str, target: Target, *flags: str) -> Path:
    """Compile a program that must be accepted, for one target."""
    status, messages, made = compile_text(folder, text, *flags_of(target), *flags)
    assert status == 0, messages
    return made


def run_command(*words: str | Path) -> RunResult:
    """Run a program."""
    rows = list(map(str, words))
    done = subprocess.run(rows, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    return RunResult(done.stdout, done.stderr, done.returncode)
