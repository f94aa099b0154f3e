"""What a kernel costs as code: the bytes of a code object in, counts per kernel out.

Both sides of a comparison are counted here, by our decoder. Hints that compute nothing are left
out: `s_delay_alu`, `s_clause`, `s_nop`, `s_code_end`, `s_set_inst_prefetch_distance`.
"""

from dataclasses import dataclass

from mlrift.backends.amdgcn.check.decoding import decode_code
from mlrift.backends.amdgcn.check.steps import ALL_VECTORS, FIRST_VECTOR_BIT
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.codeobject.read import LoadedKernel, read
from mlrift.backends.amdgcn.isa.instruction import Unit
from mlrift.backends.amdgcn.isa.registers import GENERAL_SGPRS

HINTS = ("s_delay_alu", "s_clause", "s_nop", "s_code_end", "s_set_inst_prefetch_distance")
_RESULT_WAIT = "s_waitcnt_depctr"
_SCALAR_MASK = (1 << GENERAL_SGPRS) - 1


@dataclass(frozen=True)
class CodeCounts:
    """A kernel's size. `waits` are for memory, `result_waits` for results (`s_waitcnt_depctr`, on
    gfx12 `s_wait_alu`); `spilled` counts registers kept in memory, `scratch` bytes a lane.
    """

    instructions: int
    vectors: int
    scalars: int
    waits: int
    result_waits: int
    spilled: int
    scratch: int
    code_bytes: int


def counts_of(code_object: bytes) -> dict[str, CodeCounts]:
    """Return the counts of every kernel of a file."""
    loaded = read(code_object)
    return {row.image.name: _count(row, loaded.chip.generation) for row in loaded.kernels}


def _count(kernel: LoadedKernel, generation: Generation) -> CodeCounts:
    image = kernel.image
    decoded = decode_code(image.code, generation)
    if decoded.problem:
        raise ValueError(f"{image.name}: {decoded.problem}")
    steps = [step for step in decoded.steps if step.instruction.row.operation not in HINTS]
    used = 0
    for step in steps:
        used |= step.reads | step.writes
    waits = sum(step.instruction.row.unit is Unit.WAIT for step in steps)
    result_waits = sum(step.instruction.row.operation == _RESULT_WAIT for step in steps)
    return CodeCounts(
        instructions=len(steps),
        vectors=((used & ALL_VECTORS) >> FIRST_VECTOR_BIT).bit_length(),
        scalars=(used & _SCALAR_MASK).bit_length(),
        waits=waits - result_waits,
        result_waits=result_waits,
        spilled=image.spilled_vector + image.spilled_scalar,
        scratch=image.scratch_bytes,
        code_bytes=sum(step.size for step in steps),
    )
