"""The instructions of a kernel with their places, targets of branches and lines.

Code in, `Decoded` out; words that are no instruction of the generation stay what they are, so that
any file can be shown.
"""

from bisect import bisect_right

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.codeobject.model import KernelImage, SourceLine
from mlrift.backends.amdgcn.isa import DecodeError, decode
from mlrift.backends.amdgcn.isa.instruction import (
    Effects,
    Immediate,
    Instruction,
    OperandKind,
    Unit,
)
from mlrift.values import record

WORD_BYTES = 4


@record
class Step:
    """An instruction, or None for a word that is none, at an offset in the kernel's code."""

    offset: int
    size: int
    instruction: Instruction | None

    @property
    def end(self) -> int:
        """The offset of what follows."""
        return self.offset + self.size


@record
class Decoded:
    """The code of a kernel; `targets` are the offsets to which branches go, in their order."""

    steps: list[Step]
    targets: list[int]
    lines: tuple[SourceLine, ...]

    def line_at(self, offset: int) -> SourceLine | None:
        """Return the line of the source to which the instruction at an offset belongs."""
        position = bisect_right([row.offset for row in self.lines], offset)
        return self.lines[position - 1] if position else None


def decode_kernel(kernel: KernelImage, generation: Generation) -> Decoded:
    """Return the instructions of a kernel."""
    steps: list[Step] = []
    offset = 0
    while offset < len(kernel.code):
        step = _step(kernel.code, offset, generation)
        steps.append(step)
        offset = step.end
    found = {target for step in steps if (target := target_of(step)) is not None}
    return Decoded(steps, sorted(found), kernel.lines)


def _step(code: bytes, offset: int, generation: Generation) -> Step:
    try:
        instruction, size = decode(code, offset, generation)
    except DecodeError:
        return Step(offset, WORD_BYTES, None)
    return Step(offset, size, instruction)


def target_of(step: Step) -> int | None:
    """Return the offset to which a branch goes, or None for anything else."""
    made = step.instruction
    if made is None or made.row.unit is not Unit.BRANCH:
        return None
    for spec, operand in zip(made.row.operands, made.operands, strict=True):
        if spec.kind is OperandKind.BRANCH_TARGET and isinstance(operand, Immediate):
            return step.end + WORD_BYTES * operand.number
    return None


def falls_through(step: Step) -> bool:
    """Return whether the next instruction may follow."""
    made = step.instruction
    if made is None or made.row.unit is Unit.END:
        return made is None
    is_branch = made.row.unit is Unit.BRANCH
    is_last = Effects.TERMINATES in made.row.effects
    return not is_last and not (is_branch and Effects.CONDITIONAL not in made.row.effects)
