"""Calling conventions of the emulated systems as data: registers, stack rules, what calls destroy.

A `Convention` row is all that the machine, the scheduler and the trap table know about a CPU under
an operating system. `scribble_code` is what every emulated system function executes after its work:
it overwrites each register and stack byte that the convention lets a callee destroy, then returns.
"""

import struct
from dataclasses import dataclass

from unicorn import UC_ARCH_ARM64, UC_ARCH_X86, UC_MODE_64, UC_MODE_ARM, arm64_const, x86_const

from mlrift.targets import (
    MACOS_ARM64,
    MACOS_X86_64,
    WINDOWS_ARM64,
    WINDOWS_X86_64,
    Target,
)

POISON = 0xBADC0FFEE0DDF00D
TRAP_SLOT_BYTES = 16
_SCRIBBLED_STACK_BYTES = 512


@dataclass(frozen=True, slots=True)
class Convention:
    """How code calls the system on one target; register numbers are Unicorn's."""

    architecture: int
    mode: int
    model: int
    program_counter: int
    stack_pointer: int
    link_register: int | None
    result: int
    arguments: tuple[int, ...]
    stack_arguments_offset: int
    entry_stack_remainder: int
    general: tuple[int, ...]
    preserved: tuple[int, ...]
    preserved_vectors: tuple[int, ...]
    platform_register: int | None
    thread_base: int | None
    scribble_code: bytes


def _x86(*names: str) -> tuple[int, ...]:
    return tuple(getattr(x86_const, f"UC_X86_REG_{name}") for name in names)


def _arm64(letter: str, first: int, last: int) -> tuple[int, ...]:
    return tuple(
        getattr(arm64_const, f"UC_ARM64_REG_{letter}{number}") for number in range(first, last + 1)
    )


_X86_NUMBERS = {"RDX": 2, "RSI": 6, "RDI": 7, "R8": 8, "R9": 9, "R10": 10, "R11": 11}


def _x86_scribble(registers: tuple[str, ...], vector_count: int, home_bytes: int) -> bytes:
    """Encode: rcx = poison, copy it to `registers`, vectors, home area, below RSP; ret."""
    code = bytearray(b"\x48\xb9" + struct.pack("<Q", POISON))  # mov rcx, imm64
    for name in registers:
        number = _X86_NUMBERS[name]
        code += bytes((0x48 | number >> 3, 0x89, 0xC8 | number & 7))  # mov reg, rcx
    for number in range(vector_count):
        high, low = number >> 3, number & 7
        code += bytes((0x66, 0x48 | high << 2, 0x0F, 0x6E, 0xC1 | low << 3))  # movq xmm, rcx
        code += bytes((0x66, 0x40 | high * 5, 0x0F, 0x6C, 0xC0 | low * 9))  # punpcklqdq xmm, xmm
    stack_offsets = [
        *range(8, 8 + home_bytes, 8),
        *range(-8, -_SCRIBBLED_STACK_BYTES - 8, -8),
    ]
    for offset in stack_offsets:
        code += b"\x48\x89\x8c\x24" + struct.pack("<i", offset)  # mov [rsp+offset], rcx
    return bytes(code) + b"\x48\x85\xc9\xc3"  # test rcx, rcx; ret


