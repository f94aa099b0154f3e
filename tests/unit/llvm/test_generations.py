"""Functions marked simd: one version per generation, chosen at run time."""

import re

import pytest

from mlrift.backends.llvm.objects import compile_assembly, emit_llvm, verify_llvm
from mlrift.backends.llvm.options import CodegenOptions, DebugInfo, OptimisationLevel
from mlrift.ir.core import Module
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.memory import Stack, Store
from mlrift.ir.ops.processor import ProcessorLevel, VersionLevel
from mlrift.ir.ops.vector import Bitcast, Extract, VectorConstant
from mlrift.ir.ops.vector_arith import Dot4, Dot4Kind
from mlrift.ir.ops.vector_dot import Dot2
from mlrift.ir.ops.vector_memory import VectorLoad
from mlrift.ir.text import parse_module, print_module
from mlrift.targets import ARM64, X86_64
from mlrift.typesystem import BF16, F32, I8, I32, I64, vec
from tests.unit.llvm.machine_code import (
    can_run,
    host_level,
    new_function,
    new_start,
    run_module,
    write_and_return,
)

LEVELS = {"every": False, "level3": False, "level4": True}


def simd_module() -> Module:
    """Return a module with one simd function."""
    module = Module("vectors")
    builder = new_function(module, "work", (I64,))
    builder.function.is_simd = True
    builder.emit(Return([builder.function.parameters[0]]))
    return module


def defined(text: str) -> list[str]:
    """Return the functions that LLVM text defines."""
    return re.findall(r"^define .*?@([\w.]+)\(", text, re.MULTILINE)


def test_x86_64_has_three_versions_and_a_choice() -> None:
    text = emit_llvm(simd_module(), X86_64, CodegenOptions())
    verify_llvm(text)
    assert sorted(defined(text)) == [
        "cpu.detect", "work", "work.every", "work.level3", "work.level4",
    ]  # fmt: skip
    assert '"target-cpu"="x86-64-v3"' in text


def products(kind: Dot4Kind) -> Module:
    """Return a module with a simd function that has products of bytes."""
    module = Module("vectors")
    builder = new_function(module, "work", (I64,))
    builder.function.is_simd = True
    bytes_row, sums = vec(I8, 64), builder.emit(VectorConstant((0,) * 16, vec(I32, 16)))
    factor = builder.emit(VectorLoad(builder.function.parameters[0], 1, bytes_row))
    made = builder.emit(Dot4(kind, sums, factor, factor))
    builder.emit(Return([builder.emit(Extract(made, 0))]))
    return module


def test_products_of_bytes_have_one_more() -> None:
    text = emit_llvm(products(Dot4Kind.SIGNED), X86_64, CodegenOptions())
    verify_llvm(text)
    assert "work.level5" in defined(text)
    assert "work.level6" not in defined(text)
    assembly = compile_assembly(products(Dot4Kind.SIGNED), X86_64, CodegenOptions())
    assert "vpdpbusd" in assembly


def test_products_of_bytes_have_versions_on_arm64() -> None:
    text = emit_llvm(products(Dot4Kind.UNSIGNED_SIGNED), ARM64, CodegenOptions())
    verify_llvm(text)
    assert defined(text) == ["work.every", "work.level10", "work.level11", "work"]
    assembly = compile_assembly(products(Dot4Kind.UNSIGNED_SIGNED), ARM64, CodegenOptions())
    assert "usdot" in assembly
    assert "sdot" in assembly.replace("usdot", "")


def test_products_of_bf16_have_a_level_of_their_own() -> None:
    module = Module("vectors")
    builder = new_function(module, "work", (I64,))
    builder.function.is_simd = True
    sums = builder.emit(VectorConstant((0.0,) * 16, vec(F32, 16)))
    factor = builder.emit(VectorLoad(builder.function.parameters[0], 1, vec(BF16, 32)))
    made = builder.emit(Dot2(sums, factor, factor))
    bits = builder.emit(Bitcast(made, vec(I32, 16)))
    builder.emit(Return([builder.emit(Extract(bits, 0))]))
    text = emit_llvm(module, X86_64, CodegenOptions())
    verify_llvm(text)
    assert "work.level6" in defined(text)
    assert "work.level5" not in defined(text)
    assert "vdpbf16ps" in compile_assembly(module, X86_64, CodegenOptions())


def test_what_is_for_another_level_is_left_out() -> None:
    module = Module("vectors")
    builder = new_function(module, "work", (I64,))
    builder.function.is_simd = True
    level = builder.emit(VersionLevel())
    high, low = builder.new_block("high"), builder.new_block("low")
    wide = builder.emit(CompareInteger(IntegerPredicate.UGE, level, builder.word(4)))
    builder.branch(wide, high, low)
    for block in (high, low):
        builder.block = block
        builder.emit(Return([builder.word(1000 if block is high else 2000)]))
    text = emit_llvm(module, X86_64, CodegenOptions())
    verify_llvm(text)
    bodies = {name: text.partition(f"@work.{name}(")[2].partition("}")[0] for name in LEVELS}
    assert {name: "1000" in body for name, body in bodies.items()} == LEVELS
    assert not any("icmp" in body for body in bodies.values())


def test_no_level_above_the_highest_that_is_wanted() -> None:
    options = CodegenOptions(processor_level=3)
    text = emit_llvm(products(Dot4Kind.SIGNED), X86_64, options)
    assert sorted(defined(text)) == ["cpu.detect", "work", "work.every", "work.level3"]
    assert defined(emit_llvm(simd_module(), X86_64, CodegenOptions(processor_level=0))) == ["work"]


def test_the_level_of_the_processor_is_found() -> None:
    if not can_run(X86_64) or not host_level():
        pytest.skip("needs an x86-64 machine")
    module = Module("level")
    start = new_start(module)
    room = start.emit(Stack(8, 8))
    start.emit(Store(room, start.emit(ProcessorLevel()), I64))
    write_and_return(start, room, start.word(8))
    found = run_module(module, X86_64, CodegenOptions()).stdout
    assert int.from_bytes(found, "little") == host_level()


def test_one_version_is_enough_elsewhere() -> None:
    assert defined(emit_llvm(simd_module(), ARM64, CodegenOptions())) == ["work"]


def test_one_version_for_debuggers_and_without_optimisation() -> None:
    for options in (
        CodegenOptions(level=OptimisationLevel.NONE),
        CodegenOptions(debug=DebugInfo.FULL),
    ):
        assert defined(emit_llvm(simd_module(), X86_64, options)) == ["work"]


def test_the_text_form_keeps_the_marks() -> None:
    module = simd_module()
    module.functions["work"].is_inline = True
    read = parse_module(print_module(module), "vectors.ir").functions["work"]
    assert read.is_simd
    assert read.is_inline
