"""Rule `hazard.scalar-read` of gfx12: scalar registers that vector instructions have read.

Once a vector instruction has read one dword of an even pair, a later write to either of them and a
read after that are no longer kept in order by the hardware (gpu.md 4.5, last but few rows): the
reader needs `s_wait_alu` sa_sdst(0) after a scalar write; a vector reader after a vector write
va_vcc(0) for VCC and va_sdst(0) for the others. A scalar reader after a vector write is safe, and
the writes to its pair have finished then. A scalar memory instruction waits for all writes before
it. Vector memory instructions neither read late nor are late readers; EXEC and M0 have interlocks.
"""

from mlrift.backends.amdgcn.check.context import Report, Subject, silent
from mlrift.backends.amdgcn.check.finding import Rule
from mlrift.backends.amdgcn.check.graph import CheckedBlock, solve_forwards
from mlrift.backends.amdgcn.check.hazards import immediate_of
from mlrift.backends.amdgcn.check.steps import mask_of, names_of
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Unit
from mlrift.backends.amdgcn.isa.registers import VCC_PAIR
from mlrift.values import value

_TRACKED = (1 << 108) - 1
_EVEN = sum(1 << bit for bit in range(0, 108, 2))
_VCC = mask_of(VCC_PAIR)
_VECTOR_UNITS = (Unit.VALU, Unit.TRANSCENDENTAL, Unit.MATRIX)
_SCALAR_UNITS = (Unit.SALU, Unit.BRANCH, Unit.MESSAGE, Unit.WAIT, Unit.BARRIER)


@value
class Traffic:
    """`read`: pairs that vector instructions have read. `scalar`, `vector`: dwords of such pairs
    written since by a scalar or vector instruction that may not have finished.
    """

    read: int = 0
    scalar: int = 0
    vector: int = 0


def check_scalar_reads(subject: Subject) -> None:
    """Report reads that may still find the old contents."""
    if subject.chip.generation is not Generation.GFX12:
        return

    def transfer(block: CheckedBlock, before: Traffic) -> Traffic:
        return _run(block, before, silent)

    states = solve_forwards(subject.graph, Traffic(), transfer, _join)
    for index, before in states.items():
        _run(subject.graph.blocks[index], before, subject.report)


def _join(_block: CheckedBlock, one: Traffic, other: Traffic) -> Traffic:
    return Traffic(one.read | other.read, one.scalar | other.scalar, one.vector | other.vector)


def _run(block: CheckedBlock, before: Traffic, report: Report) -> Traffic:
    read, scalar, vector = before.read, before.scalar, before.vector
    for step in block.steps:
        unit = step.instruction.row.unit
        if step.instruction.row.operation == "s_waitcnt_depctr":
            scalar, vector = _waited(immediate_of(step.instruction), scalar, vector)
            continue
        is_vector = unit in _VECTOR_UNITS
        if unit is Unit.SMEM:
            scalar = vector = 0
        if not is_vector and unit not in _SCALAR_UNITS:
            continue
        late = step.reads & (scalar | vector if is_vector else scalar)
        if late:
            report(
                step, Rule.SCALAR_READ, f"reads {names_of(late)} before {_missing(late, scalar)}"
            )
            scalar &= ~late
            vector &= ~late
        if is_vector:
            read |= _pairs(step.reads & _TRACKED)
            vector |= step.writes & read
        else:
            scalar |= step.writes & read
            vector &= ~_pairs(step.reads & _TRACKED)
    return Traffic(read, scalar, vector)


def _missing(late: int, scalar: int) -> str:
    if late & scalar:
        return "`s_wait_alu` depctr_sa_sdst(0): a scalar instruction has written it"
    field = "va_vcc" if late & _VCC else "va_sdst"
    return f"`s_wait_alu` depctr_{field}(0): a vector instruction has written it"


def _waited(bits: int, scalar: int, vector: int) -> tuple[int, int]:
    if not bits & 1:
        scalar = 0
    if not bits & 2:
        vector &= ~_VCC
    if not bits & 0xE00:
        vector &= _VCC
    return scalar, vector


def _pairs(dwords: int) -> int:
    even = (dwords | dwords >> 1) & _EVEN
    return even | even << 1
