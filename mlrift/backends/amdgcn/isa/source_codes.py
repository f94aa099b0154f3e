"""The numbers that stand for registers and constants in source and target fields.

Sources: AMD's instruction set manuals of RDNA 2, 3 and 4, section "Scalar operands". A table has an
entry for each number of a field: an operand, `LITERAL` for the number that announces a literal, or
None for a number without meaning.
"""

from functools import cache

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Inline, Literal, Operand
from mlrift.backends.amdgcn.isa.registers import (
    GENERAL_SGPRS,
    GENERAL_VGPRS,
    M0,
    NULL,
    SCC,
    Register,
    RegisterFile,
    sgpr,
    vgpr,
)

LITERAL = Literal(0)
"""Stands in a table for the literal that follows the instruction."""

LITERAL_CODE = 255
SCC_CODE = 253
FIRST_VGPR_CODE = 256
_SPECIAL_GENERALS = (106, 108, 110, 112, 114, 116, 118, 120, 122, 126)
"""Where pairs begin above the general registers: VCC, trap temporaries, EXEC."""

_APERTURES = (235, 236, 237, 238)
_FLAGS_AS_SOURCES = (251, 252)
"""VCCZ and EXECZ, of gfx10.3 only."""

_FIRST_INTEGER, _FIRST_NEGATIVE = 128, 192
FLOATS = {
    240: 0.5,
    241: -0.5,
    242: 1.0,
    243: -1.0,
    244: 2.0,
    245: -2.0,
    246: 4.0,
    247: -4.0,
    248: 0.15915494309189535,
}
"""The constants that have a code; the last is 1 / (2 pi)."""

FLOAT_CODES = {number: code for code, number in FLOATS.items()}
SMALLEST_INTEGER, LARGEST_INTEGER = -16, 64

Table = tuple[Operand | None, ...]


def alignment_of(dwords: int) -> int:
    """Return what the first of that many scalar registers must be a multiple of."""
    return min(dwords, 2) if dwords < 3 else 4


@cache
def scalar_registers(generation: Generation, dwords: int) -> Table:
    """Return the registers of a 7-bit field."""
    table: list[Operand | None] = [None] * 128
    align = alignment_of(dwords)
    for first in range(0, GENERAL_SGPRS, align):
        if first + dwords <= GENERAL_SGPRS:
            table[first] = sgpr(first, dwords)
    if dwords == 1:
        for first in (*range(GENERAL_SGPRS, 124), 126, 127):
            table[first] = sgpr(first)
    elif dwords == 2:
        for first in _SPECIAL_GENERALS:
            table[first] = sgpr(first, 2)
    else:
        for first in range(108, 124 - dwords + 1, 4):
            table[first] = sgpr(first, dwords)
    m0, null = (124, 125) if generation is Generation.GFX10 else (125, 124)
    table[null] = NULL
    if dwords == 1:
        table[m0] = M0
    return tuple(table)


@cache
def vector_registers(dwords: int) -> Table:
    """Return the registers of an 8-bit field."""
    last = GENERAL_VGPRS - dwords
    return tuple(vgpr(first, dwords) if first <= last else None for first in range(256))


@cache
def scalar_sources(generation: Generation, dwords: int) -> Table:
    """Return what an 8-bit field can hold: a scalar register, a constant or a literal."""
    table = [*constants(generation, dwords)]
    table[:128] = scalar_registers(generation, dwords)
    table[LITERAL_CODE] = LITERAL
    return tuple(table)


@cache
def constants(generation: Generation, dwords: int) -> Table:
    """Return the inline constants of an 8-bit field, and what can be read but is no register."""
    table: list[Operand | None] = [None] * 256
    for number in range(LARGEST_INTEGER + 1):
        table[_FIRST_INTEGER + number] = Inline(number)
    for number in range(1, 1 - SMALLEST_INTEGER):
        table[_FIRST_NEGATIVE + number] = Inline(-number)
    for code, fraction in FLOATS.items():
        table[code] = Inline(fraction)
    if dwords <= 2:
        for code in _APERTURES:
            table[code] = sgpr(code, dwords)
    if dwords == 1:
        for code in _FLAGS_AS_SOURCES if generation is Generation.GFX10 else ():
            table[code] = sgpr(code)
        table[SCC_CODE] = SCC
    return tuple(table)


@cache
def sources(generation: Generation, dwords: int) -> Table:
    """Return what a 9-bit field of a vector instruction can hold."""
    return (*scalar_sources(generation, dwords), *vector_registers(dwords))


def inline_code(number: float) -> int | None:
    """Return the code of a constant, None if it has none."""
    if isinstance(number, float):
        return FLOAT_CODES.get(number)
    if SMALLEST_INTEGER <= number <= LARGEST_INTEGER:
        return _FIRST_INTEGER + number if number >= 0 else _FIRST_NEGATIVE - number
    return None


def scalar_code(register: Register, generation: Generation) -> int:
    """Return the number of a scalar register in a source field."""
    if register.file is RegisterFile.CONDITION:
        return SCC_CODE
    first = register.first
    if generation is Generation.GFX10 and first in (M0.first, NULL.first):
        return M0.first + NULL.first - first
    return first
