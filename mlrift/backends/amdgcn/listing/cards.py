"""Cards by name: public figures for rooflines. GB/s and TFLOP/s of f32 at boost clock, with fused
multiply-add as two operations and, from RDNA 3 on, two of them at once where the code allows.
"""

from mlrift.values import value


@value
class Card:
    """A card; `name` has no spaces. `tera_operations` are of f32 with dual issue, if it has any."""

    name: str
    chip: str
    compute_units: int
    gigabytes_per_second: float
    tera_operations: float

    @property
    def operations_per_byte(self) -> float:
        """Where a kernel stops to be limited by memory."""
        return self.tera_operations * 1000.0 / self.gigabytes_per_second


CARDS: tuple[Card, ...] = (
    Card("rx6600", "gfx1032", 28, 224.0, 8.9),
    Card("rx6700xt", "gfx1031", 40, 384.0, 13.2),
    Card("rx6800", "gfx1030", 60, 512.0, 16.2),
    Card("rx6800xt", "gfx1030", 72, 512.0, 20.7),
    Card("rx6900xt", "gfx1030", 80, 512.0, 23.0),
    Card("rx7600", "gfx1102", 32, 288.0, 21.8),
    Card("rx7700xt", "gfx1101", 54, 432.0, 35.2),
    Card("rx7800xt", "gfx1101", 60, 624.1, 37.3),
    Card("rx7900xt", "gfx1100", 84, 800.0, 51.6),
    Card("rx7900xtx", "gfx1100", 96, 960.0, 61.4),
    Card("rx9060xt", "gfx1200", 32, 322.3, 25.6),
    Card("rx9070", "gfx1201", 56, 640.0, 36.1),
    Card("rx9070xt", "gfx1201", 64, 640.0, 48.7),
)


def plain_card_name(text: str) -> str:
    """Return a name as in the table: `RX 7900 XTX` is `rx7900xtx`."""
    return "".join(text.lower().split()).replace("-", "").replace("radeon", "")


def card_named(text: str) -> Card | None:
    """Return the card of a name, however it is spaced, or None."""
    name = plain_card_name(text)
    return next((row for row in CARDS if row.name == name), None)


def card_of_chip(chip_name: str) -> Card | None:
    """Return the fastest card with a chip, or None."""
    found = [row for row in CARDS if row.chip == chip_name]
    return max(found, key=lambda row: row.tera_operations, default=None)
