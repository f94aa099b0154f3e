"""Functions with assembly in objects of every format, in listings, and what is refused."""

import re

import pytest

from mlrift.backends import BackendError, target_of
from mlrift.backends.llvm.objects import (
    compile_assembly,
    compile_listing,
    compile_object,
    compile_objects,
    optimised_llvm,
)
from mlrift.backends.llvm.options import (
    CodegenOptions,
    DebugInfo,
    ObjectFlavour,
    OptimisationLevel,
)
from mlrift.ir.core import Module
from mlrift.ir.text import parse_module
from mlrift.ir.verify import check_module
from mlrift.link.read_elf import read_elf
from mlrift.targets import ARM64, SYSTEMS, WINDOWS, X86_64, Cpu, System

TEXT = """
exported function @start(%a : f64, %b : i64) -> f64 naked section ".boot" assembly {
  "nop"
  "ret"
}
function @asm.1(%area : i64) assembly {
  in REGISTER
  out REGISTER
  "nop"
}
kept function @unused() naked assembly { }
exported function @main() -> i64 {
^entry:
  %area = memory.stack 8, 16
  %one = arith.constant 1 : i64
  memory.store %area, %one : i64
  call.direct @asm.1(%area) -> ()
  %result = memory.load %area : i64
  %address = call.address_of @start
  %sum = arith.add %result, %address
  control.return %sum
}
"""
REGISTERS = {X86_64.name: "rbx", ARM64.name: "x19"}
CODE = {X86_64.name: bytes.fromhex("90c3"), ARM64.name: bytes.fromhex("1f2003d5c0035fd6")}
CPUS = pytest.mark.parametrize("cpu", [X86_64, ARM64], ids=lambda row: row.name)


def module_for(cpu: Cpu) -> Module:
    module = parse_module(TEXT.replace("REGISTER", REGISTERS[cpu.name]))
    check_module(module, "the test's text")
    return module


def block_code(cpu: Cpu) -> bytes:
    target = target_of(cpu)
    register = REGISTERS[cpu.name]
    return target.encode_block(target.assembler.encode("nop"), [register], [register])


@CPUS
@pytest.mark.parametrize("level", list(OptimisationLevel), ids=lambda row: row.value)
@pytest.mark.parametrize("debug", list(DebugInfo), ids=lambda row: row.value)
def test_portable_objects_have_the_bytes_at_the_symbols(
    cpu: Cpu, level: OptimisationLevel, debug: DebugInfo
) -> None:
    options = CodegenOptions(level=level, debug=debug)
    made = read_elf(compile_object(module_for(cpu), cpu, options), "test")
    code = [
        made.sections[row.section_index].data[row.offset :]
        for row in made.symbols.values()
        if row.is_function and row.section_index is not None
    ]
    assert any(data.startswith(block_code(cpu)) for data in code)
    assert any(data.startswith(CODE[cpu.name]) for data in code)


@CPUS
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda row: row.name)
def test_native_objects_have_the_bytes(cpu: Cpu, system: System) -> None:
    options = CodegenOptions(flavour=ObjectFlavour.NATIVE, system=system)
    data = compile_object(module_for(cpu), cpu, options)
    assert block_code(cpu) in data
    assert CODE[cpu.name] in data
    assert b".boot" in data


@CPUS
def test_listings_show_the_bytes(cpu: Cpu) -> None:
    text = compile_listing(module_for(cpu), cpu, CodegenOptions())
    first = CODE[cpu.name][0]
    assert '.section .boot,"ax",@progbits' in text
    assert f"start:\n  0000: {first:02x}" in text


def test_text_for_one_cpu_is_refused_for_another() -> None:
    with pytest.raises(BackendError, match="no register of arm64: rbx"):
        compile_objects(module_for(X86_64), [X86_64, ARM64], CodegenOptions())
    wrong = parse_module('exported function @f() naked assembly { "cpuid" }')
    with pytest.raises(BackendError, match="`f`: no instruction of arm64: cpuid"):
        compile_object(wrong, ARM64, CodegenOptions())


def test_one_text_makes_code_for_both_cpus() -> None:
    module = parse_module('exported function @f() naked assembly { "nop" "ret" }')
    made = compile_objects(module, [X86_64, ARM64], CodegenOptions())
    assert CODE["x86_64"] in made["x86_64"]
    assert CODE["arm64"] in made["arm64"]


def test_blocks_get_their_address_in_the_same_register_on_windows() -> None:
    options = CodegenOptions(flavour=ObjectFlavour.NATIVE, system=WINDOWS)
    text = optimised_llvm(module_for(X86_64), X86_64, options)
    assert "define internal x86_64_sysvcc void @asm.1(" in text
    assert "call x86_64_sysvcc void @asm.1(" in text
    assert "define double @start(" in text
    body = compile_assembly(module_for(X86_64), X86_64, options).partition("main:")[2]
    assert re.search(r"%rsp.*, %rdi\n.*call\w*\s+asm\.1", body)
    assert "pushq\t%rdi" in body and "%xmm15" in body
