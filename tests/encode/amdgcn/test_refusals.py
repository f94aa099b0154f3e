"""What has no code, is no code, or is no text: a typed error that says what and why."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import (
    AssemblyError,
    DecodeError,
    EncodeError,
    decode,
    encode,
    instruction_of,
    parse,
)
from mlrift.backends.amdgcn.isa.instruction import Immediate, Inline, Literal, Operand
from mlrift.backends.amdgcn.isa.registers import NULL, VCC, sgpr, vgpr

GFX10, GFX11, GFX12 = Generation.GFX10, Generation.GFX11, Generation.GFX12
GENERATIONS = list(Generation)

UNENCODABLE: list[tuple[Generation, str, tuple[Operand, ...], dict[str, int], str]] = [
    (GFX11, "v_fma_f32", (vgpr(0), sgpr(1), sgpr(2), sgpr(3)), {}, "3 scalar sources; at most 2"),
    (GFX10, "v_lshlrev_b64", (vgpr(0, 2), sgpr(1), sgpr(2, 2)), {}, "2 scalar sources; at most 1"),
    (GFX11, "v_add_f32", (vgpr(0), Literal(1), Literal(2)), {}, "room for one literal"),
    (GFX11, "v_add_f32", (vgpr(0), vgpr(1)), {}, "found 2 operands, expected 3"),
    (GFX11, "v_add_f32", (vgpr(0), vgpr(1), vgpr(2, 2)), {}, "src1: found v[2:3]"),
    (GFX11, "v_add_f32", (sgpr(0), vgpr(1), vgpr(2)), {}, "vdst: found s0"),
    (GFX11, "v_add_f32", (vgpr(256), vgpr(1), vgpr(2)), {}, "beyond v255"),
    (GFX11, "v_add_f32", (vgpr(0), vgpr(1), vgpr(2)), {"omod": 4}, "omod"),
    (GFX11, "v_add_nc_u32", (vgpr(0), vgpr(1), vgpr(2)), {"neg": 1}, "takes no neg"),
    (GFX11, "v_add_f32", (vgpr(0), Inline(65), vgpr(2)), {}, "not an inline constant"),
    (GFX11, "v_add_f32", (vgpr(0), Inline(0.3), vgpr(2)), {}, "not an inline constant"),
    (GFX11, "s_mov_b64", (sgpr(1, 2), sgpr(4, 2)), {}, "sdst: found s[1:2]"),
    (GFX11, "s_load_b128", (sgpr(2, 4), sgpr(0, 2), NULL), {}, "sdst: found s[2:5]"),
    (GFX11, "s_load_b32", (sgpr(2), sgpr(0, 2), NULL), {"offset": 1 << 20}, "offset: 1048576"),
    (GFX10, "global_load_b32", (vgpr(0), vgpr(1), sgpr(2, 2)), {"offset": 2048}, "offset: 2048"),
    (GFX11, "global_load_b32", (vgpr(0), vgpr(1), sgpr(2, 2)), {"offset": 4096}, "offset: 4096"),
    (GFX12, "global_load_b32", (vgpr(0), vgpr(1), NULL), {}, "found v1, expected two registers"),
    (
        GFX12,
        "global_load_b32",
        (vgpr(0), vgpr(1, 2), sgpr(2, 2)),
        {},
        "found v[1:2], expected one register",
    ),
    (GFX10, "buffer_load_b32", (vgpr(0), vgpr(1), sgpr(4, 4), NULL), {}, "expected no register"),
    (GFX10, "scratch_load_b32", (vgpr(0), vgpr(1), sgpr(2)), {}, "no scratch address"),
    (GFX11, "ds_load_b32", (vgpr(0), vgpr(1)), {"offset": 65536}, "offset"),
    (GFX11, "s_branch", (Immediate(40000),), {}, "simm16: 40000 is not between -32768 and 32767"),
    (GFX11, "v_add_f16", (vgpr(0), Literal(0x10000), vgpr(1)), {}, "16-bit operand"),
    (GFX11, "global_load_b32", (vgpr(0), vgpr(1), sgpr(2, 2)), {"scope": 1}, "takes no scope"),
    (GFX11, "v_readlane_b32", (sgpr(0), vgpr(1), Literal(70)), {}, "src1"),
]


@pytest.mark.parametrize("case", UNENCODABLE, ids=lambda case: f"{case[1]} {case[4]}")
def test_an_instruction_without_code_is_refused(
    case: tuple[Generation, str, tuple[Operand, ...], dict[str, int], str],
) -> None:
    generation, operation, operands, modifiers, reason = case
    with pytest.raises(EncodeError) as caught:
        encode(instruction_of(operation, operands, modifiers, generation), generation)
    assert reason in str(caught.value)


def test_an_operation_that_a_generation_lacks_is_refused() -> None:
    with pytest.raises(EncodeError, match="gfx10 has no operation s_delay_alu"):
        instruction_of("s_delay_alu", (Immediate(1),), {}, GFX10)


def pair(first: str, second: str, generation: Generation = GFX11) -> bytes:
    """Return the bytes of a dual-issue pair."""
    return encode(parse(f"{first} :: {second}", generation), generation)


def test_halves_of_a_pair_must_not_use_the_same_banks() -> None:
    assert pair("v_dual_add_f32 v2, v1, v3", "v_dual_add_f32 v5, v2, v4")
    with pytest.raises(AssemblyError, match="both even or both odd"):
        pair("v_dual_add_f32 v2, v1, v3", "v_dual_add_f32 v4, v2, v4")
    with pytest.raises(AssemblyError, match="src0 of both halves is in bank 1"):
        pair("v_dual_mov_b32 v2, v1", "v_dual_mov_b32 v3, v5")
    assert pair("v_dual_mov_b32 v2, v1", "v_dual_mov_b32 v3, v5", GFX12)
    with pytest.raises(AssemblyError, match="vsrc1 of both halves"):
        pair("v_dual_add_f32 v2, v1, v3", "v_dual_add_f32 v5, v2, v7")
    with pytest.raises(AssemblyError, match="3 scalar sources"):
        pair("v_dual_cndmask_b32 v2, s1, v3", "v_dual_add_f32 v5, s2, v4")


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    "text",
    [
        "v_frobnicate v1, v2",
        "v_add_f32 v1, v2",
        "v_add_f32 v1, v2, v3, v4",
        "v_add_f32 v1, v2, v300",
        "v_add_f32_e32 v1, v2, s3",
        "v_add_f32 v1, v2, v3 frob",
        "v_add_f32 v1, v2, v3 offset:8",
        "v_add_f32 v1, v2, nonsense",
        "v_add_f32 v1, v2, 0x123456789",
        "s_mov_b32 s0, v1",
        "s_mov_b32 s0, s[1:0]",
        "s_mov_b32",
        "global_load_",
        "v_mov_b32_dpp v1, v2 row_shr:16 row_mask:0xf bank_mask:0xf",
        "s_getreg_b32 s0, hwreg(64, 0, 1)",
        "ds_",
        "",
        ":: ::",
        "[",
    ],
)
def test_text_without_meaning_is_refused(generation: Generation, text: str) -> None:
    with pytest.raises(AssemblyError):
        parse(text, generation)


@settings(max_examples=400, deadline=None)
@given(st.text(st.sampled_from("vs_ adf32[]:,.-|()0x1b64:"), max_size=40))
def test_any_text_is_an_instruction_or_refused(text: str) -> None:
    for generation in GENERATIONS:
        for line in (text, f"v_add_f32 {text}", f"global_load_b32 v1, {text}"):
            try:
                parse(line, generation)
            except AssemblyError:
                continue


@settings(max_examples=1500, deadline=None)
@given(st.binary(max_size=16))
def test_any_bytes_are_an_instruction_or_refused(code: bytes) -> None:
    for generation in GENERATIONS:
        try:
            instruction, size = decode(code, 0, generation)
        except DecodeError:
            continue
        assert 0 < size <= len(code)
        _encodes_again(instruction_code=code[:size], generation=generation)
        assert instruction.row.name


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 511), st.binary(min_size=16, max_size=16))
def test_any_bytes_of_a_format_are_an_instruction_or_refused(selector: int, code: bytes) -> None:
    word = int.from_bytes(code[:4], "little") & (1 << 23) - 1 | selector << 23
    for generation in GENERATIONS:
        try:
            _, size = decode(word.to_bytes(4, "little") + code[4:], 0, generation)
        except DecodeError:
            continue
        _encodes_again((word.to_bytes(4, "little") + code[4:])[:size], generation)


def _encodes_again(instruction_code: bytes, generation: Generation) -> None:
    """What is decoded has the same code, if no rule between operands forbids it."""
    instruction, _ = decode(instruction_code, 0, generation)
    try:
        again = encode(instruction, generation)
    except EncodeError:
        return
    assert again == instruction_code


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_end_of_the_code_inside_an_instruction_is_named(generation: Generation) -> None:
    code = encode(
        instruction_of("v_fma_f32", (vgpr(0), vgpr(1), vgpr(2), vgpr(3)), {}, generation),
        generation,
    )
    with pytest.raises(DecodeError, match="ends inside an instruction"):
        decode(code[:6], 0, generation)


def test_vcc_of_a_short_form_is_not_another_register() -> None:
    operands = (vgpr(0), vgpr(1), vgpr(2))
    short = instruction_of("v_cndmask_b32", (*operands, VCC), {}, GFX11)
    long = instruction_of("v_cndmask_b32", (*operands, sgpr(4)), {}, GFX11)
    assert (len(encode(short, GFX11)), len(encode(long, GFX11))) == (4, 8)
