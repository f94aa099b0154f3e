"""What the numbers in a DPP or an SDWA word mean: lanes of a row of 16, parts of a register.

Sources: AMD's instruction set manuals of RDNA 2, 3 and 4, sections "Data-parallel primitives" and
"Sub-dword addressing".
"""

_PERMUTATIONS = 0x100
"""Below it, two bits for each lane of four say which of the four it takes."""

ROW_OPERATIONS = (
    ("row_shl", 0x101, 0x10F),
    ("row_shr", 0x111, 0x11F),
    ("row_ror", 0x121, 0x12F),
    ("row_share", 0x150, 0x15F),
    ("row_xmask", 0x160, 0x16F),
)
"""Name, first and last number; the low four bits are the count or the lane."""

MIRRORS = {"row_mirror": 0x140, "row_half_mirror": 0x141}


PARTS = ("BYTE_0", "BYTE_1", "BYTE_2", "BYTE_3", "WORD_0", "WORD_1", "DWORD")
UNUSED = ("UNUSED_PAD", "UNUSED_SEXT", "UNUSED_PRESERVE")
SELECTIONS = {"dst_sel": PARTS, "dst_unused": UNUSED, "src0_sel": PARTS, "src1_sel": PARTS}
"""The modifiers of SDWA with the names of their numbers."""


def has_meaning(modifier: str, number: int) -> bool:
    """Say if a number of a modifier is one that the hardware knows."""
    if modifier == "dpp_ctrl":
        return _is_control(number)
    return modifier not in SELECTIONS or number < len(SELECTIONS[modifier])


def _is_control(control: int) -> bool:
    return (
        control < _PERMUTATIONS
        or control in MIRRORS.values()
        or any(first <= control <= last for _, first, last in ROW_OPERATIONS)
    )
