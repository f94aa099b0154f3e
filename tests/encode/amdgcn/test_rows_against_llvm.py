"""Every row with several operand mixes: bytes equal to llvm-mc's, and back to the instruction."""

from functools import cache

import pytest

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import (
    decode,
    encode,
    parse,
    print_instruction,
    rows_of,
    rows_with_lanes,
)
from mlrift.backends.amdgcn.isa.formats import Encoding
from mlrift.backends.amdgcn.isa.instruction import Instruction
from tests.support.amdgcn_samples import samples_of
from tests.support.llvm_amdgpu import assemble

GENERATIONS = list(Generation)
FEWEST_ROWS = {Generation.GFX10: 1250, Generation.GFX11: 1500, Generation.GFX12: 1550}


@cache
def samples(generation: Generation) -> tuple[Instruction, ...]:
    """Return the samples of all rows of a generation."""
    return tuple(
        sample
        for base in rows_of(generation)
        for row in (base, *rows_with_lanes(base, generation))
        for sample in samples_of(row, generation)
    )


@cache
def encoded(generation: Generation) -> tuple[bytes, ...]:
    """Return the bytes of the samples."""
    return tuple(encode(sample, generation) for sample in samples(generation))


@cache
def texts(generation: Generation) -> tuple[str, ...]:
    """Return the text of the samples."""
    return tuple(print_instruction(sample, generation) for sample in samples(generation))


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_row_has_samples(generation: Generation) -> None:
    sampled = {sample.row for sample in samples(generation)}
    missing = [row.name for row in rows_of(generation) if row not in sampled]
    assert not missing
    assert len(rows_of(generation)) >= FEWEST_ROWS[generation]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_no_two_rows_share_codes(generation: Generation) -> None:
    seen: dict[tuple[Encoding, int, str], str] = {}
    for row in rows_of(generation):
        key = (row.format.encoding, row.opcode, str(row.defaults))
        assert key not in seen, (row.name, seen[key])
        seen[key] = row.name


@pytest.mark.parametrize("generation", GENERATIONS)
def test_llvm_makes_the_same_bytes_of_the_text(generation: Generation) -> None:
    lines = texts(generation)
    differences = [
        f"{line}: ours {ours.hex()}, LLVM's {llvm.hex() if isinstance(llvm, bytes) else llvm}"
        for line, ours, llvm in zip(
            lines, encoded(generation), assemble(list(lines), generation), strict=True
        )
        if ours != llvm
    ]
    assert not differences, "\n".join([f"{len(differences)} differ", *differences[:40]])


@pytest.mark.parametrize("generation", GENERATIONS)
def test_decoding_gives_the_instruction_back(generation: Generation) -> None:
    for sample, code in zip(samples(generation), encoded(generation), strict=True):
        found, size = decode(b"\0\0\0\0" + code, 4, generation)
        assert size == len(code)
        _assert_equal(found, sample)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_parsing_gives_the_instruction_back(generation: Generation) -> None:
    for sample, text in zip(samples(generation), texts(generation), strict=True):
        _assert_equal(parse(text, generation), sample)


def _assert_equal(found: Instruction, expected: Instruction) -> None:
    shown = (expected.row.name, expected.row.format.name, expected.operands, expected.modifiers)
    assert found.row is expected.row, shown
    assert found.operands == expected.operands, shown
    assert found.modifiers == expected.modifiers, shown