def _arm64_scribble(general_last: int) -> bytes:
    """Encode: x16 = poison, copy it to x1..general_last, vectors and below SP; ret."""
    words = [0xD2800010 | (POISON & 0xFFFF) << 5]  # movz x16
    for shift in (1, 2, 3):
        words.append(0xF2800010 | shift << 21 | (POISON >> 16 * shift & 0xFFFF) << 5)  # movk x16
    words += [0xAA1003E0 | number for number in range(1, general_last + 1) if number != 16]
    words += [0x4E080E00 | number for number in (*range(8), *range(16, 32))]  # dup v.2d, x16
    words += [0x4E181E00 | number for number in range(8, 16)]  # ins v.d[1], x16
    for offset in range(-16, -_SCRIBBLED_STACK_BYTES - 16, -16):
        words.append(0xA9000000 | (offset // 8 & 0x7F) << 15 | 16 << 10 | 31 << 5 | 16)  # stp
    words += [0xEB10021F, 0xD65F03C0]  # cmp x16, x16; ret
    return struct.pack(f"<{len(words)}I", *words)


_X86_GENERAL = _x86(
    "RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RBP",
    "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15",
)  # fmt: skip

_WINDOWS_X86_64 = Convention(
    architecture=UC_ARCH_X86,
    mode=UC_MODE_64,
    model=x86_const.UC_CPU_X86_SANDYBRIDGE,
    program_counter=x86_const.UC_X86_REG_RIP,
    stack_pointer=x86_const.UC_X86_REG_RSP,
    link_register=None,
    result=x86_const.UC_X86_REG_RAX,
    arguments=_x86("RCX", "RDX", "R8", "R9"),
    stack_arguments_offset=8 + 32,
    entry_stack_remainder=8,
    general=_X86_GENERAL,
    preserved=_x86("RBX", "RBP", "RDI", "RSI", "R12", "R13", "R14", "R15"),
    preserved_vectors=_x86(*(f"XMM{number}" for number in range(6, 16))),
    platform_register=None,
    thread_base=x86_const.UC_X86_REG_GS_BASE,
    scribble_code=_x86_scribble(("RDX", "R8", "R9", "R10", "R11"), 6, 32),
)
_MACOS_X86_64 = Convention(
    architecture=UC_ARCH_X86,
    mode=UC_MODE_64,
    model=x86_const.UC_CPU_X86_SANDYBRIDGE,
    program_counter=x86_const.UC_X86_REG_RIP,
    stack_pointer=x86_const.UC_X86_REG_RSP,
    link_register=None,
    result=x86_const.UC_X86_REG_RAX,
    arguments=_x86("RDI", "RSI", "RDX", "RCX", "R8", "R9"),
    stack_arguments_offset=8,
    entry_stack_remainder=8,
    general=_X86_GENERAL,
    preserved=_x86("RBX", "RBP", "R12", "R13", "R14", "R15"),
    preserved_vectors=(),
    platform_register=None,
    thread_base=None,
    scribble_code=_x86_scribble(("RDX", "RSI", "RDI", "R8", "R9", "R10", "R11"), 16, 0),
)


def _arm64_convention(scribbled_last: int) -> Convention:
    """AAPCS64; `scribbled_last` is 17 where x18 is the system's and 18 where it may change."""
    return Convention(
        architecture=UC_ARCH_ARM64,
        mode=UC_MODE_ARM,
        model=arm64_const.UC_CPU_ARM64_MAX,
        program_counter=arm64_const.UC_ARM64_REG_PC,
        stack_pointer=arm64_const.UC_ARM64_REG_SP,
        link_register=arm64_const.UC_ARM64_REG_X30,
        result=arm64_const.UC_ARM64_REG_X0,
        arguments=_arm64("X", 0, 7),
        stack_arguments_offset=0,
        entry_stack_remainder=0,
        general=_arm64("X", 0, 28) + _arm64("X", 29, 30),
        preserved=_arm64("X", 19, 29),
        preserved_vectors=_arm64("D", 8, 15),
        platform_register=arm64_const.UC_ARM64_REG_X18,
        thread_base=arm64_const.UC_ARM64_REG_X18 if scribbled_last < 18 else None,
        scribble_code=_arm64_scribble(scribbled_last),
    )


CONVENTIONS: dict[Target, Convention] = {
    WINDOWS_X86_64: _WINDOWS_X86_64,
    WINDOWS_ARM64: _arm64_convention(17),
    MACOS_X86_64: _MACOS_X86_64,
    MACOS_ARM64: _arm64_convention(18),
}


def trap_page_code(convention: Convention, slot_count: int) -> bytes:
    """Return `slot_count` slots that each jump to the scribble code, and that code after them."""
    tail_offset = slot_count * TRAP_SLOT_BYTES
    code = bytearray()
    for index in range(slot_count):
        distance = tail_offset - index * TRAP_SLOT_BYTES
        if convention.link_register is None:
            slot = b"\xe9" + struct.pack("<i", distance - 5)  # jmp tail
        else:
            slot = struct.pack("<I", 0x14000000 | distance >> 2)  # b tail
        code += slot.ljust(TRAP_SLOT_BYTES, b"\0")
    return bytes(code) + convention.scribble_code
