"""Machine instructions of a function as they are made, and the blocks they become in the end.

Rules append to `instructions`, in the order of the code, what one op needs; the selector takes that
away op by op, from the last to the first. A `Label` stands where a machine block begins.
"""

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Access, Inline, Literal
from mlrift.backends.amdgcn.isa.registers import Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    BlockTarget,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    MemoryAccess,
    Part,
    Pseudo,
    VirtualRegister,
)
from mlrift.backends.amdgcn.selection.accesses import accesses_of
from mlrift.source import Span
from mlrift.values import value


@value
class Label:
    """A machine block begins here."""

    number: int
    loop_depth: int


Item = MachineInstruction | Label


class Emitter:
    """Makes the instructions of one op after the other."""

    def __init__(self, name: str, generation: Generation, blocks: int) -> None:
        self.function = MachineFunction(name)
        self.generation = generation
        self.instructions: list[Item] = []
        self.span: Span | None = None
        self.loop_depth = 0
        self._groups: list[list[Item]] = []
        self._numbers = blocks

    # registers

    def scalar(self, count: int = 1) -> VirtualRegister:
        """Return a new scalar register."""
        return self.function.new_register(RegisterFile.SCALAR, count)

    def vector(self, count: int = 1) -> VirtualRegister:
        """Return a new vector register."""
        return self.function.new_register(RegisterFile.VECTOR, count)

    # instructions

    def emit(
        self,
        operation: str,
        *operands: MachineOperand,
        modifiers: dict[str, int] | None = None,
        memory: MemoryAccess | None = None,
    ) -> None:
        """Append an instruction."""
        access = accesses_of(operation, self.generation, len(operands))
        made = MachineInstruction(
            operation, list(operands), access, modifiers or {}, self.span, memory
        )
        self.instructions.append(made)

    def copy(self, target: MachineOperand, source: MachineOperand) -> None:
        """Append a copy that is a whole definition."""
        self._pseudo(Pseudo.COPY, [target, source], (Access.WRITE, Access.READ))

    def copies(self, pairs: list[tuple[MachineOperand, MachineOperand, Access]]) -> None:
        """Append copies that happen at once; each says whether the target keeps lanes."""
        if not pairs:
            return
        operands = [row for target, source, _ in pairs for row in (target, source)]
        access = tuple(row for _, _, kind in pairs for row in (kind, Access.READ))
        self._pseudo(Pseudo.COPY if len(pairs) == 1 else Pseudo.PARALLEL_COPY, operands, access)

    def assemble(self, target: MachineOperand, *parts: MachineOperand) -> None:
        """Append what makes a tuple of its parts."""
        access = (Access.WRITE, *(Access.READ for _ in parts))
        self._pseudo(Pseudo.ASSEMBLE, [target, *parts], access)

    def undefined(self, target: MachineOperand) -> None:
        """Append the beginning of a register's life with any contents."""
        self._pseudo(Pseudo.UNDEFINED, [target], (Access.WRITE,))

    def drain(self, **waited: int) -> None:
        """Append a wait for memory: `load`, `store`, `lds`."""
        made = MachineInstruction(Pseudo.DRAIN, [], (), waited, self.span)
        self.instructions.append(made)

    def _pseudo(
        self, operation: Pseudo, operands: list[MachineOperand], access: tuple[Access, ...]
    ) -> None:
        self.instructions.append(MachineInstruction(operation, operands, access, {}, self.span))

    # blocks

    def new_block(self) -> int:
        """Return a number for a further block."""
        self._numbers += 1
        return self._numbers - 1

    def label(self, number: int) -> None:
        """Begin a block."""
        self.instructions.append(Label(number, self.loop_depth))

    def commit(self) -> None:
        """Put what was appended before all that was committed earlier."""
        if self.instructions:
            self._groups.append(self.instructions)
            self.instructions = []

    def all_items(self) -> list[Item]:
        """Return everything that was committed, in the order of the code."""
        return [row for group in reversed(self._groups) for row in group]


def low_part(operand: MachineOperand) -> MachineOperand:
    """Return the low dword of a 64-bit operand."""
    return part_of(operand, 0)


def high_part(operand: MachineOperand) -> MachineOperand:
    """Return the high dword of a 64-bit operand."""
    return part_of(operand, 1)


def part_of(operand: MachineOperand, first: int, count: int = 1) -> MachineOperand:
    """Return some dwords of a register."""
    match operand:
        case VirtualRegister():
            return operand if count == operand.count else Part(operand, first, count)
        case Part(of, start, _):
            return Part(of, start + first, count)
        case Register(file, start, _):
            return Register(file, start + first, count)
        case _:
            raise TypeError(f"{operand} has no parts")


def dwords_of(operand: MachineOperand) -> int:
    """Return how many dwords a register has; a constant has one."""
    if isinstance(operand, VirtualRegister | Part | Register):
        return operand.count
    return 1


def is_vector(operand: MachineOperand) -> bool:
    """Whether an operand is in the vector file."""
    if isinstance(operand, Part):
        return operand.of.file is RegisterFile.VECTOR
    if isinstance(operand, VirtualRegister | Register):
        return operand.file is RegisterFile.VECTOR
    return False


def is_constant(operand: MachineOperand) -> bool:
    """Whether an operand is a constant."""
    return isinstance(operand, Inline | Literal)


def branch_targets(instruction: MachineInstruction) -> list[int]:
    """Return the blocks that an instruction may go to."""
    return [row.number for row in instruction.operands if isinstance(row, BlockTarget)]
