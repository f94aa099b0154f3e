"""Objects for the linker's tests: a small program and one OS layer per system.

The program writes a line chosen through a table of pointers, checks initialised and zeroed data
and ends with exit status 42. Everything is compiled by LLVM; gates are encoded bytes.
"""

from functools import cache

import llvmlite.binding as llvm

from mlrift.link.image import DebugInfo, ImportedSymbol, LinkOptions, link
from mlrift.link.objects import ObjectFile, Relocation, code_object
from mlrift.link.read_elf import read_elf
from mlrift.targets import ANDROID, LINUX, MACOS, WINDOWS, X86_64, Cpu, System, Target

EXPECTED_OUTPUT = b"hello, world\nsum 7\n"
EXPECTED_STATUS = 42

_ATTRIBUTES = '"probe-stack"="inline-asm" nounwind noredzone'

PROGRAM = """
@hello = internal constant [13 x i8] c"hello, world\\0A"
@lines = internal constant [2 x ptr] [ptr @hello, ptr @sum_line]
@sum_line = internal global [6 x i8] c"sum ?\\0A"
@seven = hidden global i64 7
@zeroed = hidden global [200 x i64] zeroinitializer
@functions = internal constant [2 x ptr] [ptr @add, ptr @multiply]

declare hidden void @os_write(ptr, i64)

define internal i64 @add(i64 %a, i64 %b) noinline ATTRS {
  %sum = add i64 %a, %b
  ret i64 %sum
}

define hidden i64 @multiply(i64 %a, i64 %b) noinline ATTRS {
  %product = mul i64 %a, %b
  ret i64 %product
}

define hidden i64 @program(i64 %start) noinline ATTRS {
  call void @os_write(ptr @hello, i64 13)
  %zero_place = getelementptr i64, ptr @zeroed, i64 199
  %zero = load volatile i64, ptr %zero_place
  %seven = load volatile i64, ptr @seven
  store volatile i64 %seven, ptr %zero_place
  %index = trunc i64 %zero to i32
  %one = add i32 %index, 1
  %frame = alloca [300000 x i8]
  %deep = getelementptr i8, ptr %frame, i64 %zero
  store volatile i8 1, ptr %deep
  %slot = getelementptr ptr, ptr @functions, i32 %index
  %adder = load volatile ptr, ptr %slot
  %sum = call i64 %adder(i64 %zero, i64 %seven)
  %digit = add i64 %sum, 48
  %character = trunc i64 %digit to i8
  %line_slot = getelementptr ptr, ptr @lines, i32 %one
  %line = load volatile ptr, ptr %line_slot
  %place = getelementptr i8, ptr %line, i64 4
  store volatile i8 %character, ptr %place
  call void @os_write(ptr %line, i64 6)
  %second = getelementptr ptr, ptr @functions, i32 %one
  %multiplier = load volatile ptr, ptr %second
  %product = call i64 %multiplier(i64 %sum, i64 6)
  ret i64 %product
}
""".replace("ATTRS", _ATTRIBUTES)

HELLO = """
@hello = internal constant [13 x i8] c"hello, world\\0A"
declare hidden void @os_write(ptr, i64)
define hidden i64 @program(i64 %start) nounwind {
  call void @os_write(ptr @hello, i64 13)
  ret i64 0
}
"""

# Applies the RELA table as a start-up without dynamic linker must; an empty range on plain Linux.
KERNEL_START = """
@__image_base = external hidden global i8
@__rela_start = external hidden global i8
@__rela_end = external hidden global i8
declare hidden i64 @program(i64)

define hidden i64 @kernel_start(i64 %start) ATTRS {
entry:
  br label %check
check:
  %row = phi ptr [ @__rela_start, %entry ], [ %next, %apply ]
  %done = icmp eq ptr %row, @__rela_end
  br i1 %done, label %run, label %apply
apply:
  %offset = load i64, ptr %row
  %addend_place = getelementptr i8, ptr %row, i64 16
  %addend = load i64, ptr %addend_place
  %place = getelementptr i8, ptr @__image_base, i64 %offset
  %value = getelementptr i8, ptr @__image_base, i64 %addend
  store volatile ptr %value, ptr %place
  %next = getelementptr i8, ptr %row, i64 24
  br label %check
run:
  %status = call i64 @program(i64 %start)
  ret i64 %status
}
""".replace("ATTRS", _ATTRIBUTES)

WINDOWS_LAYER = """
@__imp_GetStdHandle = external hidden global ptr
@__imp_WriteFile = external hidden global ptr
declare hidden i64 @program(i64)
declare hidden CC void @ExitProcess(i32)

define hidden void @os_write(ptr %data, i64 %size) ATTRS {
  %get = load ptr, ptr @__imp_GetStdHandle
  %handle = call CC i64 %get(i32 -11)
  %written = alloca i32
  %size32 = trunc i64 %size to i32
  %write = load ptr, ptr @__imp_WriteFile
  call CC i32 %write(i64 %handle, ptr %data, i32 %size32, ptr %written, ptr null)
  ret void
}

define hidden CC void @os_start(i64 %peb) ATTRS {
  %status = call i64 @program(i64 0)
  %status32 = trunc i64 %status to i32
  call CC void @ExitProcess(i32 %status32)
  ret void
}
""".replace("ATTRS", _ATTRIBUTES)

