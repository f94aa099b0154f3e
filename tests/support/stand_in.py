"""A stand-in for Android's dynamic linker: a tiny static-PIE ELF per CPU, and a root folder.

It walks past argc, argv and envp to the auxiliary vector, takes AT_ENTRY (9) and jumps there with
SP as the kernel left it. It applies no relocation: the program under test must do that itself.
"""

import atexit
import functools
import shutil
import struct
import tempfile
from pathlib import Path

from mlrift.targets import ARM64, X86_64, Cpu

INTERPRETER_PATH = "system/bin/linker64"
_HEADERS_BYTES = 64 + 56
_ALIGNMENT = 0x10000

_CODE: dict[str, bytes] = {
    X86_64.name: bytes.fromhex(
        "488b3424"  # mov rsi, [rsp]              argc
        "488d74f410"  # lea rsi, [rsp+rsi*8+16]     envp
        "48ad4885c075f9"  # 1: lodsq; test rax, rax; jnz 1b
        "48ad4889c248ad"  # 2: lodsq; mov rdx, rax; lodsq
        "83fa0975f4"  # cmp edx, AT_ENTRY; jne 2b
        "31d2ffe0"  # xor edx, edx; jmp rax
    ),
    ARM64.name: struct.pack(
        "<10I",
        0xF94003E1,  # ldr x1, [sp]                argc
        0x910043E2,  # add x2, sp, #16
        0x8B010C42,  # add x2, x2, x1, lsl #3      envp
        0xF8408443,  # 1: ldr x3, [x2], #8
        0xB5FFFFE3,  # cbnz x3, 1b
        0xA8C11043,  # 2: ldp x3, x4, [x2], #16
        0xF100247F,  # cmp x3, #AT_ENTRY
        0x54FFFFC1,  # b.ne 2b
        0xD2800000,  # mov x0, #0
        0xD61F0080,  # br x4
    ),
}


def stand_in_image(cpu: Cpu) -> bytes:
    """Return the stand-in as an ELF64 ET_DYN file for `cpu`."""
    code = _CODE[cpu.name]
    size_bytes = _HEADERS_BYTES + len(code)
    identification = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        *(identification, 3, cpu.elf_machine, 1, _HEADERS_BYTES, 64, 0, 0, 64, 56, 1, 64, 0, 0),
    )
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size_bytes, size_bytes, _ALIGNMENT)
    return header + load + code


@functools.cache
def android_root(cpu: Cpu) -> Path:
    """Make (once per process) a root folder whose /system/bin/linker64 is the stand-in."""
    root = Path(tempfile.mkdtemp(prefix="android-root-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    linker = root / INTERPRETER_PATH
    linker.parent.mkdir(parents=True)
    linker.write_bytes(stand_in_image(cpu))
    linker.chmod(0o755)
    return root
