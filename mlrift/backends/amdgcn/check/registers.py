"""Rule family `register`: what is read was written, numbers are within bounds, tuples aligned.

A register counts as written as soon as some path writes it, under any EXEC mask: compilers copy
values around that are undefined on some paths. What no path has written cannot be meant.
"""

from mlrift.backends.amdgcn.check.context import Report, Subject, silent
from mlrift.backends.amdgcn.check.finding import Rule
from mlrift.backends.amdgcn.check.graph import CheckedBlock, solve_forwards
from mlrift.backends.amdgcn.check.initial import written_at_start
from mlrift.backends.amdgcn.check.steps import (
    ALL_VECTORS,
    FIRST_VECTOR_BIT,
    Step,
    mask_of,
    names_of,
)
from mlrift.backends.amdgcn.isa.formats import Extension
from mlrift.backends.amdgcn.isa.instruction import Access
from mlrift.backends.amdgcn.isa.registers import GENERAL_SGPRS, Register, RegisterFile

_LARGE_TUPLE = 4
_PARTIAL_WRITES = ("v_writelane_b32", "v_permlane16_b32", "v_permlanex16_b32")


_MESSAGES = ("s_sendmsg", "s_sendmsghalt")
"""Few messages take M0."""


def check_registers(subject: Subject) -> None:
    """Report reads of what was never written, numbers out of bounds and odd tuples."""
    entry = written_at_start(subject.descriptor, subject.chip)

    def transfer(block: CheckedBlock, before: int) -> int:
        return _run(block, before, silent)

    states = solve_forwards(subject.graph, entry, transfer, _join)
    for index, before in states.items():
        _run(subject.graph.blocks[index], before, subject.report)
    for block in subject.graph.blocks:
        for step in block.steps:
            _check_count(step, subject)
            _check_alignment(step, subject.report)


def _join(_block: CheckedBlock, one: int, other: int) -> int:
    return one | other


def _run(block: CheckedBlock, before: int, report: Report) -> int:
    written = before
    for step in block.steps:
        if step.reads & ~written:
            missing = _unwritten_operands(step, written)
            if missing:
                text = f"reads {names_of(missing)}, which no path has written"
                report(step, Rule.NEVER_WRITTEN, text)
                written |= missing
        written |= step.writes
    return written


def _unwritten_operands(step: Step, written: int) -> int:
    """Return the operands read of which no dword was written.

    Half of a 64-bit operand may be anything when only half of the result is used. What keeps the
    rest of its destination does not use it.
    """
    row = step.instruction.row
    missing = 0
    keeps = row.format.extension is not Extension.NONE or row.operation in _PARTIAL_WRITES
    for spec, operand in zip(row.operands, step.instruction.operands, strict=True):
        if not isinstance(operand, Register) or spec.access is Access.WRITE:
            continue
        if spec.access is Access.BOTH and keeps:
            continue
        mask = mask_of(operand) & step.reads
        if not mask & written:
            missing |= mask
    if row.operation not in _MESSAGES:
        for register in row.reads:
            missing |= mask_of(register) & step.reads & ~written
    return missing


def _check_count(step: Step, subject: Subject) -> None:
    limit = subject.descriptor.vector_registers
    used = ((step.reads | step.writes) & ALL_VECTORS) >> FIRST_VECTOR_BIT
    if used.bit_length() > limit:
        subject.report(
            step,
            Rule.REGISTER_COUNT,
            f"uses v{used.bit_length() - 1}, but the descriptor allocates {limit} vector registers",
        )


def _check_alignment(step: Step, report: Report) -> None:
    for spec, operand in zip(step.instruction.row.operands, step.instruction.operands, strict=True):
        if not isinstance(operand, Register) or operand.file is not RegisterFile.SCALAR:
            continue
        if operand.count == 1 or operand.first >= GENERAL_SGPRS:
            continue
        alignment = 2 if operand.count == 2 else _LARGE_TUPLE
        if operand.first % alignment:
            verb = "reads" if spec.access is Access.READ else "writes"
            report(
                step,
                Rule.ALIGNMENT,
                f"{verb} {operand.count} scalar registers from s{operand.first} on, which is not a "
                f"multiple of {alignment}",
            )
