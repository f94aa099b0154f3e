"""Encoded x86-64 gates: process entries, the system call, addresses of linker symbols.

LLVM cannot assemble text for a foreign CPU, so what no IR can say is bytes here. Encodings are from
the Intel manual, volume 2; calls follow System V: words in RDI RSI RDX RCX R8 R9, then the stack.
"""

from mlrift.link.objects import Relocation

Stub = tuple[bytes, tuple[Relocation, ...]]

R_X86_64_PC32 = 2
R_X86_64_PLT32 = 4


def _code(text: str) -> bytes:
    return bytes.fromhex(text)


# xor ebp, ebp; mov rdi, rsp; and rsp, -16; call os.start; ud2
STACK_ENTRY: Stub = (
    _code("31ed 4889e7 4883e4f0 e800000000 0f0b"),
    (Relocation(10, R_X86_64_PLT32, "os.start", -4),),
)


def _called_entry(start: str) -> Stub:
    """Return an entry that the system calls like a function: sub rsp, 40; call start; ud2."""
    code = _code("4883ec28 e800000000 0f0b")
    return code, (Relocation(5, R_X86_64_PLT32, start, -4),)


CALLED_ENTRY = _called_entry("os.start")
CALLED_C_ENTRY = _called_entry("os.c_start")

# glibc's start: xor ebp, ebp; mov r9, rdx; mov rsi, [rsp]; lea rdx, [rsp + 8]; and rsp, -16;
# push rsp; push rsp; xor r8d, r8d; xor ecx, ecx; lea rdi, [rip + program.start];
# call __libc_start_main; ud2
GLIBC_ENTRY: Stub = (
    _code(
        "31ed 4989d1 488b3424 488d542408 4883e4f0 54 54 4531c0 31c9 488d3d00000000 e800000000 0f0b"
    ),
    (
        Relocation(28, R_X86_64_PC32, "program.start", -4),
        Relocation(33, R_X86_64_PLT32, "c.__libc_start_main", -4),
    ),
)

# bionic's start, with no constructors of the program's own: xor ebp, ebp; mov rdi, rsp;
# and rsp, -16; push 0 (six times); mov rcx, rsp; xor esi, esi; lea rdx, [rip + program.start];
# call __libc_init; ud2
BIONIC_ENTRY: Stub = (
    _code(
        "31ed 4889e7 4883e4f0 6a006a006a006a006a006a00 4889e1 31f6 488d1500000000 e800000000 0f0b"
    ),
    (
        Relocation(29, R_X86_64_PC32, "program.start", -4),
        Relocation(34, R_X86_64_PLT32, "c.__libc_init", -4),
    ),
)

_MOVE_SYSCALL_ARGUMENTS = "4889f8 4889f7 4889d6 4889ca 4d89c2 4d89c8 4c8b4c2408 0f05"

# mov rax, rdi; mov rdi, rsi; mov rsi, rdx; mov rdx, rcx; mov r10, r8; mov r8, r9;
# mov r9, [rsp + 8]; syscall; ret
SYSCALL: Stub = (_code(_MOVE_SYSCALL_ARGUMENTS + "c3"), ())

# the same; jnc +3; neg rax; ret: a set carry flag means that rax holds errno
CARRY_SYSCALL: Stub = (_code(_MOVE_SYSCALL_ARGUMENTS + "7303 48f7d8 c3"), ())

# The size of a frame is in rax, and only r10 and r11 may change: touch every page of it.
# mov r11, rax; lea r10, [rsp + 8]; loop: cmp r11, 4096; jb last; sub r10, 4096; test [r10], r10d;
# sub r11, 4096; jmp loop; last: sub r10, r11; test [r10], r10d; ret
STACK_PROBE: Stub = (
    _code(
        "4989c3 4c8d542408 4981fb00100000 7213 4981ea00100000 458512 4981eb00100000 ebe4"
        "4d29da 458512 c3"
    ),
    (),
)


# clone(flags, stack, tid, block), the block being the new thread's pointer: mov r10, rdx;
# mov r8, rcx; mov eax, 56; syscall; test rax, rax; jz child; ret; child: xor ebp, ebp;
# mov rdi, r8; call os.thread_main; ud2
CLONE: Stub = (
    _code("4989d2 4989c8 b838000000 0f05 4885c0 7401 c3 31ed 4c89c7 e800000000 0f0b"),
    (Relocation(25, R_X86_64_PLT32, "os.thread_main", -4),),
)

# mov rax, fs:[0]; ret: the first word of a thread's block is its address
THREAD_POINTER: Stub = (_code("64488b042500000000 c3"), ())

# arch_prctl(ARCH_SET_FS, block): mov rsi, rdi; mov edi, 0x1002; mov eax, 158; syscall; ret
SET_THREAD_POINTER: Stub = (_code("4889fe bf02100000 b89e000000 0f05 c3"), ())

# Windows calls it on a new thread: sub rsp, 40; mov rdi, rcx; call os.thread_main; ud2
THREAD_ENTRY: Stub = (
    _code("4883ec28 4889cf e800000000 0f0b"),
    (Relocation(8, R_X86_64_PLT32, "os.thread_main", -4),),
)


def address_of(symbol: str) -> Stub:
    """Return a function that gives a symbol's address: lea rax, [rip + symbol]; ret."""
    return _code("488d0500000000 c3"), (Relocation(3, R_X86_64_PC32, symbol, -4),)


CACHE_STUBS: dict[str, Stub] = {}
