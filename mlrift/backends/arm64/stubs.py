"""Encoded arm64 gates: process entries, the system call, cache maintenance, linker symbols.

LLVM cannot assemble text for a foreign CPU, so what no IR can say is words here. Encodings are from
the Arm Architecture Reference Manual, C6; calls follow AAPCS64: words in x0 to x7, then the stack.
"""

import struct

from mlrift.link.objects import Relocation

Stub = tuple[bytes, tuple[Relocation, ...]]

R_AARCH64_ADR_PREL_PG_HI21 = 275
R_AARCH64_ADD_ABS_LO12_NC = 277
R_AARCH64_CALL26 = 283

_RET = 0xD65F03C0
_BRK = 0xD4200000
_BL = 0x94000000
_DSB_ISH = 0xD5033B9F
_ISB = 0xD5033FDF


def _code(*words: int) -> bytes:
    return struct.pack(f"<{len(words)}I", *words)


# mov x29, #0; mov x30, #0; mov x0, sp; bl os.start; brk #0
STACK_ENTRY: Stub = (
    _code(0xD280001D, 0xD280001E, 0x910003E0, _BL, _BRK),
    (Relocation(12, R_AARCH64_CALL26, "os.start", 0),),
)


def _called_entry(start: str) -> Stub:
    """Return an entry that the system calls like a function: bl start; brk #0."""
    return _code(_BL, _BRK), (Relocation(0, R_AARCH64_CALL26, start, 0),)


CALLED_ENTRY = _called_entry("os.start")
CALLED_C_ENTRY = _called_entry("os.c_start")

# glibc's start: mov x29, #0; mov x30, #0; mov x5, x0; ldr x1, [sp]; add x2, sp, #8; mov x6, sp;
# mov x3, #0; mov x4, #0; adrp x0, program.start; add x0, x0, :lo12:; bl __libc_start_main; brk #0
GLIBC_ENTRY: Stub = (
    _code(
        *(0xD280001D, 0xD280001E, 0xAA0003E5, 0xF94003E1, 0x910023E2, 0x910003E6),
        *(0xD2800003, 0xD2800004, 0x90000000, 0x91000000, _BL, _BRK),
    ),
    (
        Relocation(32, R_AARCH64_ADR_PREL_PG_HI21, "program.start", 0),
        Relocation(36, R_AARCH64_ADD_ABS_LO12_NC, "program.start", 0),
        Relocation(40, R_AARCH64_CALL26, "c.__libc_start_main", 0),
    ),
)

# bionic's start, with no constructors of the program's own: mov x29, #0; mov x30, #0; mov x0, sp;
# stp xzr, xzr, [sp, #-48]!; stp xzr, xzr, [sp, #16]; stp xzr, xzr, [sp, #32]; mov x3, sp;
# mov x1, #0; adrp x2, program.start; add x2, x2, :lo12:; bl __libc_init; brk #0
BIONIC_ENTRY: Stub = (
    _code(
        *(0xD280001D, 0xD280001E, 0x910003E0, 0xA9BD7FFF, 0xA9017FFF, 0xA9027FFF),
        *(0x910003E3, 0xD2800001, 0x90000002, 0x91000042, _BL, _BRK),
    ),
    (
        Relocation(32, R_AARCH64_ADR_PREL_PG_HI21, "program.start", 0),
        Relocation(36, R_AARCH64_ADD_ABS_LO12_NC, "program.start", 0),
        Relocation(40, R_AARCH64_CALL26, "c.__libc_init", 0),
    ),
)

# mov x0, x1; mov x1, x2; ... mov x5, x6
_MOVE_SYSCALL_ARGUMENTS = (
    0xAA0103E0,
    0xAA0203E1,
    0xAA0303E2,
    0xAA0403E3,
    0xAA0503E4,
    0xAA0603E5,
)

# mov x8, x0; moves; svc #0; ret
SYSCALL: Stub = (_code(0xAA0003E8, *_MOVE_SYSCALL_ARGUMENTS, 0xD4000001, _RET), ())

# mov x16, x0; moves; svc #0x80; b.cc +8; neg x0, x0; ret
CARRY_SYSCALL: Stub = (
    _code(0xAA0003F0, *_MOVE_SYSCALL_ARGUMENTS, 0xD4001001, 0x54000043, 0xCB0003E0, _RET),
    (),
)

# The size of a frame in 16 bytes is in x15, and only x16 and x17 may change: touch every page.
# lsl x16, x15, #4; mov x17, sp; loop: sub x17, x17, #4096; subs x16, x16, #4096; ldr xzr, [x17];
# b.gt loop; ret
STACK_PROBE: Stub = (
    _code(0xD37CEDF0, 0x910003F1, 0xD1400631, 0xF1400610, 0xF940023F, 0x54FFFFAC, _RET),
    (),
)


# clone(flags, stack, tid, block), the block being the new thread's pointer: mov x4, x2;
# mov x8, #220; svc #0; cbz x0, child; ret; child: mov x29, #0; mov x30, #0; mov x0, x3;
# bl os.thread_main; brk #0
CLONE: Stub = (
    _code(
        *(0xAA0203E4, 0xD2801B88, 0xD4000001, 0xB4000040, _RET),
        *(0xD280001D, 0xD280001E, 0xAA0303E0, _BL, _BRK),
    ),
    (Relocation(32, R_AARCH64_CALL26, "os.thread_main", 0),),
)

# mrs x0, tpidr_el0; ret
THREAD_POINTER: Stub = (_code(0xD53BD040, _RET), ())

# msr tpidr_el0, x0; mov x0, #0; ret
SET_THREAD_POINTER: Stub = (_code(0xD51BD040, 0xD2800000, _RET), ())

# Windows calls it on a new thread, with the block in x0.
THREAD_ENTRY = _called_entry("os.thread_main")


def address_of(symbol: str) -> Stub:
    """Return a function that gives a symbol's address: adrp x0; add x0, x0, :lo12:; ret."""
    return _code(0x90000000, 0x91000000, _RET), (
        Relocation(0, R_AARCH64_ADR_PREL_PG_HI21, symbol, 0),
        Relocation(4, R_AARCH64_ADD_ABS_LO12_NC, symbol, 0),
    )


# dc civac, x0; dsb ish; isb; ret -- ic ivau, x0; dsb ish; isb; ret
CACHE_STUBS: dict[str, Stub] = {
    "cpu.dc_civac": (_code(0xD50B7E20, _DSB_ISH, _ISB, _RET), ()),
    "cpu.ic_ivau": (_code(0xD50B7520, _DSB_ISH, _ISB, _RET), ()),
}
