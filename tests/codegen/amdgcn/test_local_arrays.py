"""Arrays of a lane: indexed by numbers that differ, in loops, and beyond 4,096 bytes."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from mlrift.backends.amdgcn.check.checking import check_kernel
from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.compile import compile_kernels
from mlrift.backends.amdgcn.errors import KernelError
from mlrift.driver.kernels import kernels_of
from mlrift.emulator import Device
from mlrift.ir.passes.device_pipeline import prepare_kernels

CHIPS = ("gfx1030", "gfx1100", "gfx1201")
_ITEMS = 128

_HEAD = """
@kernel
fn arrays(uint64 from, uint64 to) {
    uint64 i = block_idx_x() * 64 + tid_local_x()
    uint64 v = 0
    unsafe { *((from + i * 8) as uint64) -> v }
"""
_TAIL = """
    unsafe { *((to + i * 8) as uint64) = s }
}
"""
_CONSTANT_INDICES = """
    uint64[100] a
    a[0] = v
    a[1] = v * 2
    a[2] = v * 3
    a[99] = v * 5
    uint64 s = a[v % 3] + a[99] + a[50]
"""
_LOOPS = """
    uint64[100] a
    u8[120] b
    uint64 k = 0
    while k < 100 {
        a[k] = k * v
        b[k + 3] = k + v
        k = k + 1
    }
    uint64 s = a[v % 100] + b[(v % 100) + 3]
"""
_MANY = """
    uint64[200] a
    uint64[200] b
    uint64[200] c
    uint64[200] d
    a[v % 7] = v
    b[v % 7] = v + 1
    c[199 - v % 5] = v + 2
    d[199 - v % 5] = v + 3
    uint64 s = a[v % 7] + b[v % 7] * 3 + c[199 - v % 5] * 5 + d[199 - v % 5] * 7
"""

Numbers = npt.NDArray[np.uint64]


def _of_loops(v: Numbers) -> Numbers:
    k = v % np.uint64(100)
    return k * v + ((k + v) & np.uint64(255))


def _of_constants(v: Numbers) -> Numbers:
    return v * (v % np.uint64(3) + np.uint64(6))


_PROGRAMS: dict[str, tuple[str, Callable[[Numbers], Numbers]]] = {
    "constants": (_CONSTANT_INDICES, _of_constants),
    "loops": (_LOOPS, _of_loops),
    "many": (_MANY, lambda v: v * np.uint64(16) + np.uint64(34)),
}


@pytest.mark.parametrize("chip_name", CHIPS)
@pytest.mark.parametrize("name", list(_PROGRAMS))
def test_elements_are_found_again(name: str, chip_name: str) -> None:
    """Every work item has its own arrays, which begin as zeros."""
    body, model = _PROGRAMS[name]
    chip = chip_named(chip_name)
    assert chip is not None
    made = compile_kernels(prepare_kernels(kernels_of(_HEAD + body + _TAIL)), chip)
    assert not check_kernel(made.kernels[0], chip)
    numbers = np.arange(_ITEMS, dtype=np.uint64) * np.uint64(13)
    found = np.zeros(_ITEMS, np.uint64)
    Device(chip_name).load(write(made))["arrays"].launch(2, 64, [numbers, found])
    assert (found == model(numbers)).all()


def test_the_address_of_an_array_stays_in_the_lane() -> None:
    """Other work items could not use it."""
    body = "    uint64[4] a\n    a[0] = v\n    uint64 s = a\n"
    chip = chip_named("gfx1100")
    assert chip is not None
    with pytest.raises(KernelError, match="address of a local array"):
        compile_kernels(prepare_kernels(kernels_of(_HEAD + body + _TAIL)), chip)
