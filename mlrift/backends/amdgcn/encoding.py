"""Machine instructions with physical registers become instructions of the tables, and bytes.

An operation may have several formats: the shortest that has room for the operands and modifiers is
taken. Short formats leave VCC unnamed, so its operand must be VCC.

    v_cndmask_b32 v1, v2, v3, vcc_lo      VOP2: v_cndmask_b32_e32 v1, v2, v3
    v_cndmask_b32 v1, v2, v3, s4          VOP3
"""

from functools import lru_cache

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import EncodeError, encode, rows_of_operation, rows_with_lanes
from mlrift.backends.amdgcn.isa.formats import Extension
from mlrift.backends.amdgcn.isa.instruction import (
    Immediate,
    Inline,
    Instruction,
    Literal,
    Operand,
    OperandKind,
    Row,
)
from mlrift.backends.amdgcn.isa.registers import VCC, Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    BlockTarget,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    Pseudo,
)
from mlrift.backends.amdgcn.mir_text import instruction_text
from mlrift.source import Span
from mlrift.values import record

_MASKS = (OperandKind.MASK_TARGET, OperandKind.MASK_SOURCE)


@record
class _Form:
    """A format of an operation: which operands of machine IR it has, which must be VCC, and which
    must be vector registers.
    """

    row: Row
    kept: tuple[int, ...]
    unnamed: tuple[int, ...]
    vectors: tuple[int, ...]


class MachineEncoder:
    """Encodes for a generation; what does not depend on the place is encoded once."""

    __slots__ = ("_known", "generation")

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self._known: dict[MachineInstruction, tuple[Instruction, bytes]] = {}

    def encode(self, made: MachineInstruction) -> tuple[Instruction, bytes]:
        """Return an instruction and its bytes; raises EncodeError."""
        found = self._known.get(made)
        if found is not None:
            return found
        found = encode_machine_instruction(made, self.generation)
        if not made.operands or type(made.operands[-1]) is not BlockTarget:
            self._known[made] = found
        return found

    def sizes(self, function: MachineFunction) -> list[list[int]]:
        """Return the size in bytes of each instruction, by block."""
        return [
            [len(self.encode(made)[1]) for made in block.instructions] for block in function.blocks
        ]

    def code(
        self, function: MachineFunction
    ) -> tuple[bytes, list[tuple[int, Instruction]], list[tuple[int, Span]]]:
        """Return the code of a function, its instructions, and where source lines begin."""
        code = bytearray()
        instructions: list[tuple[int, Instruction]] = []
        lines: list[tuple[int, Span]] = []
        latest: Span | None = None
        for made in function.instructions():
            instruction, data = self.encode(made)
            instructions.append((len(code), instruction))
            if made.span is not None and made.span is not latest:
                latest = made.span
                lines.append((len(code), latest))
            code += data
        return bytes(code), instructions, lines


def encode_machine_instruction(
    made: MachineInstruction, generation: Generation
) -> tuple[Instruction, bytes]:
    """Return the shortest encoding of an instruction; raises EncodeError."""
    operation = made.operation
    if isinstance(operation, Pseudo):
        raise EncodeError(f"{instruction_text(made)}: a pseudo operation has no code")
    operands = made.operands
    failure = EncodeError(f"no format has {len(operands)} operands")
    for form in _forms(operation, generation, len(operands), _extension_of(made)):
        if any(operands[index] != VCC for index in form.unnamed):
            continue
        if not all(_is_vector(operands[index]) for index in form.vectors):
            continue
        kept = tuple([_operand(operands[index]) for index in form.kept])
        instruction = Instruction(form.row, kept, made.modifiers)
        try:
            return instruction, encode(instruction, generation)
        except EncodeError as error:
            failure = error
    raise EncodeError(f"{instruction_text(made)}: {failure}") from failure


def _is_vector(operand: MachineOperand) -> bool:
    return type(operand) is Register and operand.file is RegisterFile.VECTOR


def _operand(operand: MachineOperand) -> Operand:
    match operand:
        case Register() | Inline() | Literal():
            return operand
        case int():
            return Immediate(operand)
        case BlockTarget():
            return Immediate(0)
        case _:
            raise EncodeError(f"{operand} has no place yet")


def _extension_of(made: MachineInstruction) -> Extension:
    modifiers = made.modifiers
    if "dpp8" in modifiers:
        return Extension.DPP8_FI if modifiers.get("fi") else Extension.DPP8
    return Extension.DPP16 if "dpp_ctrl" in modifiers else Extension.NONE


@lru_cache(maxsize=4096)
def _forms(
    operation: str, generation: Generation, count: int, extension: Extension
) -> tuple[_Form, ...]:
    """Return the formats of an operation with `count` operands, the shortest first."""
    rows = rows_of_operation(operation, generation)
    if extension is not Extension.NONE:
        rows = tuple(
            wide
            for row in rows
            for wide in rows_with_lanes(row, generation)
            if wide.format.extension is extension
        )
    full = next((row for row in rows if len(row.operands) == count), None)
    if full is None:
        return ()
    forms = []
    for row in rows:
        masks = len(row.operands) < count
        unnamed = tuple(
            index for index, spec in enumerate(full.operands) if masks and spec.kind in _MASKS
        )
        kept = tuple(index for index in range(count) if index not in unnamed)
        if len(kept) != len(row.operands):
            continue
        vectors = tuple(
            index
            for index, spec in zip(kept, row.operands, strict=True)
            if spec.kind is OperandKind.VGPR and spec.field == "vsrc1"
        )
        forms.append(_Form(row, kept, unnamed, vectors))
    return tuple(forms)
