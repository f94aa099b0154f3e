"""The facts that selection takes, of small kernels."""

from mlrift.backends.amdgcn.facts import KernelFacts, Width
from mlrift.backends.amdgcn.kernel_facts import kernel_facts
from mlrift.ir.analysis.linear_form import LinearForms, base_of
from mlrift.ir.core import Function, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.memory import Load, Store
from mlrift.ir.text import parse_module

_LOAD_STORE_LOAD = """
exported function @k(%p : i64, %q : i64, %n : i64) {
^entry:
  %a = memory.load %p : f32
  control.jump ^loop
^loop:
  %b = memory.load %p : f32
  memory.store %q, %b : f32
  %c = memory.load %p : f32
  %d = compare.float lt %c, %a
  control.branch %d, ^loop, ^end
^end:
  control.return
}
"""


def _function(text: str) -> Function:
    return parse_module(text).functions["k"]


def _facts(text: str) -> tuple[list[Op], KernelFacts]:
    function = _function(text)
    return list(function.ops()), kernel_facts(function)


def test_scalar_memory_is_read_before_stores_only() -> None:
    ops, facts = _facts(_LOAD_STORE_LOAD)
    loads = [made for made in ops if isinstance(made, Load)]
    assert [made in facts.scalar_loads for made in loads] == [True, False, False]
    assert not facts.read_only


def test_a_barrier_ends_scalar_loads() -> None:
    ops, facts = _facts("""
    exported function @k(%p : i64, %q : i64) {
    ^entry:
      %a = memory.load %p : i64
      device.barrier
      %b = memory.load %p : i64
      memory.store %q, %b : i64
      control.return
    }
    """)
    loads = [made for made in ops if isinstance(made, Load)]
    assert [made in facts.scalar_loads for made in loads] == [True, False]


def test_lds_does_not_end_scalar_loads() -> None:
    ops, facts = _facts("""
    exported function @k(%p : i64) {
    ^entry:
      %a = device.lds 1, 64, 16
      %l = device.lane
      device.lds_store : i64, %a, %l
      %b = memory.load %p : i64
      device.lds_store : i64, %a, %b
      %c = arith.add %p, %l
      %d = memory.load %c : i64
      device.lds_store : i64, %a, %d
      control.return
    }
    """)
    loads = [made for made in ops if isinstance(made, Load)]
    assert [made in facts.scalar_loads for made in loads] == [True, False]
    assert [getattr(value, "name", "") for value in facts.read_only] == ["p"]


def test_bytes_are_no_scalar_loads() -> None:
    ops, facts = _facts("""
    exported function @k(%p : i64, %q : i64) {
    ^entry:
      %b = memory.load %p : i16
      memory.store %q, %b : i16
      control.return
    }
    """)
    assert not facts.scalar_loads
    assert ops


def test_a_loop_that_items_leave_in_different_turns_gives_each_its_own() -> None:
    ops, facts = _facts("""
    exported function @k(%p : i64) {
    ^entry:
      %zero = arith.constant 0 : i64
      %one = arith.constant 1 : i64
      %l = device.lane
      control.jump ^loop(%zero)
    ^loop(%i : i64):
      %j = arith.add %i, %one
      %c = compare.integer ult %j, %l
      control.branch %c, ^latch, ^exit(%j)
    ^latch:
      control.jump ^loop(%j)
    ^exit(%last : i64):
      memory.store %p, %last : i64
      control.return
    }
    """)
    store = next(made for made in ops if isinstance(made, Store))
    inside = next(made for made in ops if made.MNEMONIC == "arith.add")
    assert store.value in facts.divergent
    assert inside not in facts.divergent
    assert len(facts.divergent_branches) == 1


def test_widths_and_bounds() -> None:
    ops, facts = _facts("""
    exported function @k(%p : i64, %n : i64) {
    ^entry:
      device.assume_group_size 256, 1, 1
      %g = device.group_id x
      %eight = arith.constant 8 : i64
      %f = arith.shl %g, %eight
      %l = device.local_id x
      %i = arith.add %f, %l
      %one = arith.constant 1 : i64
      %m = arith.sub %l, %one
      %two = arith.constant 2 : i64
      %o = arith.shl %i, %two
      %q = arith.add %p, %o
      %s = arith.add %n, %m
      memory.store %q, %s : i32
      control.return
    }
    """)
    named = {made.MNEMONIC: made for made in ops}
    local, total = named["device.local_id"], ops[5]
    assert facts.upper_bounds[local] == 255
    assert facts.widths[total] is Width.LOW
    assert facts.upper_bounds[total] == (2**24 - 2) * 256 + 255
    assert facts.widths[named["arith.sub"]] is Width.LOW
    shifted = ops[9]
    assert shifted.MNEMONIC == "arith.shl"
    assert facts.widths.get(shifted, Width.FULL) is Width.FULL
    assert facts.alignment[shifted] == 4
    stored = ops[11]
    assert stored in facts.low_only


def test_the_index_of_a_work_item_has_32_bits_in_groups_of_any_size() -> None:
    ops, facts = _facts("""
    exported function @k(%p : i64) {
    ^entry:
      %g = device.group_id y
      %s = device.group_size y
      %f = arith.mul %g, %s
      %l = device.local_id y
      %i = arith.add %f, %l
      memory.store %p, %i : i64
      control.return
    }
    """)
    assert facts.upper_bounds[ops[4]] == 2**32 - 2


def test_addresses_as_sums() -> None:
    function = _function("""
    exported function @k(%p : i64, %i : i64) {
    ^entry:
      %three = arith.constant 3 : i64
      %five = arith.constant 5 : i64
      %a = arith.shl %i, %three
      %b = arith.sub %p, %a
      %c = arith.add %i, %five
      %d = arith.mul %c, %five
      %e = arith.add %b, %d
      memory.store %e, %i : i64
      control.return
    }
    """)
    address: Value = list(function.ops())[6]
    form = LinearForms().of(address)
    p, i = function.parameters
    assert dict(form.terms) == {p: 1, i: -3}
    assert form.constant == 25
    assert base_of(address) is p
