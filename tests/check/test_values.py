"""Findings as text, where source lines go, and what is followed about addresses."""

from mlrift.backends.amdgcn.check import Finding, Rule, check_kernel
from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.model import SourceLine
from mlrift.values import replace
from tests.support.checked_text import findings_of, image_of, rules_of


def test_finding_names_its_place() -> None:
    """Source line, kernel, offset, instruction, message and rule."""
    found = Finding("k", 12, "s_nop 0", Rule.DECODE, "does not exist", "a.mlr", 3)
    assert found.text() == "a.mlr:3: kernel k, 0x000c `s_nop 0`: does not exist [code.decode]"
    assert Finding("k", 0, "", Rule.FILE, "is short").text() == (
        "kernel k, 0x0000: is short [object.file]"
    )


def test_finding_has_the_line_of_its_instruction() -> None:
    """The last line that begins at or before it."""
    lines = (SourceLine(0, "a.mlr", 1), SourceLine(4, "a.mlr", 2), SourceLine(8, "a.mlr", 3))
    image = image_of("v_mov_b32 v2, v0\nv_mov_b32 v2, v1\ns_endpgm", "gfx1100")
    chip = chip_named("gfx1100")
    assert chip is not None
    found = check_kernel(replace(image, lines=lines), chip)
    assert [(row.offset, row.line) for row in found] == [(4, 2)]


def test_one_mistake_is_reported_once() -> None:
    """Later uses of the same register add nothing."""
    text = "global_load_b32 v1, v0, s[0:1]\nv_mov_b32 v2, v1\nv_mov_b32 v3, v1\ns_endpgm"
    assert len(findings_of(text, "gfx1100")) == 1


def test_long_branch_through_a_register_is_followed() -> None:
    """`s_getpc`, a sum and `s_setpc` reach code that is checked, too."""
    text = """
        s_getpc_b64 s[4:5]
        s_add_u32 s4, s4, 20
        s_addc_u32 s5, s5, 0
        s_setpc_b64 s[4:5]
        s_endpgm
        s_endpgm
        v_mov_b32 v2, v1
        s_endpgm
    """
    found = findings_of(text, "gfx1100")
    assert [row.rule for row in found] == [Rule.NEVER_WRITTEN]


def test_branch_to_an_unknown_address() -> None:
    """It cannot be followed, which is a finding."""
    assert rules_of("s_setpc_b64 s[0:1]", "gfx1100") == ["code.branch-target"]


def test_code_that_nothing_reaches_is_not_checked() -> None:
    """Bytes after the end may be anything."""
    image = image_of("s_endpgm", "gfx1100")
    chip = chip_named("gfx1100")
    assert chip is not None
    assert check_kernel(replace(image, code=image.code + b"\xff" * 8), chip) == []


def test_copied_kernarg_pointer_is_known() -> None:
    """Moves and sums keep what is known of it."""
    text = """
        s_mov_b64 s[4:5], s[0:1]
        s_add_u32 s4, s4, 56
        s_addc_u32 s5, s5, 0
        s_load_b32 s6, s[4:5], {}
        s_waitcnt lgkmcnt(0)
        s_endpgm
    """
    assert rules_of(text.format(4), "gfx1100") == []
    assert rules_of(text.format(8), "gfx1100") == ["memory.kernarg-bounds"]


def test_odd_pair_of_scalar_registers() -> None:
    """The encoder refuses it, so the word is made by hand: s_mov_b64 s[5:6], 0."""
    image = image_of("s_endpgm", "gfx1100")
    chip = chip_named("gfx1100")
    assert chip is not None
    code = (0xBE850180).to_bytes(4, "little") + image.code
    rules = [row.rule.value for row in check_kernel(replace(image, code=code), chip)]
    assert rules in (["register.alignment"], ["code.decode"])


def test_user_registers_that_gfx1100_fails_to_set() -> None:
    """Fewer than 16 with the group ids."""
    image = image_of("s_endpgm", "gfx1100")
    chip = chip_named("gfx1100")
    assert chip is not None
    found = check_kernel(replace(image, user_sgprs=2), chip)
    assert [row.rule for row in found] == [Rule.DESCRIPTOR]
