"""The table of semantics: operation -> function, from the families' tables."""

from collections.abc import Mapping

from mlrift.emulator.semantics import (
    buffers,
    compare,
    control,
    convert,
    division,
    lanes,
    lds,
    matrix,
    memory,
    packed,
    salu,
    salu_float,
    valu_bits,
    valu_float,
    valu_integer,
)
from mlrift.emulator.step import Semantics

_TABLES: tuple[Mapping[str, Semantics], ...] = (
    salu.ROWS,
    salu_float.ROWS,
    valu_integer.ROWS,
    valu_bits.ROWS,
    valu_float.ROWS,
    division.ROWS,
    convert.ROWS,
    compare.ROWS,
    packed.ROWS,
    matrix.ROWS,
    lanes.ROWS,
    memory.ROWS,
    buffers.ROWS,
    lds.ROWS,
    control.ROWS,
    control.ENDS,
)


def _merged() -> dict[str, Semantics]:
    merged: dict[str, Semantics] = {}
    for table in _TABLES:
        twice = merged.keys() & table.keys()
        if twice:
            raise ValueError(f"two semantics of {', '.join(sorted(twice))}")
        merged.update(table)
    return merged


FAMILIES: Mapping[str, Semantics] = _merged()
"""All operations but pairs of dual issue."""
