"""Lengths of x86-64 instructions, and listings of whole programs (which check themselves)."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mlrift.backends.errors import BackendError
from mlrift.backends.x86_64.instruction_length import instruction_length

INSTRUCTIONS = """
c3                              ret
48 8d 04 3f                     lea rax, [rdi + rdi]
c7 04 24 68 69 20 32            mov dword ptr [rsp], imm32
66 c7 04 24 68 69               mov word ptr [rsp], imm16
48 b8 01 02 03 04 05 06 07 08   movabs rax, imm64
b8 01 02 03 04                  mov eax, imm32
66 b8 01 02                     mov ax, imm16
48 c7 c0 01 00 00 00            mov rax, imm32
f6 c1 01                        test cl, 1
f6 d9                           neg cl
f7 c1 01 00 00 00               test ecx, imm32
66 f7 c1 01 00                  test cx, imm16
48 f7 f1                        div rcx
48 8b 05 00 00 00 00            mov rax, [rip]
8b 84 88 00 01 00 00            mov eax, [rax + rcx*4 + disp32]
8b 04 8d 00 01 00 00            mov eax, [rcx*4 + disp32]
8b 45 00                        mov eax, [rbp]
e8 00 00 00 00                  call
0f 84 00 00 00 00               je rel32
74 05                           je rel8
0f b6 07                        movzx eax, byte ptr [rdi]
f2 48 0f 2a c7                  cvtsi2sd xmm0, rdi
66 0f 3a 0b c0 03               roundsd
66 0f 38 17 c0                  ptest
66 0f 70 c0 4e                  pshufd
f3 0f b8 c7                     popcnt
f0 48 0f b1 0e                  lock cmpxchg
f3 a4                           rep movsb
0f 0b                           ud2
0f ae f0                        mfence
0f 05                           syscall
a1 01 02 03 04 05 06 07 08      movabs eax, moffs64
69 c0 00 01 00 00               imul eax, eax, imm32
6b c0 05                        imul eax, eax, imm8
c8 10 00 00                     enter
c2 08 00                        ret imm16
66 66 2e 0f 1f 84 00 00 00 00 00  data16 nop
c5 f8 77                        vzeroupper
c5 fc 58 c1                     vaddps ymm0, ymm0, ymm1
c4 e2 7d 18 07                  vbroadcastss
c4 e3 7d 19 c1 01               vextractf128
62 f1 7c 48 58 c1               vaddps zmm0, zmm0, zmm1
62 f3 fd 48 19 c1 01            vextractf64x4
"""
ROWS = [line.split("  ")[0] for line in INSTRUCTIONS.strip().splitlines()]


@pytest.mark.parametrize("text", ROWS)
def test_every_form_is_measured(text: str) -> None:
    code = bytes.fromhex(text)
    assert instruction_length(code + b"\x90" * 16, 0) == len(code)
    assert instruction_length(b"\xc3" + code, 1) == len(code)


def test_what_is_cut_off_or_unknown_is_an_error() -> None:
    with pytest.raises(BackendError):
        instruction_length(b"\x48", 0)
    with pytest.raises(BackendError):
        instruction_length(b"\x06\x00", 0)


def test_a_disassembler_agrees(tmp_path: Path) -> None:
    if shutil.which("objdump") is None:
        pytest.skip("needs objdump")
    code = b"".join(bytes.fromhex(row) for row in ROWS)
    (tmp_path / "code").write_bytes(code)
    command = ["objdump", "-D", "-w", "-b", "binary", "-m", "i386:x86-64", str(tmp_path / "code")]
    text = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    lines = [line.split("\t") for line in text.splitlines() if line.count("\t") >= 2]
    theirs = [len(bytes.fromhex(fields[1])) for fields in lines]
    ours = [len(bytes.fromhex(row)) for row in ROWS]
    assert theirs == ours
