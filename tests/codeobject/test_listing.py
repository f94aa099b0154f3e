"""Assembler text that LLVM takes back to the same bytes, the disassembly, and the reports."""

import tempfile
from pathlib import Path

import pytest

from mlrift.backends.amdgcn.chips import Chip, chip_named
from mlrift.backends.amdgcn.codeobject.model import CodeObject, KernelImage
from mlrift.backends.amdgcn.codeobject.read import LoadedObject, read
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.isa import encode, parse
from mlrift.backends.amdgcn.isa.instruction import Unit
from mlrift.backends.amdgcn.listing.assembly import print_code_object
from mlrift.backends.amdgcn.listing.cards import CARDS, card_named
from mlrift.backends.amdgcn.listing.decoded import decode_kernel
from mlrift.backends.amdgcn.listing.disassembly import disassemble
from mlrift.backends.amdgcn.listing.explain import explain
from mlrift.backends.amdgcn.listing.mix import mix_of
from mlrift.backends.amdgcn.listing.occupancy import occupancy_of
from mlrift.values import replace
from tests.codeobject.kernels import PLAIN, TWINS, compile_with_clang
from tests.support.llvm_tools import run_llvm_tool

LOOP = (
    "s_load_b128 s[4:7], s[0:1], 0x0",
    "s_waitcnt lgkmcnt(0)",
    "v_mov_b32_e32 v1, 0",
    # the loop begins here, at 16 bytes
    "global_load_b32 v2, v0, s[4:5]",
    "s_waitcnt vmcnt(0)",
    "v_fmac_f32_e32 v1, v2, v2",
    "v_pk_fma_f16 v3, v2, v2, v3",
    "ds_store_b64 v0, v[2:3]",
    "s_sub_u32 s6, s6, 1",
    "s_cmp_lg_u32 s6, 0",
    "s_cbranch_scc1 65525",
    "v_exp_f32_e32 v1, v1",
    "global_store_b64 v0, v[1:2], s[4:5]",
    "s_endpgm",
)


def chip(name: str) -> Chip:
    found = chip_named(name)
    assert found is not None
    return found


def assembled(*lines: str, chip_name: str = "gfx1100") -> KernelImage:
    generation = chip(chip_name).generation
    code = b"".join(encode(parse(line, generation), generation) for line in lines)
    return replace(PLAIN, code=code, registers_vector=40)


def reassembled(text: str, chip_name: str) -> LoadedObject:
    """Return what llvm-mc and ld.lld make of assembler text."""
    with tempfile.TemporaryDirectory() as folder:
        source, unit, made = (Path(folder, name) for name in ("a.s", "a.o", "a.co"))
        source.write_text(text)
        target = ("-triple=amdgcn-amd-amdhsa", f"-mcpu={chip_name}", "-filetype=obj")
        run_llvm_tool("llvm-mc", *target, str(source), "-o", str(unit))
        run_llvm_tool("ld.lld", "-shared", str(unit), "-o", str(made))
        return read(made.read_bytes())


@pytest.mark.parametrize("name", ["gfx1030", "gfx1100", "gfx1201"])
def test_llvm_assembles_the_text_to_the_same_kernels(name: str) -> None:
    theirs = read(compile_with_clang(TWINS, name)).code_object
    made = CodeObject(theirs.chip, tuple(_as_ours(row) for row in theirs.kernels))
    ours, back = read(write(made)), reassembled(print_code_object(made), name)
    for first, second in zip(ours.kernels, back.kernels, strict=True):
        assert first.image.code == second.image.code[: len(first.image.code)]
        assert replace(first.descriptor, entry_offset=0) == replace(
            second.descriptor, entry_offset=0
        )
        assert first.metadata == second.metadata


def _as_ours(row: KernelImage) -> KernelImage:
    """Return a kernel as one of ours: a name and a type for each argument, two user registers."""
    named = [replace(a, name=f"a{n}", type_name="u64") for n, a in enumerate(row.arguments)]
    user_sgprs = row.user_sgprs if row.user_sgprs in (2, 15, 14, 13) else 2
    if not row.kernarg_bytes:
        user_sgprs = row.user_sgprs if row.user_sgprs > 6 else 0
    return replace(row, arguments=tuple(named), user_sgprs=user_sgprs)


