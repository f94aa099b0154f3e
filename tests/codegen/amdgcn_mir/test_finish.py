"""Machine IR to code, and the code through LLVM's disassembler."""

from pathlib import Path

import pytest

from mlrift.backends.amdgcn.branches import relax, resolve_branches
from mlrift.backends.amdgcn.chips import Generation, chip_named
from mlrift.backends.amdgcn.encoding import MachineEncoder
from mlrift.backends.amdgcn.finish import budget_of, finish
from mlrift.backends.amdgcn.finished import FinishedKernel
from mlrift.backends.amdgcn.isa import decode
from mlrift.backends.amdgcn.mir_parse import parse_mir
from tests.harness.mir_files import read_mir_test
from tests.support.llvm_tools import run_llvm_tool

FOLDER = Path(__file__).parent
CHIPS = ("gfx1030", "gfx1100", "gfx1201")
WHOLE_KERNELS = ("saxpy", "far_frame", "copies")


def _finish(text: str, chip_name: str) -> FinishedKernel:
    chip = chip_named(chip_name)
    assert chip is not None
    return finish(parse_mir(text), chip)


def _generation(chip_name: str) -> Generation:
    chip = chip_named(chip_name)
    assert chip is not None
    return chip.generation


@pytest.mark.parametrize("name", WHOLE_KERNELS)
@pytest.mark.parametrize("chip_name", CHIPS)
def test_the_code_is_that_of_the_instructions(name: str, chip_name: str) -> None:
    """Decoding the bytes gives the instructions at their offsets, up to the end."""
    kernel = _finish(read_mir_test(FOLDER / f"{name}.mir").text, chip_name)
    offset = 0
    for place, instruction in kernel.instructions:
        assert place == offset
        found, size = decode(kernel.code, offset, _generation(chip_name))
        assert found.row.name == instruction.row.name
        assert found.operands == instruction.operands
        offset += size
    assert offset == len(kernel.code)


def test_scratch_is_counted() -> None:
    """Arrays are the kernel's private memory."""
    kernel = _finish(read_mir_test(FOLDER / "far_frame.mir").text, "gfx1100")
    assert kernel.scratch_bytes == 8016


_LOOP = """
kernel @far
arrives %0:v = v0
block 0 -> 1
  %0 = copy v0
block 1 -> 1, 2 depth 1
{body}
  s_cmp_lg_u32 s0, 0
  s_cbranch_scc1 @1
block 2
  s_endpgm #0
"""


def test_far_branches_jump_through_registers() -> None:
    """A loop of more than 32,767 words goes back by an inverted branch over s_setpc_b64."""
    body = "\n".join(["  v1 = v_permlanex16_b32 v0, s0, s1"] * 17_000)
    function = parse_mir(_LOOP.format(body=body))
    function.blocks[0].instructions.clear()
    encoder = MachineEncoder(Generation.GFX11)
    sizes = encoder.sizes(function)
    relax(function, sizes)
    resolve_branches(function, sizes)
    code, instructions, _ = encoder.code(function)
    names = [row.row.name for _, row in instructions[-6:]]
    assert names == [
        "s_cbranch_scc0",
        "s_getpc_b64",
        "s_add_u32",
        "s_addc_u32",
        "s_setpc_b64",
        "s_endpgm",
    ]
    start = instructions[-4][0]
    distance = int.from_bytes(code[start + 4 : start + 8], "little") - (1 << 32)
    assert start + distance == 0
    assert sum(map(sum, sizes)) == len(code)


def test_large_kernels_keep_registers_for_far_jumps() -> None:
    """Allocation leaves s104 and s105 alone when branches might not reach."""
    chip = chip_named("gfx1100")
    assert chip is not None
    small = budget_of(parse_mir(_LOOP.format(body="")), chip)
    large = budget_of(parse_mir(_LOOP.format(body="  s_nop #0\n" * 9000)), chip)
    assert (small.scalar, large.scalar) == (106, 104)


def test_the_budget_keeps_a_group_resident() -> None:
    """1,024 work items are 8 waves a SIMD: 128 of 1,024 registers, 192 of 1,536."""
    text = _LOOP.format(body="")
    budgets = {}
    for name in ("gfx1030", "gfx1100"):
        chip = chip_named(name)
        assert chip is not None
        budgets[name] = budget_of(parse_mir(text), chip).vector
        budgets[name + " small"] = budget_of(parse_mir("group 64 1 1\n" + text), chip).vector
    assert budgets == {
        "gfx1030": 128,
        "gfx1030 small": 256,
        "gfx1100": 192,
        "gfx1100 small": 256,
    }


@pytest.mark.parametrize("chip_name", CHIPS)
def test_llvm_disassembles_the_code(chip_name: str) -> None:
    """No word is invalid, and there are as many instructions."""
    for name in WHOLE_KERNELS:
        kernel = _finish(read_mir_test(FOLDER / f"{name}.mir").text, chip_name)
        listed = run_llvm_tool(
            "llvm-mc",
            "-disassemble",
            "-triple=amdgcn-amd-amdhsa",
            f"-mcpu={chip_name}",
            stdin=" ".join(f"{byte:#04x}" for byte in kernel.code).encode(),
        )
        assert "invalid" not in listed
        lines = [
            row for row in listed.splitlines() if row.startswith(("\ts_", "\tv_", "\tg", "\tscr"))
        ]
        assert len(lines) == len(kernel.instructions)
