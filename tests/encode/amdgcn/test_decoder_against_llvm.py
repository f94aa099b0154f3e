"""Codes at random: what our decoder takes, LLVM's disassembler takes as the same instruction."""

import os
import random

import pytest

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import DecodeError, EncodeError, decode, encode, parse
from mlrift.backends.amdgcn.isa.instruction import Instruction, OperandKind
from tests.support.llvm_amdgpu import disassemble

GENERATIONS = list(Generation)
CODES = 60_000 if os.environ.get("MLRIFT_TEST_ALL") else 4_000
NOT_WRITTEN_AS_OURS = (
    "s_version",  # a name for some numbers
    "s_waitcnt",  # bits that no counter has
    "s_delay_alu",  # delays without a name
    "s_getreg",  # registers that we have no name for
    "s_setreg",
    "ds_swizzle_b32",  # macros
    "v_cndmask_b32",  # `|v1, vcc_lo|` for its absolute second source
)
HALF_INTEGERS = ("i16", "u16", "b16", "f16")
"""LLVM writes inline floats of 16-bit integers, and of scalar comparisons, as literals."""


def random_codes() -> list[bytes]:
    """Return codes whose first nine bits are evenly distributed, the rest mostly zeros."""
    source = random.Random(20)
    codes = []
    for _ in range(CODES):
        word = source.getrandbits(23) | source.randrange(512) << 23
        rest = [source.choice([0, source.randrange(256)]) for _ in range(12)]
        codes.append(word.to_bytes(4, "little") + bytes(rest))
    return codes


def accepted(generation: Generation) -> list[tuple[Instruction, bytes]]:
    """Return the codes at random that have a meaning and can be made, with it."""
    found = []
    for code in random_codes():
        try:
            instruction, size = decode(code, 0, generation)
            again = encode(instruction, generation)
        except (DecodeError, EncodeError):
            continue
        assert again == code[:size], instruction.row.name
        if not instruction.row.operation.startswith("s_barrier"):  # LLVM may crash
            found.append((instruction, again))
    return found


@pytest.mark.parametrize("generation", GENERATIONS)
def test_codes_that_we_take_mean_the_same_to_llvm(generation: Generation) -> None:
    found = accepted(generation)
    assert len(found) > CODES // 4
    texts = disassemble([code for _, code in found], generation)
    for (instruction, code), text in zip(found, texts, strict=True):
        if instruction.row.operation == "s_delay_alu":
            continue  # LLVM has no text for some numbers
        assert text is not None, (instruction.row.name, code.hex())
        assert text.startswith(instruction.row.name.partition(" ")[0]), (text, code.hex())


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_text_that_llvm_writes_is_understood(generation: Generation) -> None:
    found = accepted(generation)
    texts = disassemble([code for _, code in found], generation)
    for (instruction, code), text in zip(found, texts, strict=True):
        if text is None or instruction.row.operation.startswith(NOT_WRITTEN_AS_OURS):
            continue
        if any(spec.kind is OperandKind.LITERAL for spec in instruction.row.operands):
            continue  # LLVM takes a literal of 242 for the code of 1.0
        again = parse(text, generation)
        assert again.row.operation == instruction.row.operation, text
        if not instruction.row.operation.endswith(HALF_INTEGERS):
            assert encode(again, generation) == code, text
