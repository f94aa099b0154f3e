"""Branch filters of version 2: slice bytes in, filtered bytes out, and back.

A filter replaces the relative operand of a call or a jump by an absolute one, so that calls of one
function look alike to the compressor. Encoding adds the position, decoding subtracts it; neither
touches the bytes by which instructions are found, so `undo(apply(x)) == x` for every `x`.
Positions count from the start of the slice.
"""

import re

from mlrift.targets import BranchFilter

_MASK_32 = 0xFFFFFFFF
_MASK_26 = 0x3FFFFFF
_ENCODE = 1
_DECODE = -1


def apply_filter(branch_filter: BranchFilter, image: bytes) -> bytes:
    """Return `image` as it goes into the compressor."""
    return _FILTERS[branch_filter](image, _ENCODE)


def undo_filter(branch_filter: BranchFilter, filtered: bytes) -> bytes:
    """Return the image whose filtered form is `filtered`."""
    return _FILTERS[branch_filter](filtered, _DECODE)


def _filter_x86(data: bytes, direction: int) -> bytes:
    # An opcode and its four operand bytes match as one unit, so an operand is never scanned.
    result = bytearray(data)
    for match in re.finditer(rb"[\xe8\xe9].{4}", data, re.DOTALL):
        after = match.end()
        operand = int.from_bytes(data[after - 4 : after], "little")
        operand = (operand + direction * after) & _MASK_32
        result[after - 4 : after] = operand.to_bytes(4, "little")
    return bytes(result)


def _filter_arm64(data: bytes, direction: int) -> bytes:
    # The last byte of each whole word holds the six opcode bits of B (000101) and BL (100101).
    result = bytearray(data)
    for match in re.finditer(rb"[\x14-\x17\x94-\x97]", data[3::4]):
        index = match.start()
        word = int.from_bytes(data[4 * index : 4 * index + 4], "little")
        target = (word + direction * index) & _MASK_26
        word = (word & ~_MASK_26) | target
        result[4 * index : 4 * index + 4] = word.to_bytes(4, "little")
    return bytes(result)


_FILTERS = {BranchFilter.X86: _filter_x86, BranchFilter.ARM64: _filter_arm64}
