"""The instruction tables: all rows of a generation, by operation and by name.

A table is made when it is first asked for and never changes.
"""

from functools import cache

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.build_memory import memory_rows_of
from mlrift.backends.amdgcn.isa.build_scalar import scalar_rows_of
from mlrift.backends.amdgcn.isa.build_vector import vector_rows_of
from mlrift.backends.amdgcn.isa.extended_rows import extended
from mlrift.backends.amdgcn.isa.instruction import Row


@cache
def rows_of(generation: Generation) -> tuple[Row, ...]:
    """Return the rows of a generation, without those with data from other lanes (DPP)."""
    return (
        *scalar_rows_of(generation),
        *vector_rows_of(generation),
        *memory_rows_of(generation),
    )


@cache
def rows_by_operation(generation: Generation) -> dict[str, tuple[Row, ...]]:
    """Return the rows of each operation: where it has several formats, the shortest first."""
    found: dict[str, list[Row]] = {}
    for row in rows_of(generation):
        found.setdefault(row.operation, []).append(row)
    return {
        operation: tuple(sorted(rows, key=lambda row: row.format.size_bytes))
        for operation, rows in found.items()
    }


def rows_of_operation(operation: str, generation: Generation) -> tuple[Row, ...]:
    """Return the rows of an operation, shortest first; none if the generation lacks it."""
    return rows_by_operation(generation).get(operation, ())


def rows_with_lanes(row: Row, generation: Generation) -> tuple[Row, ...]:
    """Return the rows of an instruction whose first source comes from other lanes."""
    return tuple(extended(row, extension, generation) for extension in row.extensions)
