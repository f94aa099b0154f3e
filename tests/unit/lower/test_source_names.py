"""What lowering and the passes keep of names for `-g`."""

from mlrift.frontend.lower import SourceNames
from mlrift.ir.core import Function, Module
from mlrift.ir.ops.debug import DebugValue
from mlrift.ir.passes.pipeline import PIPELINES, OptimisationLevel, run_pass
from mlrift.ir.source_names import SourceFunction
from mlrift.ir.verify import check_module
from mlrift.source import InlinedSpan
from tests.unit.lower.programs import lower

LOOP = """fn f(u64 n) -> u64 {
    u64 sum = 0
    for i in 0..n {
        u64 n = i * 2
        sum += n
    }
    return sum
}
fn main() { println(f(9)) }
"""


def named(text: str) -> Module:
    return lower(text, names=SourceNames.KEPT)


def optimised(text: str) -> Module:
    module = named(text)
    for name in PIPELINES[OptimisationLevel.FULL]:
        run_pass(name, module)
        check_module(module, name)
    return module


def source_of(module: Module, name: str) -> SourceFunction:
    source = module.functions[name].source
    assert source is not None
    return source


def notes_of(function: Function) -> list[str]:
    return [made.variable for made in function.ops() if isinstance(made, DebugValue)]


def test_variables_are_told_apart_by_the_names_of_their_slots() -> None:
    source = source_of(named(LOOP), "f")
    assert list(source.variables) == ["n", "sum", "i", "n.1"]
    assert [row.name for row in source.variables.values()] == ["n", "sum", "i", "n"]
    assert [row.argument for row in source.variables.values()] == [1, 0, 0, 0]


def test_a_variable_is_visible_from_its_declaration_to_the_end_of_its_block() -> None:
    rows = source_of(named(LOOP), "f").variables
    texts = {}
    for name, row in rows.items():
        if row.visible is not None:
            texts[name] = LOOP[row.visible.start : row.visible.end]
    assert "n" not in texts
    assert texts["sum"].startswith("\n    for i") and texts["sum"].endswith("return sum\n}")
    assert texts["i"].startswith("for i")
    assert texts["n.1"].split() == ["sum", "+=", "n", "}"]


def test_a_declaration_in_a_deferred_block_counts_once() -> None:
    text = "fn f(u64 a) -> u64 { defer { u64 b = a println(b) } if a > 1 { return 2 } return a }"
    source = source_of(named(text + " fn main() { println(f(1)) }"), "f")
    assert list(source.variables) == ["a", "b"]


def test_promotion_notes_every_value_of_a_variable() -> None:
    function = optimised(LOOP).functions["f"]
    assert set(notes_of(function)) == {"n", "sum", "i", "n.1"}
    head = next(block for block in function.blocks if len(block.parameters) == 2)
    described = [made for made in head.ops if isinstance(made, DebugValue)]
    assert [made.values for made in described] == [[row] for row in head.parameters]


def test_nothing_is_noted_without_names() -> None:
    module = lower(LOOP)
    for name in PIPELINES[OptimisationLevel.FULL]:
        run_pass(name, module)
    assert not notes_of(module.functions["f"])


def test_a_value_that_is_gone_is_unknown_and_a_constant_stays() -> None:
    text = "fn f(u64 a) -> u64 { u64 dead = a * 3 u64 seven = 7 return a }"
    function = optimised(text + " fn main() { println(f(1)) }").functions["f"]
    values = {made.variable: made.values for made in function.ops() if isinstance(made, DebugValue)}
    assert values["dead"] == []
    assert len(values["seven"]) == 1


def test_code_is_the_same_with_names_and_without() -> None:
    plain = lower(LOOP)
    for name in PIPELINES[OptimisationLevel.FULL]:
        run_pass(name, plain)
    kept = optimised(LOOP)
    for name, function in plain.functions.items():
        ops = [row.MNEMONIC for row in kept.functions[name].ops() if type(row) is not DebugValue]
        assert ops == [row.MNEMONIC for row in function.ops()], name


def test_expanded_recursion_says_what_it_was_called_by() -> None:
    text = "fn f(u64 n) -> u64 { if n < 2 { return n } return f(n - 1) + f(n - 2) * f(n - 3) }"
    module = optimised(text + " fn main() { println(f(5)) }")
    spans = [made.span for row in module.functions.values() for made in row.ops()]
    copies = [span for span in spans if isinstance(span, InlinedSpan)]
    assert copies
    assert any(isinstance(span.call, InlinedSpan) for span in copies)
