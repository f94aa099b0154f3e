"""The assembler of arm64: the text of an instruction in, its bytes out.

What reference.md documents is a row, or a form with a number; anything else is written as its word.
Encodings are from the Arm Architecture Reference Manual: C6 for instructions, D17 for registers.
"""

import re
from functools import cache

from mlrift.ir.assembly import Assembler, UnknownInstruction, plain_spelling
from mlrift.targets import ARM64

INSTRUCTIONS = {
    "nop": 0xD503201F,
    "wfe": 0xD503205F,
    "wfi": 0xD503207F,
    "sev": 0xD503209F,
    "isb": 0xD5033FDF,
    "ret": 0xD65F03C0,
    "eret": 0xD69F03E0,
    "dsb sy": 0xD5033F9F,
    "dsb ish": 0xD5033B9F,
    "dmb sy": 0xD5033FBF,
    "dmb ish": 0xD5033BBF,
}

# op1, CRn, CRm, op2; op0 is 3.
SYSTEM_REGISTERS = {
    "sctlr_el1": (0, 1, 0, 0),
    "tcr_el1": (0, 2, 0, 2),
    "ttbr0_el1": (0, 2, 0, 0),
    "ttbr1_el1": (0, 2, 0, 1),
    "mair_el1": (0, 10, 2, 0),
    "vbar_el1": (0, 12, 0, 0),
    "elr_el1": (0, 4, 0, 1),
    "spsr_el1": (0, 4, 0, 0),
    "esr_el1": (0, 5, 2, 0),
    "far_el1": (0, 6, 0, 0),
    "daif": (3, 4, 2, 1),
    "sp_el0": (0, 4, 1, 0),
    "tpidr_el0": (3, 13, 0, 2),
    "tpidr_el1": (0, 13, 0, 4),
    "cntp_ctl_el0": (3, 14, 2, 1),
    "cntp_tval_el0": (3, 14, 2, 0),
    "cntfrq_el0": (3, 14, 0, 0),
    "csselr_el1": (2, 0, 0, 0),
}
READ_ONLY_REGISTERS = {
    "currentel": (0, 4, 2, 2),
    "mpidr_el1": (0, 0, 0, 5),
    "clidr_el1": (1, 0, 0, 1),
    "ccsidr_el1": (1, 0, 0, 0),
}
_READABLE = SYSTEM_REGISTERS | READ_ONLY_REGISTERS
_MSR, _MRS, _SVC = 0xD5180000, 0xD5380000, 0xD4000001
_LAST_SVC = 0xFFFF

# In the order of their numbers in encodings.
REGISTERS = tuple(f"x{number}" for number in range(31))


@cache
def _forms() -> "re.Pattern[str]":
    return re.compile(
        r"0x(?P<word>[0-9a-f]{8})"
        r"|svc #?(?P<number>[0-9]{1,5}|0x[0-9a-f]{1,4})"
        r"|msr (?P<written>\w+), (?P<source>x[0-9]{1,2})"
        r"|mrs (?P<target>x[0-9]{1,2}), (?P<read>\w+)",
        re.ASCII,
    )


def encode(text: str) -> bytes:
    """Return the bytes of an instruction: a row of a table, a form, or a word `0xD503201F`."""
    spelling = plain_spelling(text)
    word = INSTRUCTIONS.get(spelling)
    if word is None:
        word = _encode_form(spelling)
    return word.to_bytes(4, "little")


def _encode_form(spelling: str) -> int:
    found = _forms().fullmatch(spelling)
    if found is None:
        raise UnknownInstruction(spelling)
    form = found.groupdict()
    if form["word"]:
        return int(form["word"], 16)
    if form["number"]:
        number = int(form["number"], 0 if form["number"].startswith("0x") else 10)
        if number > _LAST_SVC:
            raise UnknownInstruction(spelling)
        return _SVC | number << 5
    if form["written"]:
        return _MSR | _move(SYSTEM_REGISTERS, form["written"], form["source"], spelling)
    return _MRS | _move(_READABLE, form["read"], form["target"], spelling)


def _move(rows: dict[str, tuple[int, int, int, int]], name: str, own: str, spelling: str) -> int:
    """Return the fields that name a system register and a register of our own."""
    if name not in rows or own not in REGISTERS:
        raise UnknownInstruction(spelling)
    op1, crn, crm, op2 = rows[name]
    return op1 << 16 | crn << 12 | crm << 8 | op2 << 5 | REGISTERS.index(own)


ASSEMBLER = Assembler(
    ARM64,
    encode,
    (
        *INSTRUCTIONS,
        "svc #0",
        *(f"msr {name}, x0" for name in SYSTEM_REGISTERS),
        *(f"mrs x0, {name}" for name in _READABLE),
    ),
    frozenset(REGISTERS),
    leaving=("ret", "eret"),
)
