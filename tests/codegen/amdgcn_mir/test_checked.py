"""Random machine IR as code: the checker, which shares nothing with our passes, accepts it."""

import pytest

from mlrift.backends.amdgcn.allocation.allocate import Budget
from mlrift.backends.amdgcn.check.checking import check_kernel
from mlrift.backends.amdgcn.chips import Chip, Generation, chip_named
from mlrift.backends.amdgcn.codeobject.model import KernelImage
from mlrift.backends.amdgcn.finish import finish_within
from mlrift.backends.amdgcn.finished import FinishedKernel
from tests.codegen.amdgcn_mir.random_mir import Generator

_LEAST_USER_SGPRS = 16
CHIPS = ("gfx1030", "gfx1100", "gfx1201")


def _image(kernel: FinishedKernel, chip: Chip) -> KernelImage:
    scratch_sgprs = 2 if kernel.scratch_bytes and chip.generation is Generation.GFX10 else 0
    return KernelImage(
        name="random",
        code=kernel.code,
        arguments=(),
        kernarg_bytes=0,
        lds_bytes=0,
        scratch_bytes=kernel.scratch_bytes,
        registers_scalar=kernel.scalar,
        registers_vector=kernel.vector,
        spilled_scalar=kernel.spilled_scalar,
        spilled_vector=kernel.spilled_vector,
        user_sgprs=_LEAST_USER_SGPRS if chip.pads_user_sgprs else scratch_sgprs,
        group_ids=(False, False, False),
        local_ids=1,
        required_group=None,
    )


@pytest.mark.parametrize("chip_name", CHIPS)
@pytest.mark.parametrize("budget", [Budget(128), Budget(9, 12)], ids=["ample", "tight"])
def test_random_code_is_accepted(chip_name: str, budget: Budget) -> None:
    """Waits, hazards, registers and EXEC, with and without spills."""
    chip = chip_named(chip_name)
    assert chip is not None
    for seed in range(12):
        kernel = finish_within(Generator(seed, seed * 7 % 97 + 10).build(), chip, budget)
        found = check_kernel(_image(kernel, chip), chip)
        assert not found, f"seed {seed}: {found[0]}"
