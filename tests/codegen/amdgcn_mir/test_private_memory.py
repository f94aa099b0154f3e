"""Private memory near and far, with and without an index, in the emulator."""

import numpy as np
import pytest

from mlrift.backends.amdgcn.allocation.allocate import AllocationError, Budget
from mlrift.backends.amdgcn.check.checking import check_kernel
from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.model import (
    ArgumentKind,
    CodeObject,
    KernelArgument,
    KernelImage,
)
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.finish import finish, finish_within
from mlrift.backends.amdgcn.mir_parse import parse_mir
from mlrift.emulator import Device

_KERNEL = """
kernel @private
arrives %0:s2 = s[0:1]
arrives %1:v = v0
frame 8000 align 16
frame 64 align 16
block 0
  %0 = copy s[0:1]
  %1 = copy v0
  %2:s2 = s_load_b64 %0, null !constant(8)
  %3:v = v_and_b32 0x000003ff, %1
  %4:v = v_lshlrev_b32 2, %3
  %5:v = v_add_nc_u32 7, %3
  scratch_store_b32 %4, %5, frame0+5000 !scratch(4)
  scratch_store_b32 %4, %3, frame0+0 !scratch(4)
  scratch_store_b32 null, %3, frame1+16 !scratch(4)
  %6:v = scratch_load_b32 %4, frame0+5000 !scratch(4)
  %7:v = scratch_load_b32 null, frame1+16 !scratch(4)
  %8:v = scratch_load_b32 %4, frame0+0 !scratch(4)
  %9:v = v_mul_lo_u32 %6, %7
  %10:v = v_add_nc_u32 %9, %8
  global_store_b32 %4, %10, %2 !global(4)
  s_endpgm #0
"""
_PADDED_USER_SGPRS = 16


@pytest.mark.parametrize("chip_name", ["gfx1030", "gfx1100", "gfx1201"])
def test_every_lane_finds_what_it_stored(chip_name: str) -> None:
    """gfx10 sets FLAT_SCR itself; offsets of 5,000 and 8,016 bytes do not fit everywhere."""
    chip = chip_named(chip_name)
    assert chip is not None
    made = finish(parse_mir(_KERNEL), chip)
    user_sgprs = {"gfx1030": 4, "gfx1100": _PADDED_USER_SGPRS, "gfx1201": 2}[chip_name]
    image = KernelImage(
        name="private",
        code=made.code,
        arguments=(KernelArgument("to", "uint64", ArgumentKind.GLOBAL_BUFFER, 0, 8),),
        kernarg_bytes=8,
        lds_bytes=0,
        scratch_bytes=made.scratch_bytes,
        registers_scalar=made.scalar,
        registers_vector=made.vector,
        spilled_scalar=0,
        spilled_vector=0,
        user_sgprs=user_sgprs,
        group_ids=(False, False, False),
        local_ids=1,
        required_group=None,
    )
    assert made.scratch_bytes == 8064
    assert not check_kernel(image, chip)
    found = np.zeros(64, np.uint32)
    Device(chip_name).load(write(CodeObject(chip, (image,))))["private"].launch(1, 64, [found])
    lanes = np.arange(64, dtype=np.uint32)
    assert (found == (lanes + 7) * lanes + lanes).all()


def test_registers_that_cannot_be_enough() -> None:
    """A load of four dwords does not fit into three registers: the limit is named."""
    chip = chip_named("gfx1100")
    assert chip is not None
    text = "kernel @wide\nblock 0\n  %0:v4 = global_load_b128 v0, s[0:1] !global(16)\n"
    text += "  global_store_b128 v0, %0, s[0:1] !global(16)\n  s_endpgm #0\n"
    with pytest.raises(AllocationError, match="more than the 3 vector registers"):
        finish_within(parse_mir(text), chip, Budget(3))
