"""The kernels on the interpreter: the oracle of the device back end, and what their text means."""

import pytest

from mlrift.ir.interpret.kernels import KernelMemory, run_kernel
from mlrift.selftest.case import KernelCase
from tests.kernels.launcher import module_of
from tests.kernels.table import cases


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.name)
def test_kernel_gives_what_numpy_gives(case: KernelCase) -> None:
    memory = KernelMemory()
    case.link(memory.place)
    module = module_of(case.path)
    run_kernel(module, case.kernel, case.grid, case.group, case.arguments, memory=memory)
    case.check()
