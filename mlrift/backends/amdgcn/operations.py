"""What the back end must know of an operation before it has a format: its unit, its effects, the
registers it touches without naming them, and which sources must not share the target's registers.

Operations that exist in several formats are described by the one with the most operands, as machine
IR names an implicit VCC as an operand.
"""

from functools import lru_cache

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Effects, Unit
from mlrift.backends.amdgcn.isa.registers import Register
from mlrift.backends.amdgcn.isa.rows import rows_of_operation
from mlrift.backends.amdgcn.mir import Pseudo
from mlrift.values import record


@record
class OperationFacts:
    """Facts about an operation; `unit` is None for a pseudo operation. `reads` and `writes` are the
    registers that no operand names, `lasting` positions of sources that are read after the first
    result is written. `loads` and `stores` are about memory (an atomic operation does both),
    `invalidates` about caches.
    """

    unit: Unit | None
    reads: tuple[Register, ...] = ()
    writes: tuple[Register, ...] = ()
    lasting: frozenset[int] = frozenset()
    loads: bool = False
    stores: bool = False
    writes_exec: bool = False
    invalidates: bool = False


class UnknownOperationError(ValueError):
    """An operation that a generation does not have."""


_PSEUDO = OperationFacts(None)
_MATRIX_SOURCES = frozenset({1, 2})
_WIDE_MULTIPLY_SOURCES = frozenset({2, 3, 4})
_WIDE_MULTIPLIES = frozenset({"v_mad_u64_u32", "v_mad_i64_i32"})


def facts_of(operation: str | Pseudo, generation: Generation) -> OperationFacts:
    """Return the facts of an operation; raises UnknownOperationError for one that is lacking."""
    return _PSEUDO if type(operation) is Pseudo else _instruction_facts(operation, generation)


@lru_cache(maxsize=4096)
def _instruction_facts(operation: str, generation: Generation) -> OperationFacts:
    rows = rows_of_operation(operation, generation)
    if not rows:
        raise UnknownOperationError(f"{generation.value} has no operation {operation}")
    row = max(rows, key=lambda row: len(row.operands))
    lasting: frozenset[int] = frozenset()
    if row.unit is Unit.MATRIX:
        lasting = _MATRIX_SOURCES
    elif generation is Generation.GFX11 and operation in _WIDE_MULTIPLIES:
        lasting = _WIDE_MULTIPLY_SOURCES
    return OperationFacts(
        row.unit,
        row.reads,
        row.writes,
        lasting,
        loads=Effects.LOADS in row.effects,
        stores=Effects.STORES in row.effects,
        writes_exec=Effects.WRITES_EXEC in row.effects,
        invalidates=row.unit is Unit.CACHE and "inv" in operation,
    )
