"""An assembly block of arm64 as a function: the frame around the words of its instructions.

    stp x29, x30, [sp, #-176]! ...       x19 to x28, d8 to d15, x18, and x0: the address of words
    ldr INPUT, [x0, #8 * n] ...          X0, if it is an input, last
    the instructions                     they may change every register but SP
    ldr x0, [sp, #160]                   kept on the stack before, when X0 is an output
    str OUTPUT, [x0, #8 * n] ...
    ldp ..., ret

X18 belongs to the system on Windows and macOS. Encodings are from the Arm Architecture Reference
Manual, C6.
"""

import struct
from collections.abc import Sequence

from mlrift.backends.arm64.assembler import REGISTERS
from mlrift.ir.assembly import WORD_BYTES

_AREA = "x0"
_SP = 31
_FRAME_BYTES = 176
_AREA_OFFSET, _PLATFORM_OFFSET = 160, 168

_STP_PUSH, _LDP_POP = 0xA9800000, 0xA8C00000
_STP, _LDP = 0xA9000000, 0xA9400000
_STP_DOUBLE, _LDP_DOUBLE = 0x6D000000, 0x6D400000
_STR, _LDR = 0xF9000000, 0xF9400000
_PUSH_X0 = 0xF81F0FE0  # str x0, [sp, #-16]!
_POP_X1 = 0xF84107E1  # ldr x1, [sp], #16
_RET = 0xD65F03C0
# Pairs by their first register, and where in the frame they are.
_INTEGER_PAIRS = ((19, 16), (21, 32), (23, 48), (25, 64), (27, 80))
_DOUBLE_PAIRS = ((8, 96), (10, 112), (12, 128), (14, 144))


def _pair(opcode: int, first: int, second: int, offset_bytes: int) -> int:
    return opcode | (offset_bytes // WORD_BYTES & 0x7F) << 15 | second << 10 | _SP << 5 | first


def _single(opcode: int, register: int, base: int, offset_bytes: int) -> int:
    return opcode | offset_bytes // WORD_BYTES << 10 | base << 5 | register


_SAVE = (
    _pair(_STP_PUSH, 29, 30, -_FRAME_BYTES),
    *(_pair(_STP, first, first + 1, offset) for first, offset in _INTEGER_PAIRS),
    *(_pair(_STP_DOUBLE, first, first + 1, offset) for first, offset in _DOUBLE_PAIRS),
    _pair(_STP, 0, 18, _AREA_OFFSET),
)
_RESTORE = (
    *(_pair(_LDP, first, first + 1, offset) for first, offset in _INTEGER_PAIRS),
    *(_pair(_LDP_DOUBLE, first, first + 1, offset) for first, offset in _DOUBLE_PAIRS),
    _single(_LDR, 18, _SP, _PLATFORM_OFFSET),
    _pair(_LDP_POP, 29, 30, _FRAME_BYTES),
    _RET,
)


def encode_block(code: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Return the function that runs `code` with the words at X0 in registers."""
    before = [*_SAVE]
    for name in sorted(inputs, key=lambda row: row == _AREA):
        before.append(_single(_LDR, REGISTERS.index(name), 0, inputs.index(name) * WORD_BYTES))
    after: list[int] = []
    if _AREA in outputs:
        after += [_PUSH_X0, _single(_LDR, 0, _SP, _AREA_OFFSET + 16)]
    elif outputs:
        after.append(_single(_LDR, 0, _SP, _AREA_OFFSET))
    for index, name in enumerate(outputs):
        if name != _AREA:
            after.append(_single(_STR, REGISTERS.index(name), 0, index * WORD_BYTES))
    if _AREA in outputs:
        after += [_POP_X1, _single(_STR, 1, 0, outputs.index(_AREA) * WORD_BYTES)]
    return _words(before) + code + _words([*after, *_RESTORE])


def _words(words: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(words)}I", *words)
