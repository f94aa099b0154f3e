"""Assembly in the IR: functions with text, called with the address of words."""

import pytest

from mlrift.ir.assembly import Assembly
from mlrift.ir.core import Linkage
from mlrift.ir.interpret import UnresolvedSymbol, run_function
from tests.unit.lower.programs import lower, ops_of, text_of

BLOCK = 'asm { "nop" "ret" } in(a -> RAX, b -> rcx, b -> rax) out(rdx -> a, rdx -> b, rsi -> c)'


def test_a_block_is_a_function_that_gets_an_address() -> None:
    module = lower(f"fn main() {{ u64 a = 1 u64 b = 2 u64 c {BLOCK} println(a, b, c) }}")
    function = module.functions["asm.test.1"]
    assert function.assembly == Assembly(("nop", "ret"), ("rax", "rcx"), ("rdx", "rsi"))
    assert function.linkage is Linkage.INTERNAL
    assert not function.blocks
    ops = ops_of(module)
    assert ops.count("memory.stack") >= 1
    assert "call.direct @asm.test.1(" in text_of(module)


def test_equal_blocks_share_their_function() -> None:
    text = 'fn f() { asm("nop") } fn main() { f() asm("nop") asm { "nop" } asm("NOP") }'
    names = [name for name in lower(text).functions if name.startswith("asm.")]
    assert names == ["asm.test.1", "asm.test.2"]


def test_a_block_without_variables_needs_no_storage() -> None:
    assert "memory.stack" not in ops_of(lower('fn main() { asm("nop") clobbers(rax) }'))


def test_a_naked_function_is_its_instructions() -> None:
    module = lower('@naked fn f(u64 a) -> u64 { asm("nop") asm { "ret" } } fn main() { f(1) }')
    function = module.functions["f"]
    assert function.is_naked
    assert not function.blocks
    assert function.assembly == Assembly(("nop", "ret"))


def test_the_interpreter_refuses_assembly() -> None:
    module = lower('@naked fn f() { } fn main() { if get_arch_id() == 99 { asm("nop") } f() }')
    with pytest.raises(UnresolvedSymbol, match="@f is assembly"):
        run_function(module, "f")
