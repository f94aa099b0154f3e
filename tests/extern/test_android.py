"""C functions in Android executables: bionic's libraries, bound and started by bionic.

There is no bionic here. What the loader checks is checked; then glibc's loader runs the file with
a `libc.so` that has bionic's start function and takes everything else from glibc.
"""

import os
from pathlib import Path

import pytest

from mlrift.targets import ANDROID_ARM64, ANDROID_X86_64, ARM64, Target
from tests.extern.elf_file import bound_symbols, interpreter, needed
from tests.extern.programs import STREAMS, STREAMS_OUTPUT, compile_for, run_command
from tests.objects.toolchains import ARM64_LIBRARIES, LEVELS, c_file, command, host_gcc, tool
from tests.support.bionic import check_android_image
from tests.support.results import RunResult

TARGETS = (ANDROID_X86_64, ANDROID_ARM64)
BIONIC = """
#include <stdlib.h>
#include <stdint.h>
typedef int start(int argc, char **argv, char **envp);
void __libc_init(uintptr_t *raw, void (*unused)(void), start *main, void (**structors[6])(void)) {
    char **arguments = (char **)(raw + 1);
    for (int index = 0; index < 6; index++)
        if (structors[index]) exit(99);
    if (unused) exit(98);
    exit(main((int)*raw, arguments, arguments + *raw + 1));
}
"""


def run_with_stand_in(folder: Path, program: Path, target: Target) -> RunResult:
    """Run by glibc's loader."""
    if os.uname().machine != ANDROID_X86_64.cpu.name:
        pytest.skip("the stand-in for bionic needs an x86-64 host")
    source = c_file(folder, BIONIC)
    is_arm64 = target.cpu is ARM64
    compiler = tool("aarch64-linux-gnu-gcc") if is_arm64 else host_gcc()
    command([compiler, "-shared", "-fPIC", source, "-o", folder / "libc.so", "-lm"])
    empty = c_file(folder, "", "empty.c")
    flags = ["-Wl,--no-as-needed", "-lm"]
    command([compiler, "-shared", "-fPIC", empty, "-o", folder / "libm.so", *flags])
    if is_arm64:
        loader = ARM64_LIBRARIES + "/lib/ld-linux-aarch64.so.1"
        path = f"{folder}:{ARM64_LIBRARIES}/lib"
        return run_command(tool("qemu-aarch64"), loader, "--library-path", path, program)
    return run_command("/lib64/ld-linux-x86-64.so.2", "--library-path", folder, program)


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_the_loader_accepts_it(tmp_path: Path, target: Target) -> None:
    program = compile_for(tmp_path, STREAMS, target)
    check_android_image(program.read_bytes(), target.cpu)
    assert interpreter(program) == "/system/bin/linker64"
    assert needed(program) == ["libc.so", "libm.so"]
    assert bound_symbols(program) == ["__libc_init", "puts", "qsort", "cos"]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_programs_call_the_c_library(tmp_path: Path, target: Target, level: str) -> None:
    program = compile_for(tmp_path, STREAMS, target, level)
    assert run_with_stand_in(tmp_path, program, target) == RunResult(STREAMS_OUTPUT, b"", 7)


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_programs_that_call_no_c_need_no_library(tmp_path: Path, target: Target) -> None:
    program = compile_for(tmp_path, 'fn main() { println("hello") }', target)
    assert needed(program) == []
