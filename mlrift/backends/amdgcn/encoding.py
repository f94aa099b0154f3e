"""Machine instructions with physical registers become instructions of the tables, and bytes.

Each gets the shortest format that has room for its operands (`isa.choose`). What does not depend on
the place of an instruction is encoded once, though sizes are asked for before distances are known.
"""

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import EncodeError, encode
from mlrift.backends.amdgcn.isa.choose import instruction_of
from mlrift.backends.amdgcn.isa.instruction import (
    Immediate,
    Inline,
    Instruction,
    Literal,
    Operand,
)
from mlrift.backends.amdgcn.isa.registers import Register
from mlrift.backends.amdgcn.mir import (
    BlockTarget,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    Pseudo,
)
from mlrift.backends.amdgcn.mir_text import instruction_text
from mlrift.source import Span


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
    operands = tuple([_operand(operand) for operand in made.operands])
    try:
        instruction = instruction_of(operation, operands, made.modifiers, generation)
        return instruction, encode(instruction, generation)
    except EncodeError as error:
        raise EncodeError(f"{instruction_text(made)}: {error}") from error


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
