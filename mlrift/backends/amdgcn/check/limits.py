"""Rule `code.operands`: operands of an instruction that exclude each other."""

from mlrift.backends.amdgcn.check.context import Subject
from mlrift.backends.amdgcn.check.finding import Rule
from mlrift.backends.amdgcn.isa import EncodeError
from mlrift.backends.amdgcn.isa.formats import Encoding
from mlrift.backends.amdgcn.isa.instruction import Instruction, Literal
from mlrift.backends.amdgcn.isa.limits import check_operands
from mlrift.backends.amdgcn.isa.registers import Register, RegisterFile

_SCALAR_ENCODINGS = (Encoding.SOP1, Encoding.SOP2, Encoding.SOPC, Encoding.SOPK, Encoding.SOPP)


def check_limits(subject: Subject) -> None:
    """Report too many scalar sources, pairs that cannot be issued together, and their like."""
    for block in subject.graph.blocks:
        for step in block.steps:
            if not _may_conflict(step.instruction):
                continue
            try:
                check_operands(step.instruction, subject.chip.generation)
            except EncodeError as error:
                subject.report(step, Rule.OPERANDS, str(error))


def _may_conflict(instruction: Instruction) -> bool:
    """Return whether there are as many operands of a kind as it takes for a conflict."""
    encoding = instruction.row.format.encoding
    if encoding in _SCALAR_ENCODINGS:
        return False
    if encoding is Encoding.VOPD:
        return True
    scalars = len(instruction.row.reads)
    for operand in instruction.operands:
        if type(operand) is Literal or (
            type(operand) is Register and operand.file is RegisterFile.SCALAR
        ):
            scalars += 1
    return scalars > 1
