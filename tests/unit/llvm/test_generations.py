"""Functions marked simd: one version per generation, chosen at run time."""

import re

import pytest

from mlrift.backends.llvm.objects import compile_assembly, emit_llvm, verify_llvm
from mlrift.backends.llvm.options import CodegenOptions, DebugInfo, OptimisationLevel
from mlrift.ir.core import Module
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.memory import Stack, Store
from mlrift.ir.ops.processor import ProcessorLevel
from mlrift.ir.ops.vector import Extract, VectorConstant
from mlrift.ir.ops.vector_arith import Dot4, Dot4Kind
from mlrift.ir.ops.vector_memory import VectorLoad
from mlrift.ir.text import parse_module, print_module
from mlrift.targets import ARM64, X86_64
from mlrift.typesystem import I8, I32, I64, vec
from tests.unit.llvm.machine_code import (
    can_run,
    host_level,
    new_function,
    new_start,
    run_module,
    write_and_return,
)


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


def test_products_of_bytes_have_one_more() -> None:
    module = Module("vectors")
    builder = new_function(module, "work", (I64,))
    builder.function.is_simd = True
    bytes_row, sums = vec(I8, 64), builder.emit(VectorConstant((0,) * 16, vec(I32, 16)))
    factor = builder.emit(VectorLoad(builder.function.parameters[0], 1, bytes_row))
    made = builder.emit(Dot4(Dot4Kind.SIGNED, sums, factor, factor))
    builder.emit(Return([builder.emit(Extract(made, 0))]))
    text = emit_llvm(module, X86_64, CodegenOptions())
    verify_llvm(text)
    assert "work.level5" in defined(text)
    assert "vpdpbusd" in compile_assembly(module, X86_64, CodegenOptions())


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
