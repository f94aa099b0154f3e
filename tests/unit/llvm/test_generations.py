"""Functions marked simd: one version per generation, chosen at run time."""

import re

from mlrift.backends.llvm.objects import emit_llvm, verify_llvm
from mlrift.backends.llvm.options import CodegenOptions, DebugInfo, OptimisationLevel
from mlrift.ir.core import Module
from mlrift.ir.ops.control import Return
from mlrift.ir.text import parse_module, print_module
from mlrift.targets import ARM64, X86_64
from mlrift.typesystem import I64
from tests.unit.llvm.machine_code import new_function


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
