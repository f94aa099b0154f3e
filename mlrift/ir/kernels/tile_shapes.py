"""The tiles of a matrix product: how many rows and vectors a processor level holds in registers.

A tile of R rows and V vectors keeps R * V sums in registers, beside V vectors of the right factor
and a broadcast element of the left one.
"""

from enum import Enum, unique

from mlrift.typesystem import BF16, F16, F32, F64, I8, I32, MachineType
from mlrift.values import replace, value


@unique
class Factor(Enum):
    """What the factors of a product are made of, and what its sums are."""

    F32 = "f32"
    F64 = "f64"
    BF16 = "bf16"
    F16 = "f16"
    I8 = "i8"
    I32 = "i32"

    @property
    def element(self) -> MachineType:
        """The type of an element in memory."""
        return _ELEMENTS[self]

    @property
    def total(self) -> MachineType:
        """The type of a sum, and of an element in a packed panel."""
        return _TOTALS[self.element]


@value
class TileShape:
    """A tile at a level: `rows` at most, `vectors` of `lanes` columns; 16 registers, or 32."""

    level: int
    lanes: int
    vectors: int
    rows: int

    @property
    def columns(self) -> int:
        """How many columns a panel has."""
        return self.lanes * self.vectors

    @property
    def narrow(self) -> "TileShape":
        """The tile for what is left at the right edge, when that is at most a vector."""
        return replace(self, vectors=1)


_ELEMENTS = {
    Factor.F32: F32,
    Factor.F64: F64,
    Factor.BF16: BF16,
    Factor.F16: F16,
    Factor.I8: I8,
    Factor.I32: I32,
}
_TOTALS = {F32: F32, F64: F64, BF16: F32, F16: F32, I8: I32, I32: I32}
TOTAL_NAMES: dict[MachineType, str] = {F32: "f32", F64: "f64", I32: "i32"}
SIZE_BYTES = {F32: 4, F64: 8, BF16: 2, F16: 2, I8: 1, I32: 4}
_REGISTER_BYTES = {0: 16, 3: 32, 4: 64}
# Rows and vectors: the level-4 tile has 28 sums of 32 registers, level 3 has 12 of 16. Level 0 is
# for all other processors, arm64 among them: 24 of 32.
_ROWS_AND_VECTORS = {0: (8, 3), 3: (6, 2), 4: (14, 2)}


def tile_shapes(total: MachineType) -> list[TileShape]:
    """Return the tiles of every level, the highest first."""
    return [
        TileShape(level, _REGISTER_BYTES[level] // SIZE_BYTES[total], vectors, rows)
        for level, (rows, vectors) in sorted(_ROWS_AND_VECTORS.items(), reverse=True)
    ]
