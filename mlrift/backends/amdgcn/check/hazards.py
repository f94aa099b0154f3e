"""Rule family `hazard`: dependences that the hardware does not keep by itself (gpu.md 4.5).

A graph and a chip in, findings out. The state at a point is what the instructions before it leave
behind; where paths meet, everything that either leaves. What each rule needs between two
instructions is what LLVM's own passes put there: `tests/check/test_hazard_oracle.py` compares.
"""

from mlrift.backends.amdgcn.check.context import Report, Subject, silent
from mlrift.backends.amdgcn.check.finding import Rule
from mlrift.backends.amdgcn.check.graph import CheckedBlock, solve_forwards
from mlrift.backends.amdgcn.check.steps import ALL_VECTORS, Step, mask_of, names_of
from mlrift.backends.amdgcn.chips import Chip, Generation
from mlrift.backends.amdgcn.isa.instruction import Immediate, Instruction, Unit
from mlrift.backends.amdgcn.isa.registers import Register
from mlrift.values import value

_LATE_TRANSCENDENTALS = ("gfx1100", "gfx1101", "gfx1102", "gfx1103")
_VALU_DISTANCE = 6
_TRANSCENDENTAL_DISTANCE = 2
"""The result is safe with so many vector instructions after it, or so many transcendental ones."""
_MEMORY_UNITS = (Unit.GLOBAL, Unit.FLAT, Unit.SCRATCH, Unit.BUFFER, Unit.LDS)
_VECTOR_UNITS = (Unit.VALU, Unit.TRANSCENDENTAL, Unit.MATRIX)


@value
class Late:
    """Results of a transcendental instruction, and how many vector instructions came after it."""

    registers: int
    vectors: int
    transcendentals: int


@value
class Trail:
    """What instructions left behind.

    `matrix` are the results of WMMAs with no vector instruction after them; `has_compared` that
    EXEC was compared into and no vector instruction came since.
    """

    late: frozenset[Late] = frozenset()
    matrix: int = 0
    has_compared: bool = False


def check_hazards(subject: Subject) -> None:
    """Report uses that come too early after what they depend on."""

    def transfer(block: CheckedBlock, before: Trail) -> Trail:
        return _run(block, before, subject.chip, silent)

    states = solve_forwards(subject.graph, Trail(), transfer, _join)
    for index, before in states.items():
        _run(subject.graph.blocks[index], before, subject.chip, subject.report)


def _join(_block: CheckedBlock, one: Trail, other: Trail) -> Trail:
    if one == other:
        return one
    return Trail(
        one.late | other.late,
        one.matrix | other.matrix,
        one.has_compared or other.has_compared,
    )


def _run(block: CheckedBlock, before: Trail, chip: Chip, report: Report) -> Trail:
    trail = before
    for step in block.steps:
        row = step.instruction.row
        if row.unit in _VECTOR_UNITS:
            _check_vector(step, trail, report)
            trail = _after_vector(step, trail, chip)
        elif trail.late and _waits_for_vectors(step.instruction):
            trail = Trail(frozenset(), trail.matrix, trail.has_compared)
    return trail


def _check_vector(step: Step, trail: Trail, report: Report) -> None:
    for late in trail.late:
        used = late.registers & step.reads
        if used:
            report(
                step,
                Rule.TRANSCENDENTAL_USE,
                f"reads {names_of(used)} {late.vectors} vector instructions after the "
                "transcendental instruction that makes it, without `s_waitcnt_depctr` "
                "depctr_va_vdst(0)",
            )
            break
    row = step.instruction.row
    if trail.has_compared and row.operation.startswith("v_permlane"):
        report(
            step,
            Rule.COMPARE_PERMUTE,
            "permutes lanes after `v_cmpx` without a vector instruction between",
        )
    if row.unit is Unit.MATRIX and trail.matrix & _fragments(step.instruction):
        used = trail.matrix & _fragments(step.instruction)
        report(
            step,
            Rule.MATRIX_OVERLAP,
            f"reads {names_of(used)} as a factor right after the WMMA that writes it",
        )


def _fragments(instruction: Instruction) -> int:
    """Return the registers of the two factors."""
    factors = 0
    for spec, operand in zip(instruction.row.operands, instruction.operands, strict=True):
        if spec.field in ("src0", "src1") and isinstance(operand, Register):
            factors |= mask_of(operand)
    return factors


def _after_vector(step: Step, trail: Trail, chip: Chip) -> Trail:
    row = step.instruction.row
    if row.operation == "v_nop":
        return Trail(_aged(step, trail), 0, trail.has_compared)
    late = _aged(step, trail)
    if row.unit is Unit.TRANSCENDENTAL and chip.name in _LATE_TRANSCENDENTALS:
        late |= {Late(step.writes & ALL_VECTORS, 0, 0)}
    matrix = step.writes & ALL_VECTORS if row.unit is Unit.MATRIX else 0
    compares = bool(row.operation.startswith("v_cmpx") and chip.generation is not Generation.GFX10)
    return Trail(late, matrix, compares)


def _aged(step: Step, trail: Trail) -> frozenset[Late]:
    if not trail.late:
        return trail.late
    more = int(step.instruction.row.unit is Unit.TRANSCENDENTAL)
    aged = (Late(it.registers, it.vectors + 1, it.transcendentals + more) for it in trail.late)
    return frozenset(
        it
        for it in aged
        if it.vectors < _VALU_DISTANCE and it.transcendentals < _TRANSCENDENTAL_DISTANCE
    )


def _waits_for_vectors(instruction: Instruction) -> bool:
    """Return whether all vector results are there afterwards: memory instructions wait for them."""
    row = instruction.row
    if row.operation == "s_waitcnt_depctr":
        return not immediate_of(instruction) & 0xF000
    return row.unit in _MEMORY_UNITS or row.operation.startswith("buffer_")


def immediate_of(instruction: Instruction) -> int:
    """Return the immediate operand of an instruction that has one, else 0."""
    for operand in instruction.operands:
        if isinstance(operand, Immediate):
            return operand.number
    return 0
