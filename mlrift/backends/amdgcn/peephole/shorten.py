"""Single instructions in shorter forms: a function with physical registers enters.

v2 = v_fma_f32 v0, v1, v2     ->  v2 = v_fmac_f32 v0, v1
v2 = v_fma_f32 v2, v1, v0 ...     stays: only an addend can be the target
"""

from mlrift.backends.amdgcn.isa.instruction import Access
from mlrift.backends.amdgcn.isa.registers import Register, RegisterFile
from mlrift.backends.amdgcn.mir import MachineFunction, MachineInstruction, MachineOperand

_ACCUMULATING = {"v_fma_f32": "v_fmac_f32", "v_fma_f16": "v_fmac_f16"}
_ADDEND = 3
_ACCESS = (Access.BOTH, Access.READ, Access.READ)
_SHORT_HALF_REGISTERS = 128
"""16-bit operands of short formats are in the registers below this one."""


def shorten(function: MachineFunction) -> None:
    """Rewrite instructions whose registers allow a shorter form."""
    for made in function.instructions():
        if made.operation in _ACCUMULATING:
            _accumulate(made)


def _accumulate(made: MachineInstruction) -> None:
    target, first, second, addend = made.operands
    if made.modifiers or addend != target:
        return
    if not is_vector(second):
        first, second = second, first
    if not is_vector(second):
        return
    operands: list[MachineOperand] = [target, first, second]
    if made.operation == "v_fma_f16" and not all(_is_low(row) for row in operands):
        return
    made.operation = _ACCUMULATING[str(made.operation)]
    made.operands = operands
    made.access = _ACCESS


def is_vector(operand: MachineOperand) -> bool:
    """Whether an operand is a vector register."""
    return type(operand) is Register and operand.file is RegisterFile.VECTOR


def _is_low(operand: MachineOperand) -> bool:
    if type(operand) is Register and operand.file is RegisterFile.VECTOR:
        return operand.first < _SHORT_HALF_REGISTERS
    return True
