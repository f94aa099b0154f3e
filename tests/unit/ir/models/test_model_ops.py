"""The files of tests/ir/models: every op of a model, as it is and expanded, by 1 to 8 threads."""

from pathlib import Path

import pytest

from mlrift.driver.library_units import merge_core_library
from mlrift.ir.core import Module
from mlrift.ir.interpret import ProgramLimits, ProgramTrap, run_function
from mlrift.ir.interpret.models_rules import RULES
from mlrift.ir.op import REGISTRY
from mlrift.ir.ops.rare import load_every_family
from mlrift.ir.passes.domain_pipeline import MODEL_FAMILIES, expand_domain_ops
from mlrift.ir.text import parse_module, print_module
from mlrift.ir.verify import check_module
from tests.harness.ir_files import call_of, read_ir_test

FILES = Path(__file__).parents[3] / "ir" / "models"
load_every_family()
OPS = {name: row for name, row in REGISTRY.items() if name.partition(".")[0] in MODEL_FAMILIES}


@pytest.mark.parametrize("mnemonic", sorted(OPS))
def test_an_op_has_a_file_that_runs_it(mnemonic: str) -> None:
    test = read_ir_test(FILES / f"{mnemonic}.ir")
    module = parse_module(test.text)
    assert mnemonic in {row.MNEMONIC for f in module.functions.values() for row in f.ops()}
    assert test.runs
    assert OPS[mnemonic] in RULES


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("mnemonic", sorted(OPS))
def test_expanded_ops_do_what_they_mean(mnemonic: str, threads: int) -> None:
    test = read_ir_test(FILES / f"{mnemonic}.ir")
    module = parse_module(test.text)
    expand_domain_ops(module)
    merge_core_library(module)
    check_module(module, "expand_models")
    for line in test.runs:
        name, arguments, _ = call_of(line)
        wanted = _outcome(parse_module(test.text), name, arguments, 1)
        assert _outcome(module, name, arguments, threads) == wanted, line


def _outcome(module: Module, name: str, arguments: tuple[int | float, ...], threads: int) -> object:
    limits = ProgramLimits(parallel_threads=threads)
    try:
        return run_function(module, name, arguments, limits=limits)
    except ProgramTrap as trap:
        return f"trap {trap.status}"


@pytest.mark.parametrize("mnemonic", sorted(OPS))
def test_an_op_is_printed_as_it_is_read(mnemonic: str) -> None:
    text = print_module(parse_module(read_ir_test(FILES / f"{mnemonic}.ir").text))
    assert print_module(parse_module(text)) == text
