"""How the bits of an operand become an LLVM value, and what constants look like as bits."""

import struct

from mlrift.backends.amdgcn.isa.instruction import ElementType, Inline, Literal
from mlrift.values import value


@value
class Kind:
    """An element as LLVM sees it: its type, its width, and whether it is a float."""

    name: str
    bits: int
    is_float: bool = False

    @property
    def integer(self) -> str:
        """The integer type of the same width."""
        return f"i{self.bits}"


I8, I16, I32, I64 = (Kind(f"i{bits}", bits) for bits in (8, 16, 32, 64))
HALF, FLOAT, DOUBLE = Kind("half", 16, True), Kind("float", 32, True), Kind("double", 64, True)

_SIGNED_64 = ElementType.I64
KINDS: dict[ElementType, Kind] = {
    ElementType.B16: I16,
    ElementType.I16: I16,
    ElementType.U16: I16,
    ElementType.BF16: I16,
    ElementType.F16: HALF,
    ElementType.B32: I32,
    ElementType.I32: I32,
    ElementType.U32: I32,
    ElementType.MASK: I32,
    ElementType.F32: FLOAT,
    ElementType.PACKED_F16: I32,
    ElementType.PACKED_BF16: I32,
    ElementType.PACKED_I16: I32,
    ElementType.PACKED_I8: I32,
    ElementType.PACKED_I4: I32,
    ElementType.PACKED_F8: I32,
    ElementType.B64: I64,
    ElementType.I64: I64,
    ElementType.U64: I64,
    ElementType.F64: DOUBLE,
}

_HALF_ELEMENTS = frozenset((ElementType.F16, ElementType.PACKED_F16))
_BF16_ELEMENTS = frozenset((ElementType.BF16, ElementType.PACKED_BF16))


def constant_bits(operand: Inline | Literal, element: ElementType) -> int:
    """Return the bits that an operand of that element reads for a constant, as wide as it is."""
    kind = KINDS[element]
    if isinstance(operand, Literal):
        return _literal_bits(operand.bits, element, kind)
    if isinstance(operand.number, int):
        return operand.number & ((1 << kind.bits) - 1)
    return _float_bits(operand.number, element, kind)


def _literal_bits(bits: int, element: ElementType, kind: Kind) -> int:
    if kind.bits == 64:
        if element is ElementType.F64:
            return bits << 32
        is_negative = element is _SIGNED_64 and bits >> 31
        return bits | (0xFFFFFFFF_00000000 if is_negative else 0)
    return bits & ((1 << kind.bits) - 1)


def _float_bits(number: float, element: ElementType, kind: Kind) -> int:
    if element in _HALF_ELEMENTS:
        return int(struct.unpack("<H", struct.pack("<e", number))[0])
    if kind.bits == 64:
        return int(struct.unpack("<Q", struct.pack("<d", number))[0])
    single = int(struct.unpack("<I", struct.pack("<f", number))[0])
    if element in _BF16_ELEMENTS:
        return single >> 16
    # A 16-bit integer operand reads an inline float as f16.
    if kind.bits == 16:
        return int(struct.unpack("<H", struct.pack("<e", number))[0])
    return single


def signed(bits: int, width: int) -> int:
    """Return bits as LLVM prints an integer constant of that width."""
    return bits - (1 << width) if bits >> (width - 1) & 1 else bits
