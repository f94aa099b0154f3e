"""The x86-64 row of the LLVM back end."""

from mlrift.backends.llvm.target import HostTarget
from mlrift.backends.x86_64.assembler import ASSEMBLER
from mlrift.backends.x86_64.assembly_block import encode_block
from mlrift.backends.x86_64.instruction_length import instruction_length
from mlrift.backends.x86_64.rules import RULES
from mlrift.targets import ANDROID, LINUX, MACOS, WINDOWS, X86_64

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
    instruction_length=instruction_length,
    assembler=ASSEMBLER,
    encode_block=encode_block,
    block_convention="x86_64_sysvcc ",
)
