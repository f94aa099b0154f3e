"""A flat address space of regions: every global, stack object and mapping is one of its own.

An address is `region number << 32 | offset`, so an access outside of an object, to memory that was
given back, or through null meets no region or the end of one, and faults. Words that wrap are the
translator's business: addresses that come here are 0 to 2**64-1.
"""

from enum import Enum, unique

OFFSET_BITS = 32
OFFSET_MASK = (1 << OFFSET_BITS) - 1
_FIRST_REGION = 16
_POISON = b"\xa5"


@unique
class StackFill(Enum):
    """What storage of `memory.stack` holds before the program writes it."""

    POISON = "poison"
    ZERO = "zero"


class MemoryFault(Exception):
    """An access to memory that is not there."""

    def __init__(self, address: int, size_bytes: int) -> None:
        super().__init__(f"memory fault: {size_bytes} bytes at {address:#x}")


class Memory:
    """The regions by number, and the few operations that work on ranges."""

    __slots__ = ("_fill", "_free_stack", "_limit_bytes", "_mapped_bytes", "_next", "regions")

    def __init__(self, limit_bytes: int, fill: StackFill) -> None:
        self.regions: dict[int, bytearray] = {}
        self._limit_bytes = limit_bytes
        self._mapped_bytes = 0
        self._fill = _POISON if fill is StackFill.POISON else b"\0"
        self._next = _FIRST_REGION
        self._free_stack: list[int] = []

    def place(self, data: bytes, size_bytes: int) -> int:
        """Make a region for a global or a text; return its address."""
        number = self._next
        self._next = number + 1
        region = bytearray(size_bytes)
        region[: len(data)] = data
        self.regions[number] = region
        return number << OFFSET_BITS

    def map(self, size_bytes: int) -> int:
        """Return the address of fresh zeros, or 0 when that is too much."""
        if self._mapped_bytes + size_bytes > self._limit_bytes:
            return 0
        self._mapped_bytes += size_bytes
        return self.place(b"", size_bytes)

    def unmap(self, address: int) -> bool:
        """Give a mapping back; whether there was one."""
        if address & OFFSET_MASK or address >> OFFSET_BITS not in self.regions:
            return False
        self._mapped_bytes -= len(self.regions.pop(address >> OFFSET_BITS))
        return True

    def new_stack(self, size_bytes: int) -> int:
        """Return the address of storage in a frame."""
        if self._free_stack:
            number = self._free_stack.pop()
        else:
            number = self._next
            self._next = number + 1
        self.regions[number] = bytearray(self._fill * size_bytes)
        return number << OFFSET_BITS

    def free_stack(self, address: int) -> None:
        """Give storage of a frame back."""
        number = address >> OFFSET_BITS
        del self.regions[number]
        self._free_stack.append(number)

    def read(self, address: int, size_bytes: int) -> bytes:
        """Return a range of bytes."""
        region, offset = self._range(address, size_bytes)
        return bytes(region[offset : offset + size_bytes])

    def write(self, address: int, data: bytes) -> None:
        """Change a range of bytes."""
        region, offset = self._range(address, len(data))
        region[offset : offset + len(data)] = data

    def text(self, address: int) -> bytes:
        """Return the bytes up to a NUL."""
        region, offset = self._range(address, 1)
        end = region.find(0, offset)
        if end < 0:
            raise MemoryFault(address & ~OFFSET_MASK | len(region), 1)
        return bytes(region[offset:end])

    def word(self, address: int) -> int:
        """Return the word at an address."""
        return int.from_bytes(self.read(address, 8), "little")

    def copy(self, destination: int, source: int, size_bytes: int) -> None:
        """Copy a range; an empty one may be anywhere."""
        if size_bytes:
            from_region, begin = self._range(source, size_bytes)
            to_region, offset = self._range(destination, size_bytes)
            to_region[offset : offset + size_bytes] = from_region[begin : begin + size_bytes]

    def fill(self, destination: int, byte: int, size_bytes: int) -> None:
        """Set a range to one byte; an empty one may be anywhere."""
        if size_bytes:
            region, offset = self._range(destination, size_bytes)
            region[offset : offset + size_bytes] = bytes((byte & 0xFF,)) * size_bytes

    def _range(self, address: int, size_bytes: int) -> tuple[bytearray, int]:
        region = self.regions.get(address >> OFFSET_BITS)
        offset = address & OFFSET_MASK
        if region is None or offset + size_bytes > len(region):
            raise MemoryFault(address, size_bytes)
        return region, offset
