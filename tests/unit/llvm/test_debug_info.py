"""`-g`: gdb shows lines, a backtrace and variables of a program without optimisation."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mlrift.backends.llvm.objects import compile_object, compile_support, emit_llvm, verify_llvm
from mlrift.backends.llvm.options import (
    CodegenOptions,
    DebugInfo,
    ObjectFlavour,
    OptimisationLevel,
)
from mlrift.backends.platforms.platform import platform_for
from mlrift.ir.core import Global, Linkage, Module
from mlrift.ir.ops import arith, call, control, memory
from mlrift.link.image import DebugInfo as LinkDebugInfo
from mlrift.link.image import LinkOptions, link
from mlrift.link.read_elf import read_elf
from mlrift.source import SourceFile, Span
from mlrift.targets import LINUX, LINUX_X86_64, SYSTEMS, X86_64
from mlrift.typesystem import F64, I64
from tests.unit.llvm.machine_code import CPUS, new_function, new_start, os_layer

TEXT = """static u64 total = 5
fn twice(u64 x) -> u64 {
    u64 y = x + x
    return y
}
fn main() {
    f64 ratio = 0.5
    twice(21)
}
"""


def example() -> Module:
    """The IR of TEXT without promoted slots."""
    source = SourceFile("folder/example.mlr", TEXT)

    def span_of(piece: str) -> Span:
        start = TEXT.index(piece)
        return Span(source, start, start + len(piece))

    module = Module("example")
    module.globals["total"] = Global("total", 8, 8, b"\5")
    module.globals["table"] = Global("table", 80, 8)
    twice = new_function(module, "twice", (I64,), (I64,), Linkage.INTERNAL)
    twice.function.parameters[0].name = "x"
    twice.function.span = twice.span = span_of("fn twice")
    x = twice.emit(memory.SlotNew("x", I64))
    twice.emit(memory.SlotSet(x, twice.function.parameters[0]))
    twice.span = span_of("u64 y")
    y = twice.emit(memory.SlotNew("y", I64))
    first = twice.emit(memory.SlotGet(x, I64))
    twice.emit(memory.SlotSet(y, twice.emit(arith.Add(first, first))))
    twice.span = span_of("return y")
    twice.emit(control.Return([twice.emit(memory.SlotGet(y, I64))]))
    start = new_start(module)
    start.function.span = start.span = span_of("fn main")
    ratio = start.emit(memory.SlotNew("ratio", F64))
    start.span = span_of("f64 ratio")
    start.emit(memory.SlotSet(ratio, start.emit(arith.Constant(0.5, F64))))
    start.span = span_of("twice(21)")
    start.emit(call.Call("twice", [start.word(21)], (I64,)))
    start.emit(memory.Store(start.emit(memory.GlobalAddress("total")), start.word(6), I64))
    divisor = start.emit(memory.Load(start.emit(memory.GlobalAddress("total")), I64))
    start.emit(arith.Udiv(start.word(12), divisor))
    start.emit(control.Return([start.word(0)]))
    return module


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
@pytest.mark.parametrize("level", OptimisationLevel, ids=lambda row: row.value)
def test_metadata_is_valid_everywhere(cpu: object, level: OptimisationLevel) -> None:
    for flavour in ObjectFlavour:
        for system in SYSTEMS:
            options = CodegenOptions(level, flavour, system, DebugInfo.FULL)
            verify_llvm(emit_llvm(example(), cpu, options))  # type: ignore[arg-type]  # a Cpu
            assert compile_object(example(), cpu, options)  # type: ignore[arg-type]  # a Cpu


@pytest.mark.skipif(shutil.which("gdb") is None, reason="needs gdb")
def test_gdb_shows_line_backtrace_and_variables(tmp_path: Path) -> None:
    options = CodegenOptions(level=OptimisationLevel.NONE, debug=DebugInfo.FULL)
    objects = [
        read_elf(compile_object(example(), X86_64, options), "example"),
        read_elf(compile_object(os_layer(X86_64), X86_64, CodegenOptions()), "os"),
        read_elf(compile_support(X86_64), "support"),
        platform_for(LINUX).stub_object(X86_64),
    ]
    image = link(objects, LINUX_X86_64, LinkOptions(entry="os.entry", debug=LinkDebugInfo.KEEP))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "example.mlr").write_text(TEXT)
    program = tmp_path / "program"
    program.write_bytes(image)
    program.chmod(0o755)
    commands = (
        "break example.mlr:4", "run", "backtrace", "info locals", "info args", "print total",
        "up", "info locals", "list",
    )  # fmt: skip
    arguments = [part for command in commands for part in ("-ex", command)]
    done = subprocess.run(
        ["gdb", "-batch", "-nx", *arguments, str(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
    )
    output = done.stdout
    assert "return y" in output, output + done.stderr
    assert "twice (x=21) at folder/example.mlr:4" in output
    assert "program.start" in output
    assert "y = 42" in output
    assert "x = 21" in output
    assert "$1 = 5" in output
    assert "ratio = 0.5" in output
