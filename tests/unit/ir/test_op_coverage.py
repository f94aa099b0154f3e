"""Every declared op is executed by a test, and the interpreter has exactly one rule for it."""

from pathlib import Path

import pytest

from mlrift.ir.interpret.expressions import EXPRESSIONS
from mlrift.ir.interpret.statements import STATEMENTS
from mlrift.ir.interpret.translate import Translation
from mlrift.ir.interpret.vector_memory import ACCESSES as VECTOR_ACCESSES
from mlrift.ir.interpret.vectors import EVALUATIONS as VECTORS
from mlrift.ir.op import Op
from mlrift.ir.text import parse_module
from tests.harness.ir_files import read_ir_test
from tests.unit.ir.random_ir import CORE

OPS = Path(__file__).parents[2] / "ir" / "ops"


@pytest.mark.parametrize("mnemonic", sorted(CORE))
def test_op_has_a_file_that_runs_it(mnemonic: str) -> None:
    test = read_ir_test(OPS / f"{mnemonic}.ir")
    assert test.runs, "nothing is run"
    used = {row.MNEMONIC for f in parse_module(test.text).functions.values() for row in f.ops()}
    assert mnemonic in used


@pytest.mark.parametrize("op_class", CORE.values(), ids=lambda row: row.MNEMONIC)
def test_op_has_one_rule_in_the_interpreter(op_class: type[Op]) -> None:
    rules = [op_class in rows for rows in (EXPRESSIONS, STATEMENTS, Translation.OWN_OPS)]
    rules += [op_class in VECTORS, op_class in VECTOR_ACCESSES]
    assert sum(rules) == 1 or (not any(rules) and op_class.IS_FOLDABLE)


@pytest.mark.parametrize("op_class", CORE.values(), ids=lambda row: row.MNEMONIC)
def test_op_has_reference_text(op_class: type[Op]) -> None:
    assert op_class.__doc__
