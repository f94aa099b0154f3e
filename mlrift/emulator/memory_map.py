"""Device memory: ranges of addresses and the host memory behind them.

Every range lies alone in its four gigabytes, so an access that misses a buffer by less than that
hits nothing. Invariant: the host memory of a range lives as long as the map.
"""

import numpy as np

from mlrift.emulator.errors import EmulatorError
from mlrift.emulator.layout import RangeOffset
from mlrift.static_types import Any
from mlrift.values import value

_FIRST_ADDRESS = 0x7000_0000_0000
_SPACING = 1 << 32
_FIELDS = RangeOffset.BYTES // 8


@value
class MappedRange:
    """Device addresses from `start` on; `size_bytes` of host memory at `host`."""

    name: str
    start: int
    size_bytes: int
    host: int
    is_writable: bool

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.start + self.size_bytes


class MemoryMap:
    """The ranges that kernels of one launch can reach."""

    def __init__(self) -> None:
        self.ranges: list[MappedRange] = []
        self._kept: list[Any] = []
        self._known: dict[tuple[int, int, bool], int] = {}
        self._next = _FIRST_ADDRESS

    def map(
        self, array: Any, name: str, *, is_writable: bool = True, address: int | None = None
    ) -> int:
        """Make an array's memory reachable; return its device address.

        The array has to be contiguous (C order). The same memory gets the same address again.
        """
        if not array.flags.c_contiguous:
            raise EmulatorError(f"{name}: the array is not contiguous; pass a copy")
        is_writable = is_writable and bool(array.flags.writeable)
        host = int(array.ctypes.data)
        key = (host, int(array.nbytes), is_writable)
        if address is None and key in self._known:
            return self._known[key]
        start = self._next if address is None else address
        if address is None:
            self._next += (array.nbytes // _SPACING + 1) * _SPACING
            self._known[key] = start
        self.ranges.append(MappedRange(name, start, int(array.nbytes), host, is_writable))
        self._kept.append(array)
        return start

    def table(self) -> Any:
        """Return the rows that translated code searches (`RangeOffset`)."""
        table = np.zeros((max(1, len(self.ranges)), _FIELDS), np.int64)
        for row, found in zip(table, self.ranges, strict=False):
            row[RangeOffset.START // 8] = found.start
            row[RangeOffset.END // 8] = found.end
            row[RangeOffset.DELTA // 8] = found.host - found.start
            row[RangeOffset.WRITABLE // 8] = found.is_writable
        return table

    def describe(self, address: int, size_bytes: int) -> str:
        """Return where an address is, relative to the nearest range."""
        if not self.ranges:
            return f"address {address:#x}, and nothing is mapped"
        nearest = min(self.ranges, key=lambda found: _distance(found, address, size_bytes))
        what = f"{size_bytes} bytes at {address:#x}"
        size = f"`{nearest.name}` ({nearest.size_bytes} bytes)"
        if address < nearest.start:
            return f"{what}, {nearest.start - address} bytes before {size}"
        offset = address - nearest.start
        if address >= nearest.end:
            return f"{what}, {address - nearest.end} bytes after the end of {size}"
        return f"{what}, at byte {offset} of {size}"


def _distance(found: MappedRange, address: int, size_bytes: int) -> int:
    if address < found.start:
        return found.start - address
    return max(0, address + size_bytes - found.end)
