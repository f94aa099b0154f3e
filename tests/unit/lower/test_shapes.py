"""The shapes of the IR that passes and back ends rely on."""

from mlrift.frontend.check import MainRequirement
from mlrift.frontend.lower import LowerRole, RuntimeChecks
from mlrift.ir.core import Linkage
from mlrift.ir.ops.control import Jump
from mlrift.ir.ops.memory import SlotNew, Stack
from tests.unit.lower.programs import lower, ops_of, text_of


def main_ops(body: str) -> list[str]:
    return ops_of(lower(f"fn main() {{ {body} }}"))


def test_a_condition_branches_on_the_comparison_itself() -> None:
    ops = main_ops("u64 a = 1 if a < 2 { a = 3 } println(a)")
    assert "convert.truth_to_word" not in ops


def test_short_circuit_conditions_are_jumps() -> None:
    ops = main_ops("u64 a = 1 if a < 2 && !(a == 5 || a == 6) { a = 3 } println(a)")
    assert ops.count("control.branch") == 3
    assert "arith.xor" not in ops


def test_element_addresses_keep_the_base_first() -> None:
    text = text_of(lower("static u32[8] a fn main() { u64 i = 3 println(a[i], a[2]) }"))
    assert "memory.global @static.a" in text
    assert "arith.shl" in text
    assert "arith.constant 8 : i64" in text


def test_an_element_of_constant_index_zero_is_the_base() -> None:
    ops = main_ops("u8[4] a u64 b = a[0] println_str(b)")
    assert "arith.add" not in ops


def test_storage_is_made_in_the_entry_block() -> None:
    module = lower("fn main() { for i in 0..3 { u64[4] a a[i] = i println(a[i]) } }")
    main = module.functions["main"]
    makers = [made for made in main.ops() if isinstance(made, SlotNew | Stack)]
    assert makers == main.entry.ops[: len(makers)]


def test_small_arrays_are_on_the_stack_and_larger_ones_are_fresh() -> None:
    assert "memory.stack" in main_ops("u8[4096] a a[0] = 1 println_str(a)")
    assert "memory.fresh" in main_ops("u8[4097] a a[0] = 1 println_str(a)")


def test_all_literal_lines_are_one_write_of_a_constant() -> None:
    module = lower("fn main() { println(\"a\", 1, true, 2.5, 'c') }")
    ops = ops_of(module)
    assert ops.count("call.direct") == 1
    assert [row.data for row in module.globals.values()] == [b"a 1 true 2.500000 c\n"]
    assert all(row.is_constant for row in module.globals.values())


def test_string_literals_are_writable_and_not_shared() -> None:
    module = lower('fn main() { u64 a = "x" u64 b = "x" println_str(a) println_str(b) }')
    assert [(row.data, row.is_constant) for row in module.globals.values()] == [(b"x", False)] * 2


def test_all_lines_of_a_function_share_a_buffer() -> None:
    module = lower("fn main() { u64 a = 1 println(a) println(a, a) }")
    stacks = [made for made in module.functions["main"].ops() if isinstance(made, Stack)]
    assert [made.size_bytes for made in stacks] == [42]


def test_an_exported_function_is_visible() -> None:
    module = lower("@export fn f() {} fn g() {} fn main() { g() }")
    linkage = {name: row.linkage for name, row in module.functions.items()}
    assert linkage["f"] is Linkage.EXPORTED
    assert linkage["g"] is linkage["main"] is Linkage.INTERNAL
    assert linkage["program.start"] is Linkage.EXPORTED


def test_an_object_has_a_main_that_c_calls_and_keeps_every_function() -> None:
    text = "fn main() {} fn unused() {}"
    module = lower(text, role=LowerRole.OBJECT, requirement=MainRequirement.OBJECT)
    linkage = {name: row.linkage for name, row in module.functions.items()}
    assert linkage == {
        "program.main": Linkage.INTERNAL,
        "unused": Linkage.KEPT,
        "main": Linkage.EXPORTED,
    }


def test_a_listing_keeps_every_function_and_has_no_start() -> None:
    text = "fn main() {} @export fn api() {}"
    module = lower(text, role=LowerRole.LISTING, requirement=MainRequirement.LIBRARY)
    linkage = {name: row.linkage for name, row in module.functions.items()}
    assert linkage == {"main": Linkage.KEPT, "api": Linkage.EXPORTED}


def test_start_stores_the_arguments_that_are_declared() -> None:
    module = lower("static u64 cli_argc fn main() -> u64 { return cli_argc }")
    assert ops_of(module, "program.start").count("memory.store") == 1


def test_debug_checks_end_in_a_report() -> None:
    text = "fn main() { u8[4] a u64 i = 2 println(a[i], 7 / i, load8(i)) i64 s = 2 s = s * 3 }"
    checked = lower(text, RuntimeChecks.DEBUG)
    assert ops_of(checked).count("control.unreachable") == 4
    assert "control.unreachable" not in ops_of(lower(text))


def test_every_op_has_a_span() -> None:
    module = lower('fn main() { u64 a = 1 while a < 9 { a += 1 println(f"{a}") } }')
    for made in module.functions["main"].ops():
        # A jump that ends a block of statements has no place of its own.
        assert made.span is not None or type(made) is Jump
