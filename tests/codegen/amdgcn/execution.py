"""Kernels given as source text, run by the interpreter and, compiled, by the emulator."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlrift.backends.amdgcn.check.checking import check_code_object
from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.compile import compile_kernels
from mlrift.driver.kernels import kernels_of
from mlrift.emulator import Device
from mlrift.ir.interpret.kernels import run_kernel
from mlrift.ir.passes.device_pipeline import prepare_kernels

CHIPS = ("gfx1030", "gfx1100", "gfx1201")
Sizes = tuple[int, int, int]


def run_everywhere(
    source: str, grid: Sizes, group: Sizes, arguments: Sequence[Any], chips: Sequence[str] = CHIPS
) -> None:
    """Run the kernel `k` on the interpreter and chips; all buffers have to be alike afterwards."""
    expected = _copies(arguments)
    run_kernel(kernels_of(source), "k", grid, group, expected)
    module = prepare_kernels(kernels_of(source))
    for name in chips:
        chip = chip_named(name)
        assert chip is not None
        data = write(compile_kernels(module, chip))
        assert check_code_object(data) == [], name
        found = _copies(arguments)
        Device(name).load(data)["k"].launch(grid=grid, block=group, args=found)
        for position, (got, wanted) in enumerate(zip(found, expected, strict=True)):
            if isinstance(got, np.ndarray):
                np.testing.assert_array_equal(got, wanted, f"{name}, argument {position}")


def _copies(arguments: Sequence[Any]) -> list[Any]:
    return [row.copy() if isinstance(row, np.ndarray) else row for row in arguments]
