"""The assembler of x86-64: the text of an instruction in, its bytes out.

What reference.md documents is a row; anything else is written as its bytes. Encodings are from the
Intel manual, volume 2.
"""

import re
from functools import cache

from mlrift.ir.assembly import Assembler, UnknownInstruction, plain_spelling
from mlrift.targets import X86_64

_ROWS = {
    "nop": "90",
    "ret": "c3",
    "hlt": "f4",
    "cli": "fa",
    "sti": "fb",
    "int3": "cc",
    "cpuid": "0fa2",
    "rdtsc": "0f31",
    "rdmsr": "0f32",
    "wrmsr": "0f30",
    "iretq": "48cf",
    "syscall": "0f05",
    "pushfq": "9c",
    "popfq": "9d",
    "cld": "fc",
    "std": "fd",
    "swapgs": "0f01f8",
    "in al, dx": "ec",
    "in ax, dx": "66ed",
    "in eax, dx": "ed",
    "out dx, al": "ee",
    "out dx, ax": "66ef",
    "out dx, eax": "ef",
    "inb": "ec",
    "inw": "66ed",
    "ind": "ed",
    "outb": "ee",
    "outw": "66ef",
    "outd": "ef",
    "mov cr0, rax": "0f22c0",
    "mov cr3, rax": "0f22d8",
    "mov cr4, rax": "0f22e0",
    "mov rax, cr0": "0f20c0",
    "mov rax, cr3": "0f20d8",
    "mov rax, cr4": "0f20e0",
    "lgdt [rax]": "0f0110",
    "lidt [rax]": "0f0118",
    "invlpg [rax]": "0f0138",
    "ltr ax": "0f00d8",
}
INSTRUCTIONS = {text: bytes.fromhex(code) for text, code in _ROWS.items()}

# In the order of their numbers in encodings.
REGISTERS = (
    *("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"),
    *(f"r{number}" for number in range(8, 16)),
)


@cache
def _raw_bytes() -> "re.Pattern[str]":
    return re.compile(r"0x[0-9a-f]{1,2}(?: 0x[0-9a-f]{1,2})*")


def encode(text: str) -> bytes:
    """Return the bytes of an instruction: a row of the table, or bytes such as `0x0F 0x31`."""
    spelling = plain_spelling(text)
    code = INSTRUCTIONS.get(spelling)
    if code is not None:
        return code
    if _raw_bytes().fullmatch(spelling):
        return bytes(int(word, 16) for word in spelling.split())
    raise UnknownInstruction(text)


ASSEMBLER = Assembler(
    X86_64,
    encode,
    tuple(INSTRUCTIONS),
    frozenset(REGISTERS),
    fixed=frozenset({"rsp"}),
    leaving=("ret", "iretq"),
)
