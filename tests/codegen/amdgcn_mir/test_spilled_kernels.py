"""Kernels of the library with few registers: spilled, accepted by the checker, and still right."""

import pytest

from mlrift.backends.amdgcn import compile as compiler
from mlrift.backends.amdgcn.allocation.allocate import Budget
from mlrift.backends.amdgcn.check.checking import check_kernel
from mlrift.backends.amdgcn.chips import Chip, chip_named
from mlrift.backends.amdgcn.codeobject.model import CodeObject
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.finish import finish_within
from mlrift.backends.amdgcn.finished import FinishedKernel
from mlrift.backends.amdgcn.mir import MachineFunction
from mlrift.driver.kernels import kernels_of
from mlrift.emulator import Device
from mlrift.ir.passes.device_pipeline import prepare_kernels
from mlrift.selftest.case import KernelCase
from tests.kernels.table import cases

_BUDGET = Budget(10, 18)
_KERNELS = ("softmax_f32", "attn_decode_f32", "csr_scatter_demo")


def _first_cases() -> list[KernelCase]:
    found: dict[str, KernelCase] = {}
    for case in cases():
        if case.kernel in _KERNELS and not case.pointers:
            found.setdefault(case.kernel, case)
    return list(found.values())


def _finish_with_few_registers(function: MachineFunction, chip: Chip) -> FinishedKernel:
    return finish_within(function, chip, _BUDGET)


@pytest.mark.parametrize("chip_name", ["gfx1030", "gfx1100", "gfx1201"])
def test_spilled_kernels_are_right(chip_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files are spilled: to private memory, and to lanes."""
    monkeypatch.setattr(compiler, "finish", _finish_with_few_registers)
    chip = chip_named(chip_name)
    assert chip is not None
    spilled = 0
    for case in _first_cases():
        module = kernels_of(case.path)
        for name in [row for row in module.functions if row.startswith("gemm")]:
            del module.functions[name]
        prepare_kernels(module)
        image = compiler.compile_kernel(module.functions[case.kernel], chip).image
        assert not check_kernel(image, chip)
        spilled += image.spilled_vector + image.spilled_scalar
        program = Device(chip_name).load(write(CodeObject(chip, (image,))))
        program[case.kernel].launch(case.grid, case.group, list(case.arguments))
        case.check()
    assert spilled > 8
