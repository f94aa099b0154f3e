"""What comes out of the back end for one kernel: code and what is to be said about it."""

from mlrift.backends.amdgcn.isa.instruction import Instruction
from mlrift.source import Span
from mlrift.values import record


@record
class FinishedKernel:
    """A kernel's code. Sizes are in bytes (`scratch_bytes` a lane, `lds_bytes` static), `vector`
    and `scalar` are the highest register of a file + 1, the spilled ones dwords.

    `instructions` has each with its offset, `lines` the offset from which on instructions belong to
    a span, `labels` the offset of each block that has a number in assembly text. On gfx10 a kernel
    with private memory has two more user registers (flat_scratch_init) and the wave's offset after
    the group ids.
    """

    code: bytes
    instructions: list[tuple[int, Instruction]]
    vector: int
    scalar: int
    spilled_vector: int
    spilled_scalar: int
    lds_bytes: int
    scratch_bytes: int
    lines: list[tuple[int, Span]]
    labels: dict[int, int]
