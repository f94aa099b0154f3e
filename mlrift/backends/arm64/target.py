"""The arm64 row of the LLVM back end."""

from mlrift.backends.arm64.assembler import ASSEMBLER
from mlrift.backends.arm64.assembly_block import encode_block
from mlrift.backends.arm64.rules import RULES
from mlrift.backends.llvm.foreign_arguments import floats_in_words, packed_on_the_stack
from mlrift.backends.llvm.target import HostTarget
from mlrift.targets import ANDROID, ARM64, LINUX, MACOS, WINDOWS

_WORD_BYTES = 4


def _instruction_length(code: bytes, start: int) -> int:
    return _WORD_BYTES


TARGET = HostTarget(
    cpu=ARM64,
    rules=RULES,
    attributes="",
    triples={
        LINUX: "aarch64-unknown-linux-gnu",
        ANDROID: "aarch64-unknown-linux-android",
        WINDOWS: "aarch64-pc-windows-msvc",
        MACOS: "arm64-apple-macosx12.0.0",
    },
    foreign_conventions={},
    unprototyped_systems=(),
    foreign_arrangements={MACOS: packed_on_the_stack, WINDOWS: floats_in_words},
    instruction_length=_instruction_length,
    assembler=ASSEMBLER,
    encode_block=encode_block,
    block_convention="",
)
