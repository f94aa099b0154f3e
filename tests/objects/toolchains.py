"""C toolchains as the tests use them: objects from `mlrc -c`, linked and run by other programs.

A test skips when a tool is absent, and says which; gcc itself must be there under CI.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlrift.targets import ARM64, X86_64, Cpu, Target
from tests.harness.compiler import run_mlrc

TIMEOUT_SECONDS = 60
LEVELS = ("-O0", "-O2")
HELLO = """
fn main() -> i64 {
    println("hello", 42)
    return 3
}
"""
# LLVM calls these of the C library by itself.
SUPPORT = frozenset({"memcpy", "memmove", "memset", "bcmp", "memcmp"})
ARM64_LIBRARIES = "/usr/aarch64-linux-gnu"


@dataclass(frozen=True)
class Run:
    """What a program printed and its exit status."""

    output: str
    status: int


def tool(*names: str) -> str:
    """Return the path of the first program that is installed; skip the test without one."""
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return found
    if names[0] == "gcc" and os.environ.get("CI") == "true":
        pytest.fail("gcc is not installed, and CI must run this test")
    pytest.skip(f"{names[0]} is not installed")


def compile_object(folder: Path, text: str, *flags: str, name: str = "program") -> Path:
    """Compile a program to an object with `mlrc -c`."""
    source, made = folder / f"{name}.mlr", folder / f"{name}.o"
    source.write_text(text, encoding="utf-8")
    status, _, messages = run_mlrc(["-c", *flags, str(source), "-o", str(made)])
    assert status == 0, messages
    return made


def flags_of(target: Target) -> tuple[str, str]:
    """Return the options that choose a target."""
    return f"--target={target.system.name}", f"--arch={target.cpu.name}"


def host_gcc() -> str:
    """Return gcc on an x86-64 host."""
    if os.uname().machine != X86_64.name:
        pytest.skip("the host is not x86-64")
    return tool("gcc")


def link(folder: Path, *arguments: str | Path) -> Path:
    """Link with the host's gcc."""
    made = folder / "program"
    command([host_gcc(), *arguments, "-o", made, "-lm"])
    return made


def c_file(folder: Path, text: str, name: str = "other.c") -> Path:
    """Write a C file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def command(words: list[str | Path]) -> str:
    """Run a tool that must succeed; return everything it printed."""
    rows = list(map(str, words))
    done = subprocess.run(
        rows,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{' '.join(rows)}\n{text}"
    return text


def run(*words: str | Path, environment: dict[str, str] | None = None, stdin: bytes = b"") -> Run:
    """Run a program; a signal shows as its negative number."""
    done = subprocess.run(
        list(map(str, words)),
        stdout=subprocess.PIPE,
        timeout=TIMEOUT_SECONDS,
        check=False,
        env=environment,
        input=stdin,
    )
    return Run(done.stdout.decode(), done.returncode)


def link_and_run_arm64(folder: Path, made: Path, *others: Path) -> Run:
    """Link with the cross gcc, run in qemu."""
    compiler, emulator = tool("aarch64-linux-gnu-gcc"), tool("qemu-aarch64")
    program = folder / "program-arm64"
    command([compiler, made, *others, "-o", program, "-lm"])
    return run(emulator, "-L", ARM64_LIBRARIES, program)


def link_and_run(folder: Path, cpu: Cpu, made: Path, *others: Path) -> Run:
    """Link an object with C files and run the program on its CPU."""
    if cpu is ARM64:
        return link_and_run_arm64(folder, made, *others)
    return run(link(folder, made, *others))
