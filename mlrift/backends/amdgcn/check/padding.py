"""Rule `code.padding`: what follows a kernel's code may be fetched, and must be there.

The instruction fetcher runs ahead of the wave; LLVM puts `s_code_end` or `s_nop` words there on
gfx10 and later (gpu.md 3.3). Another kernel is as good.
"""

from mlrift.backends.amdgcn.check.finding import Finding, Rule
from mlrift.backends.amdgcn.codeobject.read import LoadedKernel

_FETCHED_AHEAD_BYTES = 192
"""Three lines of 64 bytes: LLVM's minimum."""


def check_padding(kernel: LoadedKernel, memory: bytearray) -> list[Finding]:
    """Return a finding when the segment ends too soon after the code."""
    end = kernel.entry + len(kernel.image.code)
    left = len(memory) - end
    if left >= _FETCHED_AHEAD_BYTES:
        return []
    message = (
        f"{left} bytes follow the code, but the hardware fetches up to {_FETCHED_AHEAD_BYTES} ahead"
    )
    return [Finding(kernel.image.name, len(kernel.image.code), "", Rule.PADDING, message)]
