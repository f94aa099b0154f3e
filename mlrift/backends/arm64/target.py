"""The arm64 row of the LLVM back end."""

from mlrift.backends.arm64.rules import RULES
from mlrift.backends.llvm.target import HostTarget
from mlrift.targets import ANDROID, ARM64, LINUX, MACOS, WINDOWS

_WORD_BYTES = 4


def _instruction_length(code: bytes, start: int) -> int:
    return _WORD_BYTES


TARGET = HostTarget(
    cpu=ARM64,
    rules=RULES,
    attributes="",
    portable_attributes='"probe-stack"="inline-asm"',
    triples={
        LINUX: "aarch64-unknown-linux-gnu",
        ANDROID: "aarch64-unknown-linux-android",
        WINDOWS: "aarch64-pc-windows-msvc",
        MACOS: "arm64-apple-macosx12.0.0",
    },
    foreign_conventions={},
    instruction_length=_instruction_length,
)
