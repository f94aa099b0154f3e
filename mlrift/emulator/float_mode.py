"""The MODE register as far as arithmetic sees it: rounding and denormal numbers."""

from enum import IntEnum

from mlrift.backends.amdgcn.chips import Generation
from mlrift.values import value


class Rounding(IntEnum):
    """As MODE holds it."""

    NEAREST_EVEN = 0
    UP = 1
    DOWN = 2
    ZERO = 3


@value
class FloatMode:
    """The low byte of MODE: rounding of f32 (1:0) and of f16, f64 (3:2), denormals (5:4, 7:6).

    Of a denormal field, bit 0 keeps denormal sources and bit 1 denormal results.
    """

    bits: int
    quiets_extremes: bool = False
    """IEEE mode of gfx10 and 11: a signalling NaN wins in minima and maxima."""

    @property
    def rounding_f32(self) -> Rounding:
        """How f32 results are rounded."""
        return Rounding(self.bits & 3)

    @property
    def rounding_f64(self) -> Rounding:
        """How f16 and f64 results are rounded."""
        return Rounding(self.bits >> 2 & 3)

    def takes_denormals(self, width: int) -> bool:
        """Whether denormal sources of that many bits keep their value."""
        return bool(self._denormals(width) & 1)

    def gives_denormals(self, width: int) -> bool:
        """Whether denormal results of that many bits keep their value."""
        return bool(self._denormals(width) & 2)

    def _denormals(self, width: int) -> int:
        return self.bits >> (4 if width == 32 else 6) & 3

    def with_rounding(self, field: int) -> "FloatMode":
        """Return the mode after s_round_mode."""
        return FloatMode(self.bits & 0xF0 | field & 0xF, self.quiets_extremes)

    def with_denormals(self, field: int) -> "FloatMode":
        """Return the mode after s_denorm_mode."""
        return FloatMode(self.bits & 0x0F | (field & 0xF) << 4, self.quiets_extremes)

    def with_field(self, first: int, count: int, number: int) -> "FloatMode":
        """Return the mode after s_setreg of some bits; those above the low byte do nothing here."""
        mask = ((1 << count) - 1) << first
        bits = self.bits & ~mask | number << first & mask
        return FloatMode(bits & 0xFF, self.quiets_extremes)

    def rounds_to_nearest(self, width: int) -> bool:
        """Whether results of that many bits are rounded to nearest even."""
        rounding = self.rounding_f32 if width == 32 else self.rounding_f64
        return rounding is Rounding.NEAREST_EVEN


_IEEE_MODE = 1 << 23


def mode_of_descriptor(resources1: int, generation: Generation) -> FloatMode:
    """Return the mode a kernel starts in, from its descriptor's first resource word."""
    is_old = generation is not Generation.GFX12
    return FloatMode(resources1 >> 12 & 0xFF, is_old and bool(resources1 & _IEEE_MODE))
