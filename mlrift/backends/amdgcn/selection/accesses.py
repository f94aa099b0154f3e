"""Which operands an operation reads and writes: what machine IR says beside them.

An operation has a row for each format; the one with as many operands as the instruction counts.
"""

from functools import lru_cache

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import rows_of_operation
from mlrift.backends.amdgcn.isa.instruction import Access


@lru_cache(maxsize=4096)
def accesses_of(operation: str, generation: Generation, operands: int) -> tuple[Access, ...]:
    """Return the accesses of the operands of an instruction; KeyError when there is no such."""
    for row in rows_of_operation(operation, generation):
        if len(row.operands) == operands:
            return tuple(spec.access for spec in row.operands)
    raise KeyError(f"{generation.value} has no {operation} with {operands} operands")
