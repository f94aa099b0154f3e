"""The arm64 row of the LLVM back end."""

from mlrift.backends.arm64.assembler import ASSEMBLER
from mlrift.backends.arm64.assembly_block import encode_block
from mlrift.backends.arm64.rules import RULES
from mlrift.backends.llvm.foreign_arguments import floats_in_words, packed_on_the_stack
from mlrift.backends.llvm.target import Generation, HostTarget
from mlrift.static_types import TYPE_CHECKING
from mlrift.targets import ANDROID, ARM64, LINUX, MACOS, WINDOWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlrift.backends.llvm.foreign_arguments import Argument
    from mlrift.backends.llvm.foreign_entries import Reception

_WORD_BYTES = 4


def _instruction_length(code: bytes, start: int) -> int:
    return _WORD_BYTES


def _receive_on_macos(parameters: "Sequence[Argument]") -> "Reception":
    from mlrift.backends.llvm.foreign_entries import (  # noqa: PLC0415 - rarely needed
        unpacked_from_the_stack,
    )

    return unpacked_from_the_stack(parameters)


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
    foreign_receivers={MACOS: _receive_on_macos},
    instruction_length=_instruction_length,
    assembler=ASSEMBLER,
    encode_block=encode_block,
    block_convention="",
    generations=(
        Generation(10, "generic", '"target-features"="+v8a,+dotprod"', True),
        Generation(11, "generic", '"target-features"="+v8a,+dotprod,+i8mm"', True),
    ),
    detects_by_system=True,
)
