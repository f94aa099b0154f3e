"""Runs IR modules as native programs: our back end, our linker and a small OS layer made of IR.

A module under test defines `program.start(argc, argv, envp)`; its result is the exit status.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlrift.backends.llvm.objects import compile_object, compile_support, verify_llvm
from mlrift.backends.llvm.objects import emit_llvm as emit_text
from mlrift.backends.llvm.options import CodegenOptions
from mlrift.backends.platforms.platform import SYSTEM_CALLS, platform_for
from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function, Linkage, Module, Value
from mlrift.ir.ops.arith import Add
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.control import Return, Unreachable
from mlrift.ir.ops.memory import Load
from mlrift.link.image import LinkOptions, link
from mlrift.link.read_elf import read_elf
from mlrift.targets import ARM64, LINUX, X86_64, Cpu, target_for
from mlrift.typesystem import I64, MachineType

CPUS = (X86_64, ARM64)
QEMU = {ARM64.name: shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")}


@dataclass(frozen=True)
class Outcome:
    """What a run gave; a signal shows as 128 + its number, as in a shell."""

    stdout: bytes
    status: int


def can_run(cpu: Cpu) -> bool:
    """Whether programs for a CPU run here."""
    return os.uname().machine == cpu.name or QEMU.get(cpu.name) is not None


def host_level() -> int:
    """Return the level of x86-64 of this machine, as `cpu.detect` would; 0 elsewhere."""
    if os.uname().machine != X86_64.name:
        return 0
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    flags = set(text.partition("flags")[2].partition("\n")[0].split())
    if not {"avx2", "bmi1", "bmi2", "fma", "f16c", "movbe", "abm"} <= flags:
        return 2
    wide = {"avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"}
    if not wide <= flags:
        return 3
    if "avx512_vnni" not in flags:
        return 4
    return 6 if "avx512_bf16" in flags else 5


def new_function(
    module: Module,
    name: str,
    parameters: tuple[MachineType, ...] = (),
    results: tuple[MachineType, ...] = (I64,),
    linkage: Linkage = Linkage.EXPORTED,
) -> Builder:
    """Add a function with an empty entry block and return a builder in it."""
    rows = [BlockParameter(kind, f"p{index}") for index, kind in enumerate(parameters)]
    function = Function(name, rows, results, linkage, [Block("entry", rows)])
    module.functions[name] = function
    return Builder(module, function)


def new_start(module: Module) -> Builder:
    """Add `program.start`."""
    return new_function(module, "program.start", (I64, I64, I64))


def write_and_return(builder: Builder, address: Value, size: Value, status: int = 0) -> None:
    """End `program.start`: write bytes to standard output, return the status."""
    builder.call_external("os.write", [builder.word(1), address, size])
    builder.emit(Return([builder.word(status)]))


def os_layer(cpu: Cpu) -> Module:
    """Return `os.start`, `os.write`, `os.exit`, `os.map` for Linux as IR."""
    module = Module("os")
    module.declare("os.syscall", [I64] * 7, (I64,))
    numbers = SYSTEM_CALLS[cpu.name]
    start = new_function(module, "os.start", (I64,), ())
    stack = start.function.parameters[0]
    argc = start.emit(Load(stack, I64))
    argv = start.emit(Add(stack, start.word(8)))
    status = start.call_external("program.start", [argc, argv, start.word(0)])
    start.call_external("os.exit", [status], ())
    start.emit(Unreachable())
    write = new_function(module, "os.write", (I64, I64, I64))
    result = _syscall(write, numbers["SYS_WRITE"], list(write.function.parameters))
    write.emit(Return([result]))
    leave = new_function(module, "os.exit", (I64,), ())
    _syscall(leave, numbers["SYS_EXIT_GROUP"], list(leave.function.parameters))
    leave.emit(Unreachable())
    leave.function.returns = False
    mapping = new_function(module, "os.map", (I64,))
    words = [mapping.word(row) for row in (3, 0x22, (1 << 64) - 1, 0)]
    size = mapping.function.parameters[0]
    address = _syscall(mapping, numbers["SYS_MMAP"], [mapping.word(0), size, *words])
    mapping.emit(Return([address]))
    return module


def _syscall(builder: Builder, number: int, arguments: list[Value]) -> Call:
    rest = [builder.word(0) for _ in range(6 - len(arguments))]
    return builder.call_external("os.syscall", [builder.word(number), *arguments, *rest])


def build(module: Module, cpu: Cpu, options: CodegenOptions) -> bytes:
    """Return the linked Linux program of a module; its LLVM text is verified on the way."""
    verify_llvm(emit_text(module, cpu, options))
    layer = os_layer(cpu)
    objects = [
        read_elf(compile_object(module, cpu, options), "program"),
        read_elf(compile_object(layer, cpu, CodegenOptions()), "os"),
        read_elf(compile_support(cpu), "support"),
        platform_for(LINUX).stub_object(cpu),
    ]
    return link(objects, target_for(LINUX, cpu), LinkOptions(entry="os.entry"))


def run_image(image: bytes, cpu: Cpu, *, timeout_seconds: float = 60) -> Outcome:
    """Run a program and return what it wrote and its status."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "program")
        path.write_bytes(image)
        path.chmod(0o755)
        emulator = [] if os.uname().machine == cpu.name else [str(QEMU[cpu.name])]
        done = subprocess.run(
            [*emulator, str(path)], capture_output=True, check=False, timeout=timeout_seconds
        )
    status = done.returncode if done.returncode >= 0 else 128 - done.returncode
    return Outcome(done.stdout, status)


def run_module(module: Module, cpu: Cpu, options: CodegenOptions) -> Outcome:
    """Compile, link and run a module."""
    return run_image(build(module, cpu, options), cpu)
