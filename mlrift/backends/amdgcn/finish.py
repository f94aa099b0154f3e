"""From machine IR to code: a `MachineFunction` with virtual registers enters, bytes leave.

Loops, dead code and constants -> schedule -> allocate -> frame -> pairs -> waits -> hazards ->
branches -> encode. The order matters: waits look at physical registers, hazards at waits, and
distances at everything.
"""

from mlrift.backends.amdgcn.allocation.allocate import Allocation, Budget, allocate
from mlrift.backends.amdgcn.branches import (
    FAR_KERNEL_INSTRUCTIONS,
    FAR_TARGET,
    block_offsets,
    fall_through,
    far_registers,
    relax,
    resolve_branches,
)
from mlrift.backends.amdgcn.chips import Chip, Generation
from mlrift.backends.amdgcn.encoding import MachineEncoder
from mlrift.backends.amdgcn.finished import FinishedKernel
from mlrift.backends.amdgcn.frame import (
    claim_scratch,
    reach_far_arrays,
    resolve_frame,
    set_flat_scratch,
)
from mlrift.backends.amdgcn.hazards.insert import insert_hazard_fixes
from mlrift.backends.amdgcn.isa.registers import GENERAL_SGPRS, GENERAL_VGPRS
from mlrift.backends.amdgcn.mir import MachineFunction
from mlrift.backends.amdgcn.peephole.constants import share_constants
from mlrift.backends.amdgcn.peephole.dead_code import remove_dead_code
from mlrift.backends.amdgcn.peephole.dual_issue import pair_instructions
from mlrift.backends.amdgcn.peephole.loop_ends import merge_loop_ends
from mlrift.backends.amdgcn.peephole.shorten import shorten
from mlrift.backends.amdgcn.schedule.schedule import schedule
from mlrift.backends.amdgcn.waits.insert import insert_waits

_LARGEST_GROUP = 1024
_USUAL_REGISTERS = 40
"""Vector registers up to which scheduling thinks of latencies only."""
_SPARE_REGISTERS = 4
_LANES = 32
_SIMDS_OF_GROUP = 4
"""A group may use both compute units of a work group processor, each with two SIMDs."""


def finish(function: MachineFunction, chip: Chip) -> FinishedKernel:
    """Return the code of a kernel; the function is changed on the way."""
    return finish_within(function, chip, budget_of(function, chip))


def finish_within(function: MachineFunction, chip: Chip, budget: Budget) -> FinishedKernel:
    """Return the code of a kernel that keeps to a number of registers."""
    generation = chip.generation
    reach_far_arrays(function, generation)
    if generation is Generation.GFX10 and function.frame:
        claim_scratch(function)
    merge_loop_ends(function, generation)
    remove_dead_code(function, generation)
    share_constants(function)
    schedule(function, generation, min(budget.vector - _SPARE_REGISTERS, _USUAL_REGISTERS))
    allocation = allocate(function, generation, budget)
    scratch_bytes = resolve_frame(function, generation)
    if generation is Generation.GFX10 and scratch_bytes:
        set_flat_scratch(function)
    shorten(function)
    pair_instructions(function, generation)
    insert_waits(function, generation)
    insert_hazard_fixes(function, chip)
    return _encoded(function, generation, allocation, scratch_bytes)


def budget_of(function: MachineFunction, chip: Chip) -> Budget:
    """Return how many registers a wave may have so that a whole group is resident."""
    group = function.required_group
    items = _LARGEST_GROUP if group is None else group[0] * group[1] * group[2]
    waves = -(-items // (_LANES * _SIMDS_OF_GROUP))
    granules = chip.vgprs_per_simd // waves // chip.vgpr_granule
    vector = min(GENERAL_VGPRS, granules * chip.vgpr_granule)
    count = sum(len(block.instructions) for block in function.blocks)
    is_far = count >= FAR_KERNEL_INSTRUCTIONS
    return Budget(vector, FAR_TARGET.first if is_far else GENERAL_SGPRS)


def _encoded(
    function: MachineFunction, generation: Generation, allocation: Allocation, scratch_bytes: int
) -> FinishedKernel:
    fall_through(function)
    encoder = MachineEncoder(generation)
    sizes = encoder.sizes(function)
    relax(function, sizes)
    labels = {offset: number for number, offset in block_offsets(function, sizes).items()}
    resolve_branches(function, sizes)
    code, instructions, lines = encoder.code(function)
    return FinishedKernel(
        code,
        instructions,
        allocation.vector,
        max(allocation.scalar, far_registers(function)),
        allocation.spilled_vector,
        allocation.spilled_scalar,
        function.lds_bytes,
        scratch_bytes,
        lines,
        labels,
    )