def test_branches_go_to_labels_and_lines_are_shown() -> None:
    text = print_code_object(read(compile_with_clang(TWINS, "gfx1100", "-g")).code_object)
    assert ".Lscale_0:" in text
    assert "s_cbranch_execz .Lscale_0" in text
    assert "twins.cl:" in text


def test_a_disassembly_has_words_instructions_and_labels() -> None:
    kernel = assembled(*LOOP)
    text = disassemble(read(write(CodeObject(chip("gfx1100"), (kernel,)))))
    assert "; gfx1100, 1 kernels" in text
    assert "  0000: f4080100 f8000000          s_load_b128 s[4:7], s[0:1], 0x0\n" in text
    assert "L0:\n" in text
    assert "s_cbranch_scc1 L0" in text
    assert ";    0: out, 8 bytes, global_buffer" in text


def test_words_that_are_no_instruction_are_shown_as_words() -> None:
    kernel = replace(PLAIN, code=bytes.fromhex("000080bf") + b"\xff" * 8)
    text = disassemble(read(write(CodeObject(chip("gfx1100"), (kernel,)))))
    assert text.count("(no instruction)") == 2
    assert "\t.long 0xffffffff\n" in print_code_object(CodeObject(chip("gfx1100"), (kernel,)))


def test_a_loop_is_counted_apart() -> None:
    mix = mix_of(decode_kernel(assembled(*LOOP), chip("gfx1100").generation))
    (loop,) = mix.loops
    assert (loop.start, loop.depth) == (16, 1)
    assert loop.counts.loaded_bytes == 4
    assert loop.counts.lds_bytes == 8
    assert loop.counts.float_operations == 2 + 4
    assert mix.outside.stored_bytes == 8
    assert mix.outside.loaded_bytes == 16 / 32
    assert mix.outside.float_operations == 1
    assert mix.total(Unit.WAIT) == 2


@pytest.mark.parametrize(
    ("registers", "name", "waves"),
    [
        (24, "gfx1100", 16),
        (96, "gfx1100", 16),
        (97, "gfx1100", 12),
        (256, "gfx1100", 5),
        (64, "gfx1030", 16),
        (65, "gfx1030", 12),
        (256, "gfx1030", 4),
        (256, "gfx1201", 5),
    ],
)
def test_registers_limit_the_waves_of_a_simd(registers: int, name: str, waves: int) -> None:
    found = occupancy_of(replace(PLAIN, registers_vector=registers), chip(name))
    assert found.waves == waves
    assert found.limit == ("waves of a SIMD" if waves == 16 else "VGPRs")


def test_lds_limits_the_waves_of_a_simd() -> None:
    kernel = replace(PLAIN, lds_bytes=32768, required_group=(128, 1, 1))
    found = occupancy_of(kernel, chip("gfx1100"))
    assert (found.waves, found.limit) == (4, "LDS")


def test_a_report_has_what_was_counted() -> None:
    kernel = replace(assembled(*LOOP), required_group=(64, 1, 1), spilled_vector=3)
    text = explain(CodeObject(chip("gfx1100"), (kernel,)), card_named("RX 7900 XTX"))
    assert text.startswith("plain for gfx1100\n    groups of 64 x 1 x 1 work items\n")
    assert "registers: 40 VGPRs (48 allocated), 18 SGPRs; spilled: 3 VGPRs" in text
    assert "occupancy: 16 of 16 waves a SIMD\n" in text
    assert "loop at 0x0010: 8 instructions, 1 wait; each round: 4 bytes loaded, 8 bytes by" in text
    assert "rx7900xtx (960 GB/s, 61.4 TFLOP/s, balanced at 64 per byte):" in text
    assert "1.5 operations per byte: memory limits; a round of the hottest loop not" in text


def test_cards_are_found_however_they_are_written() -> None:
    assert card_named("Radeon RX 7800 XT") is card_named("rx7800xt") is not None
    assert card_named("gtx") is None
    for row in CARDS:
        assert chip_named(row.chip) is not None
