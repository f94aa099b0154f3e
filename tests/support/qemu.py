"""Run Linux executables in qemu-user: an image, its CPU and options in, a RunResult out."""

import shutil
from collections.abc import Sequence

from mlrift.targets import ARM64, X86_64, Cpu
from tests.support.processes import program_file, run_command
from tests.support.results import Invocation, RunResult

QEMU_PROGRAMS = {X86_64.name: "qemu-x86_64", ARM64.name: "qemu-aarch64"}
_CRASH_REPORT = b"qemu: uncaught target signal"


def missing_qemu(cpu: Cpu) -> str | None:
    """Say which program is not installed, or None."""
    name = QEMU_PROGRAMS[cpu.name]
    return None if shutil.which(name) else f"{name} (Debian package qemu-user)"


def run_in_qemu(
    image: bytes, cpu: Cpu, invocation: Invocation, options: Sequence[str] = ()
) -> RunResult:
    """Run an ELF executable; qemu's own line about a crash is not the program's output."""
    with program_file(image) as path:
        command = [QEMU_PROGRAMS[cpu.name], *options, str(path)]
        result = run_command(command, invocation, executable=shutil.which(command[0]))
    lines = result.stderr.splitlines(keepends=True)
    stderr = b"".join(line for line in lines if not line.startswith(_CRASH_REPORT))
    return RunResult(result.stdout, stderr, result.status)
