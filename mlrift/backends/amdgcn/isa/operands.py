"""Operand codecs: what a field of a row holds, to its number and back.

A codec is made once per operand of a row. Numbers become operands through a table
(`source_codes.py`); operands become numbers by their class. Invariant: an operand that a codec
encodes is the operand that it decodes from the number.
"""

from collections.abc import Callable

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.errors import EncodeError
from mlrift.backends.amdgcn.isa.instruction import (
    ElementType,
    Immediate,
    Inline,
    Literal,
    Operand,
    OperandKind,
    OperandSpec,
)
from mlrift.backends.amdgcn.isa.registers import GENERAL_VGPRS, NULL, VCC, Register, RegisterFile
from mlrift.backends.amdgcn.isa.source_codes import (
    FIRST_VGPR_CODE,
    LITERAL_CODE,
    Table,
    constants,
    inline_code,
    scalar_code,
    scalar_registers,
    scalar_sources,
    sources,
    vector_registers,
)

Encoder = Callable[[Operand], int]
Decoder = Callable[[int], Operand | None]

NUMBERS = frozenset(
    (
        OperandKind.IMMEDIATE,
        OperandKind.BRANCH_TARGET,
        OperandKind.WAIT_COUNTS,
        OperandKind.HARDWARE_REGISTER,
        OperandKind.DEPENDENCY_COUNTS,
        OperandKind.DELAYS,
        OperandKind.MESSAGE,
    )
)
_TAKES_CONSTANTS = frozenset(
    (
        OperandKind.SOURCE,
        OperandKind.SCALAR_SOURCE,
        OperandKind.LANE_SELECT,
        OperandKind.MATRIX_ADDEND,
    )
)
TAKES_LITERALS = frozenset((OperandKind.SOURCE, OperandKind.SCALAR_SOURCE))
_TAKES_VECTORS = frozenset(
    (
        OperandKind.SOURCE,
        OperandKind.VGPR,
        OperandKind.MATRIX_ADDEND,
        OperandKind.REGISTER_SOURCE,
    )
)
_ONLY_VECTORS = frozenset((OperandKind.VGPR, OperandKind.MATRIX_ADDEND))


_OPTIONAL_MASK_BITS = 8
_NAMED_MASK = 0x80

_SHIFTS_OF_BASES = {6: 1, 5: 2, 9: 0}
"""How many low bits of a register's number a field of that width leaves out."""

_HALVED_FIELD = "vdsty"
"""Lacks the lowest bit, which is the opposite of that of `vdstx`."""


def encoder_of(spec: OperandSpec, width: int, generation: Generation) -> Encoder:
    """Return the function from an operand to the number in a field of that width."""
    if spec.kind in NUMBERS:
        return _number_encoder(spec, width)
    if spec.kind is OperandKind.SCALAR_BASE:
        shift = _SHIFTS_OF_BASES[width]
        return lambda operand: _register_code(spec, operand, generation) >> shift
    if _is_optional_mask(spec, width):
        return lambda operand: (
            0 if operand == VCC else _NAMED_MASK | _register_code(spec, operand, generation)
        )
    if spec.field == _HALVED_FIELD:
        return lambda operand: (_register_code(spec, operand, generation) - FIRST_VGPR_CODE) >> 1
    if spec.kind is OperandKind.VGPR and width == 8:
        return lambda operand: _register_code(spec, operand, generation) - FIRST_VGPR_CODE

    def encode(operand: Operand) -> int:
        kind = type(operand)
        if kind is Register:
            return _register_code(spec, operand, generation)
        if isinstance(operand, Inline) and spec.kind in _TAKES_CONSTANTS:
            return _inline_code(spec, operand)
        if kind is Literal and spec.kind in TAKES_LITERALS:
            return LITERAL_CODE
        raise _refused(spec, operand)

    return encode


def decoder_of(spec: OperandSpec, width: int, generation: Generation) -> Decoder:
    """Return the function from the number in a field to the operand, None if it has no meaning."""
    if spec.kind in NUMBERS:
        return _number_decoder(spec, width)
    return table_of(spec, width, generation).__getitem__


