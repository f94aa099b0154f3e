"""Far jumps, forward and back, in the emulator: distances are made out of reach."""

import numpy as np
import pytest

from mlrift.backends.amdgcn import branches
from mlrift.backends.amdgcn.allocation.allocate import Budget
from mlrift.backends.amdgcn.check.checking import check_kernel
from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.model import (
    ArgumentKind,
    CodeObject,
    KernelArgument,
    KernelImage,
)
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.finish import finish_within
from mlrift.backends.amdgcn.mir_parse import parse_mir
from mlrift.emulator import Device

_STEPS, _ROUNDS, _REACH_WORDS = 60, 3, 50
_STEP = "  %3 = v_xor_b32 0x12345678, %3\n  %3 = v_add_nc_u32 0x01010101, %3\n"
_KERNEL = f"""
kernel @far
arrives %0:s2 = s[0:1]
arrives %1:v = v0
block 0 -> 1
  %0 = copy s[0:1]
  %1 = copy v0
  %2:s2 = s_load_b64 %0, null !constant(8)
  %3:v = v_and_b32 0x000003ff, %1
  %4:v = v_lshlrev_b32 2, %3
  %7:s = copy {_ROUNDS}
block 1 -> 1, 2 depth 1
{_STEP * _STEPS}
  %7 = s_add_u32 %7, -1
  s_cmp_lg_u32 %7, 0
  s_cbranch_scc1 @1
block 2 -> 3, 4
  s_cmp_lg_u32 %7, 1
  s_cbranch_scc1 @4
block 3 -> 4
{_STEP * _STEPS}
block 4
  global_store_b32 %4, %3, %2 !global(4)
  s_endpgm #0
"""


@pytest.mark.parametrize("chip_name", ["gfx1030", "gfx1100", "gfx1201"])
def test_far_jumps_arrive(chip_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop's back edge and a branch over a block, both too far for 16 bits."""
    monkeypatch.setattr(branches, "_REACH_WORDS", _REACH_WORDS)
    chip = chip_named(chip_name)
    assert chip is not None
    made = finish_within(parse_mir(_KERNEL), chip, Budget(64, branches.FAR_TARGET.first))
    names = [instruction.row.name for _, instruction in made.instructions]
    assert names.count("s_setpc_b64") == 2
    image = KernelImage(
        name="far",
        code=made.code,
        arguments=(KernelArgument("to", "uint64", ArgumentKind.GLOBAL_BUFFER, 0, 8),),
        kernarg_bytes=8,
        lds_bytes=0,
        scratch_bytes=0,
        registers_scalar=made.scalar,
        registers_vector=made.vector,
        spilled_scalar=0,
        spilled_vector=0,
        user_sgprs=16 if chip.pads_user_sgprs else 2,
        group_ids=(False, False, False),
        local_ids=1,
        required_group=None,
    )
    assert made.scalar == 106
    assert not check_kernel(image, chip)
    found = np.zeros(64, np.uint32)
    Device(chip_name).load(write(CodeObject(chip, (image,))))["far"].launch(1, 64, [found])
    wanted = np.arange(64, dtype=np.uint32)
    for _ in range(_ROUNDS * _STEPS):
        wanted = (wanted ^ np.uint32(0x12345678)) + np.uint32(0x01010101)
    assert (found == wanted).all()
