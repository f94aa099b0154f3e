"""Register allocation of a function: virtual registers enter, registers of the wave leave.

Rounds of liveness, grouping and colouring, until everything has a place; what has none is spilled
between the rounds (on gfx10 the first private memory moves the registers that arrive). Afterwards
the function has no virtual registers, copies or undefined values.
"""

from mlrift.backends.amdgcn.allocation.coalesce import MaskPlace, make_groups
from mlrift.backends.amdgcn.allocation.colour import (
    Choice,
    Colouring,
    Palette,
    colour,
    fixed_occupation,
)
from mlrift.backends.amdgcn.allocation.groups import Group
from mlrift.backends.amdgcn.allocation.liveness import find_liveness
from mlrift.backends.amdgcn.allocation.rewrite import rewrite
from mlrift.backends.amdgcn.allocation.spill import SpillState, spill
from mlrift.backends.amdgcn.allocation.units import FIRST_VIRTUAL_UNIT, Units, number_units
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.errors import KernelError
from mlrift.backends.amdgcn.frame import claim_scratch
from mlrift.backends.amdgcn.isa.registers import GENERAL_SGPRS, VCC, RegisterFile
from mlrift.backends.amdgcn.mir import MachineFunction, VirtualRegister
from mlrift.values import record, value

_ROUNDS = 24
_LOOP_FACTOR = 8.0


@value
class Budget:
    """How many registers of each file a wave may use."""

    vector: int
    scalar: int = GENERAL_SGPRS


@value
class _Policy:
    """Where scalar registers and masks go by preference. On gfx12 a scalar register that a vector
    instruction has read and that is written again costs waits, so all of them take turns.
    """

    scalar_choice: Choice
    masks: MaskPlace


_COMPACT = _Policy(Choice.LOWEST, MaskPlace.CONDITION)
_POLICIES = {
    Generation.GFX10: _COMPACT,
    Generation.GFX11: _COMPACT,
    Generation.GFX12: _Policy(Choice.NEXT, MaskPlace.ANYWHERE),
}


@record
class Allocation:
    """What a function takes: registers of the two files, and spilled dwords of each."""

    vector: int
    scalar: int
    spilled_vector: int
    spilled_scalar: int


class AllocationError(KernelError):
    """Not even spilling makes a function fit; `limit` is the number of registers there are."""

    def __init__(self, file: RegisterFile, limit: int) -> None:
        kind = "vector" if file is RegisterFile.VECTOR else "scalar"
        super().__init__(
            f"it needs more than the {limit} {kind} registers of a wave at once, even with all that"
            " can wait in private memory"
        )
        self.limit = limit


def allocate(function: MachineFunction, generation: Generation, budget: Budget) -> Allocation:
    """Give every virtual register of a function a place; raises AllocationError."""
    state = SpillState()
    for _ in range(_ROUNDS):
        attempt = _Attempt(function, generation, state)
        scalar = attempt.colour(RegisterFile.SCALAR, budget.scalar)
        if scalar.left_out:
            spill(function, _spillable(scalar.left_out, attempt, budget.scalar), state)
            continue
        vector = attempt.colour(RegisterFile.VECTOR, budget.vector)
        if vector.left_out:
            if generation is Generation.GFX10 and not function.frame:
                claim_scratch(function)
            spill(function, _spillable(vector.left_out, attempt, budget.vector), state)
            continue
        rewrite(function, attempt.grouping.home)
        return Allocation(vector.used, scalar.used, state.vector_dwords, state.scalar_dwords)
    raise AllocationError(RegisterFile.VECTOR, budget.vector)


def _spillable(groups: list[Group], attempt: "_Attempt", limit: int) -> list[Group]:
    if any(attempt.weight(group) == float("inf") for group in groups):
        raise AllocationError(groups[0].file, limit)
    return groups


class _Attempt:
    """One round: where everything is alive, and what spilling it would cost."""

    __slots__ = ("grouping", "lives", "policy", "state", "uses", "weights")

    def __init__(
        self, function: MachineFunction, generation: Generation, state: SpillState
    ) -> None:
        self.policy = _POLICIES[generation]
        units = number_units(function, generation)
        liveness = find_liveness(function.blocks, units)
        self.lives = liveness.lives
        self.state = state
        _live_everywhere(state.lanes, units, self.lives, liveness.points)
        self.grouping = make_groups(function, units, liveness, state.temporary, self.policy.masks)
        self.uses = _use_counts(function, units)
        self.weights: dict[Group, float] = {}

    def colour(self, file: RegisterFile, limit: int) -> Colouring:
        groups = [row for row in self.grouping.groups() if row.file is file]
        found = colour(groups, self._palette(file, limit), self.weight, 0)
        for group, place in found.places.items():
            group.place = place
        return found

    def _palette(self, file: RegisterFile, limit: int) -> Palette:
        occupied = fixed_occupation(file, self.lives)
        if file is RegisterFile.VECTOR:
            return Palette(file, limit, occupied, frozenset(), Choice.LOWEST)
        return Palette(file, limit, occupied, frozenset({VCC.first}), self.policy.scalar_choice)

    def weight(self, group: Group) -> float:
        known = self.weights.get(group)
        if known is None:
            known = self._weigh(group)
            self.weights[group] = known
        return known

    def _weigh(self, group: Group) -> float:
        registers = [register for register, _ in group.members]
        protected = (self.state.temporary, self.state.lanes)
        if any(row in kept for row in registers for kept in protected):
            return float("inf")
        uses = sum(self.uses.get(row, 0.0) for row in registers)
        length = sum(mask.bit_count() for mask in group.masks)
        return uses / (length + 1)


def _live_everywhere(
    registers: list[VirtualRegister], units: Units, lives: dict[int, int], points: int
) -> None:
    for register in registers:
        lives[units.first[register]] = (1 << points) - 1


def _use_counts(function: MachineFunction, units: Units) -> dict[VirtualRegister, float]:
    """Return how often each register is read or written, an inner loop counting for more."""
    counts = [0.0] * len(units.owners)
    for block, accesses in zip(function.blocks, units.blocks, strict=True):
        factor = _LOOP_FACTOR**block.loop_depth
        for row in accesses:
            for unit in (*row.reads, *row.writes):
                if unit >= FIRST_VIRTUAL_UNIT:
                    counts[unit - FIRST_VIRTUAL_UNIT] += factor
    totals: dict[VirtualRegister, float] = {}
    for (register, _), count in zip(units.owners, counts, strict=True):
        totals[register] = totals.get(register, 0.0) + count
    return totals
