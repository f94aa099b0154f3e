"""An assembly block of x86-64 as a function: the frame around the bytes of its instructions.

    push rbx, rbp, r12 to r15, rdi       the last is the address of the words; RSP is now aligned
    mov INPUT, [rdi + 8 * n] ...         RDI, if it is an input, last
    the instructions                     they may change every register but RSP
    mov rdi, [rsp]                       kept on the stack before, when RDI is an output
    mov [rdi + 8 * n], OUTPUT ...
    pop ..., cld, ret

Calls follow System V, which keeps nothing in vector registers across a call. Encodings are from
the Intel manual, volume 2.
"""

from collections.abc import Sequence

from mlrift.backends.x86_64.assembler import REGISTERS
from mlrift.ir.assembly import WORD_BYTES

_AREA, _STACK = "rdi", "rsp"
_SAVE = bytes.fromhex("53 55 4154 4155 4156 4157 57")  # push rbx, rbp, r12, r13, r14, r15, rdi
_RESTORE = bytes.fromhex("5f 415f 415e 415d 415c 5d 5b fc c3")  # pop in reverse; cld; ret
_TAKE_AREA = bytes.fromhex("488b3c24")  # mov rdi, [rsp]
_KEEP_OUTPUT = bytes.fromhex("57 488b7c2408")  # push rdi; mov rdi, [rsp + 8]
_POP_WORD = bytes.fromhex("8f47")  # pop [rdi + offset]
_LOAD, _STORE = 0x8B, 0x89


def encode_block(code: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Return the function that runs `code` with the words at RDI in registers."""
    parts = [_SAVE]
    for name in sorted(inputs, key=lambda row: row == _AREA):
        parts.append(_move(_LOAD, name, inputs.index(name)))
    parts += [code, _KEEP_OUTPUT if _AREA in outputs else _TAKE_AREA if outputs else b""]
    others = [name for name in outputs if name not in (_AREA, _STACK)]
    parts += [_move(_STORE, name, outputs.index(name)) for name in others]
    if _AREA in outputs:
        parts += [_POP_WORD, bytes([outputs.index(_AREA) * WORD_BYTES])]
    if _STACK in outputs:
        parts.append(_move(_STORE, _STACK, outputs.index(_STACK)))
    return b"".join([*parts, _RESTORE])


def _move(opcode: int, name: str, index: int) -> bytes:
    """Encode a move between a register and the word `[rdi + 8 * index]`."""
    number = REGISTERS.index(name)
    prefix = 0x48 | number >> 3 << 2
    return bytes([prefix, opcode, 0x47 | (number & 7) << 3, index * WORD_BYTES])
