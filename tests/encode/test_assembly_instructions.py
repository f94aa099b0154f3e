"""The assembler tables against LLVM's assembler, and what they accept and refuse."""

import os
import re
import shutil
import subprocess

import pytest

from mlrift.backends import hosts, target_of
from mlrift.backends.arm64 import assembler as arm64
from mlrift.backends.llvm.target import HostTarget
from mlrift.backends.x86_64 import assembler as x86_64
from mlrift.ir.assembly import UnknownInstruction, plain_spelling
from mlrift.targets import ARM64, X86_64, Cpu

ORACLES = ("llvm-mc-19", "llvm-mc")
# Our names for forms that other assemblers spell with operands, as reference.md documents them.
OTHER_NAMES = {
    "inb": "in al, dx",
    "inw": "in ax, dx",
    "ind": "in eax, dx",
    "outb": "out dx, al",
    "outw": "out dx, ax",
    "outd": "out dx, eax",
}


def oracle_bytes(cpu: Cpu, texts: list[str]) -> list[bytes]:
    """Return what LLVM's assembler makes of each instruction."""
    command = next((name for name in ORACLES if shutil.which(name)), None)
    if command is None:
        if os.environ.get("CI") == "true":
            pytest.fail("llvm-mc is missing (Debian package llvm-19)")
        pytest.skip("needs llvm-mc (Debian package llvm-19)")
    lines = [OTHER_NAMES.get(text, text) for text in texts]
    prefix = ".intel_syntax noprefix\n" if cpu is X86_64 else ""
    shown = subprocess.run(
        [command, f"--triple={cpu.triple}", "--show-encoding"],
        input=prefix + "\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = re.findall(r"encoding: \[([0-9a-fx,]+)\]", shown)
    return [bytes(int(byte, 16) for byte in row.split(",")) for row in rows]


def all_instructions(cpu: Cpu) -> list[str]:
    if cpu is X86_64:
        return list(x86_64.INSTRUCTIONS)
    readable = {**arm64.SYSTEM_REGISTERS, **arm64.READ_ONLY_REGISTERS}
    return [
        *arm64.INSTRUCTIONS,
        *(f"svc #{number}" for number in (0, 1, 128, 65535)),
        *(f"msr {name}, x{number}" for name in arm64.SYSTEM_REGISTERS for number in (0, 17, 30)),
        *(f"mrs x{number}, {name}" for name in readable for number in (0, 17, 30)),
    ]


@pytest.mark.parametrize("cpu", [X86_64, ARM64], ids=lambda cpu: cpu.name)
def test_every_instruction_is_as_llvm_encodes_it(cpu: Cpu) -> None:
    texts = all_instructions(cpu)
    ours = {text: target_of(cpu).assembler.encode(text) for text in texts}
    assert ours == dict(zip(texts, oracle_bytes(cpu, texts), strict=True))


@pytest.mark.parametrize("host", hosts(), ids=lambda host: host.cpu.name)
def test_suggestions_are_instructions(host: HostTarget) -> None:
    assembler = host.assembler
    assert all(assembler.knows(text) for text in assembler.known)
    assert all(plain_spelling(text) == text for text in assembler.known)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nop", "90"),
        ("  CPUID ", "0fa2"),
        ("in al,dx", "ec"),
        ("OUT\tdx ,EAX", "ef"),
        ("lgdt [ RAX ]", "0f0110"),
        ("lidt[rax]", "0f0118"),
        ("0x0F 0x31", "0f31"),
        ("0X0f\n0xA", "0f0a"),
        ("0xC5 0xFD 0x58 0x06", "c5fd5806"),
    ],
)
def test_x86_64_spellings(text: str, code: str) -> None:
    assert x86_64.encode(text).hex() == code


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("DSB  Sy", 0xD5033F9F),
        ("svc #0x80", 0xD4001001),
        ("svc 0", 0xD4000001),
        ("MSR  TTBR0_EL1 ,X9", 0xD5182009),
        ("mrs x30,CurrentEL", 0xD538425E),
        ("0xD503201F", 0xD503201F),
        ("0x00000000", 0),
    ],
)
def test_arm64_spellings(text: str, word: int) -> None:
    assert int.from_bytes(arm64.encode(text), "little") == word


@pytest.mark.parametrize(
    "text",
    ["", " ", "no", "nop nop", "nop,", "0x", "0x123", "0x0F31", "0xG0", "90", "mov", "ret 8"],
)
def test_x86_64_refuses(text: str) -> None:
    with pytest.raises(UnknownInstruction):
        x86_64.encode(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x90",
        "0x123456789",
        "svc #65536",
        "svc #-1",
        "svc",
        "dsb",
        "msr mpidr_el1, x0",
        "mrs x31, daif",
        "mrs x00, daif",
        "mrs daif, x0",
        "mrs x٣, daif",
    ],
)
def test_arm64_refuses(text: str) -> None:
    with pytest.raises(UnknownInstruction):
        arm64.encode(text)
