"""The generated tables: current, complete, and all that a compiler run needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlrift.frontend.grammar.generate import GRAMMAR_PATH, TABLES_PATH, generate_tables
from mlrift.frontend.grammar.tables import PRODUCTIONS, SHIFT_REDUCE
from mlrift.frontend.layout.expressions import ExpressionLayout
from mlrift.frontend.layout.items import ItemLayout
from mlrift.frontend.layout.models import ModelLayout
from mlrift.frontend.layout.statements import StatementLayout
from mlrift.frontend.lexer import KIND
from mlrift.frontend.tree.expressions import ExpressionBuilder
from mlrift.frontend.tree.items import ItemBuilder
from mlrift.frontend.tree.models import ModelBuilder
from mlrift.frontend.tree.statements import StatementBuilder

PROJECT = Path(__file__).resolve().parents[3]
OWNERS = (ExpressionBuilder, StatementBuilder, ItemBuilder, ModelBuilder)
LAYOUTS = (ExpressionLayout, StatementLayout, ItemLayout, ModelLayout)


def test_tables_are_current() -> None:
    generated = generate_tables(GRAMMAR_PATH.read_text(encoding="utf-8"))
    assert generated == TABLES_PATH.read_text(encoding="utf-8"), (
        "run python -m mlrift.frontend.grammar.generate"
    )


@pytest.mark.parametrize("owners", [OWNERS, LAYOUTS], ids=["tree", "layout"])
def test_every_builder_of_the_grammar_exists_once_and_no_other(
    owners: tuple[type, ...],
) -> None:
    named = {name for _, _, name, _ in PRODUCTIONS if not name.startswith("(")}
    methods = [
        name
        for owner in owners
        for name, member in vars(owner).items()
        if not name.startswith("_") and callable(member)
    ]
    assert sorted(named) == sorted(methods)


def test_folded_productions_are_never_empty() -> None:
    assert len(PRODUCTIONS) < SHIFT_REDUCE
    assert all(length >= 0 for _, length, _, _ in PRODUCTIONS)


def test_kinds_and_symbols_fit_the_keys() -> None:
    assert len(KIND) < 256


def test_parsing_does_not_import_lark() -> None:
    code = "import sys, mlrift.frontend.parser; print(any('lark' in name for name in sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    assert result.stdout.strip() == "False"
