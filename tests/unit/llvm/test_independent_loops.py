"""Loops marked independent: no address is compared, and no sum of floats is reordered."""

import re

import pytest

from mlrift.backends.llvm.objects import emit_llvm, optimised_llvm, verify_llvm
from mlrift.backends.llvm.options import CodegenOptions, OptimisationLevel
from mlrift.ir.core import Module
from mlrift.ir.ops.loop import Vectorising
from mlrift.ir.text import parse_module
from mlrift.targets import X86_64
from tests.unit.llvm.machine_code import CPUS

# c[i] = a[i] * b[i]; a[i] = b[i]
PRODUCTS = """
exported function @f(%a : i64, %b : i64, %c : i64, %n : i64) {
^entry:
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %three = arith.constant 3 : i64
  control.jump ^loop(%zero)
^loop(%i : i64):
  loop.independent KIND
  %offset = arith.shl %i, %three
  %pa = arith.add %a, %offset
  %pb = arith.add %b, %offset
  %pc = arith.add %c, %offset
  %x = memory.load %pa : f64
  %y = memory.load %pb : f64
  %z = arith.fmul %x, %y
  memory.store %pc, %z : f64
  memory.store %pa, %y : f64
  %next = arith.add %i, %one
  %more = compare.integer ult %next, %n
  control.branch %more, ^loop(%next), ^end
^end:
  control.return
}
"""
# Rows of a matrix, each multiplied by its own factor, and the sum of a column.
NESTED = """
exported function @f(%rows : i64, %factors : i64, %n : i64) -> f64 {
^entry:
  %zero = arith.constant 0 : i64
  %nothing = arith.constant 0.0 : f64
  %one = arith.constant 1 : i64
  %three = arith.constant 3 : i64
  control.jump ^outer(%zero, %nothing)
^outer(%i : i64, %sum : f64):
  loop.independent always
  %offset = arith.shl %i, %three
  %pf = arith.add %factors, %offset
  %factor = memory.load %pf : f64
  %start = arith.mul %offset, %n
  %row = arith.add %rows, %start
  control.jump ^inner(%zero)
^inner(%j : i64):
  loop.independent automatic
  %distance = arith.shl %j, %three
  %place = arith.add %row, %distance
  %x = memory.load %place : f64
  %y = arith.fmul %x, %factor
  memory.store %place, %y : f64
  %next = arith.add %j, %one
  %more = compare.integer ult %next, %n
  control.branch %more, ^inner(%next), ^after
^after:
  %total = arith.fadd %sum, %factor
  %following = arith.add %i, %one
  %again = compare.integer ult %following, %n
  control.branch %again, ^outer(%following, %total), ^end
^end:
  control.return %total
}
"""


def products(kind: Vectorising) -> Module:
    """Return a module with one loop."""
    return parse_module(PRODUCTS.replace("KIND", kind.value))


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_no_address_is_compared(cpu: object) -> None:
    marked = optimised_llvm(products(Vectorising.AUTOMATIC), cpu, CodegenOptions())  # type: ignore[arg-type]
    assert "vector.body" in marked
    assert "memcheck" not in marked
    plain = parse_module(PRODUCTS.replace("  loop.independent KIND\n", ""))
    assert "memcheck" in optimised_llvm(plain, cpu, CodegenOptions())  # type: ignore[arg-type]


def test_never_leaves_a_loop_as_it_is() -> None:
    text = optimised_llvm(products(Vectorising.NEVER), X86_64, CodegenOptions())
    assert "vector.body" not in text


def test_nothing_is_said_without_optimisation() -> None:
    options = CodegenOptions(level=OptimisationLevel.NONE)
    assert "!llvm" not in emit_llvm(products(Vectorising.ALWAYS), X86_64, options)


def test_inner_loops_belong_to_both() -> None:
    text = emit_llvm(parse_module(NESTED), X86_64, CodegenOptions())
    verify_llvm(text)
    groups = set(re.findall(r"(?:load|store).*!llvm.access.group (!\d+)", text))
    assert len(groups) == 2
    assert re.search(r"^!\d+ = !\{!\d+, !\d+\}$", text, re.MULTILINE)


def test_a_sum_of_floats_keeps_its_order() -> None:
    text = emit_llvm(parse_module(NESTED), X86_64, CodegenOptions())
    assert "vectorize.enable" not in text
    optimised = optimised_llvm(parse_module(NESTED), X86_64, CodegenOptions())
    assert "llvm.vector.reduce.fadd" not in optimised


def test_without_a_loop_nothing_is_said() -> None:
    module = parse_module(
        "exported function @f() {\n^entry:\n  loop.independent always\n  control.return\n}"
    )
    assert "!llvm" not in emit_llvm(module, X86_64, CodegenOptions())
