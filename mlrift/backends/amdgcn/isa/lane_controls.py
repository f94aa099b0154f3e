"""The numbers of `dpp_ctrl`: from which lane of its row of 16 a lane takes the first source.

Source: AMD's instruction set manuals of RDNA 2, 3 and 4, section "Data-parallel primitives".
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


def control_is_known(control: int) -> bool:
    """Say if a number of `dpp_ctrl` has a meaning."""
    return (
        control < _PERMUTATIONS
        or control in MIRRORS.values()
        or any(first <= control <= last for _, first, last in ROW_OPERATIONS)
    )
