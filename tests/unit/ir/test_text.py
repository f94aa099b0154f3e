"""The textual IR: printing and parsing undo each other, and bad text is refused in one way."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrift.ir.text import IrSyntaxError, parse_module, print_module
from mlrift.ir.text.form import pieces
from tests.unit.ir.random_ir import CORE, any_module, ending_module


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32))
def test_printing_parsing_printing_is_the_identity(seed: int) -> None:
    text = print_module(any_module(seed))
    assert print_module(parse_module(text)) == text


@pytest.mark.parametrize("seed", range(20))
def test_legal_programs_survive_the_round_trip(seed: int) -> None:
    text = print_module(ending_module(seed))
    assert print_module(parse_module(text)) == text


def test_random_modules_use_every_op() -> None:
    used: set[str] = set()
    for seed in range(300):
        for function in any_module(seed).functions.values():
            used.update(made.MNEMONIC for made in function.ops())
    assert used == set(CORE)


@pytest.mark.parametrize("mnemonic", sorted(CORE))
def test_every_op_has_a_form(mnemonic: str) -> None:
    assert len(pieces(CORE[mnemonic])) == len(CORE[mnemonic].FIELDS)


def test_values_may_be_used_above_their_definition() -> None:
    text = (
        "module @m\n\nfunction @f() -> i64 {\n^entry:\n  control.jump ^two\n"
        "^one:\n  control.return %1\n^two:\n  %0 = arith.constant 1.5 : f64\n"
        "  %1 = convert.float_to_signed %0\n  control.jump ^one\n}\n"
    )
    assert print_module(parse_module(text)) == text


def test_errors_name_file_and_line() -> None:
    with pytest.raises(IrSyntaxError, match=r"^a/b\.ir:2: no op is called `x\.y`$"):
        parse_module("function @f() { ^e:\nx.y\n}", "a/b.ir")


@pytest.mark.parametrize("seed", range(60))
def test_mutated_text_is_parsed_or_refused(seed: int) -> None:
    random = Random(seed)
    text = print_module(any_module(seed))
    for _ in range(12):
        changed = _mutated(random, text)
        try:
            module = parse_module(changed)
        except IrSyntaxError:
            continue
        print_module(module)


def _mutated(random: Random, text: str) -> str:
    begin = random.randrange(len(text))
    end = min(len(text), begin + random.randrange(12))
    kind = random.randrange(4)
    if kind == 0:
        return text[:begin] + text[end:]
    if kind == 1:
        return text[:end] + text[begin:]
    if kind == 2:
        added = random.choice(
            ("%", "@", "^", '"', "(", "}", "\n", "\0", "é", "9" * 50, "-", " : i1")
        )
        return text[:begin] + added + text[end:]
    other = random.randrange(len(text))
    return text[:begin] + text[other : other + 20] + text[end:]
