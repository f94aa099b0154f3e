"""Run Android slices without Android: the loader stand-in in qemu, natively, or under seccomp.

Every way checks the bionic rules first. The native ways turn PT_INTERP into PT_NULL in a memory
file, so that the kernel enters the program itself.
"""

import re
import struct
import sys
import tempfile
from pathlib import Path

from mlrift.targets import Cpu
from tests.support.android_syscalls import ALLOWED_SYSCALLS
from tests.support.bionic import check_android_image
from tests.support.processes import program_descriptor, run_command
from tests.support.qemu import run_in_qemu
from tests.support.results import Invocation, RuleBroken, RunResult
from tests.support.seccomp_filter import build_filter
from tests.support.stand_in import android_root

_CHILD = Path(__file__).with_name("seccomp_child.py")
_INTERP, _NULL = 3, 0
_TRACED_CALL = re.compile(r"^(?:\d+ )?(Unknown syscall \d+|[A-Za-z_]\w*)", re.MULTILINE)


def run_android_natively(image: bytes, cpu: Cpu, invocation: Invocation) -> RunResult:
    """Run on the host's own CPU, without an interpreter."""
    check_android_image(image, cpu)
    with program_descriptor(without_interpreter(image)) as descriptor:
        executable = f"/proc/self/fd/{descriptor}"
        return run_command(
            ["./program"], invocation, executable=executable, descriptors=(descriptor,)
        )


def run_android_under_seccomp(image: bytes, cpu: Cpu, invocation: Invocation) -> RunResult:
    """Run natively with an app's system calls only; any other one gives status 159 (SIGSYS)."""
    check_android_image(image, cpu)
    filter_code = build_filter(ALLOWED_SYSCALLS.values())
    with (
        program_descriptor(without_interpreter(image)) as descriptor,
        program_descriptor(filter_code) as filter_descriptor,
    ):
        command = [sys.executable, "-I", "-S", str(_CHILD), str(descriptor), str(filter_descriptor)]
        return run_command(
            [*command, "./program"], invocation, descriptors=(descriptor, filter_descriptor)
        )


def run_android_in_qemu(image: bytes, cpu: Cpu, invocation: Invocation) -> RunResult:
    """Run the unmodified file in qemu, started by the stand-in for linker64."""
    check_android_image(image, cpu)
    return run_in_qemu(image, cpu, invocation, ("-L", str(android_root(cpu))))


def run_android_traced(image: bytes, cpu: Cpu, invocation: Invocation) -> RunResult:
    """Run in qemu and raise `RuleBroken` for a system call that an Android app may not use."""
    check_android_image(image, cpu)
    with tempfile.NamedTemporaryFile(prefix="strace-") as log:
        options = ("-L", str(android_root(cpu)), "-strace", "-D", log.name)
        result = run_in_qemu(image, cpu, invocation, options)
        used = traced_calls(Path(log.name).read_text(errors="replace"))
    forbidden = sorted(used - ALLOWED_SYSCALLS.keys())
    if forbidden:
        raise RuleBroken(f"system calls that Android forbids: {', '.join(forbidden)}")
    return result


def without_interpreter(image: bytes) -> bytes:
    """Return the ELF file with its PT_INTERP turned into PT_NULL."""
    patched = bytearray(image)
    (table,) = struct.unpack_from("<Q", image, 32)
    (count,) = struct.unpack_from("<H", image, 56)
    for position in range(table, table + 56 * count, 56):
        if struct.unpack_from("<I", image, position)[0] == _INTERP:
            struct.pack_into("<I", patched, position, _NULL)
    return bytes(patched)


def traced_calls(log: str) -> set[str]:
    """Return the names of the system calls in qemu's `-strace` output."""
    return {match[1] for match in _TRACED_CALL.finditer(log)}
