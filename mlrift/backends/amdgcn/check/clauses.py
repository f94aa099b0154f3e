"""Rule `hazard.clause`: `s_clause n` is followed by n + 1 memory instructions of one kind."""

from mlrift.backends.amdgcn.check.context import Subject
from mlrift.backends.amdgcn.check.finding import Rule
from mlrift.backends.amdgcn.check.graph import CheckedBlock
from mlrift.backends.amdgcn.check.hazards import immediate_of
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Unit

_LONGEST = {Generation.GFX10: 63, Generation.GFX11: 32, Generation.GFX12: 32}
_VECTOR_MEMORY = (Unit.GLOBAL, Unit.FLAT, Unit.SCRATCH, Unit.BUFFER)
_OTHER_MEMORY = (Unit.SMEM, Unit.LDS)


def check_clauses(subject: Subject) -> None:
    """Report clauses that are too long or hold something else."""
    for block in subject.graph.blocks:
        for index, step in enumerate(block.steps):
            if step.instruction.row.operation == "s_clause":
                _check_clause(block, index, subject)


def _check_clause(block: CheckedBlock, index: int, subject: Subject) -> None:
    step = block.steps[index]
    length = (immediate_of(step.instruction) & 0x3F) + 1
    longest = _LONGEST[subject.chip.generation]
    if length > longest:
        subject.report(
            step, Rule.CLAUSE, f"{length} instructions in a clause, but {longest} are possible"
        )
        return
    inside = block.steps[index + 1 : index + 1 + length]
    kinds = {_kind(row.instruction.row.unit) for row in inside}
    if len(inside) < length or len(kinds) != 1 or None in kinds:
        subject.report(
            step, Rule.CLAUSE, f"the next {length} instructions are not memory accesses of one kind"
        )


def _kind(unit: Unit) -> Unit | None:
    """Return what may be in one clause with an instruction of that unit, None outside clauses."""
    if unit in _VECTOR_MEMORY:
        return Unit.GLOBAL
    return unit if unit in _OTHER_MEMORY else None
