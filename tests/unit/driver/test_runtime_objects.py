"""The ready objects of the runtimes of tensors, models and regions fit every program."""

import pytest

from mlrift.driver.runtime_objects import (
    RUNTIMES,
    TENSOR_TEXTS,
    Runtime,
    compile_runtime,
    is_called_in_programs,
    runtime_module,
)
from mlrift.ir.merge import undefined_functions
from mlrift.link.read_elf import read_elf
from mlrift.targets import CPUS

EVERY_RUNTIME = pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=lambda row: row.part)


@EVERY_RUNTIME
def test_the_runtime_calls_what_programs_have(runtime: Runtime) -> None:
    needed = undefined_functions(runtime_module(runtime))
    assert [row for row in needed if not is_called_in_programs(row, runtime)] == []


@EVERY_RUNTIME
def test_no_data_of_the_runtime_refers_to_its_code(runtime: Runtime) -> None:
    if runtime is TENSOR_TEXTS:
        return  # who prints a tensor needs nearly all of it
    for cpu in CPUS:
        made = read_elf(compile_runtime(cpu, runtime.part), runtime.part)
        tables = [row.name for row in made.sections if row.relocations and "rodata" in row.name]
        assert tables == []
