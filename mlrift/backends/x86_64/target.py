"""The x86-64 row of the LLVM back end."""

from mlrift.backends.llvm.target import HostTarget
from mlrift.backends.x86_64.instruction_length import instruction_length
from mlrift.backends.x86_64.rules import RULES
from mlrift.targets import ANDROID, LINUX, MACOS, WINDOWS, X86_64

TARGET = HostTarget(
    cpu=X86_64,
    rules=RULES,
    attributes="noredzone",
    portable_attributes='"probe-stack"="inline-asm"',
    triples={
        LINUX: "x86_64-unknown-linux-gnu",
        ANDROID: "x86_64-unknown-linux-android",
        WINDOWS: "x86_64-pc-windows-msvc",
        MACOS: "x86_64-apple-macosx13.0.0",
    },
    foreign_conventions={WINDOWS: "win64cc "},
    instruction_length=instruction_length,
)
