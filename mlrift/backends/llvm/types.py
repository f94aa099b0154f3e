"""How LLVM spells machine types and constants."""

import math
import struct

from mlrift.ir.numbers import single_to_bits
from mlrift.typesystem import MachineType, ValueType, VectorType

MEMORY_TYPE: dict[MachineType, str] = {
    MachineType.I1: "i1",
    MachineType.I8: "i8",
    MachineType.I16: "i16",
    MachineType.I32: "i32",
    MachineType.I64: "i64",
    MachineType.F16: "i16",
    MachineType.BF16: "i16",
    MachineType.F32: "float",
    MachineType.F64: "double",
}
MEMORY_BYTES: dict[MachineType, int] = {
    MachineType.I1: 1,
    MachineType.I8: 1,
    MachineType.I16: 2,
    MachineType.I32: 4,
    MachineType.I64: 8,
    MachineType.F16: 2,
    MachineType.BF16: 2,
    MachineType.F32: 4,
    MachineType.F64: 8,
}
WORD_BITS = 64


def padded_lanes(lanes: int) -> int:
    """Return how many lanes a vector has in LLVM, which fails on some that are no powers of two."""
    return 1 << (lanes - 1).bit_length()


class ValueTypes(dict[ValueType, str]):
    """The types of values; those of vectors are spelled when first met."""

    def __missing__(self, row: ValueType) -> str:
        """Spell the type of a vector."""
        if not isinstance(row, VectorType):
            raise KeyError(row)
        spelled = self[row] = f"<{padded_lanes(row.lanes)} x {MEMORY_TYPE[row.element]}>"
        return spelled


VALUE_TYPE = ValueTypes(
    {
        MachineType.VOID: "void",
        MachineType.I1: "i1",
        MachineType.I64: "i64",
        MachineType.F32: "float",
        MachineType.F64: "double",
    }
)


def result_type(results: tuple[ValueType, ...]) -> str:
    """Return the LLVM result type of a function: void, the type, or a struct of several."""
    if not results:
        return "void"
    if len(results) == 1:
        return VALUE_TYPE[results[0]]
    return "{ " + ", ".join([VALUE_TYPE[row] for row in results]) + " }"


def constant_text(value: float, constant_type: ValueType) -> str:
    """Spell a constant operand; words are written as signed numbers."""
    if constant_type is MachineType.F64:
        return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
    if constant_type is MachineType.F32:
        return _single_text(value)
    if constant_type is MachineType.I1:
        return "true" if value else "false"
    word = int(value)
    return str(word - (1 << WORD_BITS) if word >> (WORD_BITS - 1) else word)


def _single_text(value: float) -> str:
    """LLVM wants a single as the bits of the equal double; NaNs keep their own bits instead."""
    if math.isnan(value):
        return f"bitcast (i32 {single_to_bits(value)} to float)"
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def bytes_text(data: bytes) -> str:
    """Spell bytes as an LLVM string constant."""
    return 'c"' + "".join([_BYTE_TEXT[byte] for byte in data]) + '"'


_BYTE_TEXT = [
    chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:02X}" for byte in range(256)
]
