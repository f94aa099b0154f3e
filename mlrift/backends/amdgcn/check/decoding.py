"""Code bytes to steps, one after the other from the first; stops where nothing can be decoded."""

from mlrift.backends.amdgcn.check.steps import Step, step_of
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import DecodeError, decode
from mlrift.values import record


@record
class DecodedCode:
    """`end` is where decoding stopped: at the end, or at what `problem` tells of."""

    steps: list[Step]
    end: int
    problem: str


def decode_code(code: bytes, generation: Generation) -> DecodedCode:
    """Return the instructions of a kernel."""
    steps: list[Step] = []
    offset = 0
    while offset < len(code):
        try:
            instruction, size = decode(code, offset, generation)
        except DecodeError as error:
            return DecodedCode(steps, offset, str(error))
        steps.append(step_of(instruction, offset, size))
        offset += size
    return DecodedCode(steps, offset, "")
