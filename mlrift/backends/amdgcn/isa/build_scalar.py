"""Rows of the scalar instructions that are no memory instructions, from `scalar_rows.py`."""

from collections.abc import Iterator

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import scalar_rows
from mlrift.backends.amdgcn.isa.formats import Encoding, format_of
from mlrift.backends.amdgcn.isa.instruction import Effects, OperandSpec, Row, Unit
from mlrift.backends.amdgcn.isa.registers import EXEC, EXEC_PAIR, M0, SCC, VCC, Register
from mlrift.backends.amdgcn.isa.table_lines import Line, operand, read_lines

_TABLES = (
    (Encoding.SOP1, scalar_rows.SOP1, ("sdst", "ssrc0")),
    (Encoding.SOP2, scalar_rows.SOP2, ("sdst", "ssrc0", "ssrc1", "ssrc1")),
    (Encoding.SOPC, scalar_rows.SOPC, ("ssrc0", "ssrc1")),
    (Encoding.SOPK, scalar_rows.SOPK, ()),
    (Encoding.SOPP, scalar_rows.SOPP, ()),
)
"""Encoding, table, and the fields of operands that name none."""

_UNITS = {
    "branch": (Unit.BRANCH, Effects.TERMINATES),
    "conditional": (Unit.BRANCH, Effects.CONDITIONAL),
    "barrier": (Unit.BARRIER, Effects.NONE),
    "wait": (Unit.WAIT, Effects.NONE),
    "message": (Unit.MESSAGE, Effects.NONE),
    "cache": (Unit.CACHE, Effects.NONE),
    "end": (Unit.END, Effects.TERMINATES),
}


def scalar_rows_of(generation: Generation) -> Iterator[Row]:
    """Yield the rows of SOP1, SOP2, SOPC, SOPK and SOPP."""
    for encoding, table, fields in _TABLES:
        for line in read_lines(table, generation):
            yield _row(generation, encoding, line, fields)


def _row(generation: Generation, encoding: Encoding, line: Line, fields: tuple[str, ...]) -> Row:
    letters = ""
    unit, effects = Unit.SALU, Effects.NONE
    for flag in line.flags:
        if flag in _UNITS:
            unit, effects = _UNITS[flag]
        else:
            letters = flag
    if "X" in letters:
        effects |= Effects.WRITES_EXEC
    execute = EXEC_PAIR if line.operation.endswith("_b64") else EXEC
    return Row(
        line.name,
        line.operation,
        format_of(generation, encoding),
        line.opcode,
        _operands(line.operands, fields),
        unit,
        effects | Effects.IGNORES_EXEC,
        _read(letters, execute),
        _written(letters, execute),
        0,
    )


def _operands(texts: list[str], fields: tuple[str, ...]) -> tuple[OperandSpec, ...]:
    operands = []
    position = 0
    for text in texts:
        field, _, rest = text.rpartition(":")
        if not field and rest == "k":
            field = "literal"
        elif not field:
            field = fields[position]
            position += 1
        operands.append(operand(field, rest))
    return tuple(operands)


def _read(letters: str, execute: Register) -> tuple[Register, ...]:
    registers = {"c": SCC, "x": execute, "v": VCC, "M": M0}
    return tuple(registers[letter] for letter in letters if letter in registers)


def _written(letters: str, execute: Register) -> tuple[Register, ...]:
    registers = {"C": SCC, "X": execute}
    return tuple(registers[letter] for letter in letters if letter in registers)
