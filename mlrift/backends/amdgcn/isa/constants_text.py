"""Constants as the assembler writes them.

The assembler takes a number that has a code of its own as an inline constant; a literal with the
same bits is written `lit(...)`. Which bits these are depends on the element.
"""

import struct

from mlrift.backends.amdgcn.isa.errors import AssemblyError
from mlrift.backends.amdgcn.isa.instruction import ElementType, Inline, Literal
from mlrift.backends.amdgcn.isa.source_codes import (
    FLOATS,
    LARGEST_INTEGER,
    SMALLEST_INTEGER,
    inline_code,
)

_HALF_FLOATS = frozenset((ElementType.F16, ElementType.PACKED_F16))
_BFLOATS = frozenset((ElementType.BF16, ElementType.PACKED_BF16))
_HALF_INTEGERS = frozenset(
    (ElementType.B16, ElementType.I16, ElementType.U16, ElementType.PACKED_I16)
)
_PACKED = frozenset((ElementType.PACKED_F16, ElementType.PACKED_BF16, ElementType.PACKED_I16))
_DOUBLES = frozenset((ElementType.F64, ElementType.I64, ElementType.U64, ElementType.B64))

_INVERSE_OF_TWO_PI = "0.15915494"
_INVERSE_OF_TWO_PI_AS_DOUBLE = "0.15915494309189532"


def inline_text(constant: Inline, element: ElementType) -> str:
    """Return an inline constant."""
    number = constant.number
    if isinstance(number, int):
        return str(number)
    if inline_code(number) == 248:
        return _INVERSE_OF_TWO_PI_AS_DOUBLE if element in _DOUBLES else _INVERSE_OF_TWO_PI
    return str(number)


def literal_text(literal: Literal, element: ElementType) -> str:
    """Return a literal, so that it stays one."""
    if _constant_of(literal.bits, element) is None:
        return f"{literal.bits:#x}"
    return f"lit({literal.bits:#x})"


def constant_of_text(text: str, element: ElementType) -> Inline | Literal:
    """Return the constant that the assembler understands."""
    if text.startswith("lit(") and text.endswith(")"):
        return Literal(_integer(text[4:-1]) & 0xFFFFFFFF)
    if "." in text:
        return _float_constant(text, element)
    number = _integer(text)
    if SMALLEST_INTEGER <= number <= LARGEST_INTEGER:
        return Inline(number)
    if not -(1 << 31) <= number < 1 << 32:
        raise AssemblyError(f"{text} has more than 32 bits")
    found = _constant_of(number & 0xFFFFFFFF, element)
    return Literal(number & 0xFFFFFFFF) if found is None else found


def _integer(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise AssemblyError(f"`{text}` is no operand") from None


def _float_constant(text: str, element: ElementType) -> Inline | Literal:
    try:
        number = float(text)
    except ValueError:
        raise AssemblyError(f"`{text}` is no number") from None
    if text in (_INVERSE_OF_TWO_PI, _INVERSE_OF_TWO_PI_AS_DOUBLE):
        return Inline(FLOATS[248])
    if inline_code(number) is not None:
        return Inline(number)
    return Literal(_float_bits(number, element))


def _constant_of(bits: int, element: ElementType) -> Inline | None:
    """Return the inline constant that the assembler makes of a number, None for a literal."""
    width = 32
    if element in _HALF_FLOATS or element in _BFLOATS or element in _HALF_INTEGERS:
        width = 16
    if element in _DOUBLES:
        return Inline(bits) if bits <= LARGEST_INTEGER else None
    if element in _PACKED:
        width = 32 if bits >> 16 else 16
    signed = bits - (1 << width) if bits >> width - 1 == 1 else bits
    if SMALLEST_INTEGER <= signed <= LARGEST_INTEGER:
        return Inline(signed)
    if element in _HALF_INTEGERS:
        return None
    for number in FLOATS.values():
        if _float_bits(number, element) == bits:
            return Inline(number)
    return None


def _float_bits(number: float, element: ElementType) -> int:
    """Return a float as the assembler puts it into a literal."""
    if element in _HALF_FLOATS:
        return int.from_bytes(struct.pack("<e", number), "little")
    single = int.from_bytes(struct.pack("<f", number), "little")
    if element in _BFLOATS:
        return single >> 16
    if element in _DOUBLES:
        return int.from_bytes(struct.pack("<d", number), "little") >> 32
    return single
