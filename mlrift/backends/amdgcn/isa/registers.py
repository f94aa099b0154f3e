"""Registers of a wave: scalar, vector, and the condition code.

Scalar registers are numbered as gfx11 numbers them in a source operand, for every generation: 0 to
105 are s0 to s105, then the special ones below. gfx10 swaps M0 and NULL in its encodings; only the
operand codecs know. A register of several dwords names its first and its length.
"""

from enum import Enum, unique

from mlrift.values import value


@unique
class RegisterFile(Enum):
    """Which of a wave's files a register is in; `CONDITION` has one bit, SCC."""

    SCALAR = "s"
    VECTOR = "v"
    CONDITION = "scc"


@value
class Register:
    """`count` dwords of a file from `first` on."""

    file: RegisterFile
    first: int
    count: int = 1

    def dwords(self) -> range:
        """Return the numbers of the dwords."""
        return range(self.first, self.first + self.count)


def sgpr(first: int, count: int = 1) -> Register:
    """Return s[first : first + count]."""
    return Register(RegisterFile.SCALAR, first, count)


def vgpr(first: int, count: int = 1) -> Register:
    """Return v[first : first + count]."""
    return Register(RegisterFile.VECTOR, first, count)


VCC = sgpr(106)
VCC_PAIR = sgpr(106, 2)
FIRST_TRAP_TEMPORARY = 108
NULL = sgpr(124)
M0 = sgpr(125)
EXEC = sgpr(126)
EXEC_PAIR = sgpr(126, 2)
SCC = Register(RegisterFile.CONDITION, 0)

GENERAL_SGPRS = 106
GENERAL_VGPRS = 256