def table_of(spec: OperandSpec, width: int, generation: Generation) -> Table:
    """Return the operands of all numbers in a field."""
    dwords = spec.dwords
    if spec.kind is OperandKind.SCALAR_BASE:
        table = scalar_registers(generation, dwords)[:: 1 << _SHIFTS_OF_BASES[width]]
        return (*table, *(None,) * ((1 << width) - len(table)))
    if spec.kind in _ONLY_VECTORS:
        if width == 8:
            return vector_registers(dwords)
        low = (
            constants(generation, dwords)
            if spec.kind is OperandKind.MATRIX_ADDEND
            else (None,) * 256
        )
        return (*low, *vector_registers(dwords))
    if spec.kind is OperandKind.SOURCE:
        return sources(generation, dwords)
    if spec.kind is OperandKind.REGISTER_SOURCE:
        return (*scalar_registers(generation, dwords), *(None,) * 128, *vector_registers(dwords))
    if _is_optional_mask(spec, width):
        named = [None if each == VCC else each for each in scalar_registers(generation, 1)]
        return (VCC, *(None,) * (_NAMED_MASK - 1), *named)
    if spec.kind is OperandKind.SCALAR_SOURCE:
        table = scalar_sources(generation, dwords)
    elif spec.kind is OperandKind.LANE_SELECT:
        table = (*scalar_registers(generation, dwords), *constants(generation, dwords)[128:])
    else:
        table = scalar_registers(generation, dwords)
    return (*table, *(None,) * ((1 << width) - len(table)))[: 1 << width]


def _is_optional_mask(spec: OperandSpec, width: int) -> bool:
    """Say if the field is that of an SDWA comparison, where 0 means VCC."""
    return spec.field == "sdst" and width == _OPTIONAL_MASK_BITS


def _register_code(spec: OperandSpec, operand: Operand, generation: Generation) -> int:
    if type(operand) is not Register:
        raise _refused(spec, operand)
    if operand.file is RegisterFile.VECTOR:
        if spec.kind not in _TAKES_VECTORS or operand.count != spec.dwords:
            raise _refused(spec, operand)
        if operand.first < 0 or operand.first + operand.count > GENERAL_VGPRS:
            raise EncodeError(f"{spec.field}: {described(operand)} is beyond v255")
        return FIRST_VGPR_CODE + operand.first
    if spec.kind in _ONLY_VECTORS:
        raise _refused(spec, operand)
    code = scalar_code(operand, generation)
    limit = 128 if spec.kind not in _TAKES_CONSTANTS else 256
    table = scalar_sources(generation, spec.dwords)
    if not 0 <= code < limit or table[code] != operand:
        raise _refused(spec, operand)
    return code


def _inline_code(spec: OperandSpec, operand: Inline) -> int:
    number = operand.number
    code = inline_code(number)
    if code is None:
        raise EncodeError(
            f"{spec.field}: {number} is not an inline constant"
            " (-16 to 64, 0.5, 1, 2, 4 and their negatives as floats, 1 / (2 pi))"
        )
    return code


def _number_encoder(spec: OperandSpec, width: int) -> Encoder:
    signed = spec.element is ElementType.I16
    lowest, highest = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
    mask = (1 << width) - 1

    def encode(operand: Operand) -> int:
        if type(operand) is not Immediate:
            raise _refused(spec, operand)
        if not lowest <= operand.number <= highest:
            raise EncodeError(
                f"{spec.field}: {operand.number} is not between {lowest} and {highest}"
            )
        return operand.number & mask

    return encode


def _number_decoder(spec: OperandSpec, width: int) -> Decoder:
    if spec.element is not ElementType.I16:
        return Immediate
    sign, modulus = 1 << width - 1, 1 << width
    return lambda code: Immediate(code - modulus if code & sign else code)


def _refused(spec: OperandSpec, operand: Operand) -> EncodeError:
    size = "a dword" if spec.dwords == 1 else f"{spec.dwords} dwords"
    return EncodeError(
        f"{spec.field}: found {described(operand)}, expected {spec.kind.value} of {size}"
    )


def described(operand: Operand) -> str:
    """Return an operand for a message."""
    if isinstance(operand, Register):
        if operand == NULL:
            return "null"
        name = operand.file.value
        if operand.count == 1:
            return f"{name}{operand.first}"
        return f"{name}[{operand.first}:{operand.first + operand.count - 1}]"
    if isinstance(operand, Literal):
        return f"the literal {operand.bits:#x}"
    return f"the number {operand.number}"
