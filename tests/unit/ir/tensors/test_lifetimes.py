"""Tensors are given back on every way through a function, and never too early."""

from mlrift.driver.library_units import merge_core_library
from mlrift.ir.interpret import ProgramLimits, RecordingOs, run_function
from mlrift.ir.interpret.program import Program
from mlrift.ir.passes.domain_pipeline import expand_domain_ops
from mlrift.ir.text import parse_module, print_module
from mlrift.ir.verify import check_module

PROGRAM = """
function @make(%value : f32) -> tensor<f32, [3]> {
^entry:
  %three = arith.constant 3 : i64
  %x = tensor.fill %value(%three) : tensor<f32, [3]>
  control.return %x
}

function @same(%x : tensor<f32, [3]>) -> tensor<f32, [3]> {
^entry:
  control.return %x
}

function @sum(%x : tensor<f32, [3]>) -> f32 {
^entry:
  %all = tensor.reduce_all sum %x
  %made = tensor.load %all()
  control.return %made
}

function @loop(%times : i64) -> f32 {
^entry:
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %step = arith.constant 1.0 : f32
  %start = call.direct @make(%step) -> tensor<f32, [3]>
  %more = tensor.fill %step() : tensor<f32, []>
  control.jump ^head(%zero, %start)
^head(%i : i64, %x : tensor<f32, [3]>):
  %go = compare.integer ult %i, %times
  control.branch %go, ^body, ^done
^body:
  %y = tensor.binary add %x, %more
  %next = arith.add %i, %one
  %odd = arith.and %i, %one
  %is_odd = compare.integer ne %odd, %zero
  control.branch %is_odd, ^head(%next, %y), ^keep
^keep:
  %kept = call.direct @same(%x) -> tensor<f32, [3]>
  %z = tensor.binary add %y, %kept
  control.jump ^head(%next, %z)
^done:
  %sum = call.direct @sum(%x) -> f32
  control.return %sum
}

function @plain(%times : i64) -> f32 {
^entry:
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %step = arith.constant 1.0 : f32
  %start = call.direct @make(%step) -> tensor<f32, [3]>
  %more = tensor.fill %step() : tensor<f32, []>
  control.jump ^head(%zero, %start)
^head(%i : i64, %x : tensor<f32, [3]>):
  %go = compare.integer ult %i, %times
  control.branch %go, ^body, ^done
^body:
  %y = tensor.binary add %x, %more
  %next = arith.add %i, %one
  control.jump ^head(%next, %y)
^done:
  %sum = call.direct @sum(%x) -> f32
  control.return %sum
}

function @store(%times : i64) -> f32 {
^entry:
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %three = arith.constant 3 : i64
  %step = arith.constant 1.0 : f32
  %start = call.direct @make(%step) -> tensor<f32, [3]>
  control.jump ^head(%zero, %start)
^head(%i : i64, %x : tensor<f32, [3]>):
  %go = compare.integer ult %i, %times
  control.branch %go, ^body, ^done
^body:
  %place = arith.urem %i, %three
  %old = tensor.load %x(%place)
  %new = arith.fadd %old, %step
  %y = tensor.store %x(%place), %new
  %next = arith.add %i, %one
  control.jump ^head(%next, %y)
^done:
  %first = tensor.load %start(%zero)
  %sum = call.direct @sum(%x) -> f32
  %both = arith.fadd %first, %sum
  control.return %both
}

function @choose(%which : i64) -> f32 {
^entry:
  %zero = arith.constant 0 : i64
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  %x = call.direct @make(%one) -> tensor<f32, [3]>
  %y = call.direct @make(%two) -> tensor<f32, [3]>
  %unused = call.direct @make(%two) -> tensor<f32, [3]>
  %is_first = compare.integer eq %which, %zero
  control.branch %is_first, ^join(%x, %x), ^other
^other:
  %is_second = compare.integer ult %which, %which
  control.branch %is_second, ^join(%y, %x), ^join(%y, %y)
^join(%p : tensor<f32, [3]>, %q : tensor<f32, [3]>):
  %sum = tensor.binary add %p, %q
  %made = call.direct @sum(%sum) -> f32
  control.return %made
}

function @words() -> f32 {
^entry:
  %one = arith.constant 1.0 : f32
  %x = call.direct @make(%one) -> tensor<f32, [3]>
  %word = tensor.share %x
  %y = tensor.borrow %word : tensor<f32, [3]>
  %z = tensor.take %word : tensor<f32, [3]>
  %sum = tensor.binary add %y, %z
  %made = call.direct @sum(%sum) -> f32
  control.return %made
}
"""
CALLS: tuple[tuple[str, list[int], float], ...] = (
    ("loop", [0], 3.0),
    ("loop", [1], 9.0),
    ("loop", [5], 63.0),
    ("plain", [4], 15.0),
    ("store", [0], 4.0),
    ("store", [7], 11.0),
    ("choose", [0], 6.0),
    ("choose", [1], 12.0),
    ("words", [], 6.0),
)


def test_the_text_form_reads_back() -> None:
    module = parse_module(PROGRAM)
    check_module(module, "parsing")
    text = print_module(module)
    assert print_module(parse_module(text)) == text


def test_functions_give_the_same_and_leave_nothing() -> None:
    plain = parse_module(PROGRAM)
    module = parse_module(PROGRAM)
    expand_domain_ops(module, lambda name, now: check_module(now, name))
    merge_core_library(module)
    check_module(module, "merging")
    program = Program(module, RecordingOs(b"", {}), ProgramLimits())
    live = program.global_address("static.core.tensor_live")
    for name, arguments, wanted in CALLS:
        assert run_function(plain, name, arguments) == wanted
        assert program.function(name)(*arguments) == wanted
        assert program.memory.word(live) == 0, f"{name}{arguments}"


def test_a_map_takes_the_place_of_an_operand_that_ends() -> None:
    module = parse_module(PROGRAM)
    expand_domain_ops(module)
    merge_core_library(module)
    program = Program(module, RecordingOs(b"", {}), ProgramLimits())
    made: list[int] = []
    storage = program.function("core.tensor_storage")

    def counted(*arguments: int) -> int:
        made.append(1)
        address: int = storage(*arguments)
        return address

    program.namespace[program.callee("core.tensor_storage")] = counted
    assert program.function("plain")(10) == 33.0
    assert len(made) == 2  # the first tensor, and the sum


def test_what_is_used_up_is_changed_in_place() -> None:
    module = parse_module(PROGRAM)
    expand_domain_ops(module)
    merge_core_library(module)
    program = Program(module, RecordingOs(b"", {}), ProgramLimits())
    copies: list[int] = []
    duplicate = program.function("core.tensorcopy_duplicate")

    def counted(*arguments: int) -> int:
        copies.append(1)
        made: int = duplicate(*arguments)
        return made

    name = program.callee("core.tensorcopy_duplicate")
    program.namespace[name] = counted
    program.function("store")(30)
    assert len(copies) == 1  # the first one: its operand is read again at the end