MACOS_LAYER = """
@__imp_write = external hidden global ptr
declare hidden i64 @program(i64)
declare hidden void @exit(i32)

define hidden void @os_write(ptr %data, i64 %size) ATTRS {
  %write = load ptr, ptr @__imp_write
  call i64 %write(i32 1, ptr %data, i64 %size)
  ret void
}

define hidden void @os_start(i32 %argc, ptr %argv) ATTRS {
  %status = call i64 @program(i64 0)
  %status32 = trunc i64 %status to i32
  call void @exit(i32 %status32)
  ret void
}
""".replace("ATTRS", _ATTRIBUTES)

_KERNEL32, _LIBSYSTEM = "kernel32.dll", "/usr/lib/libSystem.B.dylib"
IMPORTS = {
    WINDOWS.os_id: {
        name: ImportedSymbol(_KERNEL32, name)
        for name in ("ExitProcess", "GetStdHandle", "WriteFile", "ReadFile")
    },
    MACOS.os_id: {
        "exit": ImportedSymbol(_LIBSYSTEM, "_exit"),
        "write": ImportedSymbol(_LIBSYSTEM, "_write"),
        "read": ImportedSymbol(_LIBSYSTEM, "_read"),
    },
}


@cache
def compile_bytes(text: str, cpu: Cpu) -> bytes:
    """Return the object file that LLVM writes for IR text."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = llvm.parse_assembly(text)
    module.triple = cpu.triple
    module.verify()
    machine = llvm.Target.from_triple(cpu.triple).create_target_machine(
        cpu="", features=cpu.features, opt=2, reloc="pic", codemodel="small"
    )
    return bytes(machine.emit_object(module))


def compile_object(name: str, text: str, cpu: Cpu) -> ObjectFile:
    """Return IR text as an object of the linker."""
    return read_elf(compile_bytes(text, cpu), name)


@cache
def kernel_gates(cpu: Cpu) -> ObjectFile:
    """Return entry, write and exit for Linux and Android as encoded bytes."""
    if cpu is X86_64:
        return code_object(
            "kernel gates",
            {
                # xor ebp, ebp; mov rdi, rsp; and rsp, -16; call kernel_start;
                # mov edi, eax; call os_exit
                "os_start": (
                    bytes.fromhex("31ed4889e74883e4f0e80000000089c7e800000000"),
                    (Relocation(10, 4, "kernel_start", -4), Relocation(17, 4, "os_exit", -4)),
                ),
                # mov rdx, rsi; mov rsi, rdi; mov edi, 1; mov eax, 1; syscall; ret
                "os_write": (bytes.fromhex("4889f24889febf01000000b8010000000f05c3"), ()),
                "os_exit": (bytes.fromhex("b8e70000000f05"), ()),
            },
        )
    return code_object(
        "kernel gates",
        {
            # mov x29, xzr; mov x30, xzr; mov x0, sp; bl kernel_start; bl os_exit
            "os_start": (
                _words(0xAA1F03FD, 0xAA1F03FE, 0x910003E0, 0x94000000, 0x94000000),
                (Relocation(12, 283, "kernel_start", 0), Relocation(16, 283, "os_exit", 0)),
            ),
            # mov x2, x1; mov x1, x0; mov x0, #1; mov x8, #64; svc #0; ret
            "os_write": (
                _words(0xAA0103E2, 0xAA0003E1, 0xD2800020, 0xD2800808, 0xD4000001, 0xD65F03C0),
                (),
            ),
            # mov x8, #94; svc #0
            "os_exit": (_words(0xD2800BC8, 0xD4000001), ()),
        },
    )


def os_layer(system: System, cpu: Cpu) -> list[ObjectFile]:
    """Return the objects that start the program and serve os_write."""
    if system in (LINUX, ANDROID):
        return [kernel_gates(cpu), compile_object("kernel start", KERNEL_START, cpu)]
    convention = "win64cc" if cpu is X86_64 else ""
    text = WINDOWS_LAYER.replace("CC", convention) if system is WINDOWS else MACOS_LAYER
    return [compile_object(f"{system.name} layer", text, cpu)]


def program_objects(target: Target, text: str = PROGRAM) -> list[ObjectFile]:
    """Return everything that makes a test program run on a target."""
    return [*os_layer(target.system, target.cpu), compile_object("program.o", text, target.cpu)]


def program_options(target: Target, debug: DebugInfo = DebugInfo.STRIP) -> LinkOptions:
    """Return options with the imports of a system."""
    return LinkOptions(imports=IMPORTS.get(target.system.os_id, {}), debug=debug)


def link_program(target: Target, text: str = PROGRAM, debug: DebugInfo = DebugInfo.STRIP) -> bytes:
    """Return the image of a test program."""
    return link(program_objects(target, text), target, program_options(target, debug))


def _words(*words: int) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in words)
