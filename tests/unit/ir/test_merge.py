"""Modules put together."""

import pytest

from mlrift.ir.core import Linkage
from mlrift.ir.merge import MergeError, merge_modules, undefined_functions
from mlrift.ir.text import parse_module, print_module
from mlrift.ir.verify import verify_module

PROGRAM = """module @program
declare @core.one() -> i64
declare @os.exit(i64) noreturn
external global @shared 8 align 8
exported function @main() -> i64 {
^entry:
  %a = call.direct @core.one() -> i64
  %g = memory.global @shared
  control.return %a
}
"""
LIBRARY = """module @library
declare @core.two() -> i64
global @shared 8 align 8
exported function @core.one() -> i64 {
^entry:
  %a = call.direct @core.two() -> i64
  control.return %a
}
"""


def test_declarations_are_resolved() -> None:
    program = parse_module(PROGRAM)
    merge_modules(program, parse_module(LIBRARY))
    assert verify_module(program) == []
    assert program.functions["core.one"].linkage is Linkage.INTERNAL
    assert program.functions["main"].linkage is Linkage.EXPORTED
    assert program.globals["shared"].linkage is Linkage.INTERNAL
    assert undefined_functions(program) == ["os.exit", "core.two"]


def test_fresh_storage_needs_the_core() -> None:
    text = "function @f() -> i64 {\n^e:\n%p = memory.fresh 8\ncontrol.return %p\n}"
    assert undefined_functions(parse_module(text)) == ["core.memory_fresh"]


@pytest.mark.parametrize(
    ("library", "message"),
    [
        ("function @main() -> i64 {\n^e:\ncontrol.unreachable\n}", "@main is defined twice"),
        ("function @core.one() {\n^e:\ncontrol.return\n}", "@core.one has two signatures"),
        ("declare @main(i64) -> i64", "@main has two signatures"),
    ],
)
def test_conflicts_change_nothing(library: str, message: str) -> None:
    program = parse_module(PROGRAM)
    with pytest.raises(MergeError, match=message):
        merge_modules(program, parse_module(library))
    assert print_module(program) == print_module(parse_module(PROGRAM))


def test_globals_are_defined_once() -> None:
    program = parse_module("module @a\nglobal @g 8 align 8")
    with pytest.raises(MergeError, match="@g is defined twice: in a and in b"):
        merge_modules(program, parse_module("module @b\nglobal @g 8 align 8"))
