"""The kernels compiled for three generations of AMD cards, executed by the emulator."""

from functools import cache
from pathlib import Path

import pytest

from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.compile import compile_kernels
from mlrift.driver.kernels import kernels_in
from mlrift.emulator import Device
from mlrift.emulator.device import Program
from mlrift.ir.analysis.calls import reached_functions
from mlrift.ir.clone import clone_function
from mlrift.ir.core import Linkage, Module
from mlrift.ir.passes.device_pipeline import prepare_kernels
from mlrift.selftest.case import Array, KernelCase
from tests.harness.run_files import IS_THOROUGH
from tests.kernels.launcher import module_of
from tests.kernels.table import cases

_CHIPS = ("gfx1030", "gfx1100", "gfx1201")
_FIRST_ADDRESS = 0x2000_0000_0000
_SPACING = 1 << 32


@cache
def _program(source: Path, name: str, chip_name: str) -> Program:
    """Return the code object of one kernel."""
    whole = module_of(source)
    module = Module(whole.name)
    for function in reached_functions(whole, whole.functions[name]):
        module.functions[function.name] = clone_function(function)
    for other in kernels_in(module):
        if other.name != name:
            other.linkage = Linkage.INTERNAL
    chip = chip_named(chip_name)
    assert chip is not None
    prepare_kernels(module)
    return Device(chip_name).load(write(compile_kernels(module, chip)))


def _has_matrix_units(case: KernelCase) -> bool:
    return "wmma" in case.kernel or case.kernel == "gemm_bf16_grouped"


def _launches() -> list[tuple[str, KernelCase]]:
    """Return what runs: each kernel on one generation in turn; on all of them in `make test-all`.

    gfx1030 has no matrix units.
    """
    order = {name: number for number, name in enumerate(dict.fromkeys(map(_kernel, cases())))}
    return [
        (chip, case)
        for number, chip in enumerate(_CHIPS)
        for case in cases()
        if IS_THOROUGH or _turn(case, order[case.kernel]) == number
        if chip != "gfx1030" or not _has_matrix_units(case)
    ]


def _kernel(case: KernelCase) -> str:
    return case.kernel


def _turn(case: KernelCase, number: int) -> int:
    return 1 + number % 2 if _has_matrix_units(case) else number % len(_CHIPS)


@pytest.mark.parametrize(
    ("chip", "case"), _launches(), ids=lambda row: row if isinstance(row, str) else row.name
)
def test_kernel_gives_what_numpy_gives(chip: str, case: KernelCase) -> None:
    buffers: dict[int, Array] = {}

    def place(array: Array, _name: str) -> int:
        address = _FIRST_ADDRESS + len(buffers) * _SPACING
        buffers[address] = array
        return address

    case.link(place)
    kernel = _program(case.path, case.kernel, chip)[case.kernel]
    kernel.launch(case.grid, case.group, list(case.arguments), buffers=buffers, count=False)
    case.check()
