"""The x86-64 row of the LLVM back end."""

from mlrift.backends.llvm.target import Generation, HostTarget
from mlrift.backends.x86_64.assembler import ASSEMBLER
from mlrift.backends.x86_64.assembly_block import encode_block
from mlrift.backends.x86_64.generations import DETECT
from mlrift.backends.x86_64.instruction_length import instruction_length
from mlrift.backends.x86_64.rules import RULES
from mlrift.targets import ANDROID, LINUX, MACOS, WINDOWS, X86_64

# mov r8, rdi; mov eax, esi; mov rcx, rdx; rep stosb; mov rax, r8; ret
LONG_FILL = bytes.fromhex("4989f8 89f0 4889d1 f3aa 4c89c0 c3")

_WIDE = '"prefer-vector-width"="512"'

TARGET = HostTarget(
    cpu=X86_64,
    rules=RULES,
    attributes="noredzone",
    triples={
        LINUX: "x86_64-unknown-linux-gnu",
        ANDROID: "x86_64-unknown-linux-android",
        WINDOWS: "x86_64-pc-windows-msvc",
        MACOS: "x86_64-apple-macosx13.0.0",
    },
    foreign_conventions={WINDOWS: "win64cc "},
    unprototyped_systems=(LINUX, ANDROID, MACOS, WINDOWS),
    foreign_arrangements={},
    foreign_receivers={},
    instruction_length=instruction_length,
    assembler=ASSEMBLER,
    encode_block=encode_block,
    block_convention="x86_64_sysvcc ",
    generations=(
        Generation(3, "x86-64-v3"),
        Generation(4, "x86-64-v4", _WIDE),
        Generation(5, "x86-64-v4", f'"target-features"="+avx512vnni" {_WIDE}', True),
        Generation(6, "x86-64-v4", f'"target-features"="+avx512vnni,+avx512bf16" {_WIDE}', True),
    ),
    detect_generation=DETECT,
    halves_level=3,
    wide_level=4,
    long_fill=LONG_FILL,
    calls_fma=True,
)
