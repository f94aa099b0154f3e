"""The ready object of the tensor runtime fits every program."""

from mlrift.driver.tensor_objects import compile_runtime, is_called_in_programs, runtime_module
from mlrift.ir.merge import undefined_functions
from mlrift.link.read_elf import read_elf
from mlrift.targets import CPUS


def test_the_runtime_calls_what_programs_have() -> None:
    missing = [
        row for row in undefined_functions(runtime_module()) if not is_called_in_programs(row)
    ]
    assert missing == []


def test_no_data_of_the_runtime_refers_to_its_code() -> None:
    for cpu in CPUS:
        made = read_elf(compile_runtime(cpu), "tensors")
        tables = [row.name for row in made.sections if row.relocations and "rodata" in row.name]
        assert tables == []
